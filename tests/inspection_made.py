"""What an inspection of a chain gives, with shares that are made up."""

from __future__ import annotations


def connection(layer: int, column: str, afs, aps, name: str = "", reads: str = "") -> dict:
    """One layer of a column that one layer of a target reads."""
    return {
        "layer": layer,
        "layer_name": name or f"hidden {layer + 1}",
        "column": column,
        "reads": reads or f"hidden {layer}",
        "units": 256,
        "fisher": None if afs is None else afs / 8,
        "afs": afs,
        "precision": None if aps is None else aps / 4,
        "aps": aps,
    }


#: Emotion reads gender in two layers, and in the second one speaker as well.
CONNECTIONS = (
    connection(1, "emotion", 0.75, 0.8),
    connection(1, "gender", 0.25, 0.2),
    connection(2, "emotion", 0.5, 0.3, "output", "hidden 2"),
    connection(2, "gender", 0.375, 0.7, "output", "hidden 2"),
    connection(2, "speaker", 0.125, 0.0, "output", "hidden 2"),
)


def inspected(uar=0.5, low=0.4, chance=0.25, connections=CONNECTIONS) -> dict:
    """What an inspection found of one target."""
    return {
        "uar": uar,
        "interval": {"low": low, "high": uar + 0.1, "level": 0.95, "warning": None},
        "chance": chance,
        "utterances": 120,
        "classes": ["angry", "happy", "neutral", "sad"],
        "mapped": {},
        "left_out": {},
        "connections": list(connections),
    }


def inspection(tasks=None, **facts) -> dict:
    """What an inspection gives; of emotion alone unless told otherwise."""
    return {
        "model": "mine",
        "corpus": "RAVDESS",
        "synthetic": False,
        "held_out": "held out",
        "left_out_as_heard": 0,
        "transductive": False,
        "failures": [],
        "skipped_tasks": {},
        "draws": 8,
        "seed": 0,
        "tasks": tasks or {"emotion": inspected()},
        **facts,
    }

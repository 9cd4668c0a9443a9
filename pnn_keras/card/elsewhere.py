"""What is reached on corpora that were never heard."""

from __future__ import annotations

from collections.abc import Mapping

from pnn_keras.card.markdown import interval, listed, number, section, table

#: What was scored, by the metadata's word for it.
WEIGHTS = {
    "these": "these weights",
    "left out": "the same recipe without that corpus",
}

_HEAD = (
    "task",
    "corpus",
    "scored",
    "UAR",
    "interval",
    "adapted",
    "chance",
    "utterances",
    "speakers",
    "labels",
)

_INTRODUCTION = (
    "What to expect of recordings of another kind: each corpus was scored whole, by weights that "
    "have heard none of it. Either these very weights, or, for a corpus that they were trained "
    "on, a chain of the same recipe trained without it. Guessing gets the chance level."
)


_ADAPTED = (
    "*Adapted* is with the scalers fitted on the corpus's own recordings, all of them at once and "
    "without their labels: transductive."
)


def elsewhere(metadata: Mapping) -> str:
    """A row for each task and corpus."""
    found = listed(metadata, "elsewhere")
    if not found:
        return section(
            "On corpora that it never heard",
            "Not measured. Scores on other corpora are as a rule much lower than those above.",
        )
    rows = [
        [
            f"`{entry.get('task')}`",
            entry.get("corpus", "-"),
            WEIGHTS.get(entry.get("weights"), "-"),
            number(entry.get("uar")),
            interval(entry),
            number(_adapted(entry)),
            _chance(entry),
            entry.get("utterances", "-"),
            entry.get("speakers", "-"),
            _labels(entry),
        ]
        for entry in found
    ]
    head = [*_HEAD]
    adapts = any(_adapted(entry) is not None for entry in found)
    if not adapts:
        place = head.index("adapted")
        head, *rows = ([*row[:place], *row[place + 1 :]] for row in (head, *rows))
    body = table(head, rows, right=range(3, len(head) - 1))
    explained = f"{_INTRODUCTION} {_ADAPTED}" if adapts else _INTRODUCTION
    return section("On corpora that it never heard", explained, body)


def _adapted(entry: Mapping) -> float | None:
    return (entry.get("adapted") or {}).get("uar")


def _chance(entry: Mapping) -> str:
    """UAR of guessing: one over the classes that the corpus has of the task."""
    recalls = entry.get("recalls") or {}
    present = [name for name, recall in recalls.items() if recall is not None]
    return number(1 / len(present)) if present else "-"


def _labels(entry: Mapping) -> str:
    """Which of the corpus's labels were counted as another's, and which were left out."""
    mapped, left_out = entry.get("mapped") or {}, entry.get("left_out") or {}
    pairs = mapped.items() if isinstance(mapped, Mapping) else mapped
    said = [f"{label} as {target}" for label, target in pairs if label != target]
    if left_out:
        said.append(f"without {', '.join(map(_left, _pairs(left_out)))}")
    return "; ".join(said) or "-"


def _pairs(left_out) -> list:
    return list(left_out.items()) if isinstance(left_out, Mapping) else list(left_out)


def _left(label) -> str:
    return f"{label[0]} ({label[1]})" if isinstance(label, (list, tuple)) else str(label)

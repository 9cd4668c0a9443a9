"""What a search has found: the best trials, those that failed, and what comes next."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from pnn_keras.terminal.layout import facts, heading, new_table
from pnn_keras.terminal.writing import show, warn, write

#: Most trials that are shown.
SHOWN = 10


def show_tuned(best: Mapping, folder: str) -> None:
    """Prints what a search found.

    Args:
        best: what :func:`pnn_keras.tuning.tune` gives.
        folder: the search's folder.
    """
    heading(f"Search for {best['target']}")
    show(_trials(Path(folder, "trials.csv"), best["sources"]), "", facts(_facts(best, folder)))
    for candidate, reason in best["skipped"]:
        warn(f"skipped: {candidate}: {reason}")
    sources = "".join(f" --source {shlex.quote(name)}" for name in best["sources"])
    target = shlex.quote(best["target"])
    write(f"  pnn-keras train{sources} --target {target} --tuned {shlex.quote(folder)}")
    write(f"  tensorboard --logdir {shlex.quote(str(Path(folder, 'tensorboard')))}")


def show_worker(done: Mapping) -> None:
    """Prints what a worker of a shared search has done.

    Args:
        done: what :func:`pnn_keras.tuning.tune` gives in a worker.
    """
    write(f"{done['worker']}: {done['scored']} trial(s) scored. The chief has the result")


def _facts(best: Mapping, folder: str) -> dict[str, str]:
    tried = f"best of {best['trials']} trial(s)"
    if best["failed"]:
        tried += f", {best['failed']} more failed"
    found = {"widths": f"{','.join(map(str, best['units']))} ({tried})"}
    for task, reading in best["wiring"].items():
        widths = ",".join(map(str, best["source_units"].get(task, ())))
        found[task] = "not read" if reading == "none" else f"{widths}, read {_READINGS[reading]}"
    if any(reading != "none" for reading in best["wiring"].values()):
        width = f" of {best['adapter_units']}" if best["adapter_units"] else ""
        found["lateral"] = f"{best['lateral']}{width}"
    return {
        **found,
        "dropout": f"{best['dropout']:g}",
        "learning rate": f"{best['learning_rate']:g}",
        "weights": f"{best['parameters']:,} trained for the target",
        "stop UAR": f"{best['stop_uar']:.3f}, mean of the stop folds. The best of many is "
        "optimistic: take the score from train",
        "plot": str(Path(folder, "parameters.png")),
    }


#: How a source is read, in words.
_READINGS = {"below": "layer by layer", "last": "at its last layer"}


def _trials(path: Path, sources: Sequence[str]):
    """The trials with the highest stop UAR; what they tried in words, which narrow lines wrap."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if not row["error"]]
    table = new_table()
    for title in ("trial", "stop UAR", "weights"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("target", "sources") if sources else ("target",):
        table.add_column(title)
    for row in sorted(rows, key=lambda row: -float(row["stop_uar"]))[:SHOWN]:
        table.add_row(
            row["trial"],
            f"{float(row['stop_uar']):.3f}",
            f"{int(row['parameters']):,}",
            f"{row['units']}, dropout {float(row['dropout']):g}, "
            f"rate {float(row['learning_rate']):g}, {row['epochs']} epochs",
            *([_tried_sources(row)] if sources else []),
        )
    return table


def _tried_sources(row: Mapping[str, str]) -> str:
    """The widths of every source, which of its layers were read, and through what."""
    widths, wiring = (
        dict(pair.rsplit(":", 1) for pair in row[name].split())
        for name in ("source_units", "wiring")
    )
    read = [
        f"no {task}" if how == "none" else f"{task} {widths[task]} read {how}"
        for task, how in wiring.items()
    ]
    if any(how != "none" for how in wiring.values()):
        read.append(f"adapter {row['adapter_units']}" if row["adapter_units"] else row["lateral"])
    return ", ".join(read)

"""The scores of a training run, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pnn_keras.card.scored import METHODS as SCORED
from pnn_keras.terminal.layout import heading, indented, new_table, number
from pnn_keras.terminal.measures import (
    SYNTHETIC,
    measures,
    methods_in_rows,
    of_folds,
    show_confusion,
)
from pnn_keras.terminal.writing import show

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

#: What the methods are called above their scores.
METHODS = {**SCORED, "dnn": "DNN from scratch"}

#: As many methods fit side by side on a terminal of 80 columns.
SIDE_BY_SIDE = 3

#: Whose voices a score was taken on, and what that means.
STAMPS = {
    True: "speaker-disjoint: no test speaker was heard in training",
    False: "speaker-dependent: test speakers were heard in training; expect less on new voices",
    None: "it is not recorded whether test speakers were heard in training",
}

#: What the scaling has seen.
SCALINGS = {
    True: "transductive: the scaling has seen the features of the test utterances",
    False: "not transductive: scaled on training rows alone",
}


def show_scores(metadata: Mapping) -> None:
    """Prints the scores of a training run, and what they are worth.

    Args:
        metadata: what :func:`pnn_keras.chain_training.train` records.
    """
    scores = dict(metadata["scores"])
    target = metadata["target"]
    by_method = scores.pop(target)
    titles = {method: METHODS.get(method, method) for method in by_method}
    if "prognet" in titles and metadata.get("sources"):
        titles["prognet"] += f" ({' + '.join(metadata['sources'])})"
    heading(target)
    scored = {titles[m]: score for m, score in by_method.items()}
    laid_out = measures if len(scored) <= SIDE_BY_SIDE else methods_in_rows
    show(laid_out(scored), "")
    show(*_stamps(metadata))
    main = next(iter(by_method))
    show_confusion(by_method[main], f"{target}, {titles[main]}")
    if scores:
        heading("Earlier columns")
        show(_earlier(scores, _of_this_run(metadata)))


def _stamps(metadata: Mapping) -> list[RenderableType]:
    """How the scores came about and what they are worth, a line each."""
    protocol = metadata.get("protocol") or {}
    folds = f"{protocol.get('folds', '?')} folds, {protocol.get('repeats', '?')} repeat(s)"
    disjoint = protocol.get("speaker_disjoint")
    transductive = bool(protocol.get("transductive"))
    lines = [
        indented(f"{protocol.get('name', 'unknown protocol')}: {folds}"),
        indented(STAMPS[disjoint], warning=not disjoint),
        indented(SCALINGS[transductive], warning=transductive),
    ]
    if any(corpus.get("synthetic") for corpus in metadata.get("corpora") or []):
        lines.append(indented(SYNTHETIC, warning=True))
    return lines


def _of_this_run(metadata: Mapping) -> list[str]:
    """The tasks scored by this protocol; those of a chain that was extended stand before them."""
    trained = len(metadata.get("epochs") or metadata["scores"])
    return list(metadata["scores"])[-trained:]


def _earlier(scores: Mapping[str, Mapping], of_this_run: Sequence[str]) -> Table:
    """The scores of the columns before the target, a line each."""
    roles = {"test": "test rows", "stop": "its own stop rows"}
    table = new_table()
    table.add_column("task")
    for name in ("UAR", "of folds", "classes", "utterances"):
        table.add_column(name, justify="right")
    table.add_column("scored on")
    for task, by_method in scores.items():
        score = next(iter(by_method.values()))
        table.add_row(
            task,
            number(score["uar"]),
            of_folds(score),
            str(len(score["classes"])),
            str(score["utterances"]),
            roles[score["role"]] if task in of_this_run else "an earlier run",
        )
    return table

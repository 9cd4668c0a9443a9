"""Scores and confusions as tables, whether of a training run or of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pnn_keras.terminal.layout import heading, new_table, number
from pnn_keras.terminal.writing import show

if TYPE_CHECKING:
    from rich.table import Table

#: What is said wherever scores come from synthetic audio.
SYNTHETIC = "SYNTHETIC audio: nobody spoke it, and these scores say nothing about people"

#: Tasks with more classes (speakers) are summed up in a line.
MOST_CLASSES = 12


def measures(scores: Mapping[str, Mapping]) -> Table:
    """Scores side by side: a row for each measure, a column for each method.

    Args:
        scores: as :func:`pnn_keras.scores.score_answers` gives them, by title.
    """
    from rich.text import Text

    columns = list(scores.values())
    table = new_table()
    table.add_column()
    for name in scores:
        table.add_column(name, justify="right")
    table.add_row(Text("UAR, pooled", "bold"), *(Text(number(s["uar"]), "bold") for s in columns))
    if all("uar_folds_mean" in score for score in columns):
        table.add_row("UAR of folds, mean ± SD", *map(of_folds, columns))
    classes = columns[0]["classes"]
    if len(classes) <= MOST_CLASSES:
        for name in classes:
            table.add_row(f"recall {name}", *(number(s["recalls"][name]) for s in columns))
    table.add_row("classes", *(str(len(score["classes"])) for score in columns))
    table.add_row("utterances", *(str(score["utterances"]) for score in columns))
    return table


def methods_in_rows(scores: Mapping[str, Mapping]) -> Table:
    """Scores of many methods: a row for each, the highest UAR in bold.

    Args:
        scores: as :func:`pnn_keras.scores.score_answers` gives them, by title; with
            or without an ``interval`` over speakers.
    """
    from rich.text import Text

    highest = max(score["uar"] for score in scores.values())
    table = new_table()
    table.add_column("method")
    for name in ("UAR, pooled", "95 % interval", "of folds"):
        table.add_column(name, justify="right")
    for title, score in scores.items():
        best = "bold" if score["uar"] == highest else ""
        table.add_row(
            Text(title, best),
            Text(number(score["uar"]), best),
            _interval(score.get("interval")),
            of_folds(score) if "uar_folds_mean" in score else "-",
        )
    return table


def _interval(interval: Mapping | None) -> str:
    """The interval's ends, or a dash.

    >>> _interval({"low": 0.5, "high": 0.75}), _interval(None)
    ('0.500 to 0.750', '-')
    """
    return f"{number(interval['low'])} to {number(interval['high'])}" if interval else "-"


def show_confusion(score: Mapping, title: str) -> None:
    """Prints which class was taken for which; nothing where there are too many classes."""
    from rich.text import Text

    classes = score["classes"]
    if len(classes) > MOST_CLASSES:
        return
    heading(f"{title}: true classes in rows, answers in columns")
    table = new_table()
    table.add_column()
    for name in _cut(classes):
        table.add_column(name, justify="right", no_wrap=True)
    for i, (name, row) in enumerate(zip(classes, score["confusion"], strict=True)):
        cells = (Text(str(n), "bold" if i == j else "") for j, n in enumerate(row))
        table.add_row(name, *cells)
    show(table)


def _cut(names: Sequence[str]) -> list[str]:
    """Names cut to as few letters as tell them apart, at least five, to fit side by side."""
    length = 5
    while len({name[:length] for name in names}) < len(set(names)):
        length += 1
    return [name[:length] for name in names]


def of_folds(score: Mapping) -> str:
    """The mean of the folds' UARs and their standard deviation.

    >>> of_folds({"uar_folds_mean": 0.6, "uar_folds_sd": 0.05})
    '0.600 ± 0.050'
    """
    return f"{number(score['uar_folds_mean'])} ± {number(score['uar_folds_sd'])}"

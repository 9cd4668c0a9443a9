"""The answers for recordings: a table to read, CSV or JSON for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pnn_keras.terminal.layout import new_table
from pnn_keras.terminal.writing import show, write

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def show_answers(
    files: Sequence[str],
    answers: Sequence[Mapping],
    classes: Mapping[str, Sequence[str]],
    form: str = "table",
) -> None:
    """Prints the answers for files.

    Args:
        files: the files' names.
        answers: what :meth:`pnn_keras.Chain.predict_audio` gave for each.
        classes: the classes of each task.
        form: ``"table"``: the likeliest class of each task; ``"csv"`` or
            ``"json"``: all probabilities, and the error where there is no answer.
    """
    if form == "json":
        rows = [{"file": f, **answer} for f, answer in zip(files, answers, strict=True)]
        write(json.dumps(rows, indent=2))
    elif form == "csv":
        write(_csv(files, answers, classes))
    else:
        show(_answers_table(files, answers, classes))


def _csv(files, answers, classes) -> str:
    """A row a file: each task's label, and the probability of each of its classes."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    heads = [[task, *(f"{task}_{name}" for name in names)] for task, names in classes.items()]
    rows.writerow(["file", *(head for some in heads for head in some), "error"])
    for file, answer in zip(files, answers, strict=True):
        cells = []
        for task, names in classes.items():
            given = answer.get(task)
            cells.append(given["label"] if given else "")
            cells += [f"{given['probabilities'][n]:.6f}" if given else "" for n in names]
        rows.writerow([file, *cells, answer.get("error", "")])
    return text.getvalue().removesuffix("\n")


def _answers_table(files, answers, classes) -> Table:
    from rich.text import Text

    table = new_table()
    table.add_column("file", overflow="fold")
    for task in classes:
        table.add_column(task)
    for file, answer in zip(files, answers, strict=True):
        if "error" in answer:
            cells = [Text("no answer", "red")]
        else:
            cells = [_likeliest(answer[task]) for task in classes]
        table.add_row(Text(file), *cells)
    return table


def _likeliest(answer: Mapping) -> RenderableType:
    from rich.text import Text

    label = answer["label"]
    return Text.assemble((label, "bold"), f" {answer['probabilities'][label]:.2f}")

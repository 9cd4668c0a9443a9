"""The picture of a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

#: With more classes no utterances are counted in the cells, with still more none is named.
_COUNTED, _NAMED = 12, 32

#: Sides of a counted, a named and any other cell, and the width of a letter, in inches.
_CELLS, _LETTER = (0.48, 0.14, 0.03), 0.07


def confusion_figure(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> Figure:
    """Which class was taken for which: colours are shares of the true class.

    Args:
        confusion: utterances ``(classes, classes)``: rows are true classes,
            columns are answers.
        classes: their names.
    """
    counts = np.asarray(confusion, dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = len(classes)
    cell = _CELLS[0] if size <= _COUNTED else _CELLS[1] if size <= _NAMED else _CELLS[2]
    side = max(1.3, cell * size)
    names = _names(classes) if size <= _NAMED else []
    words = _LETTER * max((len(name) for name in names), default=0)
    figure = Figure(figsize=(side + words + 1.3, side + 0.7 * words + 0.6), layout="constrained")
    axis = figure.subplots()
    drawn = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    _label(axis, names, side / size)
    if size <= _COUNTED:
        _write(axis, counts, shares)
    bar = figure.colorbar(drawn, ax=axis, shrink=0.9, ticks=[0, 0.5, 1])
    bar.set_label("share of the true class")
    bar.outline.set_visible(False)
    return figure


def _names(classes: Sequence[str]) -> list[str]:
    """The classes; speakers without their corpus, where there is but one."""
    corpora = {str(name).rpartition("/")[0] for name in classes}
    return [str(name).rpartition("/")[2] if len(corpora) == 1 else str(name) for name in classes]


def _label(axis, names: list[str], cell: float) -> None:
    """Names below, upright in narrow cells, and at the left of cells that are so wide."""
    longest = max((len(name) for name in names), default=0) * _LETTER
    angle = 0 if longest <= cell else 90 if len(names) > _COUNTED else 40
    aligned = {"ha": "right", "va": "center", "rotation_mode": "anchor"} if angle else {}
    axis.set_xticks(range(len(names)), names, rotation=angle, **aligned)
    axis.set_yticks(range(len(names)), names)
    axis.tick_params(length=0, labelsize=7 if len(names) > _COUNTED else 9)
    axis.set_xlabel("answer")
    axis.set_ylabel("true class")
    for spine in axis.spines.values():
        spine.set_visible(False)


def _write(axis, counts: np.ndarray, shares: np.ndarray) -> None:
    for row, column in np.ndindex(*shares.shape):
        axis.text(
            column,
            row,
            f"{counts[row, column]:,.0f}",
            ha="center",
            va="center",
            color="white" if shares[row, column] > 0.55 else "black",
            fontsize=8,
        )

"""The picture of a calibration: how often answers are right, by how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

_BARS, _LINE = "#0072B2", "#444444"


def reliability_figure(measured: Mapping) -> Figure:
    """Reliability before and after calibration, above how many answers are how sure.

    Args:
        measured: ``bins`` with ``edges`` ``(n + 1,)``, and for each panel the
            answers ``count`` and the ``accuracy`` ``(n,)`` in each bin, None
            where it is empty; ``ece_before`` and ``ece_after``.
    """
    bins = measured["bins"]
    panels = [("before", bins.get("count"), bins.get("accuracy_before"))]
    if bins.get("accuracy_after"):
        panels.append(("after", bins.get("count_after"), bins["accuracy_after"]))
    figure = Figure(figsize=(0.4 + 2.6 * len(panels), 3.2), layout="constrained")
    axes = figure.subplots(
        2, len(panels), squeeze=False, sharex=True, sharey="row", height_ratios=[3, 1]
    )
    for column, (when, counts, accuracies) in enumerate(panels):
        upper, lower = axes[:, column]
        _panel(upper, bins["edges"], accuracies, when, measured.get(f"ece_{when}"))
        _histogram(lower, bins["edges"], counts)
    axes[0, 0].set_ylabel("share that is right")
    axes[1, 0].set_ylabel("answers")
    return figure


def _panel(axis, edges: Sequence[float], accuracies, when: str, ece: float | None) -> None:
    right = np.array([np.nan if a is None else a for a in accuracies], dtype=float)
    axis.bar(*_bars(edges, right), color=_BARS, edgecolor="white", linewidth=0.5)
    axis.plot([0, 1], [0, 1], color=_LINE, linewidth=0.8, linestyle=(0, (4, 3)))
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.set_title(f"{when} (ECE {ece:.3f})" if ece is not None else when)


def _histogram(axis, edges: Sequence[float], counts) -> None:
    if counts:
        axis.bar(*_bars(edges, np.asarray(counts, dtype=float)), color="#999999", linewidth=0)
    axis.set_xlabel("how sure the answer is")


def _bars(edges: Sequence[float], heights: np.ndarray) -> tuple:
    """Places, heights and widths of bars that fill their bins."""
    edges = np.asarray(edges, dtype=float)
    return (edges[:-1] + edges[1:]) / 2, np.nan_to_num(heights), np.diff(edges)

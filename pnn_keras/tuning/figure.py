"""The plot of a search: stop UAR against number of weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator, StrMethodFormatter

from pnn_keras.figure_style import styled
from pnn_keras.report.drawing import Drawing, canvas, write_drawing

#: What the figure's files are called.
NAME = "parameters"


def draw_parameters(result: Mapping, trials: Sequence[Mapping]) -> Drawing:
    """Stop UAR of every scored trial against the weights that it trained for the target.

    Trials of Hyperband that had fewer epochs are hollow.

    Args:
        result: what :func:`pnn_keras.tuning.tune` gives.
        trials: the trials, as :func:`pnn_keras.tuning.scoring.score` gives them.
    """
    scored = [trial for trial in trials if not trial["error"]]
    whole = np.array([trial["epochs"] == result["epochs"] for trial in scored])
    x = np.array([trial["parameters"] for trial in scored])
    y = np.array([trial["stop_uar"] for trial in scored])
    with styled():
        figure, axes = canvas(3.2, width=4.8)
        axis = axes[0, 0]
        axis.scatter(x[whole], y[whole], s=22, color="#0072B2", edgecolor="black", linewidth=0.5)
        if not whole.all():
            axis.scatter(
                x[~whole], y[~whole], s=16, facecolor="none", edgecolor="#999999", linewidth=0.8
            )
        best = (result["parameters"], result["stop_uar"])
        axis.scatter(*best, s=90, facecolor="none", edgecolor="#D55E00", linewidth=1.5)
        axis.annotate("best", best, xytext=(6, 6), textcoords="offset points", color="#D55E00")
        if x.max() >= 10 * x.min():
            axis.set_xscale("log", subs=[])
            axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        else:
            axis.xaxis.set_major_locator(MaxNLocator(5))
        # Plain numbers: the usual labels of a logarithmic axis are mathematics, which is off.
        axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axis.set_xlabel("weights trained for the target")
        axis.set_ylabel("UAR on stop rows, mean of folds")
        axis.set_title(f"Search for {result['target']}, {result['protocol']}", loc="left")
    caption = (
        f"Stop UAR of {len(scored)} trials against the weights that each trained for "
        f"{result['target']}. Stop rows chose the epoch and the shape: no score to publish."
    )
    return Drawing(NAME, caption, f"Best: {best[1]:.3f} with {best[0]:,} weights.", figure)


def write_parameters(result: Mapping, trials: Sequence[Mapping], folder: Path) -> None:
    """Draws the plot into a folder, as PNG and SVG."""
    drawing = draw_parameters(result, trials)
    with styled():
        write_drawing(drawing, folder)

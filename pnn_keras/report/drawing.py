"""What all figures share: their look, and how they are written."""

from __future__ import annotations

import base64
import dataclasses
import io
import math
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle

#: Width of a page's figure, in inches.
WIDTH = 7.2

#: Width of a letter of the figures' font, and height of a line of a legend, in inches.
LETTER, LEGEND_LINE = 0.08, 0.2

#: Colour and marker of each method: Okabe and Ito's palette, which colour-blind readers can
#: tell apart, and nine colours that are as far from these and from each other as was found;
#: markers tell them apart in print, those of columns scaled anew are half filled.
LOOKS = {
    "logistic-regression": ("#CCAAAA", "v"),
    "svm": ("#444444", "^"),
    "dnn": ("#000000", "o"),
    "chain": ("#00EEEE", "p"),
    "chain-rescaled": ("#AA44EE", MarkerStyle("p", "left")),
    "dnn-large": ("#660066", (4, 1, 0)),  # a star with so many points, turned by degrees
    "ptft": ("#E69F00", "s"),
    "ptft-output": ("#F0E442", "d"),
    "prognet": ("#0072B2", "D"),
    "prognet-adapter": ("#56B4E9", "P"),
    "prognet-random": ("#009E73", "X"),
    "prognet-rescaled": ("#4400EE", MarkerStyle("D", "left")),
    "prognet-random-rescaled": ("#880000", MarkerStyle("X", "bottom")),
    "prognet-shuffled": ("#CC79A7", "*"),
    "multitask": ("#D55E00", "h"),
    "dnn-tuned": ("#6600AA", "<"),
    "prognet-tuned": ("#AACC88", ">"),
}

#: Colours and hatches of the sexes.
SEXES = {"female": ("#CC79A7", ""), "male": ("#0072B2", "///"), "unknown": ("#999999", "...")}


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure and its words.

    Args:
        name: what its files are called.
        caption: what it shows; scores are stamped here.
        alt: what it says, for those who do not see it.
        figure: of matplotlib.
    """

    name: str
    caption: str
    alt: str
    figure: Figure


def canvas(height: float, rows: int = 1, columns: int = 1, width: float = WIDTH, **options):
    """A figure and its axes, ``(rows, columns)``; lengths are in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def chance_line(axis, classes: int, upright: bool = True) -> None:
    """A dashed line where guessing is."""
    line = axis.axvline if upright else axis.axhline
    line(1 / classes, color="#444444", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0.5)


def shared_legend(figure: Figure, handles: Sequence) -> None:
    """One legend below all panels, in as many columns as fit; the figure grows by its height."""
    width, height = figure.get_size_inches()
    beside = 0.7  # the line of a label, and the space behind it
    longest = int((width - beside) / LETTER)
    labels = [fill(handle.get_label(), longest) for handle in handles]
    column = LETTER * min(max(map(len, labels)), longest) + beside
    columns = max(1, min(3, len(handles), int(width / column)))
    figure.set_size_inches(width, height + LEGEND_LINE * math.ceil(len(handles) / columns))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def write_drawing(drawing: Drawing, folder: Path) -> str:
    """Writes a figure as PNG (200 dots per inch) and SVG.

    Returns:
        The SVG as a data URI, for the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawing.figure.draw_without_rendering()
    drawing.figure.set_layout_engine("none")  # all is placed: no need to place it again
    drawn = io.BytesIO()
    drawing.figure.savefig(drawn, format="svg", metadata={"Date": None, "Title": drawing.name})
    (folder / f"{drawing.name}.svg").write_bytes(drawn.getvalue())
    drawing.figure.savefig(folder / f"{drawing.name}.png", dpi=200, metadata={"Software": None})
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode("ascii")

"""What all figures share: their look, and how they are written."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

#: Width of a page's figure, in inches.
WIDTH = 7.2

#: Colour and marker of each method: Okabe and Ito's palette, which colour-blind readers can
#: tell apart; markers tell them apart in print.
LOOKS = {
    "logistic-regression": ("#999999", "v"),
    "svm": ("#666666", "^"),
    "dnn": ("#000000", "o"),
    "dnn-large": ("#555555", "p"),
    "chain": ("#AA7744", "<"),
    "chain-rescaled": ("#774411", ">"),
    "ptft": ("#E69F00", "s"),
    "ptft-output": ("#F0E442", "d"),
    "prognet": ("#0072B2", "D"),
    "prognet-adapter": ("#56B4E9", "P"),
    "prognet-random": ("#009E73", "X"),
    "prognet-rescaled": ("#332288", "H"),
    "prognet-random-rescaled": ("#117733", "8"),
    "prognet-shuffled": ("#CC79A7", "*"),
    "multitask": ("#D55E00", "h"),
    "dnn-tuned": ("#882255", "<"),
    "prognet-tuned": ("#AA4499", ">"),
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


def shared_legend(figure: Figure, handles: Sequence, columns: int = 3) -> None:
    """One legend below all panels."""
    labels = [handle.get_label() for handle in handles]
    figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(handles)))


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

"""What all figures share: their look, and how they are written."""

from __future__ import annotations

import base64
import dataclasses
import io
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from textwrap import fill, wrap

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle

#: Width of a page's figure, in inches.
WIDTH = 7.2

#: Width of a letter of the figures' font, and height of a line and of a legend's, in inches.
LETTER, LINE, LEGEND_LINE = 0.08, 0.16, 0.2

#: The same of the line below a figure.
_FOOT_LETTER, _FOOT_LINE = 0.06, 0.12

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
        foot: what its scores are of and worth, which stands below it in its files.
    """

    name: str
    caption: str
    alt: str
    figure: Figure
    foot: str = ""


def canvas(height: float, rows: int = 1, columns: int = 1, width: float = WIDTH, **options):
    """A figure and its axes, ``(rows, columns)``; lengths are in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def chance_line(axis, classes: int, upright: bool = True) -> None:
    """A dashed line where guessing is."""
    line = axis.axvline if upright else axis.axhline
    line(1 / classes, color="#444444", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0.5)


def ink_on(colour) -> str:
    """Black or white, whichever stands out more from a colour: by 4.5 to 1 or more.

    Contrast is that of the Web Content Accessibility Guidelines 2.

    Example:

    >>> ink_on("white"), ink_on("#5ba3cf"), ink_on("navy")
    ('black', 'black', 'white')
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"


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
    """Writes a figure as PNG (200 dots per inch) and SVG, with its words in either.

    Returns:
        The SVG as a data URI, for the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _lay_out(drawing.figure, drawing.foot)
    svg = _as_svg(drawing)
    (folder / f"{drawing.name}.svg").write_bytes(svg)
    said = {"Title": drawing.caption, "Description": drawing.alt, "Software": None}
    drawing.figure.savefig(folder / f"{drawing.name}.png", dpi=200, metadata=said)
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")


def _lay_out(figure: Figure, foot: str) -> None:
    """Places all parts of a figure, and its foot below them."""
    share = _write_foot(figure, foot) if foot else 0.0
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # all is placed: no need to place it again
    for legend in figure.legends:  # room is left for it above the foot, but it stands at the edge
        legend.set_bbox_to_anchor((0, share, 1, 1 - share), figure.transFigure)
    for axis in figure.axes:
        # The last digits of the layout are not the same each time: names in the file hang on them.
        place = axis.get_position(original=True).bounds
        axis.set_position([round(length, 6) for length in place])


def _write_foot(figure: Figure, foot: str) -> float:
    """Writes small grey lines below all else; the figure grows by their height.

    Returns:
        The share of the new height that they take.
    """
    width, height = figure.get_size_inches()
    lines = wrap(foot, int(width / _FOOT_LETTER))
    room = _FOOT_LINE * (len(lines) + 0.5)
    figure.set_size_inches(width, height + room)
    share = room / (height + room)
    figure.get_layout_engine().set(rect=(0, share, 1, 1 - share))
    look = {"fontsize": 7, "color": "#666666", "va": "top", "linespacing": 1.2}
    figure.text(0.08 / width, share, "\n".join(lines), **look)
    return share


def _as_svg(drawing: Drawing) -> bytes:
    """A figure as SVG, which reads out its words where it is opened by itself."""
    drawn = io.StringIO()
    metadata = {"Date": None, "Title": drawing.caption}
    drawing.figure.savefig(drawn, format="svg", metadata=metadata)
    title = "</title>\n"
    described = f"{title} <desc>{escape(drawing.alt)}</desc>\n"
    return drawn.getvalue().replace(title, described, 1).encode()

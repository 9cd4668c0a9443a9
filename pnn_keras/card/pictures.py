"""Which pictures a card has, and writing them: the same metadata give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pnn_keras.card.names import KINDS, calibration_name, confusion_name
from pnn_keras.card.scored import own_score
from pnn_keras.figure_style import styled
from pnn_keras.folder import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Dots per inch.
_DENSITY = 130

#: Colours of a picture: enough for blue cells and black letters, and a third of the bytes.
_COLOURS = 128


def drawers(metadata: Mapping) -> dict[str, Callable[[], Figure]]:
    """What draws each picture that the metadata have numbers for, by the picture's name."""
    found = {}
    for task in metadata.get("scores") or {}:
        score = own_score(metadata, task)
        if score.get("confusion") and score.get("classes"):
            found[confusion_name(task)] = lambda score=score: _confusion(score)
    for task, measured in (metadata.get("calibration") or {}).items():
        if (measured or {}).get("bins"):
            found[calibration_name(task)] = lambda measured=measured: _reliability(measured)
    return found


def write_pictures(metadata: Mapping, folder: Path) -> list[str]:
    """Writes a card's pictures as PNG, and removes those of an earlier card.

    Returns:
        The names of the pictures that lie in the folder now, sorted.
    """
    found = drawers(metadata)
    for name, draw in found.items():
        content = _png(draw)
        write_whole(folder / name, lambda part, content=content: part.write_bytes(content))
    for kind in KINDS:
        for path in folder.glob(f"{kind}-*.png"):
            if path.name not in found:
                path.unlink()
    return sorted(found)


def _png(draw: Callable[[], Figure]) -> bytes:
    """The bytes of a picture: no date and no version of a library in them."""
    from PIL import Image  # which matplotlib writes PNG with, too

    drawn, reduced = io.BytesIO(), io.BytesIO()
    with styled():
        # White behind everything, so that it is readable on a dark page too.
        draw().savefig(
            drawn,
            format="png",
            dpi=_DENSITY,
            bbox_inches="tight",
            pad_inches=0.08,
            metadata={"Software": None},
        )
    colours = Image.open(drawn).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    colours.save(reduced, format="png", optimize=True)
    return reduced.getvalue()


def _confusion(score: Mapping) -> Figure:
    from pnn_keras.card.confusion_figure import confusion_figure

    return confusion_figure(score["confusion"], score["classes"])


def _reliability(measured: Mapping) -> Figure:
    from pnn_keras.card.reliability_figure import reliability_figure

    return reliability_figure(measured)

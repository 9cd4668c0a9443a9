"""The look that all figures share."""

from __future__ import annotations

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "legend.frameon": False,
    "lines.markeredgecolor": "black",
    "lines.markeredgewidth": 0.5,
    "hatch.linewidth": 0.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "pnn-keras",  # the same figure is the same file
}


def styled():
    """The context in which figures are drawn and written."""
    import matplotlib

    return matplotlib.rc_context({**matplotlib.rcParamsDefault, **_STYLE, "backend": "agg"})

"""What ``--tuned`` brings to ``pnn-keras train``, less what options say themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from pnn_keras.cli.quiet import start_tensorflow

#: Widths of the paper's columns.
PAPER_UNITS = (256, 256, 256, 256)

#: Options of ``train`` that win over what a search found, and the names of its values.
OPTIONS = {
    "dropout": "dropout",
    "lateral": "lateral",
    "adapter_units": "adapter_units",
    "learning_rate": "learning_rate",
    "units": "source_units",
}


def tuned_arguments(
    run: Path | None, context: typer.Context, widths: Sequence[int] | None
) -> dict[str, Any]:
    """The arguments of :func:`pnn_keras.train` that a search found.

    Options that were typed win, and are named on stderr: ``--units`` over the
    widths of the sources, ``--reads`` over which sources are read.

    Args:
        run: the search's folder; None finds nothing.
        context: tells which options were typed.
        widths: what ``--units`` says.
    """
    if run is None:
        return {}
    from pnn_keras import terminal

    start_tensorflow()
    from pnn_keras.tuning.results import load_tuned

    found = load_tuned(run)
    typed = {name for name in context.params if _was_typed(context, name)}
    won = [option for option, value in OPTIONS.items() if option in typed and value in found]
    for option in won:
        del found[OPTIONS[option]]
    if "lateral" in won:  # an adapter's width means nothing to another kind
        found.pop("adapter_units", None)
    if "reads" in typed and found.get("wiring"):
        read = context.params["reads"]
        dropped = {t: how for t, how in found["wiring"].items() if t in read and how == "none"}
        found["wiring"] = {t: how for t, how in found["wiring"].items() if t not in dropped}
        won += ["reads"] if dropped else []
    if won:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in won)
        terminal.note(f"As typed, not as the search found it: {names}")
    if "wiring" in found and "source_units" in found:
        # A source that the search left out keeps the widths of the paper.
        missing = {task: widths or PAPER_UNITS for task in found["wiring"]}
        found["source_units"] = {**missing, **found["source_units"]}
    return found


def _was_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"

"""What a training run or a search has made, and what can be done with it next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from pnn_keras.terminal.layout import facts
from pnn_keras.terminal.writing import show, write


def show_next(path: str, hints: bool = True, compare: str | None = None) -> None:
    """Prints where a chain was saved and, as hints, what can be done with it.

    Args:
        path: its folder.
        hints: whether anything but the folder is printed.
        compare: the command that tests what the chain that it extends has brought, or None.
    """
    from rich.text import Text

    show("", Text.assemble(("Saved: ", "bold"), path))
    if not hints:
        return
    model = shlex.quote(path)
    for command in (
        *([compare] if compare else []),
        f"predict {model} FILE.wav",
        f"evaluate {model} --corpus OTHER_CORPUS",
        f"export {model}",
        f"train --from {model} --target TASK --corpus OTHER_CORPUS",
    ):
        write(f"  pnn-keras {command}")


def show_run(folder: str, hints: bool = True) -> None:
    """Prints where a run lies and, as hints, what can be done with it."""
    from rich.text import Text

    show("", Text.assemble(("Run: ", "bold"), folder))
    if hints:
        write(f"  pnn-keras report {shlex.quote(folder)}")


def show_experiments(titles: Mapping[str, str]) -> None:
    """Prints the experiments that have a name.

    Args:
        titles: what each asks, by its name.
    """
    show(facts(titles))
    write(
        "  pnn-keras experiment show NAME prints all its choices; run NAME --corpus SPEC runs it."
    )

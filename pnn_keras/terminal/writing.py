"""Writing on stdout and stderr: what is asked for on the one, remarks and errors on the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

#: How many skipped recordings are named.
SHOWN = 5


def show(*parts: RenderableType) -> None:
    """Prints what rich can print, on stdout, as wide as the terminal is."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    for part in parts:
        console.print(part)


def write(text: str) -> None:
    """Prints text on stdout as it is, for programs to read."""
    print(text)


def note(message: str) -> None:
    """Prints how far a long command is on stderr, in one line."""
    remark("", "", message)


def warn(message: str) -> None:
    """Prints a remark on stderr, in one line."""
    remark("note: ", "yellow", message)


def fail(message: str) -> None:
    """Prints why a command failed on stderr, in one line."""
    remark("error: ", "bold red", message)


def remark(head: str, style: str, message: str) -> None:
    """Prints a head in a style of rich, and a message behind it, on stderr, in one line."""
    from rich.console import Console
    from rich.text import Text

    line = " ".join(message.split())
    # A file's name may hold anything, the codes that steer a terminal too.
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    Console(stderr=True).print(Text.assemble((head, style), safe), soft_wrap=True)


def warn_of_failures(failures: Sequence[Sequence[str]], most: int | None = SHOWN) -> None:
    """Says on stderr which recordings were skipped and why.

    Args:
        failures: pairs of the recording's name and the reason.
        most: how many to name; None names all.
    """
    for name, reason in failures[:most]:
        warn(f"skipped {name}: {reason}")
    if most is not None and len(failures) > most:
        warn(f"skipped {len(failures) - most} more recording(s)")

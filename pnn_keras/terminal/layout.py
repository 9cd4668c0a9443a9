"""The pieces that every table and every block of facts is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pnn_keras.terminal.writing import show

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def heading(title: str) -> None:
    """Prints a title with room around it."""
    from rich.text import Text

    show("", Text(title, "bold underline"), "")


def facts(rows: Mapping[str, object]) -> Table:
    """Names and values, one row each."""
    from rich.text import Text

    table = new_table()
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(f"{value:,}" if isinstance(value, int) else str(value)))
    return table


def indented(line: str, warning: bool = False) -> RenderableType:
    """A line set in from the edge; a warning in another colour."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(line, "yellow" if warning else ""), (0, 0, 0, 2))


def new_table() -> Table:
    """A table without columns, in the one style of all tables."""
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="bold")


def number(value: float | None) -> str:
    """A share of 1 with three decimals; a dash where it is undefined.

    >>> number(0.625), number(None), number(float("nan"))
    ('0.625', '-', '-')
    """
    return "-" if value is None or value != value else f"{value:.3f}"

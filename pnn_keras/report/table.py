"""A table, and how it is written on the page and as CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import math
import re
from collections.abc import Collection, Sequence
from html import escape

from pnn_keras.report import numbers

#: What stands behind a number that is marked.
MARK = " *"

#: Tables with more columns are printed in a smaller type.
_MANY = 10


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        title: its heading.
        fields: names of the values that a cell holds, as CSV has them; unlike
            what is shown, those are not rounded.
        text: whether it holds words, which are set to the left.
    """

    title: str
    fields: tuple[str, ...]
    text: bool = False


@dataclasses.dataclass(frozen=True)
class Cell:
    """What stands in a cell.

    Args:
        shown: as a reader sees it.
        values: one per field of its column; None or NaN where there is none.
    """

    shown: str
    values: tuple

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Args:
        name: what its files are called.
        caption: what it shows; scores are stamped here.
        columns: its columns; the first ones hold words and head the rows.
        rows: cells, one per column.
        notes: what is to be known about it, below it.
        on_page: whether the page shows it, or its files alone.
        grouped: whether the page shows the first column as headings of groups.
        stamp: what the scores are worth, which every row of its file ends with.
        folded: whether the page shows it only to whom opens it.
        in_latex: whether it is written in LaTeX, too.
        variants: endings of the names of other files of it.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    on_page: bool = True
    grouped: bool = False
    stamp: str = ""
    folded: bool = False
    in_latex: bool = True
    variants: tuple[str, ...] = ()


def without(table: Table, fields: Sequence[str]) -> Table:
    """A table less some columns, and less what its notes say of these.

    Args:
        table: the table.
        fields: the first fields of the columns that go.

    Example:

    >>> columns = (Column("UAR", ("uar",)), Column("Epoch", ("epoch",)))
    >>> note = "UAR: a score; Epoch: the best."
    >>> one = without(Table("t", "", columns, ((words(1), words(2)),), (note,)), ["epoch"])
    >>> one.notes, len(one.columns), len(one.rows[0])
    (('UAR: a score.',), 1, 1)
    """
    kept = [n for n, column in enumerate(table.columns) if column.fields[0] not in fields]
    gone = {c.title for c in table.columns if c.fields[0] in fields}
    notes = (_less(note, gone) for note in table.notes if note.partition(":")[0] not in gone)
    return dataclasses.replace(
        table,
        columns=tuple(table.columns[number] for number in kept),
        rows=tuple(tuple(row[number] for number in kept) for row in table.rows),
        notes=tuple(notes),
    )


def _less(note: str, titles: Collection[str]) -> str:
    """A note less the clauses that explain columns: ``Title: what it is``, then a stop."""
    clauses = re.split(r"(?<=[.;]) (?=[^.;:]+: )", note)
    kept = [clause for clause in clauses if clause.partition(":")[0] not in titles]
    return re.sub(";$", ".", " ".join(kept))


def words(text: object) -> Cell:
    """A cell of words."""
    return Cell(str(text), (text,))


def whole(value: float | None) -> Cell:
    """A cell with a count."""
    return Cell(numbers.count(value), (value,))


def one_score(value: float | None) -> Cell:
    """A cell with a score."""
    return Cell(numbers.score(value), (value,))


def with_interval(value: float, low: float, high: float, show=numbers.score) -> Cell:
    """A cell with a number and its interval.

    Example:

    >>> with_interval(0.65, 0.6, 0.7).shown
    '0.650 [0.600, 0.700]'
    """
    shown = f"{show(value)} {numbers.interval(low, high, show)}".strip()
    return Cell(shown, (value, low, high))


def mean_sd(mean: float | None, sd: float | None) -> Cell:
    """A cell with a mean and a standard deviation.

    Example:

    >>> mean_sd(0.64, 0.017).shown
    '0.640 ± 0.017'
    """
    spread = numbers.score(sd)
    shown = numbers.score(mean) + ("" if spread == numbers.NONE else f" ± {spread}")
    return Cell(shown, (mean, sd))


def as_csv(table: Table) -> str:
    """The table as CSV: every value in full, a column for each, empty where there is none.

    Example:

    >>> column = Column("UAR", ("uar", "low", "high"))
    >>> print(as_csv(Table("t", "", (column,), ((with_interval(0.65, 0.6, 0.7),),))), end="")
    uar,low,high
    0.65,0.6,0.7
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    last = [("stamp", table.stamp)] if table.stamp else []
    names = [field for column in table.columns for field in column.fields]
    writer.writerow([*names, *(name for name, _ in last)])
    for row in table.rows:
        values = [_plain(value) for cell in row for value in cell.values]
        writer.writerow([*values, *(value for _, value in last)])
    return written.getvalue()


def as_html(table: Table) -> str:
    """The table as an element of a page, in a box that scrolls where the screen is narrow."""
    first = 1 if table.grouped else 0
    kinds = [_kind(table, number) for number in range(first, len(table.columns))]
    heads = "".join(
        f'<th scope="col"{kind}>{_head(column.title)}</th>'
        for kind, column in zip(kinds, table.columns[first:], strict=True)
    )
    wide = ' class="wide"' if len(kinds) > _MANY else ""
    lines = [
        # Whoever has no mouse scrolls the box with the keyboard.
        f'<div class="table" tabindex="0" role="region" aria-label="{escape(table.caption)}">',
        f"<table{wide}><caption><span>{escape(table.caption)}</span></caption>",
        f"<thead><tr>{heads}</tr></thead>",
    ]
    for group, rows in groups(table):
        lines.append("<tbody>")
        if group is not None:
            span = f'<th scope="rowgroup" class="group" colspan="{len(kinds)}">'
            lines.append(f"<tr>{span}{escape(group)}</th></tr>")
        lines += [_html_row(kinds, row[first:]) for row in rows]
        lines.append("</tbody>")
    lines.append("</table></div>")
    lines += [f'<p class="note">{_symbols(note)}</p>' for note in table.notes]
    lines.append(f'<p class="note"><small>{escape(_files(table))}</small></p>')
    if table.folded:
        lines = [f"<details><summary>{escape(table.caption)}</summary>", *lines, "</details>"]
    return "\n".join(lines)


def _files(table: Table) -> str:
    """Where the table lies beside the page."""
    endings = [".csv", *([".tex"] if table.in_latex else []), *table.variants]
    return f"tables/{table.name}{', '.join(endings)}"


def _head(title: str) -> str:
    """A heading, which breaks behind a slash where a page is narrow."""
    return "/<wbr />".join(map(_symbols, title.split("/")))


def _symbols(text: str) -> str:
    """Text of a page with the sign of the effect size as mathematics has it."""
    return re.sub(r"\bd_z\b", "d<sub>z</sub>", escape(text))


def groups(table: Table) -> list[tuple[str | None, Sequence[tuple[Cell, ...]]]]:
    """Rows under the headings of their groups, in order; None where there is no heading."""
    if not table.grouped:
        return [(None, table.rows)]
    title = table.columns[0].title.lower()
    return [
        (f"no {title}" if name == numbers.NONE else f"{title}: {name}", list(rows))
        for name, rows in itertools.groupby(table.rows, lambda row: row[0].shown)
    ]


def _html_row(kinds: Sequence[str], row: Sequence[Cell]) -> str:
    cells = []
    for number, (kind, cell) in enumerate(zip(kinds, row, strict=True)):
        tag, scope = ("td", "") if number else ("th", ' scope="row"')
        cells.append(f"<{tag}{scope}{kind}>{_marked(cell.shown)}</{tag}>")
    return f"<tr>{''.join(cells)}</tr>"


def _kind(table: Table, number: int) -> str:
    """The class of a column's cells: words, or numbers with room for a mark behind them."""
    if table.columns[number].text:
        return ' class="text"'
    marked = any(row[number].shown.endswith(MARK) for row in table.rows)
    return ' class="marks"' if marked else ""


def _marked(shown: str) -> str:
    """What a cell shows; a mark stands in the room behind, so that numbers stay in line."""
    # On a narrow page a line is broken before an interval, but not within a number.
    bound = re.sub(r"(?<=±) | (?=±)|(?<=[<>]) (?=\d)", "\u00a0", shown)
    text = re.sub(r"(\[[^\]]*\])", r'<span class="whole">\1</span>', escape(bound))
    if not shown.endswith(MARK):
        return text
    return f'{text.removesuffix(MARK)}<span class="mark">{MARK}</span>'


def _plain(value) -> object:
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else value


def text_columns(*titles: str) -> tuple[Column, ...]:
    """Columns of words, each with one field of its name."""
    return tuple(Column(title, (title.lower().replace(" ", "_"),), text=True) for title in titles)


def facts(name: str, caption: str, pairs: Sequence[tuple[str, object]]) -> Table:
    """A table of names and what they stand for, a row each."""
    rows = tuple((words(left), words(right)) for left, right in pairs)
    return Table(name, caption, text_columns("What", "Value"), rows)

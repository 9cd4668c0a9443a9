r"""A table in LaTeX, laid out so that it fits the page of an ordinary article.

What is narrow is a ``table``, what is wider goes across both columns, what is wider
than a page lies on its side, and what is longer than a page breaks over several.
The widths are estimates for Computer Modern at ``\footnotesize``.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Sequence

from pnn_keras.report.table import MARK, Cell, Column, Table, groups, without


@dataclasses.dataclass(frozen=True)
class _Page:
    """What a page has for a table: its width in points of its type, and lines for its rows."""

    environment: str
    room: float
    lines: int
    size: str = r"\footnotesize"
    scale: float = 1.0

    @property
    def sideways(self) -> bool:
        return self.environment == "sidewaystable*"


#: A column of a two-column paper, the text of an article, and its height, for tables that lie
#: on their side: the last resort of those with a line too many is a smaller type.
_COLUMN = _Page("table", 230.0, 40)
_TEXT = _Page("table*", 340.0, 40)
_SIDEWAYS = _Page("sidewaystable*", 545.0, 24)
_SMALL = _Page("sidewaystable*", 575.0, 29, r"\scriptsize", 0.94)

#: What is tried in turn, with headings that lie or stand upright.
_FORMS = ((_COLUMN, False), (_TEXT, False), (_SIDEWAYS, False), (_SIDEWAYS, True))
_SMALL_FORMS = ((_SMALL, False), (_SMALL, True))

#: What a paper does not print: files have it. The second only where it is 0 throughout.
_FOR_FILES, _FOR_FILES_IF_ZERO = "median_best_epoch", "absent_classes"

#: The widths at which words are wrapped, tried in turn.
_WRAPS = (math.inf, 160.0, 110.0, 80.0)

#: What upright headings are wrapped at, how far their lines are apart, and the space between
#: two columns.
_UPRIGHT, _LEADING, _GAP = 160.0, 9.5, 6.0

#: About how wide signs are, in points: capitals, those that are wider or narrower than a
#: digit, and all others; in sum 1 to 4 % more than measured.
_CAPITAL, _WIDE, _THIN, _OTHER = 6.3, 6.8, 2.6, 4.25
_THIN_SIGNS = frozenset(" .,:;[]()'!|/ijlft-")
_WIDE_SIGNS = frozenset("mw@%&+−±<>×→=–~^_#")

#: A word that no wrapping makes fit is broken after so many signs.
_BREAK = 10

#: The packages, each by what calls for it.
_PACKAGES = {
    "array": ">{",
    "booktabs": r"\toprule",
    "graphicx": r"\rotatebox",
    "longtable": "{longtable}",
    "pdflscape": "{landscape}",
    "rotating": "{sidewaystable",
}

#: Letters up to here are in the fonts that T1 names; for those beyond, pdfLaTeX has none.
_LAST_LATIN = "\u017f"

#: What LaTeX takes for a command, and signs that its fonts know by another name.
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "`": r"\textasciigrave{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    '"': r"\textquotedbl{}",
    "−": r"$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "→": r"$\rightarrow$",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "‘": "`",
    "’": "'",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "„": r"\quotedblbase{}",
}


def as_latex(table: Table) -> str:
    r"""The table in LaTeX, in the style of the package booktabs.

    Its first line, a comment, names the packages that it needs. Columns that say
    nothing in a paper are left out: the CSV has them.

    Example:

    >>> from pnn_keras.report.table import words
    >>> print(as_latex(Table("t_1", "A & B", (Column("x", ("x",)),), ((words("50 %"),),))), end="")
    % \usepackage[T1]{fontenc} \usepackage{booktabs}
    \begin{table}
      \centering\footnotesize\setlength{\tabcolsep}{3pt}
      \caption{A \& B}\label{tab:t-1}
      \begin{tabular}{r}
        \toprule
        x \\
        \midrule
        50 \% \\
        \bottomrule
      \end{tabular}
    \end{table}
    """
    table = without(table, _left_out(table))
    parts = _parts(table)
    lines = []
    for number, layout in enumerate(parts, 1):
        of = f" (part {number} of {len(parts)})" if len(parts) > 1 else ""
        lines += _environment(table, layout, of)
    return "\n".join([_needs(table, "\n".join(lines)), *lines]) + "\n"


def escape_latex(text: str) -> str:
    r"""Text that LaTeX sets as it stands, on one line.

    Example:

    >>> print(escape_latex("R&D: 5 % of a_b, −0.1, --adapt"))
    R\&D: 5 \% of a\_b, $-$0.1, -{}-adapt
    >>> print(escape_latex("*"), escape_latex("[0.5, 0.6]"), escape_latex("a,,b"))
    {}* {}[0.5, 0.6] a,{},b
    """
    signs = " ".join(text.split())
    # A star or bracket behind the end of a row would be an argument of it.
    first = "{}" if signs[:1] in ("*", "[") else ""
    # Two hyphens would become one dash, two commas a quotation mark.
    pairs = itertools.zip_longest(signs, signs[1:])
    return first + "".join(
        _LATEX.get(sign, sign) + ("{}" if sign == after and sign in "-," else "")
        for sign, after in pairs
    )


@dataclasses.dataclass(frozen=True)
class _Slot:
    """How a column is set: its number in the table, its width in points, and its heading."""

    number: int
    width: float
    wrapped: bool
    text: bool
    head: tuple[str, ...]
    upright: bool

    def kind(self, scale: float) -> str:
        """The column, as the preamble of a tabular has it, in a type that is so much smaller."""
        if self.wrapped:
            return rf">{{\raggedright\arraybackslash}}p{{{scale * self.width:.0f}pt}}"
        return "l" if self.text else "r"


@dataclasses.dataclass(frozen=True)
class _Layout:
    """The columns of a table, and the page for which they were made."""

    slots: tuple[_Slot, ...]
    page: _Page

    @property
    def width(self) -> float:
        return sum(slot.width + _GAP for slot in self.slots) - _GAP

    @property
    def fits(self) -> bool:
        return self.width <= self.page.room


def _left_out(table: Table) -> list[str]:
    """Columns that a paper does not print, by their first fields."""
    zero = all(
        cell.values[0] == 0
        for row in table.rows
        for column, cell in zip(table.columns, row, strict=True)
        if column.fields[0] == _FOR_FILES_IF_ZERO
    )
    return [_FOR_FILES, *([_FOR_FILES_IF_ZERO] if zero else [])]


def _parts(table: Table) -> list[_Layout]:
    """The layouts of a table: one, or several where not even a page's height is wide enough."""
    found = _layouts(table, _FORMS)
    fitting = [layout for layout in found if layout.fits]
    small = [layout for layout in _layouts(table, _SMALL_FORMS) if layout.fits]
    # What is wrapped less is easier to read, but what breaks over pages is harder.
    for layout in [*fitting, *small]:
        if _height(table, layout) <= layout.page.lines:
            return [layout]
    return fitting[:1] or _split(found[-1])


def _layouts(table: Table, forms: Iterable[tuple[_Page, bool]]) -> list[_Layout]:
    """Every layout that may do, the best first."""
    return [
        _Layout(_slots(table, wrap, upright), page)
        for page, upright in forms
        for wrap in (_WRAPS[:1] if page == _COLUMN else _WRAPS)
    ]


def _split(layout: _Layout) -> list[_Layout]:
    """A layout that is too wide, cut between columns; what heads the rows is there each time."""
    lead = tuple(itertools.takewhile(lambda slot: slot.text, layout.slots))[:2]
    others = layout.slots[len(lead) :]
    for size in range(len(others) - 1, 0, -1):
        size = -(-len(others) // -(-len(others) // size))  # parts of about the same size
        parts = [
            _Layout((*lead, *others[start : start + size]), layout.page)
            for start in range(0, len(others), size)
        ]
        if all(part.fits for part in parts):
            return parts
    return parts if len(others) > 1 else [layout]


def _slots(table: Table, wrap: float, upright: bool) -> tuple[_Slot, ...]:
    first = 1 if table.grouped else 0
    return tuple(
        _slot(number, column, [row[number].shown for row in table.rows], wrap, upright)
        for number, column in enumerate(table.columns)
        if number >= first
    )


def _slot(number: int, column: Column, shown: Sequence[str], wrap: float, upright: bool) -> _Slot:
    longest = max(map(_width, shown), default=0.0)
    wrapped = column.text and longest > wrap
    body = wrap if wrapped else longest
    title_words = [_width(word) for word in column.title.split()]
    if upright and not column.text and max(title_words) > body:
        head = _lines(column.title, _UPRIGHT)
        return _Slot(number, max(body, _LEADING * len(head)), wrapped, column.text, head, True)
    # A heading is as wide as what stands below it, or as its longest word.
    width = max(body, *title_words)
    return _Slot(number, width, wrapped, column.text, _lines(column.title, width), False)


def _environment(table: Table, layout: _Layout, of: str) -> list[str]:
    page = layout.page
    body = list(_body(table, layout))
    if _height(table, layout) > page.lines:
        return _over_pages(table, layout, body, of)
    return [
        rf"\begin{{{page.environment}}}",
        rf"  \centering{page.size}{_TIGHT}",
        f"  {_caption(table, of)}",
        rf"  \begin{{tabular}}{{{_preamble(layout)}}}",
        r"    \toprule",
        f"    {_heads(layout)}",
        r"    \midrule",
        *(f"    {line}" for line in body),
        r"    \bottomrule",
        r"  \end{tabular}",
        *(rf"  \par\smallskip\parbox{{\linewidth}}{{{note}}}" for note in _notes(table, of)),
        rf"\end{{{page.environment}}}",
    ]


def _over_pages(table: Table, layout: _Layout, body: Sequence[str], of: str) -> list[str]:
    """A table that breaks over pages; its head stands on each of them."""
    head = [r"    \toprule", f"    {_heads(layout)}", r"    \midrule"]
    count, sideways = len(layout.slots), layout.page.sideways
    return [
        r"% In a paper of two columns: after \onecolumn.",
        *([r"\begin{landscape}"] if sideways else []),
        rf"\begingroup{layout.page.size}{_TIGHT}\setlength{{\LTcapwidth}}{{\linewidth}}",
        rf"  \begin{{longtable}}{{{_preamble(layout)}}}",
        rf"    {_caption(table, of)} \\",
        *head,
        r"    \endfirsthead",
        rf"    \multicolumn{{{count}}}{{l}}{{Table \thetable{{}}, continued}} \\",
        *head,
        r"    \endhead",
        r"    \bottomrule",
        r"    \endfoot",
        *(f"    {line}" for line in body),
        r"  \end{longtable}",
        *(rf"  \noindent {note}\par" for note in _notes(table, of)),
        r"\endgroup",
        *([r"\end{landscape}"] if sideways else []),
    ]


_TIGHT = r"\setlength{\tabcolsep}{3pt}"


def _caption(table: Table, of: str) -> str:
    label = re.sub(r"[^A-Za-z0-9]+", "-", f"{table.name}{of}").strip("-")
    return rf"\caption{{{escape_latex(table.caption + of)}}}\label{{tab:{label}}}"


def _notes(table: Table, of: str) -> list[str]:
    """The notes, below the last part alone."""
    first, _, last = of.strip(" ()").removeprefix("part ").partition(" of ")
    return [_symbols(escape_latex(note)) for note in table.notes] if first == last else []


def _needs(table: Table, written: str) -> str:
    """The packages that a table calls for, as a comment."""
    packages = ",".join(name for name, sign in _PACKAGES.items() if sign in written)
    shown = [cell.shown for row in table.rows for cell in row]
    titles = [column.title for column in table.columns]
    signs = {sign for text in (table.caption, *table.notes, *titles, *shown) for sign in text}
    if any(sign > _LAST_LATIN and sign not in _LATEX for sign in signs):
        return (
            rf"% \usepackage{{fontspec}} \usepackage{{{packages}}}"
            "\n% Has letters that pdfLaTeX has no font for: take LuaLaTeX, and \\setmainfont."
        )
    return rf"% \usepackage[T1]{{fontenc}} \usepackage{{{packages}}}"


def _preamble(layout: _Layout) -> str:
    return "".join(slot.kind(layout.page.scale) for slot in layout.slots)


def _heads(layout: _Layout) -> str:
    return " & ".join(map(_head, layout.slots)) + r" \\"


def _head(slot: _Slot) -> str:
    side = "l" if slot.text or slot.upright else "r"
    lines = [_symbols(_bracketed(line)) for line in slot.head]
    stacked = lines[0]
    if len(lines) > 1:
        inner = r" \\ ".join(lines)
        stacked = rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}{inner}\end{{tabular}}"
    return rf"\rotatebox{{90}}{{{stacked}}}" if slot.upright else stacked


def _body(table: Table, layout: _Layout) -> Iterable[str]:
    """The rows, under the headings of their groups."""
    marked = {
        slot.number
        for slot in layout.slots
        if any(row[slot.number].shown.endswith(MARK) for row in table.rows)
    }
    for place, (group, rows) in enumerate(groups(table)):
        if group is not None:
            if place:
                yield r"\addlinespace"
            room = layout.page.room
            kind = f"p{{{layout.page.scale * room:.0f}pt}}" if _width(group) > room else "l"
            head = rf"\textit{{{escape_latex(group)}}}"
            # The star keeps the heading on the page of its first row.
            yield rf"\multicolumn{{{len(layout.slots)}}}{{{kind}}}{{{head}}} \\*"
        for row in rows:
            cells = (_cell(slot, row[slot.number], slot.number in marked) for slot in layout.slots)
            yield " & ".join(cells) + r" \\"


def _cell(slot: _Slot, cell: Cell, marked: bool) -> str:
    shown = cell.shown
    if marked and not slot.text:  # numbers stay below each other, with a mark or without
        if shown.endswith(MARK):
            return rf"{_bracketed(shown.removesuffix(MARK))}\,*"
        return rf"{_bracketed(shown)}\phantom{{\,*}}"
    if slot.wrapped:
        return " ".join(_breakable(word, slot.width) for word in shown.split())
    return _bracketed(shown)


def _breakable(word: str, width: float) -> str:
    """A word, with places to break it at if it is wider than its column."""
    if _width(word) <= width:
        return _bracketed(word)
    pieces = [word[start : start + _BREAK] for start in range(0, len(word), _BREAK)]
    return r"\allowbreak{}".join(map(_bracketed, pieces))


def _symbols(escaped: str) -> str:
    """Escaped text with the sign of the effect size as mathematics has it."""
    return re.sub(r"\bd\\_z\b", "$d_z$", escaped)


def _bracketed(text: str) -> str:
    # A row that began with a bracket would be an option of the \\ before it.
    return escape_latex(text).replace("[", "{[}")


def _height(table: Table, layout: _Layout) -> int:
    """How many lines the rows take, the headings of groups, and those of columns beyond one."""
    heads = max(
        max(map(_width, slot.head)) / _LEADING if slot.upright else len(slot.head)
        for slot in layout.slots
    )
    wrapped = [slot for slot in layout.slots if slot.wrapped]
    lines = sum(
        max((len(_lines(row[s.number].shown, s.width)) for s in wrapped), default=1)
        for row in table.rows
    )
    return lines + round(heads) - 1 + (len(groups(table)) if table.grouped else 0)


def _lines(text: str, width: float) -> tuple[str, ...]:
    """Text broken between words into lines that are no wider, where that can be."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and _width(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return tuple(lines) or ("",)


def _width(text: str) -> float:
    """About how wide a text is, in points."""
    return sum(map(_sign_width, text))


def _sign_width(sign: str) -> float:
    if sign in _THIN_SIGNS:
        return _THIN
    if sign in _WIDE_SIGNS or sign > _LAST_LATIN:
        return _WIDE
    return _CAPITAL if sign.isupper() else _OTHER

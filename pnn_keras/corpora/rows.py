"""Rows of tables: reading them, and the names that people give to columns and values."""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pnn_keras.corpora.loader import read_text
from pnn_keras.errors import CorpusError

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq")

#: The column names that are understood, in the order in which they are looked for.
COLUMNS = {
    "path": (
        *("file", "path", "filename", "file_name", "filepath", "file_path"),
        *("wav", "wav_path", "audio", "audio_path", "audio_file"),
    ),
    "speaker": ("speaker", "speaker_id", "speakerid", "spk", "spk_id"),
    "gender": ("gender", "sex"),
    "emotion": ("emotion", "emotion_label", "label"),
    "split": ("split",),
    "start": ("start",),
    "end": ("end",),
    "session": ("session",),
    "sentence": ("sentence",),
}

#: What the two genders are called in tables, in small letters.
GENDER_NAMES = {
    **dict.fromkeys(("female", "f", "w", "woman"), "female"),
    **dict.fromkeys(("male", "m", "man"), "male"),
}
#: What the parts of a split are called in tables, in small letters.
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "devel", "development", "val", "valid", "validation"), "dev"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_NOTHING = {"", "nan", "nat", "none", "null", "na", "n/a", "<na>"}
#: What stands for nobody's name in a column of speakers.
_NOBODY = {"unknown", "unk", "?", "-", "n.a."}
#: The key of a row under which the reason lies why it cannot be used.
FAULT = None
_WHOLE = re.compile(r"^(\d+)\.0+$", re.ASCII)
_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)", re.ASCII)
_TIMEDELTA = re.compile(r"(?:(\d+) days? ?)?(?:(\d+):(\d+):(\d+(?:\.\d*)?))?", re.ASCII)


class BadRow(Exception):
    """A row that cannot become an utterance; the message is the reason."""


def read_rows(
    path: Path, names: Mapping[str, Sequence[str]] = COLUMNS, layout: str = "a header and rows"
) -> tuple[list[str], list[dict]]:
    """The header of a table and its rows, as dictionaries by column.

    A row that is damaged says so, see :func:`check_row`.

    Args:
        path: the table (.csv, .tsv, .parquet).
        names: the columns that are wanted: by role, the names they may have
            in small letters. A parquet table's other columns are not read.
        layout: what a table should hold, for the message.

    Raises:
        CorpusError: the table cannot be read or has no rows.
    """
    suffix = path.suffix.casefold()
    if suffix in (".parquet", ".pq"):
        header, rows = _read_parquet(path, names)
    else:
        header, rows = _read_text(path)
    if not rows:
        raise CorpusError(f"The table {path} has no rows. Expected: {layout}")
    return header, rows


def _read_text(path: Path) -> tuple[list[str], list[dict]]:
    text = read_text(path)
    first = text.partition("\n")[0]
    separator = "\t" if path.suffix.casefold() == ".tsv" else max(",;\t", key=first.count)
    try:
        lines = _tabbed(text) if separator == "\t" else _cells(text, separator)
    except csv.Error as error:
        raise CorpusError(
            f"The table {path} cannot be read: {error}. A cell that holds a quotation mark or "
            'the separator is put in quotation marks, the mark itself doubled: "He said ""no""". '
            "Write the table anew, or as .tsv or .parquet"
        ) from error
    if not lines:
        return [], []
    (_, header), *rows = lines
    return header, [_row(header, number, cells) for number, cells in rows]


def _cells(text: str, separator: str, quoting: int = csv.QUOTE_MINIMAL) -> list[tuple]:
    """Of each line that is not empty its number, where it ends, and its cells.

    Raises:
        csv.Error: a quotation mark is nowhere closed, or closed within a cell.
    """
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, quoting=quoting, strict=True
    )
    return [(reader.line_num, cells) for cells in reader if cells]


def _tabbed(text: str) -> list[tuple]:
    """The cells of a table whose cells are parted by tabs, mostly without quotation marks.

    Many such tables leave a quotation mark as it is, even at the beginning of a
    cell: read as a quoted one, that cell would swallow all rows up to the next
    mark. So marks are quotes only where they are closed in their own line, and
    where the lines have not more of the header's cells without them.
    """
    plain = _cells(text, "\t", csv.QUOTE_NONE)
    if '"' not in text:
        return plain
    try:
        quoted = _cells(text, "\t")
    except csv.Error:
        return plain
    if any("\n" in cell or "\r" in cell for _, cells in quoted for cell in cells):
        return plain
    return max(quoted, plain, key=lambda lines: sum(len(c) == len(lines[0][1]) for _, c in lines))


def _row(header: Sequence[str], number: int, cells: Sequence[str]) -> dict:
    """A line as a dictionary; under FAULT why it cannot be trusted, if it cannot."""
    row = dict(zip(header, cells, strict=False))
    if any("\n" in cell or "\r" in cell for cell in cells):
        row[FAULT] = (
            f"line {number} ends a cell with a line break in it, which may hold other rows: a "
            "quotation mark that is not closed swallows them. Take line breaks out of cells"
        )
    elif len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
        row[FAULT] = (
            f"line {number} has {len(cells)} cells. Expected {len(header)}, as in the header"
        )
    return row


def check_row(row: Mapping) -> None:
    """Refuses a row that the table gives in part, or that may be several.

    Args:
        row: a row as :func:`read_rows` gives it.

    Raises:
        BadRow: a cell is missing or too many, or has a line break in it.
    """
    if FAULT in row:
        raise BadRow(row[FAULT])


def _read_parquet(path: Path, names: Mapping[str, Sequence[str]]) -> tuple[list[str], list[dict]]:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        known = {column for columns in names.values() for column in columns}
        header = parquet.read_schema(path).names
        chosen = [column for column in header if column.strip().casefold() in known]
        return header, parquet.read_table(path, columns=chosen).to_pylist()
    except (arrow.ArrowException, OSError) as error:
        raise CorpusError(f"The table {path} cannot be read: {error}") from error


def find_columns(
    header: Sequence[str], names: Mapping[str, Sequence[str]] = COLUMNS
) -> dict[str, str]:
    """Which column of a table plays which role, whatever the case of its name.

    Example:
        >>> find_columns(["File", "sex", "age"])
        {'path': 'File', 'gender': 'sex'}
    """
    present: dict[str, str] = {}
    for column in header:
        present.setdefault((column or "").strip().casefold(), column)
    return {
        role: present[found]
        for role, known in names.items()
        if (found := next((name for name in known if name in present), None)) is not None
    }


def cell_text(value: object) -> str | None:
    """A cell as text; None for an empty one or a missing value."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    return None if text.casefold() in _NOTHING else text


def cell_speaker(value: object) -> str | None:
    """A cell as a speaker's name; None for an empty one, and for one such as ``unknown``.

    A number is whole: pandas writes speaker 3 as 3.0 as soon as another
    speaker of the table is missing. Accented letters are one character each
    (NFC): some machines write them as two.

    Example:
        >>> cell_speaker("3.0"), cell_speaker("03"), cell_speaker("v1.0"), cell_speaker("nan")
        ('3', '03', 'v1.0', None)
        >>> cell_speaker("unknown"), cell_speaker("?")
        (None, None)
    """
    text = cell_text(value)
    if text is None or text.casefold() in _NOBODY:
        return None
    return unicodedata.normalize("NFC", _WHOLE.sub(r"\1", text))


def plain_name(name: str) -> str:
    """A speaker's name without what people write in one way or another.

    Example:
        >>> plain_name("Spk03"), plain_name("100")
        ('spk3', '100')
    """
    return _LEADING_ZEROS.sub("", name.casefold())


def spelt_alike(names: Iterable[str]) -> list[list[str]]:
    """The names that differ from others in leading zeros or capitals alone, in groups.

    Example:
        >>> spelt_alike(["3", "03", "30", "F01"])
        [['03', '3']]
    """
    groups = defaultdict(list)
    for name in sorted(set(names)):
        groups[plain_name(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]


def cell_seconds(value: object) -> float | None:
    """A cell as seconds; None for an empty one.

    Raises:
        BadRow: the cell holds something else.

    Example:
        >>> cell_seconds("0 days 00:00:01.500000"), cell_seconds("2.25"), cell_seconds("NaT")
        (1.5, 2.25, None)
    """
    if isinstance(value, datetime.timedelta):
        seconds = value.total_seconds()
        return None if math.isnan(seconds) else _plausible(seconds, value)
    text = cell_text(value)
    if text is None:
        return None
    match = _TIMEDELTA.fullmatch(text)
    if match is not None and any(match.groups()):
        days, hours, minutes, rest = (float(group or 0) for group in match.groups())
        return _plausible(((days * 24 + hours) * 60 + minutes) * 60 + rest, value)
    try:
        return _plausible(float(text), value)
    except ValueError:
        raise BadRow(f"{text!r} is no time in seconds") from None


def _plausible(seconds: float, value: object) -> float:
    if not math.isfinite(seconds) or seconds < 0:
        raise BadRow(f"{str(value)!r} is no time in seconds")
    return seconds

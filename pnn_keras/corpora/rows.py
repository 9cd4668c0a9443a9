"""Rows of tables: reading them, and the names that people give to columns and values."""

from __future__ import annotations

import csv
import datetime
import io
import math
import re
from collections.abc import Mapping, Sequence
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
_WHOLE = re.compile(r"^(\d+)\.0+$", re.ASCII)
_TIMEDELTA = re.compile(r"(?:(\d+) days? ?)?(?:(\d+):(\d+):(\d+(?:\.\d*)?))?", re.ASCII)


class BadRow(Exception):
    """A row that cannot become an utterance; the message is the reason."""


def read_rows(
    path: Path, names: Mapping[str, Sequence[str]] = COLUMNS, layout: str = "a header and rows"
) -> tuple[list[str], list[dict]]:
    """The header of a table and its rows, as dictionaries by column.

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
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
        return list(reader.fieldnames or ()), list(reader)
    except csv.Error as error:
        raise CorpusError(f"The table {path} cannot be read: {error}") from error


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
    """A cell as a speaker's name; None for an empty one.

    A number is whole: pandas writes speaker 3 as 3.0 as soon as another
    speaker of the table is missing.

    Example:
        >>> cell_speaker("3.0"), cell_speaker("03"), cell_speaker("v1.0"), cell_speaker("nan")
        ('3', '03', 'v1.0', None)
    """
    text = cell_text(value)
    return None if text is None else _WHOLE.sub(r"\1", text)


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

"""Corpora that a table describes: one row a file or a segment, labels in columns.

The CSV files of nkululeko and the filewise and segmented tables of audformat
(CSV or parquet) are such tables as they are.
"""

from __future__ import annotations

import collections
import csv
import datetime
import io
import math
import os
import re
from pathlib import Path

from pnn_keras.corpora.identical import contradictions
from pnn_keras.corpora.loader import read_text
from pnn_keras.corpora.tree import AUDIO_SUFFIXES, AudioFile
from pnn_keras.corpus import Corpus, CorpusInfo, Skipped, Utterance
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

LAYOUT = (
    "a table (.csv, .tsv, .parquet) with a header, a column "
    f"{' or '.join(COLUMNS['path'][:4])} and any of speaker, gender (sex), emotion (label), "
    "split, start, end (seconds)"
)

_GENDERS = {
    **dict.fromkeys(("female", "f", "w", "woman"), "female"),
    **dict.fromkeys(("male", "m", "man"), "male"),
}
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "devel", "development", "val", "valid", "validation"), "dev"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_NOTHING = {"", "nan", "nat", "none", "null", "na", "n/a", "<na>"}
_TIMEDELTA = re.compile(r"(?:(\d+) days? ?)?(?:(\d+):(\d+):(\d+(?:\.\d*)?))?", re.ASCII)


class _BadRow(Exception):
    """A row that cannot become an utterance; the message is the reason."""


def open_table(
    path: str | os.PathLike, *, name: str | None = None, strict: bool = False
) -> Corpus:
    """Opens the corpus that a table describes.

    Relative paths are relative to the table's folder; if no file lies there,
    to the working folder, with a warning. Emotions stay as the table spells
    them. Start and end are seconds (``1.5``) or time differences as pandas
    and audformat write them (``0 days 00:00:01.500000``); an empty end or
    ``NaT`` is the end of the file.

    Args:
        path: the table.
        name: what to call the corpus; None for the table's name without ending.
        strict: refuse a table with rows that cannot be used, instead of
            reporting them as skipped.

    Returns:
        The corpus.

    Raises:
        CorpusError: the table cannot be read, has no column of paths, names no
            existing file, or ``strict`` and some row is unusable.
    """
    path = Path(os.path.abspath(path))
    header, rows = _read(path)
    columns = _columns(path, header)
    base, warnings = _base(path, [row.get(columns["path"]) for row in rows])
    name = name or path.stem
    utterances: dict[str, Utterance] = {}
    skipped = []
    for number, row in enumerate(rows, start=1):
        values = {role: row.get(column) for role, column in columns.items()}
        try:
            utterance = _utterance(name, base, path.parent, values)
            if utterance.id in utterances:
                raise _BadRow("the same file and segment as an earlier row")
            utterances[utterance.id] = utterance
        except _BadRow as reason:
            skipped.append(Skipped(f"row {number}: {_text(values['path']) or ''}", str(reason)))
    _refuse(path, name, base, utterances, skipped, strict)
    ordered = tuple(sorted(utterances.values(), key=lambda u: u.id))
    warnings += _unknown_genders(columns, rows)
    return Corpus(
        info=_info(name, path, ordered),
        folder=path.parent,
        utterances=ordered,
        skipped=tuple(skipped),
        warnings=(*warnings, *contradictions(ordered)),
    )


def _info(name: str, path: Path, utterances: tuple[Utterance, ...]) -> CorpusInfo:
    return CorpusInfo(
        name=name,
        citation=f"none known: read from the table {path.name}",
        licence="not stated by the table",
        homepage="",
        emotions=tuple(sorted({u.emotion for u in utterances} - {None})),
        layout=LAYOUT,
        obtain="a table of your own",
    )


def _read(path: Path) -> tuple[list[str], list[dict]]:
    suffix = path.suffix.casefold()
    header, rows = _read_parquet(path) if suffix in (".parquet", ".pq") else _read_text(path)
    if not rows:
        raise CorpusError(f"The table {path} has no rows. Expected: {LAYOUT}")
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


def _read_parquet(path: Path) -> tuple[list[str], list[dict]]:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        known = {column for columns in COLUMNS.values() for column in columns}
        header = parquet.read_schema(path).names
        chosen = [column for column in header if column.strip().casefold() in known]
        return header, parquet.read_table(path, columns=chosen).to_pylist()
    except (arrow.ArrowException, OSError) as error:
        raise CorpusError(f"The table {path} cannot be read: {error}") from error


def _columns(path: Path, header: list[str]) -> dict[str, str]:
    """Which column plays which role."""
    present: dict[str, str] = {}
    for column in header:
        present.setdefault((column or "").strip().casefold(), column)
    columns = {
        role: present[found]
        for role, names in COLUMNS.items()
        if (found := next((name for name in names if name in present), None)) is not None
    }
    if "path" not in columns:
        raise CorpusError(
            f"The table {path} has no column of audio paths. Expected one of: "
            f"{', '.join(COLUMNS['path'])}. Received: {', '.join(map(str, header)) or 'no header'}"
        )
    return columns


def _base(path: Path, files: list) -> tuple[Path, list[str]]:
    """The folder that relative paths start from: the table's, else the working folder."""
    names = [name for file in files if (name := _text(file))]
    bases = (path.parent, Path.cwd())
    for base in bases:
        if any(_locate(base, name).is_file() for name in names):
            break
    else:
        return path.parent, []
    if base == path.parent:
        return base, []
    return base, [
        f"No file of {path.name} lies below the table's folder {path.parent}: its paths were "
        f"read from the working folder {base}."
    ]


def _locate(base: Path, name: str) -> Path:
    path = base / name
    if "\\" in name and not path.exists():
        path = base / name.replace("\\", "/")
    return Path(os.path.abspath(path))


def _utterance(corpus: str, base: Path, folder: Path, values: dict) -> Utterance:
    name = _text(values["path"])
    if name is None:
        raise _BadRow("no path")
    if "\0" in name:
        raise _BadRow("a path with a null character")
    path = _locate(base, name)
    _check_file(path)
    start = _seconds(values.get("start")) or 0.0
    end = _seconds(values.get("end"))
    if end is not None and end <= start:
        raise _BadRow(f"ends at {end} s, not after its start at {start} s")
    inside = path.is_relative_to(folder)
    id = (path.relative_to(folder) if inside else path).as_posix()
    if start or end is not None:
        id += f"#{start!r}-{'' if end is None else repr(end)}"
    split = _text(values.get("split"))
    return Utterance(
        corpus=corpus,
        id=id,
        path=path,
        speaker=_text(values.get("speaker")),
        gender=_GENDERS.get((_text(values.get("gender")) or "").casefold()),
        emotion=_text(values.get("emotion")),
        start=start,
        end=end,
        session=_text(values.get("session")),
        sentence=_text(values.get("sentence")),
        split=_SPLITS.get(split.casefold(), split) if split else None,
    )


def _check_file(path: Path) -> None:
    if path.suffix.casefold() not in AUDIO_SUFFIXES:
        raise _BadRow(f"not one of {', '.join(AUDIO_SUFFIXES)}")
    try:
        size = path.stat().st_size
    except OSError:
        raise _BadRow("the file does not exist") from None
    fault = AudioFile(path.name, path, size).fault
    if fault is not None:
        raise _BadRow(fault)


def _text(value: object) -> str | None:
    """A cell as text; None for an empty one or a missing value."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    return None if text.casefold() in _NOTHING else text


def _seconds(value: object) -> float | None:
    """A cell as seconds; None for an empty one.

    Example:
        >>> _seconds("0 days 00:00:01.500000"), _seconds("2.25"), _seconds("NaT")
        (1.5, 2.25, None)
    """
    if isinstance(value, datetime.timedelta):
        seconds = value.total_seconds()
        return None if math.isnan(seconds) else _plausible(seconds, value)
    text = _text(value)
    if text is None:
        return None
    match = _TIMEDELTA.fullmatch(text)
    if match is not None and any(match.groups()):
        days, hours, minutes, rest = (float(group or 0) for group in match.groups())
        return _plausible(((days * 24 + hours) * 60 + minutes) * 60 + rest, value)
    try:
        return _plausible(float(text), value)
    except ValueError:
        raise _BadRow(f"{text!r} is no time in seconds") from None


def _plausible(seconds: float, value: object) -> float:
    if not math.isfinite(seconds) or seconds < 0:
        raise _BadRow(f"{str(value)!r} is no time in seconds")
    return seconds


def _refuse(
    path: Path,
    name: str,
    base: Path,
    utterances: dict[str, Utterance],
    skipped: list[Skipped],
    strict: bool,
) -> None:
    if utterances and not (strict and skipped):
        return
    reasons = collections.Counter(row.reason for row in skipped).most_common(3)
    told = "; ".join(f"{count} row(s): {reason}" for reason, count in reasons)
    if utterances:
        raise CorpusError(
            f"{name}: {len(skipped)} row(s) of {path} cannot be used ({told}), the first is "
            f"{skipped[0].id}. Repair or remove them, or open the table without strict."
        )
    raise CorpusError(
        f"No row of the table {path} can be used ({told}). Relative paths are looked for below "
        f"{base}, e.g. {skipped[0].id}. Expected: {LAYOUT}"
    )


def _unknown_genders(columns: dict[str, str], rows: list[dict]) -> list[str]:
    if "gender" not in columns:
        return []
    values = {_text(row.get(columns["gender"])) for row in rows} - {None}
    unknown = sorted(value for value in values if value.casefold() not in _GENDERS)
    if not unknown:
        return []
    return [
        f"The column {columns['gender']} has values other than female and male, which count as "
        f"unknown: {', '.join(unknown[:10])}."
    ]

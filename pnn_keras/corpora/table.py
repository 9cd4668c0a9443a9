"""Corpora that a table describes: one row a file or a segment, labels in columns.

The CSV files of nkululeko and the filewise and segmented tables of audformat
(CSV or parquet) are such tables as they are.
"""

from __future__ import annotations

import collections
import os
from pathlib import Path

from pnn_keras.corpora.identical import contradictions
from pnn_keras.corpora.one_source import TABLE, TABLE_LICENCE
from pnn_keras.corpora.rows import (
    COLUMNS,
    GENDER_NAMES,
    SPLIT_NAMES,
    BadRow,
    cell_seconds,
    cell_speaker,
    cell_text,
    check_row,
    find_columns,
    read_rows,
    spelt_alike,
)
from pnn_keras.corpora.tree import AUDIO_SUFFIXES, AudioFile
from pnn_keras.corpus import Corpus, CorpusInfo, Skipped, Utterance
from pnn_keras.errors import CorpusError

LAYOUT = (
    "a table (.csv, .tsv, .parquet) with a header, a column "
    f"{' or '.join(COLUMNS['path'][:4])} and any of speaker, gender (sex), emotion (label), "
    "split, start, end (seconds)"
)


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
    header, rows = read_rows(path, layout=LAYOUT)
    columns = _columns(path, header)
    base, warnings = _base(path, [row.get(columns["path"]) for row in rows])
    name = name or path.stem
    utterances: dict[str, Utterance] = {}
    skipped = []
    for number, row in enumerate(rows, start=1):
        values = {role: row.get(column) for role, column in columns.items()}
        try:
            check_row(row)
            utterance = _utterance(name, base, path.parent, values)
            if utterance.id in utterances:
                raise BadRow("the same file and segment as an earlier row")
            utterances[utterance.id] = utterance
        except BadRow as reason:
            skipped.append(
                Skipped(f"row {number}: {cell_text(values['path']) or ''}", str(reason))
            )
    _refuse(path, name, base, utterances, skipped, strict)
    ordered = tuple(sorted(utterances.values(), key=lambda u: u.id))
    warnings += _unknown_genders(columns, rows) + _spelt_alike(ordered)
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
        licence=TABLE_LICENCE,
        homepage="",
        emotions=tuple(sorted({u.emotion for u in utterances} - {None})),
        layout=LAYOUT,
        obtain="a table of your own",
    )


def _columns(path: Path, header: list[str]) -> dict[str, str]:
    columns = find_columns(header)
    if "path" not in columns:
        raise CorpusError(
            f"The table {path} has no column of audio paths. Expected one of: "
            f"{', '.join(COLUMNS['path'])}. Received: {', '.join(map(str, header)) or 'no header'}"
        )
    return columns


def _base(path: Path, files: list) -> tuple[Path, list[str]]:
    """The folder that relative paths start from: the table's, else the working folder."""
    names = [name for file in files if (name := cell_text(file))]
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
    name = cell_text(values["path"])
    if name is None:
        raise BadRow("no path")
    if "\0" in name:
        raise BadRow("a path with a null character")
    path = _locate(base, name)
    _check_file(path)
    start = cell_seconds(values.get("start")) or 0.0
    end = cell_seconds(values.get("end"))
    if end is not None and end <= start:
        raise BadRow(f"ends at {end} s, not after its start at {start} s")
    inside = path.is_relative_to(folder)
    id = (path.relative_to(folder) if inside else path).as_posix()
    if start or end is not None:
        id += f"#{start!r}-{'' if end is None else repr(end)}"
    split = cell_text(values.get("split"))
    return Utterance(
        corpus=corpus,
        id=id,
        path=path,
        speaker=cell_speaker(values.get("speaker")),
        gender=GENDER_NAMES.get((cell_text(values.get("gender")) or "").casefold()),
        emotion=cell_text(values.get("emotion")),
        start=start,
        end=end,
        session=cell_text(values.get("session")),
        sentence=cell_text(values.get("sentence")),
        split=SPLIT_NAMES.get(split.casefold(), split) if split else None,
        origin=TABLE,
    )


def _check_file(path: Path) -> None:
    if path.suffix.casefold() not in AUDIO_SUFFIXES:
        raise BadRow(f"not one of {', '.join(AUDIO_SUFFIXES)}")
    try:
        size = path.stat().st_size
    except OSError:
        raise BadRow("the file does not exist") from None
    fault = AudioFile(path.name, path, size).fault
    if fault is not None:
        raise BadRow(fault)


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


def _spelt_alike(utterances: tuple[Utterance, ...]) -> list[str]:
    alike = spelt_alike(u.speaker for u in utterances if u.speaker is not None)
    if not alike:
        return []
    return [
        f"The names of {sum(map(len, alike))} speakers differ from another's in zeros or capitals "
        f"alone, e.g. {' and '.join(alike[0])}. They count as different people: spell them alike "
        "if they are one."
    ]


def _unknown_genders(columns: dict[str, str], rows: list[dict]) -> list[str]:
    if "gender" not in columns:
        return []
    values = {cell_text(row.get(columns["gender"])) for row in rows} - {None}
    unknown = sorted(value for value in values if value.casefold() not in GENDER_NAMES)
    if not unknown:
        return []
    return [
        f"The column {columns['gender']} has values other than female and male, which count as "
        f"unknown: {', '.join(unknown[:10])}."
    ]

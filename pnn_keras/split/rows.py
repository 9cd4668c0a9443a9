"""The rows of a published split's table as entries, their roles as the table spells them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pnn_keras.corpora import rows as table
from pnn_keras.errors import ProtocolError
from pnn_keras.split.entries import Entry
from pnn_keras.split.naming import FOLD, LAYOUT

#: The column names that are understood, in the order in which they are looked for.
COLUMNS = {
    **{role: table.COLUMNS[role] for role in ("path", "speaker", "gender", "sentence")},
    "emotion": (*table.COLUMNS["emotion"], "emo"),
    "start": (*table.COLUMNS["start"], "start_time"),
    "end": (*table.COLUMNS["end"], "end_time"),
    "role": ("role", *table.COLUMNS["split"], "subset", "partition", "set"),
    "fold": ("fold", "folds", "fold_id", "cv_fold"),
}

#: The suffixes of tables of JSON lines.
LINES = (".jsonl", ".ndjson")


def read_entries(
    path: Path, role: str | None, fold: int | None, warnings: list[str]
) -> Iterator[Entry]:
    """A table's rows as entries; the role is still as the table spells it.

    Args:
        path: the table.
        role: the role that the table's name tells, or None: a column tells it.
        fold: the fold that its name tells, or None.
        warnings: what was guessed is added to them.

    Raises:
        ProtocolError: a column is missing, or a row is damaged.
        CorpusError: the table cannot be read.
    """
    lines = path.suffix.casefold() in LINES
    header, rows = _read_lines(path) if lines else table.read_rows(path, COLUMNS, LAYOUT)
    columns = table.find_columns(header, COLUMNS)
    if "path" not in columns:
        raise ProtocolError(
            f"The table {path} has no column of files. Expected one of: "
            f"{', '.join(COLUMNS['path'])}. Received: {', '.join(map(str, header))}"
        )
    if role is None and not {"role", "fold"} & set(columns):
        raise ProtocolError(
            f"The table {path} has no column of roles or folds. Expected one of: "
            f"{', '.join((*COLUMNS['role'], *COLUMNS['fold']))}. Received: "
            f"{', '.join(map(str, header))}. One table a role is given as train={path},test=TABLE"
        )
    cells = [
        {key: row.get(column) for key, column in columns.items()}
        for row in _checked_rows(path, rows)
    ]
    if role is not None:
        cells = [row | {"role": role} for row in cells]
    elif {"role", "fold"} & set(columns) == {"role"} and _all_folds(cells, "role"):
        if any((table.cell_text(row["role"]) or "")[:1].isdigit() for row in cells):
            warnings.append(
                f"The numbers in the column {columns['role']} of {path.name} are read as folds, "
                "of which each tests once. If they are roles, name them train, dev and test."
            )
        cells = [row | {"fold": row["role"], "role": None} for row in cells]
    elif {"role", "fold"} & set(columns) == {"fold"} and not _all_folds(cells, "fold"):
        cells = [row | {"role": row["fold"], "fold": None} for row in cells]
    for number, row in enumerate(cells, start=1):
        yield _entry(path, number, row, fold)


def _checked_rows(path: Path, rows: Iterable[dict]) -> Iterator[dict]:
    """The rows, none of which may be damaged: a lost one may be the one that leaks."""
    for number, row in enumerate(rows, start=1):
        try:
            table.check_row(row)
        except table.BadRow as error:
            raise ProtocolError(f"Row {number} of {path} cannot be read: {error}") from error
        yield row


def _read_lines(path: Path) -> tuple[list[str], list[dict]]:
    rows = []
    for number, line in enumerate(table.read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"Line {number} of {path} is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise ProtocolError(
                f'A line of {path} is a JSON object such as {{"wav": "a.wav"}}. '
                f"Received in line {number}: {line[:80]}"
            )
        rows.append(row)
    if not rows:
        raise ProtocolError(f"The table {path} has no rows. Expected: {LAYOUT}")
    return list(dict.fromkeys(key for row in rows for key in row)), rows


def _all_folds(rows: list[dict], column: str) -> bool:
    values = [text for row in rows if (text := table.cell_text(row[column])) is not None]
    return all(FOLD.fullmatch(text.casefold()) for text in values)


def _entry(path: Path, number: int, row: dict, fold: int | None) -> Entry:
    text = {key: table.cell_text(value) for key, value in row.items()}
    if not text["path"]:
        raise ProtocolError(f"Row {number} of {path} names no file. Remove it or name its file")
    if text.get("fold") is not None:
        match = FOLD.fullmatch(text["fold"].casefold())
        if match is None:
            raise ProtocolError(
                f"A fold is a number. Received in row {number} of {path}: {text['fold']!r}"
            )
        fold = int(match[1])
    try:
        start = table.cell_seconds(row.get("start")) or 0.0
        end = table.cell_seconds(row.get("end"))
    except table.BadRow as error:
        raise ProtocolError(f"Row {number} of {path}: {error}") from error
    gender = (text.get("gender") or "").casefold()
    return Entry(
        file=text["path"],
        role=text.get("role"),
        fold=fold,
        start=start,
        end=end,
        speaker=table.cell_speaker(row.get("speaker")),
        gender=table.GENDER_NAMES.get(gender),
        emotion=text.get("emotion"),
        sentence=text.get("sentence"),
    )

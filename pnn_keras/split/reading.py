"""Reading a published split: which files somebody else trained, stopped and tested on.

Forms that are read: a table with a column of files and one of roles or folds;
one table a role, as nkululeko and audformat keep them; a folder of JSON lines
per fold and role, as EmoBox publishes them (Ma et al., "EmoBox: Multilingual
Multi-corpus Speech Emotion Recognition Toolkit and Benchmark", Interspeech 2024).
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pnn_keras.corpora import rows as table
from pnn_keras.errors import ProtocolError
from pnn_keras.split.entries import Entry, Split

#: What the roles are called in published splits, in small letters.
ROLE_NAMES = {
    **{name: "stop" if part == "dev" else part for name, part in table.SPLIT_NAMES.items()},
    "stop": "stop",
}

#: Parts whose role depends on the others, see :func:`read_split`.
EVALUATION_NAMES = ("eval", "evaluation")

#: The column names that are understood, in the order in which they are looked for.
COLUMNS = {
    **{role: table.COLUMNS[role] for role in ("path", "speaker", "gender", "sentence")},
    "emotion": (*table.COLUMNS["emotion"], "emo"),
    "start": (*table.COLUMNS["start"], "start_time"),
    "end": (*table.COLUMNS["end"], "end_time"),
    "role": ("role", *table.COLUMNS["split"], "subset", "partition", "set"),
    "fold": ("fold", "folds", "fold_id", "cv_fold"),
}

LAYOUT = (
    "a table (.csv, .tsv, .parquet, .jsonl) with a column file (or path, wav) and a column role "
    "(split) or fold; or train=TABLE,dev=TABLE,test=TABLE; or a folder with one table a role "
    "(train.csv, test.csv; fold_1/NAME_train_fold_1.jsonl)"
)

_LINES = (".jsonl", ".ndjson")
_FOLD = re.compile(r"(?:fold|split|cv)?[\s_-]*(\d{1,9})(?:\.0+)?", re.ASCII)
#: The number behind a role: ``train1``.
_NUMBERED = re.compile(r"[\s_-]*(\d{1,9})$", re.ASCII)
#: The roles without which there is nothing to compare.
_COMPARED = ("train", "test")
_SHOWN = 5
_ROLE_WORDS = (*ROLE_NAMES, *EVALUATION_NAMES)
_WORDS = "|".join(_ROLE_WORDS)
_ROLE_FILE = re.compile(rf"(?:.*[._-])?({_WORDS})(?:[._-]fold(_?)(\d+))?", re.ASCII)


def read_split(source: str | os.PathLike | Mapping[str, str | os.PathLike]) -> Split:
    r"""Reads a published split.

    Roles go by many names: train, training; dev, devel, development, val,
    valid, validation (these stop training); test, testing. A number behind the
    name does not matter (``test1``); but where train and test both have several
    (``train1``, ``test1``, ``train2``, ``test2``) and a file has more than one,
    it is the fold. What is called eval or evaluation tests, unless another part
    is called test: then it stops. A file without a role or fold is in none.

    Args:
        source: one of

            - a table (.csv, .tsv, .parquet, .jsonl) with a column ``file`` (or
              ``path``, ``wav``, ...) and a column ``role`` (``split``, ...),
              a column ``fold``, or both;
            - ``train=FILE,dev=FILE,test=FILE``, or such a mapping: one table a
              role, with columns ``file``, ``speaker``, ``gender``, ``emotion``,
              and ``start`` and ``end`` where the table is segmented;
            - a folder of such tables that are named after their role
              (``train.csv``) or role and fold
              (``fold_1/emodb_train_fold_1.jsonl``). Other tables in it are
              named as left out; but one whose name has a role in it
              (``train_part2.csv``) is refused, for it may hold files that train.

    Returns:
        The split. Its warnings say what was guessed: that numbers in a column
        of roles are folds, say.

    Raises:
        ProtocolError: nothing is there, no role can be told, a part is called
            by a name that is no role, a row is damaged, or there is nothing to
            test.
        CorpusError: a table cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "split.csv"
        ...     _ = path.write_text("file,split\na.wav,train\nb.wav,val\nc.wav,test\n")
        ...     [entry.role for entry in read_split(path).entries]
        ['train', 'stop', 'test']
    """
    found = _Found()
    if isinstance(source, Mapping):
        name = ",".join(f"{role}={path}" for role, path in source.items())
        found.tables += [(Path(path), role, None) for role, path in source.items()]
    else:
        name = os.fspath(source)
        _find(name, found)
    raw = [entry for file in found.tables for entry in _entries(*file, found.warnings)]
    entries = _with_roles(name, raw, found.warnings)
    if not any(entry.role or entry.fold is not None for entry in entries):
        raise ProtocolError(f"{name} gives no file a role or a fold. Expected: {LAYOUT}")
    split = Split(name, tuple(entries), left_out=tuple(found.left_out))
    warnings = (*found.warnings, *_missing_roles(split))
    return dataclasses.replace(split, warnings=warnings)


@dataclasses.dataclass
class _Found:
    """The tables of a split, each with the role and fold that its name tells; and what is said."""

    tables: list[tuple[Path, str | None, int | None]] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    left_out: list[str] = dataclasses.field(default_factory=list)


def _find(name: str, found: _Found) -> None:
    """Finds the tables of a split."""
    path = Path(name).expanduser()
    if path.is_dir():
        _find_in_folder(path, found)
    elif path.is_file():
        found.tables.append((path, None, None))
    elif "=" in name:
        _find_by_role(name, found)
    else:
        raise ProtocolError(f"There is no split {name}. Expected: {LAYOUT}")


def _find_by_role(name: str, found: _Found) -> None:
    """Finds the tables of ``train=TABLE,test=TABLE``."""
    pairs = [part.partition("=") for part in re.split(r",(?=[^,=/\\]+=)", name)]
    missing = [file for _, _, file in pairs if not Path(file).expanduser().is_file()]
    if missing:
        raise ProtocolError(f"There is no table {missing[0]!r}. Expected: {LAYOUT}")
    roles = [role.strip() for role, _, _ in pairs]
    if len(set(roles)) != len(roles):
        raise ProtocolError(f"Each role is given once. Received: {', '.join(roles)}")
    found.tables += [(Path(file).expanduser(), role.strip(), None) for role, _, file in pairs]


def _find_in_folder(folder: Path, found: _Found) -> None:
    """Finds the tables below a folder that are named after a role; names the others."""
    named: dict[tuple[str, int | None], list[tuple[bool, Path]]] = defaultdict(list)
    others = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.casefold() not in (*table.TABLE_SUFFIXES, *_LINES) or not path.is_file():
            continue
        match = _ROLE_FILE.fullmatch(path.stem.casefold())
        if match is None:
            others.append(path)
            continue
        above = _FOLD.fullmatch(path.parent.name.casefold()) if path.parent != folder else None
        number = match[3] or (above and above[1])
        # EmoBox reads NAME_ROLE_fold_1; NAME_ROLE_fold1 beside it is an older list.
        named[match[1], int(number) if number else None].append((match[2] == "", path))
    if not named:
        raise ProtocolError(
            f"The folder {folder} holds no table that is named after a role. Expected: {LAYOUT}"
        )
    for (role, fold), paths in named.items():
        (older, first), *rest = sorted(paths)
        if rest and rest[0][0] == older:
            raise ProtocolError(
                f"One table gives the {role} files of a fold. Received: {first} and {rest[0][1]}. "
                "Keep one of them, or name the folder of one split"
            )
        found.warnings += [
            f"{path} was left out: {first.name} lies beside it." for _, path in rest
        ]
        found.tables.append((first, role, fold))
    found.tables.sort(key=lambda file: (file[2] or 0, file[1]))
    _name_others(folder, others, found)


def _name_others(folder: Path, others: Sequence[Path], found: _Found) -> None:
    """Tells of tables that are in no role; refuses those that may belong to one."""
    for path in others:
        if not {*_ROLE_WORDS}.isdisjoint(re.split(r"[^a-z]+", path.stem.casefold())):
            raise ProtocolError(
                f"{path} is named after a role, but not as a whole, so whether its files are in "
                "it is not known. Put all files of a role into one table, move what is no part of "
                "the split out of the folder, or name the tables of a split without folds: "
                "train=TABLE,dev=TABLE,test=TABLE"
            )
    if others:
        names = ", ".join(path.relative_to(folder).as_posix() for path in others[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        line = f"not named after a role, so not read: {names}{more}."
        found.warnings.append(f"Some tables of {folder} are {line}")
        found.left_out.append(line)


def _entries(
    path: Path, role: str | None, fold: int | None, warnings: list[str]
) -> Iterator[Entry]:
    """A table's rows as entries; the role is still as the table spells it.

    What was guessed is added to the warnings.
    """
    lines = path.suffix.casefold() in _LINES
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
    return all(_FOLD.fullmatch(text.casefold()) for text in values)


def _entry(path: Path, number: int, row: dict, fold: int | None) -> Entry:
    text = {key: table.cell_text(value) for key, value in row.items()}
    if not text["path"]:
        raise ProtocolError(f"Row {number} of {path} names no file. Remove it or name its file")
    if text.get("fold") is not None:
        match = _FOLD.fullmatch(text["fold"].casefold())
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


def _with_roles(name: str, entries: Iterable[Entry], warnings: list[str]) -> list[Entry]:
    """The entries with their roles by our names; what was guessed is added to the warnings."""
    entries = list(entries)
    plain = {e.role: _NUMBERED.sub("", e.role.casefold()) for e in entries if e.role}
    evaluation = "stop" if "test" in map(ROLE_NAMES.get, plain.values()) else "test"
    meaning = ROLE_NAMES | dict.fromkeys(EVALUATION_NAMES, evaluation)
    unknown = sorted(spelt for spelt, word in plain.items() if word not in meaning)
    if unknown:
        raise ProtocolError(
            f"{name} has parts whose role is not known. Expected: {', '.join(meaning)}. Received: "
            f"{', '.join(unknown[:10])}. Name them train, dev or test, or leave the cell empty"
        )
    known = {spelt: meaning[word] for spelt, word in plain.items()}
    if all(entry.fold is None for entry in entries):
        entries = _numbered_folds(name, entries, known, warnings)
    return [dataclasses.replace(e, role=known[e.role] if e.role else None) for e in entries]


def _numbered_folds(
    name: str, entries: list[Entry], known: Mapping[str, str], warnings: list[str]
) -> list[Entry]:
    """The entries, each in the fold of its role's number where the numbers are folds."""
    numbers = {role: int(match[1]) for role in known if (match := _NUMBERED.search(role))}
    train, test = ({n for r, n in numbers.items() if known[r] == role} for role in _COMPARED)
    if not (train and test) or len(train | test) < 2:
        return entries
    of_file = defaultdict(set)
    for entry in entries:
        if entry.role in numbers:
            of_file[entry.key].add(numbers[entry.role])
    if all(len(found) < 2 for found in of_file.values()):
        raise ProtocolError(
            f"{name} has several numbered parts that train and that test, but no file is in two "
            f"of them. Received: {', '.join(sorted(numbers))}. If the numbers are folds, put them "
            "into a column fold; if they are not, name all parts train and test"
        )
    warnings.append(
        f"The numbers of the roles {', '.join(sorted(numbers))} are read as folds. If they are "
        "parts of one division, name all parts train and test: what they share is a leak then."
    )
    return [dataclasses.replace(e, fold=numbers.get(e.role)) for e in entries]


def _missing_roles(split: Split) -> list[str]:
    divisions = split.divisions()
    if not any("test" in roles for roles in divisions.values()):
        raise ProtocolError(
            f"{split.name} tests no file. Received roles: "
            f"{', '.join(sorted({e.role for e in split.entries} - {None}))}. Add the test files"
        )
    return [
        f"{'The split' if fold is None else f'Fold {fold}'} has no {role} files."
        for fold, roles in divisions.items()
        for role in _COMPARED
        if role not in roles
    ]

"""Finding the tables of a published split, and what their names tell of role and fold."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pnn_keras.corpora import rows as table
from pnn_keras.errors import ProtocolError
from pnn_keras.split.naming import EVALUATION_NAMES, FOLD, LAYOUT, ROLE_NAMES
from pnn_keras.split.rows import LINES

_SHOWN = 5
_ROLE_WORDS = (*ROLE_NAMES, *EVALUATION_NAMES)
_WORDS = "|".join(_ROLE_WORDS)
_ROLE_FILE = re.compile(rf"(?:.*[._-])?({_WORDS})(?:[._-]fold(_?)(\d+))?", re.ASCII)


@dataclasses.dataclass
class Found:
    """The tables of a split, each with the role and fold that its name tells; and what is said."""

    tables: list[tuple[Path, str | None, int | None]] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)
    left_out: list[str] = dataclasses.field(default_factory=list)


def find_tables(name: str) -> Found:
    """Finds the tables of a split.

    Args:
        name: a table, ``train=TABLE,test=TABLE``, or a folder, see
            :func:`~pnn_keras.split.read_split`.

    Raises:
        ProtocolError: nothing is there, or the role of a table cannot be told.
    """
    found = Found()
    path = Path(name).expanduser()
    if path.is_dir():
        _find_in_folder(path, found)
    elif path.is_file():
        found.tables.append((path, None, None))
    elif "=" in name:
        _find_by_role(name, found)
    else:
        raise ProtocolError(f"There is no split {name}. Expected: {LAYOUT}")
    return found


def _find_by_role(name: str, found: Found) -> None:
    """Finds the tables of ``train=TABLE,test=TABLE``."""
    pairs = [part.partition("=") for part in re.split(r",(?=[^,=/\\]+=)", name)]
    missing = [file for _, _, file in pairs if not Path(file).expanduser().is_file()]
    if missing:
        raise ProtocolError(f"There is no table {missing[0]!r}. Expected: {LAYOUT}")
    roles = [role.strip() for role, _, _ in pairs]
    if len(set(roles)) != len(roles):
        raise ProtocolError(f"Each role is given once. Received: {', '.join(roles)}")
    found.tables += [(Path(file).expanduser(), role.strip(), None) for role, _, file in pairs]


def _find_in_folder(folder: Path, found: Found) -> None:
    """Finds the tables below a folder that are named after a role; names the others."""
    named: dict[tuple[str, int | None], list[tuple[bool, Path]]] = defaultdict(list)
    others = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.casefold() not in (*table.TABLE_SUFFIXES, *LINES) or not path.is_file():
            continue
        match = _ROLE_FILE.fullmatch(path.stem.casefold())
        if match is None:
            others.append(path)
            continue
        above = FOLD.fullmatch(path.parent.name.casefold()) if path.parent != folder else None
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


def _name_others(folder: Path, others: Sequence[Path], found: Found) -> None:
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

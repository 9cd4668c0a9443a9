"""Folds on disk: a table that anyone can read, and that proves what it says."""

from __future__ import annotations

import csv
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol.fold import ROLES, Fold
from pnn_keras.protocol.given import folds_from_roles
from pnn_keras.protocol.record import Protocol, protocol_from_folds

COLUMNS = ("repeat", "fold", "role", "corpus", "id")

#: What the first line of a file of folds starts with; a JSON object follows.
_MARK = "# pnn-keras folds: "


def write_folds(
    protocol: Protocol, utterances: Sequence[Utterance], path: str | os.PathLike
) -> None:
    """Writes the folds as CSV: columns ``repeat``, ``fold``, ``role``, ``corpus``, ``id``.

    The first line is a comment that holds :meth:`Protocol.describe` as JSON,
    the hash of the folds included; repeats and folds count from 0.

    Args:
        protocol: the protocol.
        utterances: the utterances that its rows number.
        path: the file to write; an existing one is replaced.

    Example:
        ``write_folds(protocol, utterances, "folds.csv")``
    """
    per_repeat = len(protocol.folds) // protocol.repeats
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(f"{_MARK}{json.dumps(protocol.describe())}\n")
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for number, fold in enumerate(protocol.folds):
            place = divmod(number, per_repeat)
            for role, rows in fold.roles.items():
                names = sorted((utterances[i].corpus, utterances[i].id) for i in rows)
                table.writerows((*place, role, *name) for name in names)


def read_folds(path: str | os.PathLike, utterances: Sequence[Utterance]) -> Protocol:
    """The protocol that :func:`write_folds` wrote, if the file is what it says it is.

    Args:
        path: the file.
        utterances: the utterances, in any order; others than those of the file
            may be among them.

    Returns:
        The protocol, its rows numbering ``utterances``.

    Raises:
        ProtocolError: the file cannot be read or is no such table, an
            utterance is missing or there twice, the folds have another hash,
            or they leak.

    Example:
        ``protocol = read_folds("folds.csv", corpus.utterances)``
    """
    record, lines = _read(Path(path))
    row_of = {(u.corpus, u.id): i for i, u in enumerate(utterances)}
    if len(row_of) < len(utterances):
        raise ProtocolError(
            f"Utterances have different names. Received: {len(utterances)} utterances of "
            f"{len(row_of)} names"
        )
    missing = sorted({name for _, _, name in lines} - set(row_of))
    if missing:
        raise ProtocolError(
            f"{len(missing)} utterances of {path} are not there, e.g. {'/'.join(missing[0])}. "
            "Use the same version of the corpus, under the same name"
        )
    roles: dict[tuple[int, int], dict] = defaultdict(lambda: {role: [] for role in ROLES})
    for place, role, name in lines:
        roles[place][role].append(row_of[name])
    folds = folds_from_roles([roles[place] for place in sorted(roles)], utterances)
    return _checked(path, record, folds, utterances)


def _read(path: Path) -> tuple[dict, list[tuple[tuple[int, int], str, tuple[str, str]]]]:
    """The record in the first line, and of every row its place, role and name."""
    expected = f"Expected a file of pnn_keras.protocol.write_folds, {','.join(COLUMNS)}"
    try:
        with open(path, encoding="utf-8", newline="") as file:
            first = file.readline()
            table = list(csv.reader(file, strict=True))
        record = json.loads(first.removeprefix(_MARK)) if first.startswith(_MARK) else None
    except (OSError, ValueError, csv.Error) as error:
        raise ProtocolError(f"{path} cannot be read: {error}. {expected}") from error
    if not isinstance(record, dict) or table[:1] != [list(COLUMNS)]:
        raise ProtocolError(f"{path} has not the two first lines of a file of folds. {expected}")
    lines = []
    for number, row in enumerate(table[1:], start=3):
        if len(row) != len(COLUMNS) or row[2] not in ROLES or not all(map(_is_count, row[:2])):
            raise ProtocolError(f"Line {number} of {path} cannot be read: {row}. {expected}")
        lines.append(((int(row[0]), int(row[1])), row[2], (row[3], row[4])))
    return record, lines


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _checked(
    path: str | os.PathLike, record: dict, folds: list[Fold], utterances: Sequence[Utterance]
) -> Protocol:
    """The protocol, if its folds have the hash that the file tells."""
    repeats, disjoint = record.get("repeats"), record.get("speaker_disjoint")
    if not isinstance(repeats, int) or not isinstance(disjoint, bool):
        raise ProtocolError(f"The first line of {path} lacks repeats and speaker_disjoint")
    protocol = protocol_from_folds(
        str(record.get("name")),
        folds,
        utterances,
        repeats=repeats,
        seed=record.get("seed"),
        training_parts=record.get("training_parts"),
        speaker_disjoint=disjoint,
    )
    if protocol.hash != record.get("hash"):
        raise ProtocolError(
            f"The folds in {path} are not those that were written: their hash is "
            f"{protocol.hash}. Expected: {record.get('hash')}. Write the file anew"
        )
    return protocol

"""Protocols whose folds stand in a file that somebody published."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol import (
    Protocol,
    folds_from_parts,
    folds_from_roles,
    make_protocol,
    protocol_from_folds,
)
from pnn_keras.split import Split, match, parts, read_split, roles

#: How the name of such a protocol begins.
PREFIX = "folds:"


def open_protocol(
    name: str,
    utterances: Sequence[Utterance],
    labelled: np.ndarray,
    repeats: int = 1,
    seed: int = 0,
    training_parts: int | None = None,
    classes: Sequence[str] = (),
) -> Protocol:
    """A protocol by its name, or that of a fold file: ``folds:FILE``.

    The file (or folder) is what :func:`pnn_keras.split.read_split` reads. Folds
    without roles rotate: one tests, the next stops (as many as hold two
    speakers, where no speaker is in two folds), the others train. Where roles
    have no stop rows, about a fifth of the training speakers leave training to
    stop it. Whether the folds are speaker-disjoint is found out from the data,
    and utterances that are in no fold are left out, with a warning.

    Args:
        name: what :func:`pnn_keras.protocol.make_protocol` takes, or ``folds:FILE``.
        utterances: the utterances, ``n`` of them.
        labelled: bool ``(n,)``, which of them have a class in the target task.
        repeats: how often all folds are dealt anew; those of a file stay and
            take other stop speakers, where these are dealt.
        seed: seed of the dealing.
        training_parts: how many of its training parts each fold keeps; None
            means all.
        classes: those of the target, to be named where a fold has none of them.

    Raises:
        ProtocolError: the folds are impossible, would leak, or test an utterance
            twice.
        UserError: the file is missing or no split.

    Example:
        ``open_protocol("folds:emobox/fold_1", corpus.utterances, labelled)``
    """
    if not name.startswith(PREFIX):
        return make_protocol(name, utterances, labelled, repeats, seed, training_parts)
    split = read_split(name.removeprefix(PREFIX))
    for line in split.warnings:
        warnings.warn(f"{split.name}: {line}", stacklevel=2)
    _warn_of_missing(split, utterances, labelled)
    if training_parts is not None and not split.fold_only:
        raise ProtocolError(
            f"training_parts needs folds without roles. Received: {name}, which has roles"
        )
    kept = {
        fold: _with_class(split, fold, assigned, labelled, classes)
        for fold, assigned in _assigned(split, utterances).items()
    }
    _check_tested_once(split, kept, utterances)
    if split.fold_only:
        tested = [own["test"] for own in kept.values()]
        folds = folds_from_parts(tested, training_parts, utterances) * repeats
    else:
        folds = [
            fold
            for repeat in range(repeats)
            for fold in folds_from_roles([*kept.values()], utterances, seed + repeat)
        ]
    return protocol_from_folds(
        name, folds, utterances, repeats=repeats, seed=seed, training_parts=training_parts
    )


def from_folder(name: str, folder: str | os.PathLike) -> str:
    """The name of a protocol, its fold files named in full.

    Args:
        name: what :func:`open_protocol` takes.
        folder: where files are looked for whose names are not full.

    Example:

    >>> from_folder("folds:train=a.csv,test=b.csv", "/data")
    'folds:train=/data/a.csv,test=/data/b.csv'
    >>> from_folder("speaker-5-fold", "/data")
    'speaker-5-fold'
    """
    if not name.startswith(PREFIX):
        return name

    def full(file: str) -> str:
        return os.path.abspath(Path(folder) / os.path.expanduser(file))

    files = name.removeprefix(PREFIX)
    # As read_split has it: what is a file by its whole name is no list of tables.
    if "=" not in files or os.path.exists(full(files)):
        return PREFIX + full(files)
    tables = [table.partition("=") for table in re.split(r",(?=[^,=/\\]+=)", files)]
    return PREFIX + ",".join(f"{role}={full(file)}" for role, _, file in tables)


def _assigned(
    split: Split, utterances: Sequence[Utterance]
) -> dict[int | None, dict[str, np.ndarray]]:
    """By fold, the rows of each role; the parts of folds without roles are what these test."""
    if split.fold_only:
        return {fold: {"test": rows} for fold, rows in parts(split, utterances).items()}
    return roles(split, utterances)


def _with_class(
    split: Split,
    fold: int | None,
    assigned: Mapping[str, np.ndarray],
    labelled: np.ndarray,
    classes: Sequence[str],
) -> dict[str, np.ndarray]:
    """A fold's rows that have a class of the target; refuses a role that has none.

    Stop rows of which no file is here are as if the file named none.
    """
    kept = {}
    for role in ("test",) if split.fold_only else ("train", "stop", "test"):
        rows = assigned.get(role, np.zeros(0, np.int64))
        if role == "stop" and not len(rows):
            continue
        kept[role] = rows[labelled[rows]]
        if len(kept[role]):
            continue
        place = [] if split.fold_only else [role]
        place += [] if fold is None else [f"fold {fold}"]
        found = f"{split.name}: {' in '.join(place)} has {len(rows)} recording(s)"
        if not len(rows):
            raise ProtocolError(f"{found} here. Open the corpus that it lists, or leave it out")
        raise ProtocolError(
            f"{found}, none of a class of the target{': ' if classes else ''}"
            f"{', '.join(classes)}. Choose other classes, or leave the fold out"
        )
    return kept


def _check_tested_once(
    split: Split,
    kept: Mapping[int | None, Mapping[str, np.ndarray]],
    utterances: Sequence[Utterance],
) -> None:
    """Refuses an utterance that several folds test: no repeat of all folds would be one."""
    tested: dict[int, list[str]] = {}
    for fold, assigned in kept.items():
        for row in assigned["test"].tolist():
            tested.setdefault(row, []).append(str(fold))
    twice = {row: folds for row, folds in tested.items() if len(folds) > 1}
    if twice:
        row, folds = min(twice.items())
        mend = "Give each of these folds in a file of its own, to a study of its own"
        raise ProtocolError(
            f"{split.name}: {utterances[row].id} is tested in folds {' and '.join(folds)}, as are "
            f"{len(twice)} utterances in several folds. Each is tested once. "
            f"{'Name one fold of each' if split.fold_only else mend}"
        )


def _warn_of_missing(split: Split, utterances: Sequence[Utterance], labelled: np.ndarray) -> None:
    found = match(split, utterances)
    absent = [*found.unmatched, *(file for file, _ in found.ambiguous)]
    # A corpus opened among others, or classes left out, is no mistake: count what is labelled.
    placed = np.zeros(len(utterances), bool)
    placed[found.rows[found.rows >= 0]] = True
    corpora = {utterances[i].corpus for i in np.flatnonzero(placed)}
    own = np.array([u.corpus in corpora for u in utterances])
    left = int(np.count_nonzero(labelled & own & ~placed))
    for count, what in (
        (len(absent), "of its files are no recording here"),
        (left, "recordings here are in none of its folds and left out"),
    ):
        if count:
            warnings.warn(f"{split.name}: {count} {what}", stacklevel=3)

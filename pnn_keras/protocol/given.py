"""Folds that somebody else made: parts or roles, as row numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol.dealing import (
    STOP_SPEAKERS,
    rotated,
    rotated_fold,
    take_stop_speakers,
)
from pnn_keras.protocol.fold import ROLES, Fold
from pnn_keras.protocol.hearing import Identities, speakers_apart
from pnn_keras.protocol.parts import FEWEST_FOLDS


def folds_from_parts(
    parts: Sequence[Sequence[int] | np.ndarray],
    training_parts: int | None = None,
    utterances: Sequence[Utterance] | None = None,
) -> list[Fold]:
    """The folds of parts in rotation: one tests, the next stops, the others train.

    Where no speaker is in two parts, as many of the next parts stop as have two
    speakers together, if another is left to train.

    Args:
        parts: the row numbers of each part, ``(n_part,)`` each.
        training_parts: how many of the other parts train, counted from the one
            that stops; None means all. Fewer are the first of more, and each
            part trains equally often where all folds stop on equally many.
        utterances: the utterances that the rows number; None if who speaks
            does not matter: one part stops.

    Returns:
        As many folds as parts, in their order.

    Raises:
        ProtocolError: there are fewer than three parts, one is empty, a row is
            in two parts, or ``training_parts`` are not left.

    Example:
        >>> fold = folds_from_parts([[0, 4], [1], [2], [3]], training_parts=1)[0]
        >>> {role: rows.tolist() for role, rows in fold.roles.items()}
        {'train': [2], 'stop': [1], 'test': [0, 4]}
    """
    if len(parts) < FEWEST_FOLDS:
        raise ProtocolError(
            f"A protocol has at least {FEWEST_FOLDS} parts: one tests, one stops, one trains. "
            f"Received: {len(parts)}"
        )
    if training_parts is not None and training_parts < 1:
        raise ProtocolError(f"training_parts is at least 1. Received: {training_parts}")
    arrays = [_rows(part, f"Part {number}") for number, part in enumerate(parts)]
    rows, often = np.unique(np.concatenate(arrays), return_counts=True)
    if often.max() > 1:
        raise ProtocolError(
            f"A row is in one part only. Received: {np.sum(often > 1)} rows in several parts, "
            f"e.g. row {rows[often > 1][0]}"
        )
    stopping = _stopping_parts(arrays, utterances)
    groups = [[part] for part in arrays]
    return [
        rotated_fold(rotated(groups, i), stopping[i], training_parts) for i in range(len(parts))
    ]


def _stopping_parts(
    parts: Sequence[np.ndarray], utterances: Sequence[Utterance] | None
) -> list[int]:
    """Of each fold how many parts stop."""
    stopping = [1] * len(parts)
    if utterances is None:
        return stopping
    known = Identities(utterances)
    none = np.zeros(0, np.int64)
    rests = (np.concatenate([*parts[:i], *parts[i + 1 :]]) for i in range(len(parts)))
    alone = [Fold(part, none, rest) for part, rest in zip(parts, rests, strict=True)]
    if not speakers_apart(alone, known):
        return stopping
    for test in range(len(parts)):
        following = rotated(parts, test)[1:]
        while (
            known.count_speakers(np.concatenate(following[: stopping[test]])) < STOP_SPEAKERS
            and stopping[test] < len(following) - 1
        ):
            stopping[test] += 1
    return stopping


def folds_from_roles(
    roles: Sequence[Mapping[str, Sequence[int] | np.ndarray]],
    utterances: Sequence[Utterance],
    seed: int = 0,
) -> list[Fold]:
    """The folds whose roles somebody else assigned.

    Where a fold says nothing of stop rows, about a fifth of its training
    speakers (at least two, of both sexes where possible) leave training to
    stop it.

    Args:
        roles: for each fold the row numbers of ``train``, ``test`` and, or
            not, ``stop``, ``(n_role,)`` each.
        utterances: the utterances that the rows number.
        seed: seed of the choice of stop speakers.

    Returns:
        The folds, in their order.

    Raises:
        ProtocolError: a fold has an unknown or an empty role, a row number is
            no utterance's, or stop speakers cannot be taken out of training.

    Example:
        >>> from pathlib import Path
        >>> utterances = [Utterance("made", f"{i}.wav", Path(f"{i}.wav")) for i in range(4)]
        >>> roles = {"train": [3, 1], "stop": [0], "test": [2]}
        >>> folds_from_roles([roles], utterances)[0].train
        array([1, 3])
    """
    folds = []
    for number, assigned in enumerate(roles):
        name = f"Fold {number}"
        if not {"train", "test"} <= set(assigned) <= set(ROLES):
            raise ProtocolError(
                f"{name} needs the roles train and test, and may have stop. "
                f"Received: {', '.join(map(str, assigned)) or 'none'}"
            )
        rows = {role: _rows(r, f"{name}'s {role}") for role, r in assigned.items()}
        beyond = [r for r in np.concatenate(list(rows.values())) if r >= len(utterances)]
        if beyond:
            raise ProtocolError(f"{name} has row {beyond[0]} of {len(utterances)} utterances")
        if "stop" not in rows:
            generator = np.random.default_rng([seed, number])
            rows["train"], rows["stop"] = take_stop_speakers(utterances, rows["train"], generator)
        folds.append(Fold(rows["train"], rows["stop"], rows["test"]))
    return folds


def _rows(rows: Sequence[int] | np.ndarray, what: str) -> np.ndarray:
    """The row numbers, int64, sorted."""
    array = np.asarray(rows)
    if array.ndim != 1:
        raise ProtocolError(f"{what} is a list of row numbers. Received: {rows!r}")
    if not array.size:
        raise ProtocolError(f"{what} has no row. Expected: at least one")
    if not np.issubdtype(array.dtype, np.integer) or array.min() < 0:
        raise ProtocolError(f"{what} has row numbers that are no whole numbers from 0")
    unique = np.unique(array).astype(np.int64)
    if unique.size != array.size:
        raise ProtocolError(f"{what} has {array.size - unique.size} rows twice")
    return unique

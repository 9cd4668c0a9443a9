"""The rows of source columns: what they learn from, stop on and are scored on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol.dealing import (
    SPEAKERS_PER_STOP_SPEAKER,
    STOP_SPEAKERS,
    in_turn,
    speaker_groups,
    together,
)
from pnn_keras.protocol.fold import Fold
from pnn_keras.protocol.hearing import Identities, check_hearing
from pnn_keras.protocol.record import Protocol
from pnn_keras.protocol.sameness import same_recordings

#: One of this many of a speaker's utterances stops a speaker recogniser.
STOP_SHARE = 8


def source_folds(
    label: str,
    utterances: Sequence[Utterance],
    targets: np.ndarray,
    protocol: Protocol,
    seed: int = 0,
) -> list[Fold]:
    """A source column's rows in every fold of the target, checked for leaks.

    The rows are the target's training rows as far as they have a class of the
    source; then the source is scored on the target's test rows. Where none
    has one, because the source is another corpus's task, they are all rows
    with a class of the source, the same ones in every fold.

    Args:
        label: the label that the source learns.
        utterances: the utterances, ``n`` of them.
        targets: the source's class numbers, ``(n,)``, -1 for none.
        protocol: the folds of the target.
        seed: seed of the choice of stop rows.

    Returns:
        A fold of the source for each fold of the protocol.

    Raises:
        ProtocolError: fewer than two classes are left to learn, there is
            nothing to stop on, or the source would hear what it must not.

    Example:
        ``source_folds("gender", utterances, task.targets(utterances), protocol)``
    """
    known = Identities(utterances)
    folds = []
    for number, fold in enumerate(protocol.folds):
        rows = source_rows(targets, fold.train)
        own = bool(np.isin(rows, fold.train).all())
        test = fold.test if own else rows[:0]
        column = source_fold(label, utterances, targets, rows, test, seed + own * number)
        check_hearing(column, fold, known, protocol.speaker_disjoint)
        folds.append(column)
    return folds


def source_rows(targets: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The rows that a source may learn from: the target's, or another corpus's.

    Args:
        targets: the source's class numbers, ``(n,)``, -1 for none.
        rows: the target's training rows.

    Returns:
        Those of ``rows`` that have a class; where none has, all that have one.

    Example:
        >>> source_rows(np.array([0, 1, -1, 1]), np.array([1, 2]))
        array([1])
        >>> source_rows(np.array([0, 1, -1, 1]), np.array([2]))
        array([0, 1, 3])
    """
    own = rows[targets[rows] >= 0]
    return own if len(own) else np.flatnonzero(targets >= 0)


def source_fold(
    label: str,
    utterances: Sequence[Utterance],
    targets: np.ndarray,
    rows: np.ndarray,
    test: np.ndarray,
    seed: int = 0,
) -> Fold:
    """The rows of a source column: its own stop rows come out of its own rows.

    A source column must not hear the target's stop and test speakers, so it
    cannot stop on the target's stop rows. A speaker recogniser stops on an
    eighth of each speaker's utterances, every other task on about a fifth of
    the speakers, or of the utterances where fewer than four speakers are left.

    Args:
        label: the label that the source learns.
        utterances: the utterances, ``n`` of them.
        targets: the source's class numbers, ``(n,)``, -1 for none.
        rows: the rows that the source may hear.
        test: the rows that are tested; those with a class of the source score it.
        seed: seed of the choice.

    Raises:
        ProtocolError: fewer than two classes are left to learn.
    """
    rows = rows[targets[rows] >= 0]
    generator = np.random.default_rng([seed, len(rows)])
    if label == "speaker":
        stop, held_out = _share_of_each(rows, targets, utterances, generator), rows[:0]
    else:
        stop = _share_of_speakers(rows, utterances, targets, generator)
        held_out = test[targets[test] >= 0]
    if not len(stop):
        raise ProtocolError(
            f"The source {label!r} has no rows to stop on: each class has a single recording. "
            "Use a corpus with more recordings of each"
        )
    train = np.setdiff1d(rows, stop)
    if len(np.unique(targets[train])) < 2:
        raise ProtocolError(
            f"The source {label!r} needs training rows of at least two classes. "
            f"Received: {len(np.unique(targets[train]))} among {len(train)} rows. Use a corpus "
            "with more speakers, or a protocol of more folds, which leaves more to train on"
        )
    return Fold(train, stop, held_out)


def _share_of_each(rows, targets, utterances, generator) -> np.ndarray:
    """An eighth of each class's recordings, at least one where it has two."""
    # Of all rows: a recording may bear two labels, and must not train and stop.
    recordings = enumerate(same_recordings(utterances, rows))
    number_of = {row: number for number, same in recordings for row in same}
    chosen: set[int] = set()
    for target in np.unique(targets[rows]):
        clips = list(dict.fromkeys(number_of[i] for i in rows[targets[rows] == target].tolist()))
        size = max(1, len(clips) // STOP_SHARE) if len(clips) > 1 else 0
        drawn = generator.permutation(len(clips))[:size]
        chosen.update(clips[i] for i in drawn)
    return np.sort(np.array([i for i in rows if number_of[i] in chosen], dtype=np.int64))


def _share_of_speakers(rows, utterances, targets, generator) -> np.ndarray:
    """The rows of about a fifth of the speakers, at least two, of both sexes where possible."""
    if any(utterances[i].speaker is None for i in rows):
        return _share_of_each(rows, targets, utterances, generator)
    groups = speaker_groups(utterances, rows, generator)
    classes = len(np.unique(targets[rows]))
    count = max(STOP_SPEAKERS, len(groups) // SPEAKERS_PER_STOP_SPEAKER)
    if len(groups) >= STOP_SPEAKERS + 2:
        turns = in_turn(utterances, groups, lambda group: group)
        stop, train = together(turns[:count]), together(turns[count:])
        if len(np.unique(targets[train])) == classes:
            return stop
    return _share_of_each(rows, targets, utterances, generator)

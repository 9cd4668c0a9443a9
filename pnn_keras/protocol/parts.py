"""Protocols that deal all rows to parts, each of which tests once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol.dealing import (
    STOP_SPEAKERS,
    in_turn,
    joined,
    opposite_swapped,
    rotated,
    rotated_fold,
    speaker_groups,
)
from pnn_keras.protocol.fold import Fold
from pnn_keras.protocol.sameness import same_recordings

#: Fewest folds of a protocol: one tests, one stops, one trains.
FEWEST_FOLDS = 3


def speaker_folds(
    utterances: Sequence[Utterance],
    rows: np.ndarray,
    generator: np.random.Generator,
    count: int,
    training: int | None = None,
) -> list[Fold]:
    """Speakers stay together and are dealt to ``count`` parts, each sex evenly."""
    groups = speaker_groups(utterances, rows, generator)
    _check_speakers(f"speaker-{count}-fold", len(groups), max(count, STOP_SPEAKERS + 2))
    # Neighbouring parts may stop together, so that neighbours are to be of both sexes.
    parts = in_turn(utterances, [groups[i::count] for i in range(count)], lambda part: part[0])
    return _disjoint_folds(parts, training)


def one_speaker_folds(
    utterances: Sequence[Utterance], rows: np.ndarray, generator: np.random.Generator
) -> list[Fold]:
    """Each speaker is a part."""
    groups = speaker_groups(utterances, rows, generator)
    _check_speakers("leave-one-speaker-out", len(groups), STOP_SPEAKERS + 2)
    # Neighbours stop, so neighbours are to be of both sexes.
    parts = [[g] for g in in_turn(utterances, groups, lambda group: group)]
    return _disjoint_folds(parts)


def one_session_folds(
    utterances: Sequence[Utterance], rows: np.ndarray, generator: np.random.Generator
) -> list[Fold]:
    """Each session is a part; sessions that share a recording are one."""
    unknown = [utterances[i].id for i in rows if utterances[i].session is None]
    if unknown:
        raise ProtocolError(
            f"{len(unknown)} utterances have no session, e.g. {unknown[0]}, so sessions cannot "
            "be kept apart. Add a session column, or ask for speaker-5-fold"
        )
    sessions = joined(utterances, rows, lambda u: f"{u.corpus}/{u.session}")
    if len(sessions) < FEWEST_FOLDS:
        raise ProtocolError(
            f"leave-one-session-out needs at least {FEWEST_FOLDS} sessions: one tests, one "
            f"stops, one trains. Received: {len(sessions)}"
        )
    parts = [_by_speaker(utterances, members) for members in sessions.values()]
    _refuse_spanning(utterances, parts)
    shuffled = [parts[i] for i in generator.permutation(len(parts))]
    return _disjoint_folds(in_turn(utterances, shuffled, lambda part: part[0]))


def paper_folds(
    utterances: Sequence[Utterance],
    rows: np.ndarray,
    generator: np.random.Generator,
    count: int,
    training: int | None = None,
) -> list[Fold]:
    """Every speaker's recordings are dealt evenly to ``count`` parts."""
    recordings = same_recordings(utterances, rows)
    if len(recordings) < count:
        raise ProtocolError(
            f"paper-{count}-fold needs at least {count} recordings. Received: {len(recordings)}"
        )
    by_speaker = defaultdict(list)
    for same in recordings:
        by_speaker[utterances[same[0]].speaker_id].append(same)
    dealt: list[list[int]] = [[] for _ in range(count)]
    position = 0  # carried over, so that the folds' sizes differ by little
    for speaker in sorted(by_speaker, key=str):
        clips = by_speaker[speaker]
        for i in generator.permutation(len(clips)):
            dealt[position % count].extend(clips[i])
            position += 1
    parts = [[np.array(part, dtype=np.int64)] for part in dealt]
    return [rotated_fold(rotated(parts, i), training=training) for i in range(count)]


def _disjoint_folds(parts: list[list[np.ndarray]], training: int | None = None) -> list[Fold]:
    """Every part tests once; as many of the next parts stop as have two groups together.

    In every second fold of either half turn, those half a turn apart train in each other's
    place, so that few training parts are not all of the sex that is not tested.
    """
    folds = []
    for test in range(len(parts)):
        order = rotated(parts, test)
        stopping = 1
        while sum(map(len, order[1 : stopping + 1])) < STOP_SPEAKERS:
            stopping += 1
        if test % (len(parts) // 2) % 2:
            order = opposite_swapped(order, stopping + 1)
        folds.append(rotated_fold(order, stopping, training))
    return folds


def _by_speaker(utterances: Sequence[Utterance], members: list[int]) -> list[np.ndarray]:
    """The rows of each speaker of a session; those of unknown speakers are one group."""
    groups = defaultdict(list)
    for i in members:
        groups[utterances[i].speaker_id].append(i)
    return [np.array(groups[speaker]) for speaker in sorted(groups, key=str)]


def _refuse_spanning(utterances: Sequence[Utterance], parts: list[list[np.ndarray]]) -> None:
    """Refuses sessions that share a speaker: a score would be neither one nor the other."""
    sessions = defaultdict(int)
    for part in parts:
        for group in part:
            sessions[utterances[group[0]].speaker_id] += 1
    spanning = sorted(s for s, number in sessions.items() if s is not None and number > 1)
    if spanning:
        raise ProtocolError(
            f"{len(spanning)} speaker(s) are in several sessions, e.g. {spanning[0]}, so leaving "
            "a session out does not leave its speakers out. Ask for speaker-5-fold or "
            "leave-one-speaker-out; or give folds by session as folds of your own, which are "
            "then stamped speaker-dependent"
        )


def _check_speakers(name: str, received: int, expected: int) -> None:
    if received < expected:
        enough = received >= STOP_SPEAKERS + 2
        mend = f"Ask for speaker-{received}-fold, or use" if enough else "Use"
        raise ProtocolError(
            f"{name} needs at least {expected} speakers. Received: {received}. {mend} a corpus "
            "with more speakers; paper-10-fold needs only one, but its scores are "
            "speaker-dependent"
        )

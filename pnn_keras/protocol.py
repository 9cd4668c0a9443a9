"""Protocols: which utterances train, stop and test, and who may hear what.

Every column of a chain gets its rows from here, and :func:`check_hearing` is
the one place that decides whether a column may hear them.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError

#: Fewest speakers whose rows decide when training stops, in disjoint protocols.
STOP_SPEAKERS = 2

#: One of this many of a speaker's utterances stops a speaker recogniser.
STOP_SHARE = 8


@dataclasses.dataclass(frozen=True)
class Fold:
    """The rows of one column in one division: numbers of utterances, sorted.

    Args:
        train: int64 ``(n_train,)``, the rows that weights and scaler are fitted on.
        stop: int64 ``(n_stop,)``, the rows that decide when training stops.
        test: int64 ``(n_test,)``, the rows that are scored.
    """

    train: np.ndarray
    stop: np.ndarray
    test: np.ndarray

    @property
    def heard(self) -> np.ndarray:
        """The rows that have any influence on the column: train and stop."""
        return np.union1d(self.train, self.stop)


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The folds behind a score.

    Args:
        name: its name, as the user asks for it.
        speaker_disjoint: whether no speaker is heard in training and in test.
        folds: all folds, repeat by repeat.
        repeats: how many times every utterance is tested.
        hash: SHA-256 over the names of all utterances and their roles: the
            same hash means the same folds, on any machine.
    """

    name: str
    speaker_disjoint: bool
    folds: tuple[Fold, ...]
    repeats: int
    hash: str

    @property
    def stamp(self) -> str:
        """What every table says of its scores."""
        return "speaker-disjoint" if self.speaker_disjoint else "speaker-dependent"


def make_protocol(
    name: str,
    utterances: Sequence[Utterance],
    labelled: np.ndarray,
    repeats: int = 1,
    seed: int = 0,
) -> Protocol:
    """The folds of a protocol over the utterances that carry the target label.

    ``speaker-5-fold`` (any number of folds) keeps speakers together and deals
    men and women evenly to the folds; the next fold, or as many as hold two
    speakers, stops training. ``leave-one-speaker-out`` tests one speaker at a
    time; two others stop, of both sexes where there are as many men as women.
    ``paper-10-fold`` is that of Gideon et al. (2017): every speaker is dealt
    evenly to ten folds, one tests, one stops, eight train. Its scores are
    speaker-dependent.

    Byte-identical recordings share a role in every protocol.

    Args:
        name: one of the names above.
        utterances: the utterances, ``n`` of them.
        labelled: bool ``(n,)``, which of them have a class in the target task.
        repeats: how often all folds are dealt anew.
        seed: seed of the dealing.

    Raises:
        ProtocolError: the name is unknown, ``repeats`` is not positive, a
            speaker is unknown in a disjoint protocol, or there are too few
            speakers or recordings.
    """
    deal = _dealer(name)
    if repeats < 1:
        raise ProtocolError(f"repeats is at least 1. Received: {repeats}")
    rows = np.flatnonzero(labelled)
    disjoint = deal is not _paper_folds
    folds: list[Fold] = []
    for repeat in range(repeats):
        generator = np.random.default_rng([seed, repeat])
        folds.extend(deal(name, utterances, rows, generator))
    for fold in folds:
        check_hearing(fold, fold, utterances, disjoint)
    return Protocol(name, disjoint, tuple(folds), repeats, _hash(folds, utterances))


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
            f"The source {label!r} has no rows to stop on: each class has a single recording"
        )
    train = np.setdiff1d(rows, stop)
    if len(np.unique(targets[train])) < 2:
        raise ProtocolError(
            f"The source {label!r} needs training rows of at least two classes. "
            f"Received: {len(np.unique(targets[train]))} among {len(train)} rows"
        )
    return Fold(train, stop, held_out)


def check_hearing(
    column: Fold, target: Fold, utterances: Sequence[Utterance], speaker_disjoint: bool
) -> None:
    """Refuses a column that hears what the target is tested or stopped on.

    The target's own column may train on its training rows and stop on its stop
    rows. Any other column, and the scaler, may hear neither its stop nor its
    test rows; in a speaker-disjoint protocol not even their speakers.

    Args:
        column: the rows of the column.
        target: the rows of the target in the same fold; the same object if
            the column is the target.
        utterances: the utterances that the rows number.
        speaker_disjoint: whether speakers must not be shared either.

    Raises:
        ProtocolError: naming what would leak.
    """
    own = column is target
    pairs = [(column.train, target.stop, "stop"), (column.train, target.test, "test")]
    pairs.append((column.stop, target.test, "test"))
    if not own:
        pairs.append((column.stop, target.stop, "stop"))
    keys: list[tuple[str, Callable[[Utterance], object]]] = [
        ("utterance", lambda u: (u.corpus, u.id)),
        ("recording", lambda u: u.content),
    ]
    if speaker_disjoint:
        keys.append(("speaker", lambda u: u.speaker_id))
    for heard, kept, role in pairs:
        for what, key in keys:
            shared = {key(utterances[i]) for i in heard} & {key(utterances[i]) for i in kept}
            if shared:
                raise ProtocolError(
                    f"A {'target' if own else 'source'} column would hear {len(shared)} "
                    f"{what}(s) of the target's {role} rows, e.g. {min(map(str, shared))}"
                )


def _dealer(name: str):
    """The function that deals the folds of a protocol."""
    if name == "paper-10-fold":
        return _paper_folds
    if name == "leave-one-speaker-out":
        return _one_speaker_folds
    head, _, tail = name.partition("-")
    count, _, kind = tail.partition("-")
    if head == "speaker" and kind == "fold" and count.isdecimal() and int(count) >= 2:
        return _speaker_folds
    raise ProtocolError(
        "A protocol is speaker-5-fold (or another number), leave-one-speaker-out or "
        f"paper-10-fold. Received: {name!r}"
    )


def _speaker_folds(name, utterances, rows, generator) -> list[Fold]:
    groups = _groups(utterances, rows, generator)
    count = int(name.split("-")[1])
    if len(groups) < max(count, STOP_SPEAKERS + 2):
        raise _too_few_speakers(name, len(groups), max(count, STOP_SPEAKERS + 2))
    if count < 3:
        raise ProtocolError(f"A protocol has at least three folds. Received: {name!r}")
    # Neighbouring parts may stop together, so that neighbours are to be of both sexes.
    dealt = _in_turn(utterances, [groups[i::count] for i in range(count)], lambda part: part[0])
    return [_disjoint_fold(dealt, i) for i in range(count)]


def _one_speaker_folds(name, utterances, rows, generator) -> list[Fold]:
    groups = _groups(utterances, rows, generator)
    if len(groups) < STOP_SPEAKERS + 2:
        raise _too_few_speakers(name, len(groups), STOP_SPEAKERS + 2)
    # Neighbours stop, so neighbours are to be of both sexes.
    order = [[group] for group in _in_turn(utterances, groups, lambda group: group)]
    return [_disjoint_fold(order, i) for i in range(len(order))]


def _disjoint_fold(dealt: list[list[np.ndarray]], test: int) -> Fold:
    """Part ``test`` tests, the next parts with two groups together stop, the rest trains."""
    order = [dealt[(test + step) % len(dealt)] for step in range(len(dealt))]
    parts = 1
    while sum(map(len, order[1 : parts + 1])) < STOP_SPEAKERS:
        parts += 1
    training = [group for part in order[parts + 1 :] for group in part]
    stopping = [group for part in order[1 : parts + 1] for group in part]
    if not training:
        raise ProtocolError("No speaker is left to train on; use more speakers or folds")
    return Fold(_sorted(training), _sorted(stopping), _sorted(order[0]))


def _paper_folds(name, utterances, rows, generator) -> list[Fold]:
    folds = int(name.split("-")[1])
    recordings = _same_recordings(utterances, rows)
    if len(recordings) < folds:
        raise ProtocolError(
            f"{name} needs at least {folds} recordings. Received: {len(recordings)}"
        )
    by_speaker = defaultdict(list)
    for same in recordings:
        by_speaker[utterances[same[0]].speaker_id].append(same)
    dealt: list[list[int]] = [[] for _ in range(folds)]
    position = 0  # carried over, so that the folds' sizes differ by little
    for speaker in sorted(by_speaker, key=str):
        clips = by_speaker[speaker]
        for i in generator.permutation(len(clips)):
            dealt[position % folds].extend(clips[i])
            position += 1
    parts = [np.sort(np.array(part, dtype=np.int64)) for part in dealt]
    made = []
    for i in range(folds):
        training = [parts[(i + step) % folds] for step in range(2, folds)]
        made.append(Fold(_sorted(training), parts[(i + 1) % folds], parts[i]))
    return made


def _groups(utterances, rows, generator) -> list[np.ndarray]:
    """The rows of each speaker: one sex after the other, each in random order.

    Speakers who share a byte-identical recording are one group.
    """
    unknown = [utterances[i].id for i in rows if utterances[i].speaker is None]
    if unknown:
        raise ProtocolError(
            f"{len(unknown)} utterances have no speaker, e.g. {unknown[0]}, so speakers cannot "
            "be kept apart. Add a speaker column, or ask for paper-10-fold by its name"
        )
    parent: dict[str, str] = {}

    def root(speaker: str) -> str:
        parent.setdefault(speaker, speaker)
        while parent[speaker] != speaker:
            speaker = parent[speaker]
        return speaker

    for same in _same_recordings(utterances, rows):
        first = root(utterances[same[0]].speaker_id)
        for i in same[1:]:
            parent[root(utterances[i].speaker_id)] = first
    members = defaultdict(list)
    for i in rows:
        members[root(utterances[i].speaker_id)].append(i)
    by_sex = defaultdict(list)
    for name in sorted(members):
        by_sex[str(utterances[members[name][0]].gender)].append(np.array(members[name]))
    # One sex after the other: dealt to the folds one by one, each sex, and so
    # the whole, is spread as evenly as its number allows.
    sexes = [same for _, same in sorted(by_sex.items())]
    return [same[i] for same in sexes for i in generator.permutation(len(same))]


def _in_turn(utterances, items: list, rows_of: Callable) -> list:
    """The items with the sexes spread evenly along the list.

    Args:
        utterances: the utterances.
        items: groups of rows, or lists of such groups.
        rows_of: gives an item's rows; the first of them tells its sex.
    """
    by_sex = defaultdict(list)
    for item in items:
        by_sex[str(utterances[rows_of(item)[0]].gender)].append(item)
    keyed = [
        ((position + 0.5) / len(same), sex, item)
        for sex, same in by_sex.items()
        for position, item in enumerate(same)
    ]
    return [item for _, _, item in sorted(keyed, key=lambda entry: entry[:2])]


def _same_recordings(utterances, rows) -> list[list[int]]:
    """The rows, those with byte-identical recordings together."""
    by_content = defaultdict(list)
    for i in rows:
        by_content[utterances[i].content].append(int(i))
    return list(by_content.values())


def _share_of_each(rows, targets, utterances, generator) -> np.ndarray:
    """An eighth of each class's recordings, at least one where it has two."""
    chosen: set[str] = set()
    for number in np.unique(targets[rows]):
        clips = _same_recordings(utterances, rows[targets[rows] == number])
        size = max(1, len(clips) // STOP_SHARE) if len(clips) > 1 else 0
        drawn = generator.permutation(len(clips))[:size]
        chosen.update(utterances[clips[i][0]].content for i in drawn)
    # By content: a recording may bear two labels, and must not train and stop.
    return np.sort(np.array([i for i in rows if utterances[i].content in chosen], dtype=np.int64))


def _share_of_speakers(rows, utterances, targets, generator) -> np.ndarray:
    """The rows of about a fifth of the speakers, at least two, of both sexes where possible."""
    if any(utterances[i].speaker is None for i in rows):
        return _share_of_each(rows, targets, utterances, generator)
    groups = _groups(utterances, rows, generator)
    classes = len(np.unique(targets[rows]))
    count = max(STOP_SPEAKERS, len(groups) // 5)
    if len(groups) >= STOP_SPEAKERS + 2:
        turns = _in_turn(utterances, groups, lambda group: group)
        stop, train = _sorted(turns[:count]), _sorted(turns[count:])
        if len(np.unique(targets[train])) == classes:
            return stop
    return _share_of_each(rows, targets, utterances, generator)


def _sorted(groups: Iterable[np.ndarray]) -> np.ndarray:
    return np.sort(np.concatenate(list(groups))).astype(np.int64)


def _too_few_speakers(name: str, received: int, expected: int) -> ProtocolError:
    return ProtocolError(
        f"{name} needs at least {expected} speakers. Received: {received}. Use a corpus with "
        "more speakers or fewer folds; paper-10-fold needs only one, but its scores are "
        "speaker-dependent"
    )


def _hash(folds: Sequence[Fold], utterances: Sequence[Utterance]) -> str:
    """SHA-256 over every fold's roles, by the utterances' names."""
    digest = hashlib.sha256()
    for number, fold in enumerate(folds):
        roles: Mapping[str, np.ndarray] = {
            "train": fold.train,
            "stop": fold.stop,
            "test": fold.test,
        }
        for role, rows in roles.items():
            for name in sorted(f"{utterances[i].corpus}/{utterances[i].id}" for i in rows):
                digest.update(f"{number}\t{role}\t{name}\n".encode())
    return digest.hexdigest()

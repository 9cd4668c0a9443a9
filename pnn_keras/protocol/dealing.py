"""Dealing: which rows must stay together, and how they are spread over parts.

A *group* is the rows of one speaker (or of several who share a recording); a
*part* is a list of groups that test together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol.fold import Fold
from pnn_keras.protocol.sameness import Ties, same_recordings, speakers_of_one_recording

#: Fewest speakers whose rows decide when training stops, in disjoint protocols.
STOP_SPEAKERS = 2

#: One of this many speakers stops, where stop speakers are taken out of training rows.
SPEAKERS_PER_STOP_SPEAKER = 5


def by_name(utterances: Sequence[Utterance], rows: np.ndarray) -> np.ndarray:
    """The rows in the order of their utterances' names, wherever they lie in memory."""
    named = sorted(rows, key=lambda i: (utterances[i].corpus, utterances[i].id))
    return np.array(named, dtype=np.int64)


def together(groups: Iterable[np.ndarray]) -> np.ndarray:
    """The rows of all groups, int64, sorted."""
    return np.sort(np.concatenate(list(groups))).astype(np.int64)


def joined(
    utterances: Sequence[Utterance],
    rows: np.ndarray,
    key: Callable[[Utterance], str],
    tied: Iterable[Sequence[str]] = (),
) -> dict[str, list[int]]:
    """The rows of each key; keys that share a recording are one.

    Args:
        utterances: the utterances.
        rows: the rows.
        key: what keeps rows together: a speaker, a session.
        tied: keys that are one for other reasons, whether the rows have them or not.

    Returns:
        The rows, by the name of one of the keys, in the order of these names.
    """
    ties = Ties()
    for same in same_recordings(utterances, rows):
        ties.tie(key(utterances[i]) for i in same)
    for names in tied:
        ties.tie(names)
    members = defaultdict(list)
    for i in rows:
        members[ties.root(key(utterances[i]))].append(i)
    return {name: members[name] for name in sorted(members)}


def speaker_groups(
    utterances: Sequence[Utterance], rows: np.ndarray, generator: np.random.Generator
) -> list[np.ndarray]:
    """The rows of each speaker: one sex after the other, each in random order.

    Speakers to whom a byte-identical recording is attributed, be it of these rows
    or not, and those of rows that overlap are one group.

    Raises:
        ProtocolError: a row has no speaker.
    """
    unknown = [utterances[i].id for i in rows if utterances[i].speaker is None]
    if unknown:
        raise ProtocolError(
            f"{len(unknown)} utterances have no speaker, e.g. {unknown[0]}, so speakers cannot "
            "be kept apart. Add a speaker column, or ask for paper-10-fold by its name"
        )
    by_sex = defaultdict(list)
    tied = speakers_of_one_recording(utterances)
    for members in joined(utterances, rows, lambda u: u.speaker_id, tied).values():
        by_sex[_sex(utterances, members)].append(np.array(members))
    # One sex after the other: dealt to the folds one by one, each sex, and so
    # the whole, is spread as evenly as its number allows.
    sexes = [same for _, same in sorted(by_sex.items())]
    return [same[i] for same in sexes for i in generator.permutation(len(same))]


def in_turn(utterances: Sequence[Utterance], items: list, rows_of: Callable) -> list:
    """The items with the sexes spread evenly along the list.

    Args:
        utterances: the utterances.
        items: groups of rows, or lists of such groups.
        rows_of: gives an item's rows; the first of them tells its sex.
    """
    by_sex = defaultdict(list)
    for item in items:
        by_sex[_sex(utterances, rows_of(item))].append(item)
    keyed = [
        ((position + 0.5) / len(same), sex, item)
        for sex, same in by_sex.items()
        for position, item in enumerate(same)
    ]
    return [item for _, _, item in sorted(keyed, key=lambda entry: entry[:2])]


def take_stop_speakers(
    utterances: Sequence[Utterance], rows: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Training rows, less those of about a fifth of their speakers, who stop.

    At least two speakers stop, as many men as women where both have enough,
    and both sexes stay in training where they can.

    Args:
        utterances: the utterances.
        rows: int64 ``(n,)``, the rows that may be heard.
        generator: draws the speakers.

    Returns:
        The rows that train and the rows that stop.

    Raises:
        ProtocolError: a row has no speaker, or no speaker would be left.
    """
    left = defaultdict(list)
    # By name: who stops must not depend on the order in memory.
    groups = speaker_groups(utterances, by_name(utterances, rows), generator)
    if len(groups) <= STOP_SPEAKERS:
        raise ProtocolError(
            f"Taking stop speakers out of the training rows needs at least {STOP_SPEAKERS + 1} "
            f"speakers. Received: {len(groups)}. Give stop rows, or more speakers"
        )
    for group in groups:
        left[_sex(utterances, group)].append(group)
    stopping: dict[str, list] = {sex: [] for sex in left}
    for _ in range(max(STOP_SPEAKERS, len(groups) // SPEAKERS_PER_STOP_SPEAKER)):
        # Last of a sex only if there is no other, then the sex that has stopped
        # least, then the one that has most.
        sex = min(
            (sex for sex in left if left[sex]),
            key=lambda sex: (len(left[sex]) == 1, len(stopping[sex]), -len(left[sex]), sex),
        )
        stopping[sex].append(left[sex].pop())
    return (
        together(group for same in left.values() for group in same),
        together(group for same in stopping.values() for group in same),
    )


def rotated(parts: Sequence, test: int) -> list:
    """The parts from the one that tests on; the first ones follow the last."""
    return [*parts[test:], *parts[:test]]


def rotated_fold(
    order: Sequence[Sequence[np.ndarray]], stopping: int = 1, training: int | None = None
) -> Fold:
    """The first part tests, the next ``stopping`` parts stop, the next ones train.

    Because the training parts are taken in order, fewer of them are the first
    of more; and with :func:`rotated` parts each trains equally often over all folds.

    Args:
        order: the groups of every part, the one that tests first.
        stopping: how many parts stop.
        training: how many parts train; None means all others.

    Raises:
        ProtocolError: fewer than ``training`` parts are left to train on, or none.
    """
    rest = order[stopping + 1 :]
    if training is not None and training > len(rest):
        raise ProtocolError(
            f"training_parts is at most {len(rest)}: of {len(order)} parts one tests and "
            f"{stopping} stop(s). Received: {training}"
        )
    groups = [group for part in rest[:training] for group in part]
    if not groups:
        raise ProtocolError("No speaker is left to train on; use more speakers or folds")
    held = [group for part in order[1 : stopping + 1] for group in part]
    return Fold(together(groups), together(held), together(order[0]))


def opposite_swapped(order: Sequence, start: int) -> list:
    """The order with parts that train and lie half a turn apart in each other's place.

    Where the sexes take turns, the first part to train is always as far from the test
    part, and so always of the other sex: one training part alone would measure what a
    network makes of voices unlike those that it learned from. Of twice an odd number of
    parts those half a turn apart differ in sex. If a fold and the one half a turn away
    both swap, every part still trains as often as before, however many train.

    Args:
        order: parts, the one that tests first.
        start: the place of the first part that trains.

    Example:

    >>> opposite_swapped([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], start=3)
    [0, 1, 2, 8, 9, 5, 6, 7, 3, 4]
    """
    swapped, half = list(order), len(order) // 2
    if len(order) % 2 == 0:
        for place in range(start, half):
            swapped[place], swapped[place + half] = order[place + half], order[place]
    return swapped


def _sex(utterances: Sequence[Utterance], rows: Sequence[int]) -> str:
    """The sex that a group's first row tells, ``"None"`` if unknown."""
    return str(utterances[rows[0]].gender)

"""The folds behind a score, and the record of them."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from pnn_keras.corpora.one_source import may_be_one, told, voices_of
from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol.dealing import STOP_SPEAKERS
from pnn_keras.protocol.fold import ROLES, Fold
from pnn_keras.protocol.hearing import Identities, check_hearing, speakers_apart


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
        seed: seed of the dealing; None if nothing was dealt here.
        training_parts: how many parts each fold trains on; None means all.
        speakers: for each role the fewest and the most known speakers that it
            has in a fold.
    """

    name: str
    speaker_disjoint: bool
    folds: tuple[Fold, ...]
    repeats: int
    hash: str
    seed: int | None = None
    training_parts: int | None = None
    speakers: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)

    @property
    def stamp(self) -> str:
        """What every table says of its scores."""
        return "speaker-disjoint" if self.speaker_disjoint else "speaker-dependent"

    def describe(self) -> dict:
        """A record for JSON: what was asked for, what came of it, and the hash.

        Returns:
            ``name``, ``stamp``, ``speaker_disjoint``, ``folds`` (in each
            repeat), ``repeats``, ``seed``, ``training_parts``, ``speakers``
            (for each role the fewest and the most in a fold) and ``hash``.
        """
        return {
            "name": self.name,
            "stamp": self.stamp,
            "speaker_disjoint": self.speaker_disjoint,
            "folds": len(self.folds) // self.repeats,
            "repeats": self.repeats,
            "seed": self.seed,
            "training_parts": self.training_parts,
            "speakers": {role: list(numbers) for role, numbers in self.speakers.items()},
            "hash": self.hash,
        }


def protocol_from_folds(
    name: str,
    folds: Sequence[Fold],
    utterances: Sequence[Utterance],
    *,
    repeats: int = 1,
    seed: int | None = None,
    training_parts: int | None = None,
    speaker_disjoint: bool | None = None,
) -> Protocol:
    """The protocol that folds make up, once they are found to leak nothing.

    Warns where speaker-disjoint folds stop on fewer than two speakers, and where
    two corpora of one origin name their speakers alike: speakers of different
    corpora are different people, unless it is a corpus in two parts.

    Args:
        name: what to call it.
        folds: all folds, repeat by repeat.
        utterances: the utterances that the rows number.
        repeats: how many repeats the folds make up.
        seed: seed of the dealing, to be recorded.
        training_parts: how many parts each fold trains on, to be recorded.
        speaker_disjoint: True refuses folds in which a speaker has two roles;
            False stamps the protocol as speaker-dependent whatever it is; None
            finds out which it is from the data.

    Raises:
        ProtocolError: there are no folds or not the same number in each
            repeat, a role of a fold is empty, a fold leaks, or some repeat does
            not test the same utterances once each.

    Example:
        ``protocol_from_folds("by theatre", folds_from_parts(parts), utterances)``
    """
    if repeats < 1 or not folds or len(folds) % repeats:
        raise ProtocolError(
            f"Expected the same number of folds in each of {repeats} repeat(s). "
            f"Received: {len(folds)} folds"
        )
    for number, fold in enumerate(folds):
        empty = [role for role, rows in fold.roles.items() if not len(rows)]
        if empty:
            raise ProtocolError(f"Fold {number} has no {' and no '.join(empty)} rows")
    known = Identities(utterances)
    if speaker_disjoint is None:
        speaker_disjoint = speakers_apart(folds, known)
    for fold in folds:
        check_hearing(fold, fold, known, speaker_disjoint)
    _check_tested_once(folds, utterances, repeats)
    speakers = _speakers(folds, known)
    if speaker_disjoint and speakers["stop"][0] < STOP_SPEAKERS:
        warnings.warn(
            f"{name}: some folds stop on {speakers['stop'][0]} speaker(s), so that one voice "
            f"decides when training ends. Let at least {STOP_SPEAKERS} speakers stop, or name no "
            "stop rows",
            stacklevel=2,
        )
    if speaker_disjoint:
        _warn_of_one_corpus(utterances, known)
    return Protocol(
        name,
        speaker_disjoint,
        tuple(folds),
        repeats,
        _hash(folds, utterances),
        seed,
        training_parts,
        speakers,
    )


def _warn_of_one_corpus(utterances: Sequence[Utterance], known: Identities) -> None:
    """Warns of corpora that may be one, unless a recording has told so already."""
    for one, other, names in may_be_one(voices_of(utterances)):
        apart = [
            name
            for name in names
            if not known.are_one(f"{one.corpus}/{name}", f"{other.corpus}/{name}")
        ]
        if apart:
            warnings.warn(told(one, other, apart), stacklevel=3)


def _check_tested_once(
    folds: Sequence[Fold], utterances: Sequence[Utterance], repeats: int
) -> None:
    """Refuses folds of which a repeat tests an utterance twice, or others than the first."""
    per_repeat = len(folds) // repeats
    everyone = np.unique(np.concatenate([fold.test for fold in folds[:per_repeat]]))
    for repeat in range(repeats):
        own = folds[repeat * per_repeat : (repeat + 1) * per_repeat]
        rows, often = np.unique(np.concatenate([fold.test for fold in own]), return_counts=True)
        twice = rows[often > 1]
        if twice.size:
            where = [str(n) for n, fold in enumerate(own) if twice[0] in fold.test]
            raise ProtocolError(
                f"A repeat tests each utterance once. Received: {_name(utterances[twice[0]])} in "
                f"folds {' and '.join(where)} of repeat {repeat}, {len(twice)} utterances in all. "
                "Make a protocol of each fold that tests some of another's"
            )
        lost, added = np.setdiff1d(everyone, rows), np.setdiff1d(rows, everyone)
        if lost.size or added.size:
            one, other = (repeat, 0) if lost.size else (0, repeat)
            example = _name(utterances[[*lost, *added][0]])
            raise ProtocolError(
                "Every repeat tests the same utterances. Received: repeat "
                f"{one} does not test {example}, which repeat {other} tests. "
                "Make a protocol of each repeat"
            )


def _name(utterance: Utterance) -> str:
    return f"{utterance.corpus}/{utterance.id}"


def _speakers(folds: Sequence[Fold], known: Identities) -> dict[str, tuple[int, int]]:
    numbers = {role: [known.count_speakers(f.roles[role]) for f in folds] for role in ROLES}
    return {role: (min(counted), max(counted)) for role, counted in numbers.items()}


def _hash(folds: Sequence[Fold], utterances: Sequence[Utterance]) -> str:
    """SHA-256 over every fold's roles, by the utterances' names."""
    names = [_name(u) for u in utterances]
    digest = hashlib.sha256()
    for number, fold in enumerate(folds):
        for role, rows in fold.roles.items():
            head = f"{number}\t{role}\t"
            lines = [f"{head}{name}\n" for name in sorted(names[i] for i in rows)]
            digest.update("".join(lines).encode())
    return digest.hexdigest()

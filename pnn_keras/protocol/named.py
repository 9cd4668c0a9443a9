"""Protocols by name."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Sequence

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol.dealing import by_name
from pnn_keras.protocol.designated import cross_corpus_folds, official_folds
from pnn_keras.protocol.parts import (
    FEWEST_FOLDS,
    one_session_folds,
    one_speaker_folds,
    paper_folds,
    speaker_folds,
)
from pnn_keras.protocol.record import Protocol, protocol_from_folds

_COUNTED = re.compile(r"(speaker|paper)-(\d{1,6})-fold", re.ASCII)
_CROSS = re.compile(r"cross-corpus:([^>+]+(?:\+[^>+]+)*)>([^>+]+)")


@dataclasses.dataclass(frozen=True)
class _Recipe:
    """How a protocol is made.

    Args:
        deal: deals one repeat's folds from utterances, rows and a generator.
        speaker_disjoint: what it promises; None finds out from the data.
        counted: whether the folds are of a number that the user chooses, and
            may train on fewer parts.
        as_given: whether rows are dealt in the order in which the utterances
            are given, not by name.
    """

    deal: Callable
    speaker_disjoint: bool | None = None
    counted: bool = False
    as_given: bool = False


def make_protocol(
    name: str,
    utterances: Sequence[Utterance],
    labelled: np.ndarray,
    repeats: int = 1,
    seed: int = 0,
    training_parts: int | None = None,
) -> Protocol:
    """The folds of a protocol over the utterances that carry the target label.

    ``speaker-5-fold`` (any number of folds) keeps speakers together and deals
    men and women evenly to the folds; the next fold, or as many as hold two
    speakers, stops training. ``leave-one-speaker-out`` tests one speaker at a
    time; two others stop, of both sexes where there are as many men as women.
    ``leave-one-session-out`` tests one recording session at a time; the next
    session, or as many as hold two speakers, stops. A speaker in several
    sessions is refused; where speakers are unknown, sessions are kept apart
    and the scores are speaker-dependent, since nobody can tell.

    ``paper-10-fold`` (any number of folds) is that of Gideon et al. (2017):
    every speaker is dealt evenly to ten folds, one tests, one stops, eight
    train. Its scores are speaker-dependent.

    ``official`` is a single fold, the split that the corpus itself assigns:
    train, dev (also val, validation; it stops) and test. ``cross-corpus:A>B``
    (or ``cross-corpus:A+C>B``) is a single fold as well: it trains and stops
    on A (and C), and tests all of B. Stop speakers, where no split names them,
    are about a fifth of the training speakers, at least two, of both sexes
    where possible. Whether an official split is speaker-disjoint is found out
    from the data.

    ``repeats`` deal the folds of a chosen number anew; in all others they
    change nothing but who stops (and the seeds of the training).

    Byte-identical recordings, and segments of one file that overlap by more than
    :data:`pnn_keras.corpora.overlapping.OVERLAP`, share a role in every protocol:
    those that deal rows keep them together, the others are refused where they
    do not. Speakers to whom one recording is attributed are one.

    Args:
        name: one of the names above.
        utterances: the utterances, ``n`` of them. ``speaker-5-fold``,
            ``leave-one-speaker-out`` and ``paper-10-fold`` deal them in the
            order given, which is that of their names in every opened corpus;
            all others go by their names in any order.
        labelled: bool ``(n,)``, which of them have a class in the target task.
        repeats: how often all folds are dealt anew.
        seed: seed of the dealing.
        training_parts: how many of its training parts each fold keeps, for
            learning curves (figure 4 of the paper); None means all. Test and
            stop rows are those of the full protocol, 1 part is among 2, 2
            among 4, and each part trains equally often where all folds stop on
            equally many. Only for protocols of a chosen number of folds.

    Raises:
        ProtocolError: the name is unknown, ``repeats`` or ``training_parts``
            is not positive or more than there is, a speaker, session or split
            is unknown where it is needed, there are too few speakers, sessions
            or recordings, or the folds would leak.

    Example:
        ``make_protocol("speaker-5-fold", corpus.utterances, labelled, repeats=10)``
    """
    recipe = _recipe(name)
    if repeats < 1:
        raise ProtocolError(f"repeats is at least 1. Received: {repeats}")
    deal = recipe.deal
    if training_parts is not None:
        if training_parts < 1:
            raise ProtocolError(f"training_parts is at least 1. Received: {training_parts}")
        if not recipe.counted:
            raise ProtocolError(
                "training_parts needs a protocol of a chosen number of folds: speaker-5-fold, "
                f"paper-10-fold (or other numbers). Received: {name}"
            )
        deal = functools.partial(deal, training=training_parts)
    rows = np.flatnonzero(labelled)
    if not recipe.as_given:
        rows = by_name(utterances, rows)
    folds = []
    for repeat in range(repeats):
        folds.extend(deal(utterances, rows, np.random.default_rng([seed, repeat])))
    return protocol_from_folds(
        name,
        folds,
        utterances,
        repeats=repeats,
        seed=seed,
        training_parts=training_parts,
        speaker_disjoint=recipe.speaker_disjoint,
    )


def _recipe(name: str) -> _Recipe:
    """How the protocol of a name is made."""
    if name == "leave-one-speaker-out":
        return _Recipe(one_speaker_folds, speaker_disjoint=True, as_given=True)
    if name == "leave-one-session-out":
        return _Recipe(one_session_folds)
    if name == "official":
        return _Recipe(official_folds)
    cross = _CROSS.fullmatch(name)
    if cross is not None:
        heard, tested = cross[1].split("+"), cross[2]
        return _Recipe(functools.partial(cross_corpus_folds, heard=heard, tested=tested))
    counted = _COUNTED.fullmatch(name)
    if counted is not None and int(counted[2]) >= 2:
        return _counted_recipe(name, counted[1], int(counted[2]))
    raise ProtocolError(
        "A protocol is speaker-5-fold (or another number), leave-one-speaker-out, "
        "leave-one-session-out, paper-10-fold (or another number), official, or "
        f"cross-corpus:A>B with the names of two corpora. Received: {name!r}"
    )


def _counted_recipe(name: str, kind: str, count: int) -> _Recipe:
    if count < FEWEST_FOLDS:
        raise ProtocolError(
            "A protocol has at least three folds: one tests, one stops, one trains. "
            f"Received: {name!r}"
        )
    if kind == "speaker":
        deal = functools.partial(speaker_folds, count=count)
        return _Recipe(deal, speaker_disjoint=True, counted=True, as_given=True)
    deal = functools.partial(paper_folds, count=count)
    # Folds of earlier versions, which knew ten only, keep their hash.
    return _Recipe(deal, speaker_disjoint=False, counted=True, as_given=count == 10)

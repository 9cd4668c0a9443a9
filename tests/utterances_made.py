"""Utterances that need no audio file, for tests of protocols."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from pnn_keras.corpus import Utterance
from pnn_keras.protocol import Fold


def give_content(utterance, content, file=None):
    """Gives an utterance the digests of its recording and of its whole file: none is read."""
    utterance.__dict__["_digests"] = (content, file or content)


def clip(speaker, number, gender=None, content=None, emotion="angry", corpus="made", **fields):
    """An utterance whose content needs no file."""
    name = f"{speaker}-{number}.wav"
    made = Utterance(corpus, name, Path(name), speaker, gender, emotion, **fields)
    give_content(made, content or f"content of {corpus}/{name}")
    return made


def segment(number, start, end, speaker="s0", file="dialogue", **fields):
    """A segment of a file that need not be there."""
    made = clip(speaker, number, start=start, end=end, **fields)
    give_content(made, f"{file}#{start}-{end}", file)
    return made


def clips(women=5, men=5, each=12, emotions=("angry", "sad"), corpus="made"):
    """``each`` clips of every speaker, the emotions in turn."""
    speakers = [(f"f{i}", "female") for i in range(women)]
    speakers += [(f"m{i}", "male") for i in range(men)]
    return [
        clip(name, i, gender, emotion=emotions[i % len(emotions)], corpus=corpus)
        for name, gender in speakers
        for i in range(each)
    ]


def rough_clips():
    """Two corpora, one sex missing here and there, recordings shared by speakers, no order."""
    utterances = clips(women=4, men=5, each=7, corpus="second")
    utterances += clips(women=3, men=1, each=5, corpus="first")
    utterances += [clip("x", i, None, corpus="first") for i in range(6)]
    for first, second in ((0, 8), (3, 70), (20, 41), (65, 66)):
        same_content(utterances[first], utterances[second])
    return utterances


def same_content(first, second):
    """Makes the second utterance a byte-identical copy of the first."""
    give_content(second, first.content)


def everyone(utterances):
    return np.ones(len(utterances), bool)


def roles(fold):
    return {"train": fold.train, "stop": fold.stop, "test": fold.test}


def fold(train=(), stop=(), test=()):
    return Fold(*(np.array(rows, dtype=np.int64) for rows in (train, stop, test)))


def shared(fold, key):
    """What two roles of a fold have in common."""
    sets = [{key(i) for i in rows} for rows in roles(fold).values()]
    return (sets[0] & sets[1]) | (sets[0] & sets[2]) | (sets[1] & sets[2])


def pooled_corpora(copies=3, unknown=True):
    """Three corpora as bad as real ones, and which utterances bear the target's label.

    Speakers are few, sexes unbalanced, labels missing; some recordings are
    there under two names, in whatever corpus; sessions are of one or two
    speakers; official splits are by speaker or by utterance, with or without
    a dev part. Up to ``copies`` recordings are shared, and some speakers and
    sexes are ``unknown``.
    """
    # Drawn from a seed: thousands of draws by hypothesis would take most of a test's time.
    return st.integers(0, 2**32).map(lambda seed: _pooled(random.Random(seed), copies, unknown))


def _pooled(draw, copies, unknown):
    utterances = [u for corpus in "abc" for u in _one_corpus(draw, corpus, unknown)]
    for _ in range(draw.randint(0, copies)):
        same_content(*draw.choices(utterances, k=2))
    corpora = draw.choice(["a", "ab", "abc"])
    labelled = [u.emotion is not None and u.corpus in corpora for u in utterances]
    return utterances, np.array(labelled)


def _one_corpus(draw, corpus, unknown):
    splits = draw.choice(["train dev test", "train train test", "train dev"]).split()
    by_speaker = draw.random() < 0.7
    missing = unknown and draw.random() < 0.3
    for number in range(draw.randint(3, 7)):
        sex = draw.choice(["female", "female", "female", "male"] + [None] * unknown)
        speaker = None if missing and draw.random() < 0.3 else f"s{number}"
        for i in range(draw.randint(2, 5)):
            made = clip(
                f"s{number}",
                i,
                sex,
                emotion=draw.choice(["angry", "happy", "sad", None]),
                corpus=corpus,
                session=str(number // 2) if number < 4 else str(number),
                split=splits[(number if by_speaker else i) % len(splits)],
            )
            content = made.content
            made = dataclasses.replace(made, speaker=speaker)
            give_content(made, content)
            yield made

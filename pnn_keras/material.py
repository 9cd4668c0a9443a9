"""What there is to learn from: utterances of all corpora, and their features."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.augmentation import passes
from pnn_keras.corpora import open_corpus
from pnn_keras.corpus import Corpus, Utterance, pool
from pnn_keras.errors import AudioError, UserError
from pnn_keras.frontends import Frontend, create_frontend
from pnn_keras.speaker_scaling import is_marked, standardise, unmarked
from pnn_keras.store import extract_features, warn_of_defects

#: What an input's name ends with if it is standardised per speaker.
BY_SPEAKER = "_by_speaker"


@dataclasses.dataclass(frozen=True)
class Material:
    """Everything that a chain can be trained on: utterances and their features.

    Args:
        corpora: the corpora.
        utterances: those with usable audio, ``n`` of them.
        frontend: the front-end of the columns that are trained.
        features: by the name of each front-end, float32
            ``((1 + augment) * n, dimension)``, laid out as
            :mod:`pnn_keras.augmentation` says.
        skipped: utterances left out, with the reason.
        by_speaker: whether the columns that are trained hear features that are
            standardised per speaker.
        augment: how many augmented passes of each recording there are to train on.
    """

    corpora: tuple[Corpus, ...]
    utterances: tuple[Utterance, ...]
    frontend: Frontend
    features: Mapping[str, np.ndarray]
    skipped: tuple[tuple[str, str], ...]
    by_speaker: bool = False
    augment: int = 0

    @property
    def versions(self) -> int:
        """How many versions of each recording the features hold."""
        return 1 + self.augment

    @property
    def hears(self) -> str:
        """The name of the input of the columns that are trained."""
        return input_name(self.frontend) + (BY_SPEAKER if self.by_speaker else "")


def open_corpora(corpus, strict: bool = False) -> tuple[Corpus, ...]:
    """Opens one or several corpora, each given by what names it or as itself."""
    given = [corpus] if isinstance(corpus, (str, Path, Corpus)) else list(corpus)
    if not given:
        raise UserError("At least one corpus is needed, or none to use the synthetic one")
    return tuple(c if isinstance(c, Corpus) else open_corpus(c, strict=strict) for c in given)


def load_material(
    corpora: Sequence[Corpus],
    frontend: str | Mapping | Frontend | None = None,
    others: Mapping[str, Mapping] | None = None,
    *,
    by_speaker: bool = False,
    augment: int = 0,
    strict: bool = False,
    workers: int | None = None,
    progress: bool = False,
) -> Material:
    """Opens the audio of all corpora through every front-end that is needed.

    Args:
        corpora: the corpora.
        frontend: the front-end of the columns to train; None means ``egemaps``.
        others: configurations of the front-ends that earlier columns hear, by
            the name of their input.
        by_speaker: whether the columns to train hear features that are
            standardised per speaker.
        augment: how many augmented passes of each recording are heard besides,
            to train on. Earlier columns hear what is masked where their
            front-end can mask, else the recording as it is.
        strict: whether a single unusable recording ends the run.
        workers: recordings to extract at a time; None means one per processor.
        progress: whether to show progress bars.

    Raises:
        AudioError: no recording is usable, or with ``strict`` one is not.
        UserError: there are to be augmented passes, but the front-end cannot mask.
    """
    utterances = pool(corpora)
    own = _created(frontend or "egemaps")
    passes(own, augment)  # refused before anything is heard
    needed = {input_name(own): own}
    by_speaker_too = {input_name(own) + BY_SPEAKER} if by_speaker else set()
    for name, config in (others or {}).items():
        plain = name.removesuffix(BY_SPEAKER) if is_marked(config) else name
        if plain != name:
            by_speaker_too.add(name)
        if plain not in needed:  # the caller's own need not be known by name
            needed[plain] = _created(config)
    extracted = {
        name: extract_features(utterances, each, workers=workers, progress=progress, strict=strict)
        for name, each in needed.items()
    }
    for features in extracted.values():
        warn_of_defects(features)
    valid = np.logical_and.reduce([features.valid for features in extracted.values()])
    failures = tuple(f for features in extracted.values() for f in features.failures)
    if not valid.any():
        raise AudioError(f"No recording is usable; the first: {failures[0][0]}: {failures[0][1]}")
    kept = tuple(u for u, good in zip(utterances, valid, strict=True) if good)
    options = {"workers": workers, "progress": progress}
    tables = {
        name: _versions(extracted[name].values[valid], kept, each, augment, **options)
        for name, each in needed.items()
    }
    speakers = [utterance.speaker_id for utterance in kept]
    for name in by_speaker_too:
        tables[name] = standardise(tables[name.removesuffix(BY_SPEAKER)], speakers)
    return Material(tuple(corpora), kept, own, tables, failures, by_speaker, augment)


def _versions(
    plain: np.ndarray, utterances: Sequence[Utterance], frontend: Frontend, augment: int, **options
) -> np.ndarray:
    """A front-end's features of all versions; what it cannot mask is the same in each."""
    if not frontend.maskable:
        return np.tile(plain, (1 + augment, 1))
    masked = [
        # What was heard as it is can be heard masked: a failure is no property of the recording.
        extract_features(utterances, each, strict=True, **options).values
        for each in passes(frontend, augment)
    ]
    return np.concatenate([plain, *masked])


def _created(frontend: str | Mapping | Frontend) -> Frontend:
    if isinstance(frontend, Frontend):
        return frontend
    return create_frontend(unmarked(frontend) if isinstance(frontend, Mapping) else frontend)


def input_name(frontend: Frontend) -> str:
    """The name of a front-end's input: unique, and fit for a SavedModel's argument."""
    return f"{frontend.name}_{frontend.variant}" if frontend.variant else frontend.name

"""What a chain says about recordings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.adaptation import adapted
from pnn_keras.corpus import Utterance
from pnn_keras.errors import AudioError, CorpusError, PresetError, UserError
from pnn_keras.frontends import Frontend, create_frontend
from pnn_keras.speaker_scaling import is_marked, standardise, unmarked
from pnn_keras.store import Features, extract_features, extract_signals, warn_of_defects

#: How many recordings pass through the chain at a time.
_BATCH = 4096


def predict_audio(
    chain,
    audio,
    sampling_rate: int | None = None,
    *,
    strict: bool = True,
    progress: bool = False,
    workers: int | None = None,
    tables: Mapping[str, str | os.PathLike] | None = None,
    speakers: Sequence[str] | None = None,
    adapt: bool = False,
) -> list[dict]:
    """Answers every task of a chain for recordings.

    Features of files are kept in the feature store, so that a file is
    extracted once; those of arrays are not.

    Args:
        chain: the chain.
        audio: paths of audio files, or signals ``(samples,)`` as float arrays in
            [-1, 1] or as 16- or 32-bit integers; a single one will do as well.
        sampling_rate: of the signals, in Hz; not for paths.
        strict: whether one recording that cannot be used ends the run.
        progress: whether to show a progress bar.
        workers: how many recordings to extract at a time; None means as many
            as there are processors.
        tables: for each front-end of embeddings, by the name under which the
            chain takes its features, the table that holds the files' vectors.
        speakers: who speaks in each recording; for a chain whose features are
            standardised per speaker.
        adapt: whether features are scaled by the mean and deviation of these
            recordings, see :func:`pnn_keras.adaptation.adapted`.

    Returns:
        One dictionary per recording: for each task a dictionary of the
        ``label`` (the most probable class) and the ``probabilities`` by class.
        Without ``strict``, a recording that cannot be used has ``{"error":
        reason}`` instead.

    Raises:
        AudioError: with ``strict``, a recording cannot be decoded or has
            nothing to hear.
        CorpusError: with ``strict``, a table lacks a file.
        UserError: signals without a sampling rate or paths with one; the
            chain's features cannot be extracted from audio, or are
            standardised per speaker and ``speakers`` is missing.

    Example:

    >>> from pnn_keras import Chain, Task
    >>> chain = Chain(frontends={"egemaps": {"name": "egemaps"}})
    >>> task = Task("gender", ("female", "male"))
    >>> column = chain.add_column(task, dimension=88, frontend="egemaps", units=[4])
    >>> tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)
    >>> answer = predict_audio(chain, tone, sampling_rate=16000)[0]
    >>> list(answer["gender"]["probabilities"])
    ['female', 'male']
    """
    recordings = as_recordings(audio)
    extract = recording_extractor(recordings, sampling_rate, progress=progress, workers=workers)
    inputs, errors = hear(
        chain, extract, len(recordings), tables=tables, strict=strict, speakers=speakers
    )
    usable = [i for i in range(len(recordings)) if i not in errors]
    results: list[dict] = [{"error": errors.get(i)} for i in range(len(recordings))]
    inputs = {name: values[usable] for name, values in inputs.items()}
    probabilities = answer(adapted(chain, inputs) if adapt else chain, inputs)
    for row, i in enumerate(usable):
        results[i] = {
            task.name: _answer(task.classes, probabilities[task.name][row]) for task in chain.tasks
        }
    return results


def hear(
    chain,
    extract: Callable[[Frontend, Sequence[int] | None, bool], Features],
    count: int,
    *,
    tables: Mapping[str, str | os.PathLike] | None = None,
    strict: bool = False,
    speakers: Sequence[str | None] | None = None,
) -> tuple[dict[str, np.ndarray], dict[int, str]]:
    """What a chain takes in of recordings: the features of each of its front-ends.

    Args:
        chain: the chain.
        extract: extracts one front-end's features of the recordings with these
            numbers (None: of all), strictly or not.
        count: number of recordings.
        tables: as in :func:`predict_audio`.
        strict: whether one recording that cannot be used ends the run.
        speakers: who speaks in each recording, or None.

    Returns:
        Features ``(recordings, dimension)`` by front-end, and why recordings
        cannot be used, by their number.

    Raises:
        AudioError, CorpusError: with ``strict``, a recording cannot be used.
        UserError: the chain does not say how its features are extracted, or
            they are standardised per speaker and the speakers are not known.
    """
    _check_speakers(chain, speakers, count)
    inputs, errors = {}, {}
    for name, frontend in _frontends(chain, tables or {}).items():
        values, failed = _extract(frontend, extract, count, strict)
        by_speaker = is_marked(chain.frontends.get(name, {}))
        inputs[name] = standardise(values, speakers) if by_speaker else values
        errors = {**failed, **errors}
    return inputs, errors


def _check_speakers(chain, speakers: Sequence[str | None] | None, count: int) -> None:
    if not any(is_marked(chain.frontends.get(name, {})) for name in chain.dimensions):
        return
    if speakers is None:
        raise UserError(
            "The chain hears features that are standardised per speaker, and one clip has no "
            "speaker statistics. Give several recordings of each speaker and who speaks in each: "
            "predict_audio(files, speakers=[...])"
        )
    if len(speakers) != count:
        raise UserError(
            f"Each of {count} recordings has one speaker. Received: {len(speakers)} speakers"
        )


def answer(chain, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A chain's class probabilities for features.

    Args:
        chain: the chain.
        inputs: features ``(recordings, dimension)`` by front-end.

    Returns:
        Probabilities ``(recordings, classes)`` by task's name, float32.
    """
    count = len(next(iter(inputs.values())))
    parts: dict[str, list[np.ndarray]] = {
        task.name: [np.zeros((0, len(task.classes)), "float32")] for task in chain.tasks
    }
    for start in range(0, count, _BATCH):
        batch = {name: values[start : start + _BATCH] for name, values in inputs.items()}
        for task, probabilities in chain(batch).items():
            parts[task].append(np.asarray(probabilities, dtype=np.float32))
    return {task: np.concatenate(arrays) for task, arrays in parts.items()}


def check_answers(chain, name: str | os.PathLike) -> None:
    """Refuses a chain whose answers to features of 0 are no probabilities.

    Args:
        chain: the chain.
        name: what the error message calls it.

    Raises:
        PresetError: a task's answers are not finite, or do not sum to 1.
    """
    rows = {front: np.zeros((1, size), "float32") for front, size in chain.dimensions.items()}
    for task, values in answer(chain, rows).items():
        if not (np.isfinite(values).all() and np.allclose(values.sum(axis=-1), 1, atol=1e-5)):
            raise PresetError(
                f"{name} answers {task} with {values[0].tolist()}, which are no probabilities. "
                "Train it again"
            )


def _answer(classes: Sequence[str], probabilities: np.ndarray) -> dict:
    return {
        "label": classes[int(np.argmax(probabilities))],
        "probabilities": dict(zip(classes, map(float, probabilities), strict=True)),
    }


def as_recordings(audio) -> list:
    """The recordings as a list, whether one or several were given.

    Args:
        audio: what :func:`predict_audio` takes.

    Raises:
        UserError: there is none, or samples were given without an axis of recordings.
    """
    if isinstance(audio, (str, os.PathLike, np.ndarray)):
        return [audio]
    recordings = list(audio)
    if not recordings:
        raise UserError("There is no recording to hear. Give at least one file or signal")
    if np.ndim(recordings[0]) == 0 and not _is_path(recordings[0]):
        raise UserError(
            "A recording is a path or an array of samples. "
            f"Received: a list of {type(recordings[0]).__name__}. Make it one: np.asarray(...)"
        )
    return recordings


def _is_path(recording) -> bool:
    return isinstance(recording, (str, os.PathLike))


def recording_extractor(recordings: list, sampling_rate: int | None, **options) -> Callable:
    """What :func:`hear` takes to extract paths, or signals.

    Args:
        recordings: all paths, or all signals ``(samples,)``.
        sampling_rate: of the signals, in Hz; None for paths.
        **options: what :func:`pnn_keras.store.extract_features` takes.

    Raises:
        UserError: paths and signals are mixed, signals have no sampling rate or
            paths have one.
    """
    paths = [_is_path(recording) for recording in recordings]
    if any(paths) and not all(paths):
        raise UserError("Recordings are all paths or all arrays of samples. Received: both")
    if all(paths):
        if sampling_rate is not None:
            raise UserError(
                "A file has its own sampling rate. "
                f"Received: paths and sampling_rate={sampling_rate}. Leave it out"
            )
        utterances = [Utterance("", str(path), Path(path).absolute()) for path in recordings]
        return utterance_extractor(utterances, **options)
    if sampling_rate is None:
        raise UserError("Arrays of samples need their sampling rate in Hz: sampling_rate=16000")

    def extract(frontend, numbers, strict):
        some = recordings if numbers is None else [recordings[i] for i in numbers]
        return extract_signals(some, sampling_rate, frontend, strict=strict, **options)

    return extract


def utterance_extractor(utterances: Sequence[Utterance], **options) -> Callable:
    """What :func:`hear` takes to extract utterances.

    Args:
        utterances: the utterances.
        **options: what :func:`pnn_keras.store.extract_features` takes.
    """

    def extract(frontend, numbers, strict):
        some = utterances if numbers is None else [utterances[i] for i in numbers]
        return extract_features(some, frontend, strict=strict, **options)

    return extract


def _frontends(chain, tables: Mapping[str, str | os.PathLike]) -> dict[str, Frontend]:
    """The front-ends that the chain hears, by the name under which it takes them."""
    unknown = sorted(set(tables) - set(chain.dimensions))
    if unknown:
        raise UserError(
            f"The chain hears {', '.join(chain.dimensions)}. "
            f"Received: a table for {', '.join(unknown)}"
        )
    frontends = {}
    for name, dimension in chain.dimensions.items():
        if name in tables:
            frontend = create_frontend(f"embeddings:{os.fspath(tables[name])}")
        elif name in chain.frontends:
            frontend = create_frontend(unmarked(chain.frontends[name]))
        else:
            raise UserError(
                f"The chain does not say how its input {name!r} comes from audio. Set "
                f"chain.frontends[{name!r}], or give the chain features: chain(features)"
            )
        if frontend.dimension != dimension:
            raise UserError(
                f"The chain takes {dimension} features of {name!r}. "
                f"Received: {frontend.dimension} of the front-end {frontend.name}"
            )
        frontends[name] = frontend
    return frontends


def _extract(
    frontend: Frontend, extract: Callable, count: int, strict: bool
) -> tuple[np.ndarray, dict[int, str]]:
    """One front-end's features, and why recordings have none, by their number."""
    try:
        features = extract(frontend, None, strict)
    except (AudioError, CorpusError):
        if strict:
            raise
        return _none_usable(frontend, extract, count)
    warn_of_defects(features)
    reasons = iter(features.failures)
    return features.values, {int(i): next(reasons)[1] for i in np.flatnonzero(~features.valid)}


def _none_usable(
    frontend: Frontend, extract: Callable, count: int
) -> tuple[np.ndarray, dict[int, str]]:
    """The reason of each recording where no recording can be used.

    Extraction then raises, and names the first reason only; what it raises
    repeats the recording's name, its cause does not.
    """
    errors = {}
    for i in range(count):
        try:
            extract(frontend, [i], False)
        except (AudioError, CorpusError) as error:
            errors[i] = str(error.__cause__ or error)
    return np.full((count, frontend.dimension), np.nan, "float32"), errors

"""The feature store: every utterance's vector is extracted once and kept on disk.

One small file per vector, named after the utterance's content, in a folder per
front-end: looking a vector up opens one file, like hashing its audio does. A
file is written under a temporary name and renamed, and begins with a digest of
the rest, so a reader sees a whole vector or none, whoever else is writing and
whatever was killed. The defects of a recording that can be heard (clipping) are
kept with its vector. Recordings that fail are not remembered.

Extraction runs in threads: openSMILE, decoding and hashing leave Python's lock
alone while they work, so threads are as fast as processes here, start at once
and are safe next to a running TensorFlow.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from pnn_keras import audio
from pnn_keras.cache import CACHE_VARIABLE, cache_folder
from pnn_keras.corpus import Utterance
from pnn_keras.errors import AudioError, CorpusError, PnnKerasError, UserError
from pnn_keras.frontends import Frontend
from pnn_keras.machine import usable_cores

_FORMAT = 2  # of an entry: digest, values, defects (one per line)
_DIGEST = 16  # bytes of digest before the values of an entry
_ABANDONED = 3600  # seconds after which a temporary file belongs to a killed process
_NAMED = 3  # how many recordings with a defect a warning names

# The vector (dimension,) of a recording, and its defects.
_Heard = tuple[np.ndarray, tuple[str, ...]]


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """The vectors of many utterances, in the order in which they were given.

    Args:
        values: one row per utterance, float32 of shape ``(utterances, dimension)``;
            NaN where the utterance failed.
        valid: which rows hold a vector, bool of shape ``(utterances,)``.
        failures: the id of every utterance that failed, and why.
        defects: the id of every utterance with something wrong that can be heard
            all the same, and what it is.
    """

    values: np.ndarray
    valid: np.ndarray
    failures: tuple[tuple[str, str], ...] = ()
    defects: tuple[tuple[str, str], ...] = ()


def default_folder() -> Path:
    """Where vectors are kept unless a folder is named.

    ``features`` in the folder that the environment variable PNN_KERAS_CACHE
    names, else in the user's cache folder of this system.
    """
    return cache_folder("features")


def extract_features(
    utterances: Iterable[Utterance],
    frontend: Frontend,
    *,
    folder: str | os.PathLike | None = None,
    workers: int | None = None,
    progress: bool = True,
    strict: bool = False,
) -> Features:
    """The vectors of utterances: from the store where it has them, extracted where not.

    What is extracted is stored at once, so a run that was stopped goes on
    where it was, and other processes may work on the same store meanwhile.
    Utterances of equal content are extracted once.

    Args:
        utterances: the utterances.
        frontend: the front-end.
        folder: the store's folder; None means :func:`default_folder`.
        workers: how many utterances to extract at a time; None means as many
            as there are processors.
        progress: whether to show a progress bar on stderr if it is a terminal.
        strict: whether one failing utterance ends the run.

    Returns:
        One row per utterance, and which failed and why.

    Raises:
        AudioError: no utterance has usable audio, or with ``strict`` one has not.
        CorpusError: likewise, where a table of vectors lacks the utterance.
        UserError: ``workers`` is not positive.
        PnnKerasError: the store cannot be written (disk full, say).

    Example:
        >>> import soundfile
        >>> from pnn_keras.frontends import create_frontend
        >>> t = np.arange(16000) / 16000
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "a.wav"
        ...     soundfile.write(path, 0.5 * np.sin(2 * np.pi * 200 * t), 16000)
        ...     utterances = [Utterance("made", "a.wav", path)]
        ...     features = extract_features(
        ...         utterances, create_frontend("egemaps"), folder=folder, progress=False)
        >>> features.values.shape, features.valid
        ((1, 88), array([ True]))
    """
    utterances = list(utterances)
    store = _Store(Path(folder or default_folder()), frontend) if frontend.stored else None
    collected = _Collected(len(utterances), frontend.dimension, strict)
    with _threads(workers) as pool:
        missing: dict[str | int, list[int]] = {}
        found = pool.map(lambda utterance: _look_up(store, utterance), utterances)
        for i, (key, result) in enumerate(found):
            if result is None:
                missing.setdefault(i if key is None else key, []).append(i)
            else:
                collected.add(i, utterances[i].id, result)
        futures = {
            pool.submit(_extract, store, frontend, key, utterances[rows[0]]): rows
            for key, rows in missing.items()
        }
        for future in _as_completed(futures, frontend.name, progress):
            for i in futures[future]:
                collected.add(i, utterances[i].id, future.result())
    return collected.features()


def extract_signals(
    signals: Sequence[np.ndarray],
    sampling_rates: int | Sequence[int],
    frontend: Frontend,
    *,
    workers: int | None = None,
    progress: bool = False,
    strict: bool = False,
) -> Features:
    """The vectors of signals at hand; nothing is stored.

    Args:
        signals: the signals, each of shape ``(samples,)``: floating-point
            numbers with full scale at 1, int16 or int32.
        sampling_rates: the sampling rate of each in Hz, or one for all.
        frontend: the front-end.
        workers: how many signals to extract at a time; None means as many as
            there are processors.
        progress: whether to show a progress bar on stderr if it is a terminal.
        strict: whether one failing signal ends the run.

    Returns:
        One row per signal; a failure names the signal by its number, from ``"0"``.

    Raises:
        AudioError: no signal can be used, or with ``strict`` one cannot.
        UserError: ``workers`` is not positive, there is not one sampling rate
            per signal, or the front-end does not hear audio.

    Example:
        >>> from pnn_keras.frontends import create_frontend
        >>> t = np.arange(16000) / 16000
        >>> tone = 0.5 * np.sin(2 * np.pi * 200 * t)
        >>> extract_signals([tone], 16000, create_frontend("egemaps")).values.shape
        (1, 88)
    """
    rates = (
        [sampling_rates] * len(signals) if np.ndim(sampling_rates) == 0 else list(sampling_rates)
    )
    if len(rates) != len(signals):
        raise UserError(
            "There is one sampling rate per signal, or one for all. "
            f"Received: {len(signals)} signals and {len(rates)} sampling rates"
        )
    collected = _Collected(len(signals), frontend.dimension, strict)
    with _threads(workers) as pool:
        futures = {
            pool.submit(_extract_signal, frontend, signal, rate): i
            for i, (signal, rate) in enumerate(zip(signals, rates, strict=True))
        }
        for future in _as_completed(futures, frontend.name, progress):
            collected.add(futures[future], str(futures[future]), future.result())
    return collected.features()


def warn_of_defects(features: Features) -> None:
    """Warns, once, of recordings that can be heard but have a defect.

    Args:
        features: what was extracted.
    """
    if not features.defects:
        return
    named = "; ".join(f"{name}: {defect}" for name, defect in features.defects[:_NAMED])
    more = len(features.defects) - _NAMED
    others = f"; and {more} more" if more > 0 else ""
    warnings.warn(
        f"{named}{others}. Clipping distorts the features: record again at a lower level, or "
        "leave the recording out",
        stacklevel=3,
    )


class _Collected:
    """Vectors and failures as they come in, in any order."""

    def __init__(self, count: int, dimension: int, strict: bool) -> None:
        self._values = np.full((count, dimension), np.nan, dtype=np.float32)
        self._failures: dict[int, tuple[str, PnnKerasError]] = {}
        self._defects: dict[int, tuple[str, str]] = {}
        self._strict = strict

    def add(self, i: int, name: str, result: _Heard | PnnKerasError) -> None:
        if isinstance(result, PnnKerasError):
            if self._strict:
                raise type(result)(f"{name}: {result}") from result
            self._failures[i] = (name, result)
        else:
            self._values[i], defects = result
            if defects:
                self._defects[i] = (name, "; ".join(defects))

    def features(self) -> Features:
        count, failed = len(self._values), sorted(self._failures)
        if failed and len(failed) == count:
            name, error = self._failures[0]
            many = f"None of the {count} recordings can be used. The first: " if count > 1 else ""
            raise type(error)(f"{many}{name}: {error}") from error
        valid = np.ones(count, dtype=bool)
        valid[failed] = False
        failures = tuple((name, str(error)) for name, error in map(self._failures.get, failed))
        defects = tuple(self._defects[i] for i in sorted(self._defects))
        return Features(self._values, valid, failures, defects)


class _Store:
    """The entries of one front-end, in one folder."""

    def __init__(self, root: Path, frontend: Frontend) -> None:
        self._folder = root / f"{frontend.name}-{frontend.key[:16]}-{_FORMAT}"
        self._partial = self._folder / "partial"
        self._dimension = frontend.dimension
        with self._clear_errors():
            self._partial.mkdir(parents=True, exist_ok=True)
        self._sweep()

    def get(self, content: str) -> _Heard | None:
        """What is stored for ``content``; None if there is nothing or it is damaged."""
        try:
            entry = (self._folder / content).read_bytes()
        except OSError:
            return None
        digest, rest = entry[:_DIGEST], entry[_DIGEST:]
        if len(rest) < 4 * self._dimension or digest != self._digest(content, rest):
            return None
        values, defects = rest[: 4 * self._dimension], rest[4 * self._dimension :]
        return np.frombuffer(values, dtype="<f4"), tuple(defects.decode().splitlines())

    def put(self, content: str, vector: np.ndarray, defects: Iterable[str]) -> None:
        """Stores a vector and the recording's defects: whole, or not at all."""
        rest = np.asarray(vector, dtype="<f4").tobytes() + "\n".join(defects).encode()
        with self._clear_errors():
            handle, partial = tempfile.mkstemp(dir=self._partial)
            try:
                with open(handle, "wb") as file:
                    file.write(self._digest(content, rest) + rest)
                os.replace(partial, self._folder / content)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(partial)
                raise

    def _digest(self, content: str, rest: bytes) -> bytes:
        """Over the dimension too, which tells values from defects."""
        whole = f"{content} {self._dimension} ".encode() + rest
        return hashlib.blake2b(whole, digest_size=_DIGEST).digest()

    def _sweep(self) -> None:
        """Removes what killed processes left half-written."""
        oldest = time.time() - _ABANDONED
        for partial in self._partial.iterdir():
            with contextlib.suppress(OSError):  # another process may sweep, too
                if partial.stat().st_mtime < oldest:
                    partial.unlink()

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PnnKerasError(
                f"Cannot store features in {self._folder}: {error.strerror or error}. "
                f"What was stored before is kept. Make room, or set {CACHE_VARIABLE} to a "
                "folder with room"
            ) from error


def _look_up(
    store: _Store | None, utterance: Utterance
) -> tuple[str | None, _Heard | PnnKerasError | None]:
    """An utterance's content and what is stored of it, or what is wrong with its file."""
    if store is None:
        return None, None
    try:
        content = utterance.content
    except OSError as error:
        return None, AudioError(f"Cannot read {utterance.path}: {error.strerror or error}")
    return content, store.get(content)


def _extract(
    store: _Store | None, frontend: Frontend, key: str | int, utterance: Utterance
) -> _Heard | PnnKerasError:
    try:
        heard = frontend.features(utterance)
    except (AudioError, CorpusError) as error:
        return error
    if store is not None:
        store.put(str(key), *heard)
    return heard


def _extract_signal(
    frontend: Frontend, signal: np.ndarray, sampling_rate: int
) -> _Heard | PnnKerasError:
    try:
        signal = audio.from_array(signal)
        audio.check(signal, sampling_rate)
        return frontend.extract(signal, sampling_rate), audio.defects(signal)
    except AudioError as error:
        return error


@contextlib.contextmanager
def _threads(workers: int | None) -> Iterator[ThreadPoolExecutor]:
    """A pool that drops the work it has not begun when an exception (Ctrl-C) passes."""
    if workers is None:
        workers = usable_cores()
    if workers < 1:
        raise UserError(f"workers is a positive number or None. Received: workers={workers}")
    pool = ThreadPoolExecutor(workers, thread_name_prefix="extract")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _as_completed(futures: Iterable[Future], name: str, progress: bool) -> Iterator[Future]:
    """The futures as they finish, with a progress bar if there are any."""
    from tqdm import tqdm

    futures = list(futures)
    return iter(
        tqdm(
            as_completed(futures),
            total=len(futures),
            desc=name,
            unit="file",
            file=sys.stderr,
            # None: tqdm stays silent where stderr is no terminal.
            disable=None if progress and futures else True,
        )
    )

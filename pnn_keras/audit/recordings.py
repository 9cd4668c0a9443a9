"""Recordings that occur twice: byte for byte, or as an altered copy.

A copy that was re-encoded, resampled, amplified, requantised or trimmed has
other bytes but the same waveform; two takes of one sentence never have. So
pairs whose spectra are alike are few and quickly found, and their waveforms,
shifted against each other, decide.
"""

from __future__ import annotations

import dataclasses
import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pnn_keras import audio
from pnn_keras.corpora.identical import identical
from pnn_keras.corpus import Utterance
from pnn_keras.errors import AudioError

#: Two spectral profiles further apart than this are not compared further, in dB.
RADIUS = 1.0

#: The correlation of two waveforms from which they are one recording.
THRESHOLD = 0.9

#: The band that is compared, in Hz: what every microphone and codec lets pass.
BAND = (100.0, 3600.0)

#: How much of the shorter recording must lie within the longer one.
OVERLAP = 0.8

_RATE = 8000  # Hz, at which waveforms are compared
_WAVE_BAND = (100.0, 2000.0)  # Hz, where speech is strongest
_BANDS = 20
_WINDOW, _HOP = 0.04, 0.02  # seconds
_QUIET, _FLOOR = 30.0, 50.0  # dB below the loudest frame, the loudest band
_NEIGHBOURS = 8


@dataclasses.dataclass(frozen=True)
class Recording:
    """Utterances that are one recording.

    Args:
        rows: the numbers of the utterances, two or more, sorted.
        similarity: the least correlation that joined them; 1 for equal bytes.
        identical: whether their files are the same byte for byte.
    """

    rows: tuple[int, ...]
    similarity: float
    identical: bool


def find_copies(utterances: Sequence[Utterance]) -> tuple[list[Recording], list[tuple[str, str]]]:
    """Finds the utterances that are one recording.

    Byte-identical files come first. Of all others each gets a spectral
    profile (:func:`profile`); pairs within 1 dB of each other, root mean
    square over the profile, are compared as waveforms (:func:`correlation`)
    and are one recording from a correlation of 0.9.

    Found: other formats and codecs, other sampling rates, gain, 16 or 8 bits,
    a trimmed beginning or end (a fifth of the recording at most). Not found:
    added noise or reverberation, changed speed or pitch, pre-emphasis or
    another equaliser, a low-pass at 3 kHz, amplification by 20 dB that clips.

    Args:
        utterances: the utterances.

    Returns:
        The recordings that occur twice or more, the byte-identical ones first;
        and the ids of utterances that cannot be heard, each with the reason.
    """
    number = {(u.corpus, u.id): row for row, u in enumerate(utterances)}
    equal = [
        tuple(sorted(number[u.corpus, u.id] for u in group)) for group in identical(utterances)
    ]
    copies = {row: group for group in equal for row in group}
    first = [row for row in range(len(utterances)) if copies.get(row, (row,))[0] == row]
    profiles, unheard = _profiles([utterances[row] for row in first])
    heard = [row for row, values in zip(first, profiles, strict=True) if values is not None]
    vectors = np.array([values for values in profiles if values is not None])
    joined = []
    for a, b in _close(vectors):
        similarity = correlation(*_read(utterances[heard[a]]), *_read(utterances[heard[b]]))
        if similarity >= THRESHOLD:
            joined.append((heard[a], heard[b], similarity))
    found = [Recording(group, 1.0, True) for group in equal]
    for group, similarity in _components(joined):
        rows = sorted(row for member in group for row in copies.get(member, (member,)))
        found.append(Recording(tuple(rows), round(similarity, 4), False))
    return found, unheard


def profile(signal: np.ndarray, sampling_rate: int) -> np.ndarray:
    """How loud each of 20 mel bands is, on average and in its spread.

    ``e[t, b]`` is the energy of band b between 100 and 3600 Hz in a frame of
    40 ms, in dB, at least 50 dB below the loudest; frames 30 dB below the loudest
    are left out, so that silence around the speech does not matter. The level
    is removed: ``e -= mean(e)``.

    Args:
        signal: the signal, shape ``(samples,)``.
        sampling_rate: its sampling rate in Hz.

    Returns:
        ``concatenate([mean_t(e), sd_t(e)])``, in dB, float64 ``(40,)``.

    Example:
        >>> t = np.arange(16000) / 16000
        >>> tone = np.sin(2 * np.pi * 1000 * t).astype("float32")
        >>> loud, soft = profile(tone, 16000), profile(0.1 * tone, 16000)
        >>> loud.shape, bool(np.abs(loud - soft).max() < 0.01)
        ((40,), True)
    """
    from scipy.fft import rfft

    width = min(len(signal), round(_WINDOW * sampling_rate))
    starts = np.arange(0, len(signal) - width + 1, max(1, round(_HOP * sampling_rate)))
    frames = np.lib.stride_tricks.sliding_window_view(signal, width)[starts]
    weights = _mel_weights(width, sampling_rate)
    spectrum = rfft(frames * np.hanning(width).astype(np.float32), axis=1)[:, : weights.shape[1]]
    # Not with @: so small a product only wakes the threads of the linear algebra library.
    energy = np.einsum("tf,bf->tb", spectrum.real**2 + spectrum.imag**2, weights)
    total = energy.sum(axis=1)
    loud = energy[total >= total.max() * 10 ** (-_QUIET / 10)]
    levels = 10 * np.log10(np.maximum(loud, loud.max() * 10 ** (-_FLOOR / 10) + 1e-30))
    levels -= levels.mean()
    return np.concatenate([levels.mean(axis=0), levels.std(axis=0)]).astype(np.float64)


def _mel_weights(width: int, sampling_rate: int) -> np.ndarray:
    """Triangular mel bands over the bins up to their end: float32 ``(bands, bins)``."""

    def mel(frequency):
        return 2595 * np.log10(1 + frequency / 700)

    count = min(width // 2, int(BAND[1] * width / sampling_rate)) + 1
    bins = mel(np.arange(count) * sampling_rate / width)
    edges = np.linspace(*mel(np.array(BAND)), _BANDS + 2)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def correlation(first: np.ndarray, first_rate: int, second: np.ndarray, second_rate: int) -> float:
    """The largest correlation of two waveforms over all shifts.

    Both are resampled to 8 kHz and limited to 100 to 2000 Hz. For a shift s,
    ``r(s) = |sum_t x[t] y[t + s]| / sqrt(sum_t x[t]^2 sum_t y[t + s]^2)`` over
    the samples that overlap, at least 80 % of the shorter.

    Args:
        first: a signal, shape ``(samples,)``.
        first_rate: its sampling rate in Hz.
        second: another signal, shape ``(samples,)``.
        second_rate: its sampling rate in Hz.

    Returns:
        ``max_s r(s)``, from 0 to 1.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((2, 16000)).astype("float32")
        >>> cut = 0.3 * noise[0, 800:]
        >>> round(correlation(noise[0], 16000, cut, 16000), 2)
        1.0
        >>> correlation(noise[0], 16000, noise[1], 16000) < 0.2
        True
    """
    from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

    x, y = audio.resample(first, first_rate, _RATE), audio.resample(second, second_rate, _RATE)
    if len(x) > len(y):
        x, y = y, x
    size = next_fast_len(len(x) + len(y), real=True)
    frequencies = rfftfreq(size, 1 / _RATE)
    passed = (frequencies >= _WAVE_BAND[0]) & (frequencies <= _WAVE_BAND[1])
    x_spectrum, y_spectrum = rfft(x, size) * passed, rfft(y, size) * passed
    # Back to time at twice the rate: a copy may be shifted by part of a sample.
    products = irfft(np.conj(x_spectrum) * y_spectrum, 2 * size)
    x_length, y_length = 2 * len(x), 2 * len(y)
    x_energy, y_energy = (
        np.concatenate([[0], np.cumsum(irfft(spectrum, 2 * size)[:length].astype(float) ** 2)])
        for spectrum, length in ((x_spectrum, x_length), (y_spectrum, y_length))
    )
    beyond = int((1 - OVERLAP) * x_length)
    shifts = np.arange(-beyond, y_length - x_length + beyond + 1)
    begin, end = np.maximum(0, -shifts), np.minimum(x_length, y_length - shifts)
    energy = (x_energy[end] - x_energy[begin]) * (
        y_energy[end + shifts] - y_energy[begin + shifts]
    )
    # A stretch of near silence has a correlation of rounding errors only.
    least = (1e-3 * min(x_energy[-1], y_energy[-1])) ** 2
    correlated = np.abs(products[shifts]) / np.sqrt(np.maximum(energy, max(least, 1e-30)))
    return float(min(1.0, correlated.max()))


def _profiles(
    utterances: Sequence[Utterance],
) -> tuple[list[np.ndarray | None], list[tuple[str, str]]]:
    def one(utterance: Utterance) -> np.ndarray | AudioError:
        try:
            signal, sampling_rate = _read(utterance)
            audio.check(signal, sampling_rate)
            return profile(signal, sampling_rate)
        except AudioError as error:
            return error

    # Decoding and transforms leave Python's lock alone.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(one, utterances))
    pairs = list(zip(utterances, found, strict=True))
    unheard = [(u.id, str(error)) for u, error in pairs if isinstance(error, AudioError)]
    return [None if isinstance(values, AudioError) else values for values in found], unheard


def _read(utterance: Utterance) -> tuple[np.ndarray, int]:
    return audio.read(utterance.path, utterance.start, utterance.end)


def _close(vectors: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of profiles within RADIUS, of each its eight nearest at most."""
    if len(vectors) < 2:
        return []
    from scipy.spatial import cKDTree

    # Divided so that a distance is a root mean square.
    scaled = vectors / np.sqrt(vectors.shape[1])
    nearest = min(len(vectors), _NEIGHBOURS + 1)
    _, found = cKDTree(scaled).query(scaled, k=nearest, distance_upper_bound=RADIUS)
    rows, places = np.nonzero(found < len(vectors))
    pairs = np.sort(np.stack([rows, found[rows, places]], axis=1), axis=1)
    return [(int(a), int(b)) for a, b in np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)]


def _components(pairs: Sequence[tuple[int, int, float]]) -> list[tuple[list[int], float]]:
    """Rows that are joined by pairs, each group with its least similarity."""
    if not pairs:
        return []
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second, similarity = zip(*pairs, strict=True)
    size = max(second) + 1
    _, labels = connected_components(
        coo_array((np.ones(len(pairs)), (first, second)), shape=(size, size)), directed=False
    )
    groups: dict[int, set[int]] = defaultdict(set)
    least: dict[int, float] = {}
    for a, b, value in zip(first, second, similarity, strict=True):
        groups[labels[a]] |= {a, b}
        least[labels[a]] = min(value, least.get(labels[a], 1.0))
    return sorted((sorted(group), least[label]) for label, group in groups.items())

"""Recordings as signals: decode any file, refuse what nobody can hear, resample."""

from __future__ import annotations

import os

import numpy as np

from pnn_keras.errors import AudioError

#: Endings of the audio files that every loader of corpora accepts.
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")

#: The shortest signal that is worth describing, in seconds.
SHORTEST = 0.1

#: The lowest and the highest sampling rate that are believed, in Hz.
SAMPLING_RATES = (4000, 192_000)

#: A signal whose peak lies below this counts as silent, in dB relative to full scale.
SILENCE = -90.0

#: Samples beyond this are no audio but numbers on another scale (full scale is 1).
LARGEST = 4.0

#: How far a segment may reach beyond the end of its file, in seconds (rounded tables do).
OVERHANG = 0.1

#: Share of samples at full scale from which a signal is called clipped.
CLIPPED = 0.001

# The largest value that 16 bits can hold: at or above it a sample is at full scale.
_FULL_SCALE = 32767 / 32768


def read(
    path: str | os.PathLike, start: float = 0.0, end: float | None = None
) -> tuple[np.ndarray, int]:
    """Decodes an audio file, or a segment of it, to one channel.

    Several channels are averaged: ``signal[t] = mean_c(samples[t, c])``. The
    sampling rate stays the file's own. Formats: all that libsndfile knows,
    among them WAV, FLAC, MP3 and OGG.

    Args:
        path: the audio file.
        start: where to start, in seconds.
        end: where to end, in seconds; None means the end of the file.

    Returns:
        The signal, float32 of shape ``(samples,)`` with full scale at 1, and
        the sampling rate in Hz.

    Raises:
        AudioError: the file is missing, cannot be read or decoded, or ends
            before the segment does.

    Example:
        >>> import soundfile, tempfile, pathlib
        >>> stereo = np.stack([np.full(8000, 0.5), np.full(8000, 0.25)], axis=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "stereo.wav"
        ...     soundfile.write(path, stereo, 16000)
        ...     signal, sampling_rate = read(path, start=0.25)
        >>> signal.shape, float(signal[0]), sampling_rate
        ((4000,), 0.375, 16000)
    """
    samples, sampling_rate = read_channels(path, start, end)
    return mix(samples), sampling_rate


def read_channels(
    path: str | os.PathLike, start: float = 0.0, end: float | None = None
) -> tuple[np.ndarray, int]:
    """Decodes an audio file, or a segment of it, with all its channels.

    Args:
        path: the audio file.
        start: where to start, in seconds.
        end: where to end, in seconds; None means the end of the file.

    Returns:
        The samples, float32 of shape ``(samples, channels)`` with full scale
        at 1, and the sampling rate in Hz.

    Raises:
        AudioError: as in :func:`read`.

    Example:
        >>> import soundfile, tempfile, pathlib
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "stereo.wav"
        ...     soundfile.write(path, np.zeros((8000, 2)), 16000)
        ...     samples, sampling_rate = read_channels(path)
        >>> samples.shape
        (8000, 2)
    """
    import soundfile

    if not os.path.isfile(path):
        reason = "it is a folder" if os.path.isdir(path) else "there is no such file"
        raise AudioError(f"Cannot read {path}: {reason}")
    try:
        with soundfile.SoundFile(path) as file:
            first, count = _bounds(path, start, end, file.frames, file.samplerate)
            file.seek(first)
            return file.read(count, dtype="float32", always_2d=True), file.samplerate
    except (OSError, soundfile.SoundFileError) as error:
        # libsndfile repeats the path in its message, which is ours to name.
        reason = getattr(error, "error_string", None) or getattr(error, "strerror", None)
        raise AudioError(f"Cannot read {path}: {reason or error}") from error


def _bounds(
    path: str | os.PathLike, start: float, end: float | None, frames: int, sampling_rate: int
) -> tuple[int, int]:
    """First frame and number of frames of a segment."""
    if start == 0 and end is None:
        return 0, -1  # libsndfile may not know the length of a compressed file exactly
    duration = frames / sampling_rate
    last = duration if end is None else end
    if not 0 <= start < last <= duration + OVERHANG or start >= duration:
        raise AudioError(
            f"Cannot read {path} from {start:g} s to {last:g} s: "
            f"a segment lies within the file, which is {duration:g} s long"
        )
    first = round(start * sampling_rate)
    return first, min(round(last * sampling_rate), frames) - first


def mix(samples: np.ndarray) -> np.ndarray:
    """Averages several channels: ``signal[t] = mean_c(samples[t, c])``.

    Args:
        samples: shape ``(samples, channels)``.

    Returns:
        One channel, float32 of shape ``(samples,)``.

    Example:
        >>> mix(np.array([[0.5, 0.25], [1.0, -1.0]]))
        array([0.375, 0.   ], dtype=float32)
    """
    return samples.mean(axis=1, dtype=np.float32)


def from_array(array: np.ndarray) -> np.ndarray:
    """A signal given as an array, as :func:`read` would return it.

    Floating-point samples stay as they are; 16- and 32-bit integers are
    divided by their full scale.

    Args:
        array: one channel of samples, shape ``(samples,)``.

    Returns:
        The signal, float32 of shape ``(samples,)`` with full scale at 1.

    Raises:
        AudioError: ``array`` has not one axis, or holds anything but
            floating-point numbers, int16 or int32.

    Example:
        >>> from_array(np.array([16384, -32768], dtype="int16"))
        array([ 0.5, -1. ], dtype=float32)
    """
    array = np.asarray(array)
    if array.ndim != 1:
        raise AudioError(
            f"A signal is one channel of shape (samples,). Received: shape={array.shape}. "
            "Average the channels first."
        )
    if array.dtype in (np.int16, np.int32):
        return (array / (np.iinfo(array.dtype).max + 1.0)).astype(np.float32)
    if not np.issubdtype(array.dtype, np.floating):
        raise AudioError(
            "The samples of a signal are floating-point numbers from -1 to 1, int16 or int32. "
            f"Received: dtype={array.dtype}"
        )
    return array.astype(np.float32)


def check(signal: np.ndarray, sampling_rate: int) -> None:
    """Refuses a signal that has nothing to hear.

    A clipped signal is not refused; :func:`defects` names it.

    Args:
        signal: the signal, shape ``(samples,)``, full scale at 1.
        sampling_rate: its sampling rate in Hz.

    Raises:
        AudioError: the signal is empty, shorter than 0.1 s, holds NaN or
            infinity, is silent (half the distance between its extremes lies
            below -90 dB of full scale, so a constant is silent too) or is
            scaled wrongly (beyond 4 times full scale), or the sampling rate
            lies outside 4 to 192 kHz.

    Example:
        >>> check(np.zeros(16000, "float32"), 16000)
        Traceback (most recent call last):
            ...
        pnn_keras.errors.AudioError: The recording is silent: its peak lies below -90 dB ...
    """
    lowest, highest = SAMPLING_RATES
    if not lowest <= sampling_rate <= highest:
        raise AudioError(
            f"A sampling rate lies between {lowest} and {highest} Hz. "
            f"Received: sampling_rate={sampling_rate}"
        )
    if len(signal) == 0:
        raise AudioError("The recording is empty: it has no samples")
    duration = len(signal) / sampling_rate
    if duration < SHORTEST:
        raise AudioError(
            f"The recording is too short: {duration:.3f} s, at least {SHORTEST} s are needed"
        )
    broken = np.count_nonzero(~np.isfinite(signal))
    if broken:
        raise AudioError(
            f"The recording holds NaN or infinity in {broken} of {len(signal)} samples"
        )
    low, high = float(signal.min()), float(signal.max())
    if (high - low) / 2 < 10 ** (SILENCE / 20):
        raise AudioError(
            f"The recording is silent: its peak lies below {SILENCE:g} dB of full scale"
        )
    peak = max(-low, high)
    if peak > LARGEST:
        raise AudioError(
            f"The recording is scaled wrongly: samples lie from -1 to 1, these reach {peak:g}. "
            "Divide 16-bit numbers by 32768."
        )


def defects(samples: np.ndarray) -> tuple[str, ...]:
    """Names what is wrong with a recording that can be heard all the same.

    Args:
        samples: one channel, shape ``(samples,)``, or several before they are
            averaged, which hides clipping: ``(samples, channels)``. Full scale
            lies at 1.

    Returns:
        One phrase per defect: clipping, when at least 0.1 % of the samples of
        a channel lie at full scale (that of 16 bits, 32767/32768).

    Example:
        >>> t = np.arange(16000) / 16000
        >>> defects(np.clip(1.1 * np.sin(2 * np.pi * 100 * t), -1, 1))
        ('clipped: 26.2 % of samples at full scale',)
    """
    if len(samples) == 0:
        return ()
    share = float(np.max(np.mean(np.abs(samples) >= _FULL_SCALE, axis=0)))
    if share < CLIPPED:
        return ()
    return (f"clipped: {100 * share:.1f} % of samples at full scale",)


def resample(signal: np.ndarray, source_rate: int, target_rate: int) -> np.ndarray:
    """Changes the sampling rate, with soxr's high-quality filter.

    Args:
        signal: the signal, shape ``(samples,)``.
        source_rate: its sampling rate in Hz.
        target_rate: the sampling rate wanted, in Hz.

    Returns:
        The signal at ``target_rate``, float32 of shape
        ``(round(samples * target_rate / source_rate),)``.

    Raises:
        AudioError: a rate is not positive.

    Example:
        >>> resample(np.ones(44100, "float32"), 44100, 16000).shape
        (16000,)
    """
    if min(source_rate, target_rate) <= 0:
        raise AudioError(
            "Sampling rates are positive numbers of Hz. "
            f"Received: source_rate={source_rate}, target_rate={target_rate}"
        )
    signal = np.asarray(signal, dtype=np.float32)
    if source_rate == target_rate:
        return signal
    import soxr

    return soxr.resample(signal, source_rate, target_rate)

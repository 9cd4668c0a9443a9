"""Recordings on their way to a server: whole WAV files, and batches of bounded size."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator

import numpy as np

from pnn_keras.audio import from_array, read
from pnn_keras.errors import AudioError

#: The codings that the graph of a served model reads; anything else is decoded here.
_AS_IT_IS = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")


def wav_bytes(recording: str | os.PathLike | np.ndarray, sampling_rate: int | None) -> bytes:
    """A recording as a WAV file.

    A WAV file stays as it is, byte for byte, so that the served model hears
    what training heard. Other formats are decoded to one channel of 32-bit
    floats at their own sampling rate.

    Args:
        recording: path of an audio file, or a signal ``(samples,)`` as
            :func:`pnn_keras.audio.from_array` takes it.
        sampling_rate: of the signal, in Hz; None for a path.

    Returns:
        The content of a WAV file.

    Raises:
        AudioError: the file cannot be read or decoded, or the signal is none.

    Example:
        >>> wav_bytes(np.zeros(16000, "int16"), 16000)[:4]
        b'RIFF'
    """
    if not isinstance(recording, (str, os.PathLike)):
        array = np.asarray(recording)
        signal = from_array(array)
        return _write(array if array.dtype == np.int16 else signal, sampling_rate)
    try:
        with open(recording, "rb") as file:
            content = file.read()
    except OSError:
        content = b""  # audio.read says why
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE" and _is_plain(content):
        return content
    return _write(*read(recording))


def _is_plain(content: bytes) -> bool:
    """Whether a served model reads the coding of a WAV file, or has to say what is wrong."""
    import soundfile

    try:
        return soundfile.info(io.BytesIO(content)).subtype in _AS_IT_IS
    except soundfile.SoundFileError:
        return True


def _write(samples: np.ndarray, sampling_rate: int) -> bytes:
    import soundfile

    file = io.BytesIO()
    subtype = "PCM_16" if samples.dtype == np.int16 else "FLOAT"
    try:
        soundfile.write(file, samples, sampling_rate, format="WAV", subtype=subtype)
    except (TypeError, ValueError, soundfile.SoundFileError) as error:
        raise AudioError(
            f"A WAV file cannot hold this signal: {error}. Received: sampling_rate={sampling_rate}"
        ) from error
    return file.getvalue()


def in_batches(
    clips: Iterable[tuple[int, bytes]], most: int, most_bytes: int
) -> Iterator[list[tuple[int, bytes]]]:
    """Puts clips together into batches.

    Args:
        clips: number and content of each clip.
        most: how many clips a batch holds at most.
        most_bytes: how many bytes it holds at most; a clip that is larger by
            itself makes a batch of its own.

    Example:
        >>> clips = [(0, b"abc"), (1, b"de"), (2, b"f"), (3, b"ghijklm")]
        >>> [[number for number, _ in batch] for batch in in_batches(clips, 2, 5)]
        [[0, 1], [2], [3]]
    """
    batch: list[tuple[int, bytes]] = []
    size = 0
    for number, content in clips:
        if batch and (len(batch) == most or size + len(content) > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append((number, content))
        size += len(content)
    if batch:
        yield batch

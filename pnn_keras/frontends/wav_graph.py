"""WAV files as signals, inside the TensorFlow graph: one bad file spoils no other.

``tf.audio.decode_wav`` reads plain 16-bit files only and fails a whole batch
for one bad file, so the chunks of RIFF are walked here with core operations.
Headers are read for a whole batch; samples are decoded file by file, after the
header was believed.

Source:
    IBM and Microsoft, "Multimedia Programming Interface and Data
    Specifications 1.0", 1991 (RIFF, WAVE); Microsoft, "Multiple Channel Audio
    Data and WAVE Files", 2007 (WAVE_FORMAT_EXTENSIBLE).
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from pnn_keras.frontends.audible_graph import first_error

#: The sample formats that are read: WAV's format tag and bits per sample.
FORMATS = ((1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64))

#: Chunks that are looked at before a file is given up; real ones have a handful.
CHUNKS = 256

_EXTENSIBLE = 0xFFFE
_FMT_BYTES = 40  # of an extensible fmt chunk; a plain one has 16 or 18
_SUBFORMAT = 24  # where an extensible fmt chunk says the format tag


class Headers(NamedTuple):
    """What the headers of a batch of WAV files say; each a tensor of shape ``(batch,)``.

    Args:
        first: the byte at which the samples begin, int64.
        frames: samples per channel that are there, int64.
        channels: number of channels, int64.
        sampling_rate: in Hz as the header says, int64.
        form: the sample format as a number in :data:`FORMATS`, int32.
        error: why the file cannot be decoded, string; empty where it can. The
            numbers are 0 where there is an error.
    """

    first: tf.Tensor
    frames: tf.Tensor
    channels: tf.Tensor
    sampling_rate: tf.Tensor
    form: tf.Tensor
    error: tf.Tensor


def read_headers(audio_bytes: tf.Tensor) -> Headers:
    """Reads the headers of WAV files.

    Chunks may come in any order and number. A data chunk that says 0 bytes, or
    more than there are (as streamed files do), reaches to the end of the file.

    Args:
        audio_bytes: whole files, string of shape ``(batch,)``.

    Returns:
        What the headers say.

    Example:
        >>> read_headers(tf.constant([b"", b"RIFF...."])).error.numpy()[0]
        b'The recording is no WAV file: it does not begin with RIFF and WAVE'
    """
    length = tf.cast(tf.strings.length(audio_bytes), tf.int64)
    riff = tf.strings.substr(audio_bytes, 0, 4) == b"RIFF"
    wave = _part(audio_bytes, tf.zeros_like(length) + 8, 4, length) == b"WAVE"
    chunks = _find_chunks(audio_bytes, length, riff & wave)
    fmt = _bytes(audio_bytes, chunks.fmt_first, tf.minimum(chunks.fmt_size, _FMT_BYTES), length)
    tag, channels = _little_endian(fmt, 0, 2), _little_endian(fmt, 2, 2)
    rate, bits = _little_endian(fmt, 4, 4), _little_endian(fmt, 14, 2)
    tag = tf.where(tag == _EXTENSIBLE, _little_endian(fmt, _SUBFORMAT, 2), tag)
    known = [(tag == known_tag) & (bits == known_bits) for known_tag, known_bits in FORMATS]
    form = tf.argmax(tf.stack(known, axis=1), axis=1, output_type=tf.int32)
    size = tf.minimum(chunks.data_size, length - chunks.data_first)
    size = tf.where(chunks.data_size == 0, length - chunks.data_first, size)
    frames = tf.maximum(size, 0) // tf.maximum(channels * bits // 8, 1)
    error = first_error(
        (~(riff & wave), "The recording is no WAV file: it does not begin with RIFF and WAVE"),
        (chunks.fmt_first < 0, "The WAV file is damaged: it has no fmt chunk"),
        (chunks.fmt_size < 16, "The WAV file is damaged: its fmt chunk is cut short"),
        (~tf.reduce_any(tf.stack(known), axis=0), _unknown_format(tag, bits)),
        (channels == 0, "The WAV file has no channels"),
        (chunks.data_first < 0, "The WAV file is damaged: it has no data chunk"),
    )
    numbers = (chunks.data_first, frames, channels, rate, form)
    zero = tf.constant(0, tf.int64)
    good = error == b""
    return Headers(*(tf.where(good, n, tf.cast(zero, n.dtype)) for n in numbers), error)


def decode(audio_bytes: tf.Tensor, headers: Headers) -> tf.Tensor:
    """Decodes one WAV file to one channel.

    Integers are divided by their full scale, unsigned 8-bit ones after 128 was
    taken off; channels are averaged: ``signal[t] = mean_c(samples[t, c])``.

    Args:
        audio_bytes: the whole file, a string of shape ``()``.
        headers: its header, each a tensor of shape ``()``.

    Returns:
        The signal, float32 of shape ``(frames,)`` with full scale at 1.

    Example:
        >>> import io, soundfile
        >>> file = io.BytesIO()
        >>> soundfile.write(file, [0.5, -0.25], 16000, format="WAV")
        >>> files = tf.constant([file.getvalue()])
        >>> decode(files[0], Headers(*(n[0] for n in read_headers(files)))).numpy()
        array([ 0.5 , -0.25], dtype=float32)
    """
    sample_bytes = tf.gather([bits // 8 for _, bits in FORMATS], headers.form)
    count = headers.frames * headers.channels
    data = tf.strings.substr(audio_bytes, headers.first, count * tf.cast(sample_bytes, tf.int64))
    decoders = [_decoder(tag, bits) for tag, bits in FORMATS]
    samples = tf.switch_case(headers.form, [lambda d=decoder: d(data) for decoder in decoders])
    shape = tf.stack([headers.frames, headers.channels])
    return tf.reduce_mean(tf.reshape(samples, shape), axis=1)


def _decoder(tag: int, bits: int):
    """What turns the bytes of one sample format into float32 samples."""
    if tag == 3:
        dtype = tf.float32 if bits == 32 else tf.float64
        return lambda data: tf.cast(tf.io.decode_raw(data, dtype), tf.float32)
    return {8: _decode_8, 16: _decode_16, 24: _decode_24, 32: _decode_32}[bits]


def _decode_8(data: tf.Tensor) -> tf.Tensor:
    return (tf.cast(tf.io.decode_raw(data, tf.uint8), tf.float32) - 128) / 128


def _decode_16(data: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.io.decode_raw(data, tf.int16), tf.float32) / 2**15


def _decode_24(data: tf.Tensor) -> tf.Tensor:
    low, middle, high = tf.unstack(tf.reshape(tf.io.decode_raw(data, tf.uint8), [-1, 3]), axis=1)
    high = tf.cast(tf.bitcast(high, tf.int8), tf.float32)  # the byte that bears the sign
    return (high * 2**16 + tf.cast(middle, tf.float32) * 2**8 + tf.cast(low, tf.float32)) / 2**23


def _decode_32(data: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.io.decode_raw(data, tf.int32), tf.float32) / 2.0**31


class _Chunks(NamedTuple):
    """Where chunks begin (-1: there is none) and how many bytes they say they have."""

    position: tf.Tensor
    fmt_first: tf.Tensor
    fmt_size: tf.Tensor
    data_first: tf.Tensor
    data_size: tf.Tensor


def _find_chunks(audio_bytes: tf.Tensor, length: tf.Tensor, is_wave: tf.Tensor) -> _Chunks:
    """Walks from chunk to chunk until each file's fmt and data are found, or the file ends."""

    def unfinished(chunks: _Chunks) -> tf.Tensor:
        found = (chunks.fmt_first >= 0) & (chunks.data_first >= 0)
        return is_wave & ~found & (chunks.position + 8 <= length)

    def walk(chunks: _Chunks) -> tuple[_Chunks]:
        here, first = unfinished(chunks), chunks.position + 8
        header = _bytes(audio_bytes, chunks.position, 8, length)
        size = _little_endian(header, 4, 4)
        name = _part(audio_bytes, chunks.position, 4, length)
        fmt = here & (name == b"fmt ") & (chunks.fmt_first < 0)
        data = here & (name == b"data") & (chunks.data_first < 0)
        walked = _Chunks(
            # A chunk of odd size is followed by a byte of padding.
            position=tf.where(here, first + size + size % 2, chunks.position),
            fmt_first=tf.where(fmt, first, chunks.fmt_first),
            fmt_size=tf.where(fmt, size, chunks.fmt_size),
            data_first=tf.where(data, first, chunks.data_first),
            data_size=tf.where(data, size, chunks.data_size),
        )
        return (walked,)

    none = tf.fill(tf.shape(length), tf.constant(-1, tf.int64))
    start = _Chunks(tf.zeros_like(length) + 12, none, none, none, none)
    (chunks,) = tf.while_loop(
        lambda chunks: tf.reduce_any(unfinished(chunks)),
        walk,
        (start,),
        maximum_iterations=CHUNKS,
    )
    return chunks


def _part(audio_bytes: tf.Tensor, first: tf.Tensor, count, length: tf.Tensor) -> tf.Tensor:
    """A stretch of each file, no longer than the file: string ``(batch,)``."""
    first = tf.clip_by_value(first, 0, length)
    count = tf.zeros_like(first) + tf.maximum(tf.cast(count, tf.int64), 0)
    return tf.strings.substr(audio_bytes, first, count)


def _bytes(audio_bytes: tf.Tensor, first: tf.Tensor, count, length: tf.Tensor) -> tf.Tensor:
    """That stretch as numbers, int64 ``(batch, 40)``; 0 behind its end."""
    part = _part(audio_bytes, first, count, length)
    return tf.cast(tf.io.decode_raw(part, tf.uint8, fixed_length=_FMT_BYTES), tf.int64)


def _little_endian(values: tf.Tensor, first: int, count: int) -> tf.Tensor:
    """The unsigned number in ``count`` bytes of ``(batch, bytes)``: int64 ``(batch,)``."""
    weights = tf.constant([[256**i for i in range(count)]], tf.int64)
    return tf.reduce_sum(values[:, first : first + count] * weights, axis=1)


def _unknown_format(tag: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    return tf.strings.join(
        [
            "A WAV file holds integers of 8, 16, 24 or 32 bits or floating-point numbers of 32 "
            "or 64 bits. Received: format ",
            tf.strings.as_string(tag),
            " of ",
            tf.strings.as_string(bits),
            " bits. Save it as 16-bit PCM",
        ]
    )

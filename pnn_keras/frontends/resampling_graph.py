"""Changing the sampling rate and limiting the band, inside the TensorFlow graph.

The signal's spectrum is cut or continued with zeros, which works for any pair
of rates: bin ``i`` of a transform over ``n`` samples lies at ``i * rate / n``
Hz, so a signal padded to ``n = k * rate / g`` samples (``g`` the greatest
common divisor of both rates) has its bins where ``k * target / g`` samples at
the target rate have theirs.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import tensorflow as tf

#: Where the band begins to fade, as a share of the lower Nyquist frequency.
PASSBAND = 0.95

#: Silence behind the signal, in seconds: what a filter rings must not come round to its start.
RINGING = 0.05


def resample(
    signal: tf.Tensor,
    sampling_rate: tf.Tensor,
    target_rate: int,
    band: tuple[float, float] | None = None,
) -> tf.Tensor:
    """Changes a signal's sampling rate, and leaves nothing outside a band.

    Below 0.95 of the lower Nyquist frequency the spectrum stays as it is; from
    there to the Nyquist frequency it fades out as a raised cosine. A band fades
    in over the octave's third above its lower edge, and out as far below its
    upper edge, and leaves exactly nothing outside.

    Args:
        signal: the signal, float32 of shape ``(samples,)``.
        sampling_rate: its sampling rate in Hz, an integer of shape ``()``.
        target_rate: the sampling rate wanted, in Hz.
        band: the lowest and the highest frequency that stay, in Hz.

    Returns:
        The signal at ``target_rate``, float32 of shape
        ``(round(samples * target_rate / sampling_rate),)``.

    Example:
        >>> t = np.arange(44100) / 44100
        >>> tone = tf.constant(np.sin(2 * np.pi * 200 * t), tf.float32)
        >>> resample(tone, 44100, 16000).shape
        TensorShape([16000])
    """
    sampling_rate = tf.cast(sampling_rate, tf.int32)
    count = tf.size(signal)
    divisor = _common_divisor(sampling_rate, target_rate)
    source_step, target_step = sampling_rate // divisor, target_rate // divisor
    needed = count + tf.cast(RINGING * tf.cast(sampling_rate, tf.float32), tf.int32)
    steps = _smooth(-(-needed // source_step))
    source_count, target_count = steps * source_step, steps * target_step
    spectrum = tf.signal.rfft(signal, fft_length=[source_count])
    frequency_step = tf.cast(sampling_rate, tf.float32) / tf.cast(source_count, tf.float32)
    kept = tf.minimum(source_count, target_count) // 2 + 1
    frequencies = tf.cast(tf.range(kept), tf.float32) * frequency_step
    nyquist = tf.cast(tf.minimum(sampling_rate, target_rate), tf.float32) / 2
    gain = _fade(frequencies, nyquist, PASSBAND * nyquist)
    if band is not None:
        low, high = band
        gain *= _fade(frequencies, low, low * _THIRD) * _fade(frequencies, high, high / _THIRD)
    gain *= tf.cast(target_count, tf.float32) / tf.cast(source_count, tf.float32)
    spectrum = spectrum[:kept] * tf.cast(gain, tf.complex64)
    spectrum = tf.pad(spectrum, [[0, target_count // 2 + 1 - kept]])
    resampled = tf.signal.irfft(spectrum, fft_length=[target_count])
    return resampled[: _rounded_ratio(count, target_rate, sampling_rate)]


_THIRD = 2 ** (1 / 3)


def _fade(frequencies: tf.Tensor, stop, full) -> tf.Tensor:
    """0 at and beyond ``stop`` Hz, 1 at and beyond ``full`` Hz, half a cosine between."""
    share = tf.clip_by_value((frequencies - stop) / (full - stop), 0.0, 1.0)
    return 0.5 - 0.5 * tf.cos(np.pi * share)


def _rounded_ratio(count: tf.Tensor, target_rate: int, sampling_rate: tf.Tensor) -> tf.Tensor:
    """``round(count * target_rate / sampling_rate)``, without overflow: int32 ``()``."""
    rate = tf.cast(sampling_rate, tf.int64)
    doubled = 2 * tf.cast(count, tf.int64) * target_rate
    return tf.cast((doubled + rate) // (2 * rate), tf.int32)


def _common_divisor(sampling_rate: tf.Tensor, target_rate: int) -> tf.Tensor:
    """The greatest common divisor of a rate in the graph and a known one: int32 ``()``."""
    divisors = tf.constant(
        [d for d in range(1, target_rate + 1) if target_rate % d == 0], tf.int32
    )
    return tf.reduce_max(tf.where(sampling_rate % divisors == 0, divisors, 1))


def _smooth(number: tf.Tensor) -> tf.Tensor:
    """The smallest product of powers of 2, 3 and 5 that is not below ``number``, and is even.

    Transforms of such lengths are fast. Even, since a last bin of its own then
    stands for the Nyquist frequency of both lengths.
    """
    table = tf.constant(_smooth_numbers(), tf.int32)
    return table[tf.searchsorted(table, [number])[0]]


@functools.cache
def _smooth_numbers() -> np.ndarray:
    powers = (
        2**a * 3**b * 5**c
        for a in range(1, 31)
        for b in range(int(math.log(2**31, 3)) + 1)
        for c in range(int(math.log(2**31, 5)) + 1)
    )
    return np.array(sorted(n for n in powers if n < 2**31), np.int32)

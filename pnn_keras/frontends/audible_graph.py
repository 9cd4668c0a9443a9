"""The checks of :func:`pnn_keras.audio.check`, inside the TensorFlow graph, for a batch."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from pnn_keras.audio import LARGEST, SAMPLING_RATES, SHORTEST, SILENCE


class Extremes(NamedTuple):
    """What is looked at in a signal; of shape ``()`` each, or ``(batch,)`` for a batch.

    Args:
        broken: how many samples are NaN or infinite, int64.
        low: the lowest sample, float32.
        high: the highest sample, float32.
    """

    broken: tf.Tensor
    low: tf.Tensor
    high: tf.Tensor


def extremes(signal: tf.Tensor) -> Extremes:
    """Looks at one signal, float32 of shape ``(samples,)``."""
    broken = tf.reduce_sum(tf.cast(~tf.math.is_finite(signal), tf.int64))
    return Extremes(broken, tf.reduce_min(signal), tf.reduce_max(signal))


def length_error(
    samples: tf.Tensor, sampling_rates: tf.Tensor, longest: float, mend: str
) -> tf.Tensor:
    """What is wrong with recordings before their samples are looked at.

    Args:
        samples: number of samples of each, int64 of shape ``(batch,)``.
        sampling_rates: in Hz, int64 of shape ``(batch,)``.
        longest: the longest duration that is taken, in seconds.
        mend: what to do about a longer one.

    Returns:
        One reason each, string of shape ``(batch,)``; empty where nothing is wrong.

    Example:
        >>> length_error(tf.constant([0], tf.int64), tf.constant([8000], tf.int64), 60, "").numpy()
        array([b'The recording is empty: it has no samples'], dtype=object)
    """
    lowest, highest = SAMPLING_RATES
    rates = tf.maximum(sampling_rates, 1)
    seconds = tf.cast(samples, tf.float64) / tf.cast(rates, tf.float64)
    return first_error(
        (
            (sampling_rates < lowest) | (sampling_rates > highest),
            tf.strings.join(
                [
                    f"A sampling rate lies between {lowest} and {highest} Hz. "
                    "Received: sampling_rate=",
                    tf.strings.as_string(sampling_rates),
                ]
            ),
        ),
        (samples <= 0, "The recording is empty: it has no samples"),
        (
            seconds < SHORTEST,
            tf.strings.join(
                [
                    "The recording is too short: ",
                    tf.strings.as_string(seconds, precision=3),
                    f" s, at least {SHORTEST} s are needed",
                ]
            ),
        ),
        (
            seconds > longest,
            tf.strings.join(
                [
                    "The recording is too long: ",
                    tf.strings.as_string(seconds, precision=1),
                    f" s, at most {longest:g} s are taken. {mend}",
                ]
            ),
        ),
    )


def signal_error(found: Extremes, samples: tf.Tensor) -> tf.Tensor:
    """What is wrong with the samples of recordings.

    Args:
        found: what :func:`extremes` found, each of shape ``(batch,)``.
        samples: number of samples of each, int64 of shape ``(batch,)``.

    Returns:
        One reason each, string of shape ``(batch,)``; empty where nothing is wrong.
    """
    peak = tf.maximum(-found.low, found.high)
    return first_error(
        (
            found.broken > 0,
            tf.strings.join(
                [
                    "The recording holds NaN or infinity in ",
                    tf.strings.as_string(found.broken),
                    " of ",
                    tf.strings.as_string(samples),
                    " samples",
                ]
            ),
        ),
        (
            (found.high - found.low) / 2 < 10 ** (SILENCE / 20),
            f"The recording is silent: its peak lies below {SILENCE:g} dB of full scale",
        ),
        (
            peak > LARGEST,
            tf.strings.join(
                [
                    "The recording is scaled wrongly: samples lie from -1 to 1, these reach ",
                    tf.strings.as_string(peak, shortest=True),
                    ". Divide 16-bit numbers by 32768.",
                ]
            ),
        ),
    )


def first_error(*conditions: tuple[tf.Tensor, str | tf.Tensor]) -> tf.Tensor:
    """The message of the first condition that holds, per row.

    Args:
        *conditions: a condition, bool of shape ``(batch,)``, and its message, a
            string or one per row.

    Returns:
        String of shape ``(batch,)``; empty where no condition holds.

    Example:
        >>> first, second = tf.constant([True, False]), tf.constant([True, True])
        >>> first_error((first, "A"), (second, "B")).numpy()
        array([b'A', b'B'], dtype=object)
    """
    error = tf.fill(tf.shape(conditions[0][0]), "")
    for condition, message in reversed(conditions):
        error = tf.where(condition, message, error)
    return error

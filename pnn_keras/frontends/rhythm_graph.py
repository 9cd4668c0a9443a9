"""How speech is timed: pauses, voiced stretches and how its level swings, in the graph."""

from __future__ import annotations

import math

import tensorflow as tf

from pnn_keras.frontends.contours_graph import SAMPLING_RATE, SILENCE, STRIDE

#: What :func:`rhythm` gives: shares of the frames, voiced stretches per second,
#: and their mean length in seconds.
RHYTHM = ("heard_share", "voiced_share", "voiced_per_second", "voiced_length")

#: The bands of :func:`modulations` in Hz; syllables come at about 4 Hz.
MODULATIONS = ((0.5, 1), (1, 2), (2, 4), (4, 8), (8, 16), (16, 32))

_FRAMES_PER_SECOND = SAMPLING_RATE / STRIDE
_TRANSFORM = 1024  # frames at least, so that every band has bins
_FLOOR = 1e-9


def rhythm(heard: tf.Tensor, voiced: tf.Tensor) -> tf.Tensor:
    """Shares and stretches of voiced frames.

    Args:
        heard: which frames are no silence, bool of shape ``(frames,)``.
        voiced: which are voiced, bool of shape ``(frames,)``.

    Returns:
        float32 of shape ``(len(RHYTHM),)``.

    Example:
        >>> rhythm(tf.constant([True] * 100), tf.constant([True] * 50 + [False] * 50)).numpy()
        array([1. , 0.5, 1. , 0.5], dtype=float32)
    """
    heard, voiced = tf.cast(heard, tf.float32), tf.cast(voiced, tf.float32)
    seconds = tf.cast(tf.size(heard), tf.float32) / _FRAMES_PER_SECOND
    stretches = tf.reduce_sum(tf.nn.relu(voiced[1:] - voiced[:-1])) + voiced[0]
    frames = tf.reduce_sum(voiced)
    return tf.stack(
        [
            tf.reduce_mean(heard),
            tf.math.divide_no_nan(frames, tf.reduce_sum(heard)),
            stretches / seconds,
            tf.math.divide_no_nan(frames, stretches) / _FRAMES_PER_SECOND,
        ]
    )


def modulations(level: tf.Tensor) -> tf.Tensor:
    """How strongly the level swings in octaves of the rate of swinging.

    The mean power spectrum, in dB, of the level's deviation from its mean;
    what lies below silence counts as silence.

    Args:
        level: level of each frame in dB, float32 of shape ``(frames,)``.

    Returns:
        float32 of shape ``(len(MODULATIONS),)``.

    Example:
        >>> t = tf.range(500, dtype=tf.float32) / 100
        >>> int(tf.argmax(modulations(10 * tf.sin(2 * math.pi * 3 * t))))
        2
    """
    level = tf.maximum(level, tf.reduce_max(level) - SILENCE)
    deviation = level - tf.reduce_mean(level)
    frames = tf.size(level)
    length = tf.maximum(frames, _TRANSFORM)
    spectrum = tf.abs(tf.signal.rfft(deviation, fft_length=[length]))
    power = tf.square(spectrum) / tf.cast(frames, tf.float32)
    step = _FRAMES_PER_SECOND / tf.cast(length, tf.float32)
    rates = tf.cast(tf.range(tf.size(power)), tf.float32) * step
    bands = [tf.cast((rates >= low) & (rates < high), tf.float32) for low, high in MODULATIONS]
    means = [tf.reduce_sum(power * band) / tf.reduce_sum(band) for band in bands]
    return 10 / math.log(10) * tf.math.log(tf.stack(means) + _FLOOR)

"""Masks on a mel spectrogram, placed by numbers that are given, inside the TensorFlow graph.

The rule is that of tensorflow-io's ``freq_mask`` and ``time_mask``. Theirs draw
from TensorFlow's global generator, though, whose order depends on what else
runs: the same recording would not give the same vector twice. And theirs write
0, which is a high level where levels are in dB.
"""

from __future__ import annotations

import tensorflow as tf

#: How many masks of frequency and of time there are.
FREQUENCY_MASKS, TIME_MASKS = 2, 2
MASKS = FREQUENCY_MASKS + TIME_MASKS

#: A mask of frequency covers fewer mel bands than this.
WIDEST_MASK = 8

#: A mask of time covers less of the recording than this share.
LONGEST_MASK = 0.2


def mask(mel: tf.Tensor, heard: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Covers bands of frequency and stretches of time with the mean level.

    Of the numbers u, v in [0, 1) of a mask along an axis of n places, with the
    parameter P (:data:`WIDEST_MASK`; of time, :data:`LONGEST_MASK` n)::

        width = floor(u P)        start = floor(v (n - width))

    Args:
        mel: level of each mel band in dB, float32 ``(frames, bands)``.
        heard: which frames count in the mean, bool ``(frames,)``, at least one.
        draws: u and v of each mask, those of frequency first, float32
            ``(MASKS, 2)``.

    Returns:
        The levels with the masks, ``(frames, bands)``.

    Reference:
        Park et al., *SpecAugment*, Interspeech 2019, section 2: masked with the
        mean, as zeros are in a spectrogram of mean zero.

    Example:
        >>> mel = tf.reshape(tf.range(8.0), (2, 4))
        >>> draws = tf.constant([[0.125, 0.5], [0, 0], [0, 0], [0, 0]])
        >>> mask(mel, tf.constant([True, True]), draws).numpy().tolist()
        [[0.0, 3.5, 2.0, 3.0], [4.0, 3.5, 6.0, 7.0]]
    """
    frames, bands = tf.shape(mel)[0], tf.shape(mel)[1]
    longest = LONGEST_MASK * tf.cast(frames, tf.float32)
    covered = tf.zeros_like(mel, tf.bool)
    for draw in tf.unstack(draws[:FREQUENCY_MASKS], FREQUENCY_MASKS):
        covered |= _covered(bands, float(WIDEST_MASK), draw)[None, :]
    for draw in tf.unstack(draws[FREQUENCY_MASKS:], TIME_MASKS):
        covered |= _covered(frames, longest, draw)[:, None]
    return tf.where(covered, tf.reduce_mean(tf.boolean_mask(mel, heard)), mel)


def _covered(places: tf.Tensor, most: float | tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
    """Which places of an axis a mask covers, bool ``(places,)``."""
    width = tf.cast(draw[0] * most, tf.int32)
    start = tf.cast(draw[1] * tf.cast(places - width, tf.float32), tf.int32)
    place = tf.range(places)
    return (place >= start) & (place < start + width)

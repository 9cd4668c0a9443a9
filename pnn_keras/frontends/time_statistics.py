"""Statistics over time of contours in the TensorFlow graph; of no frames they are 0."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def moments(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation over time.

    Args:
        values: float32 of shape ``(frames, d)``.

    Returns:
        Two float32 of shape ``(d,)``.

    Example:
        >>> mean, deviation = moments(tf.constant([[1.0], [3.0]]))
        >>> float(mean[0]), float(deviation[0])
        (2.0, 1.0)
    """
    count = tf.maximum(tf.cast(tf.shape(values)[0], tf.float32), 1.0)
    mean = tf.reduce_sum(values, axis=0) / count
    return mean, tf.sqrt(tf.reduce_sum(tf.square(values - mean), axis=0) / count)


def percentiles(values: tf.Tensor, wanted: Sequence[float]) -> list[tf.Tensor]:
    """Percentiles over time, linearly interpolated as ``numpy.percentile`` does.

    Args:
        values: float32 of shape ``(frames, d)``.
        wanted: the percentiles, 0 to 100.

    Returns:
        One float32 of shape ``(d,)`` for each.

    Example:
        >>> [float(p[0]) for p in percentiles(tf.constant([[4.0], [1.0], [2.0]]), (50, 75))]
        [2.0, 3.0]
    """
    count = tf.shape(values)[0]
    ordered = tf.sort(values, axis=0)
    ordered = tf.pad(ordered, [[0, tf.maximum(1 - count, 0)], [0, 0]])
    last = tf.maximum(count - 1, 0)
    found = []
    for percentile in wanted:
        place = percentile / 100 * tf.cast(last, tf.float32)
        below = tf.cast(tf.floor(place), tf.int32)
        share = place - tf.floor(place)
        above = tf.minimum(below + 1, last)
        found.append((1 - share) * ordered[below] + share * ordered[above])
    return found


def change(values: tf.Tensor) -> tf.Tensor:
    """The slope per frame: of the line through two frames to either side and the frame itself.

    ``change[t] = sum_k k * values[t + k] / 10``, k from -2 to 2; beyond the
    ends the values stay as they are there.

    Args:
        values: float32 of shape ``(frames, d)``.

    Returns:
        float32 of shape ``(frames, d)``.

    Example:
        >>> change(tf.constant([[0.0], [2.0], [4.0], [6.0], [8.0]])).numpy()[2]
        array([2.], dtype=float32)
    """
    count = tf.shape(values)[0]
    slope = tf.zeros_like(values)
    for k in (-2, -1, 1, 2):
        places = tf.clip_by_value(tf.range(count) + k, 0, count - 1)
        slope += k / 10 * tf.gather(values, places)
    return slope

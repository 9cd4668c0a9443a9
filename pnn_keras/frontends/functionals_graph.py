"""Contours of any length as one vector of fixed length, inside the TensorFlow graph."""

from __future__ import annotations

import tensorflow as tf

from pnn_keras.frontends.contours_graph import CEPSTRA, MELS, SAMPLING_RATE, STRIDE, Contours

#: Percentiles of a contour over time.
PERCENTILES = (10, 50, 90)

_SHAPES = ("centroid", "flux", "tilt")
_RHYTHM = ("heard_share", "voiced_share", "voiced_per_second", "voiced_length")


def functionals(contours: Contours) -> tf.Tensor:
    """Summarises the contours of one recording.

    Args:
        contours: the contours; at least one frame is heard.

    Returns:
        The functionals, float32 of shape ``(len(functional_names()),)``, in the
        order of :func:`functional_names`.
    """
    c = contours
    spectral = tf.concat([c.cepstra, c.level[:, None], c.shape], axis=1)
    change = _change(spectral)
    heard = tf.boolean_mask(spectral, c.heard)
    mel = tf.boolean_mask(c.mel, c.heard)
    voice = tf.stack([c.pitch, c.periodicity], axis=1)
    voiced = tf.boolean_mask(voice, c.voiced)
    return tf.concat(
        [
            *_moments(heard),
            *_percentiles(heard),
            _moments(tf.boolean_mask(change, c.heard))[1],
            *_moments(mel),
            *_moments(voiced),
            *_percentiles(voiced),
            _moments(tf.boolean_mask(_change(voice), c.voiced))[1],
            _rhythm(c),
        ],
        axis=0,
    )


def functional_names() -> tuple[str, ...]:
    """The names of :func:`functionals`, in order."""
    spectral = [*(f"cepstrum{i}" for i in range(1, CEPSTRA + 1)), "level", *_SHAPES]
    mel = [f"mel{i}" for i in range(1, MELS + 1)]
    voice = ["pitch", "periodicity"]
    percentiles = [f"p{p}" for p in PERCENTILES]
    names = [f"{name}_{s}" for s in ("mean", "sd", *percentiles, "change_sd") for name in spectral]
    names += [f"{name}_{s}" for s in ("mean", "sd") for name in mel]
    names += [f"{name}_{s}" for s in ("mean", "sd", *percentiles, "change_sd") for name in voice]
    return (*names, *_RHYTHM)


def _moments(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and standard deviation over time of ``(frames, d)``; 0 where there is no frame."""
    count = tf.maximum(tf.cast(tf.shape(values)[0], tf.float32), 1.0)
    mean = tf.reduce_sum(values, axis=0) / count
    deviation = tf.sqrt(tf.reduce_sum(tf.square(values - mean), axis=0) / count)
    return mean, deviation


def _percentiles(values: tf.Tensor) -> list[tf.Tensor]:
    """Percentiles over time, linearly interpolated; 0 where there is no frame."""
    count = tf.shape(values)[0]
    ordered = tf.sort(values, axis=0)
    ordered = tf.pad(ordered, [[0, tf.maximum(1 - count, 0)], [0, 0]])
    last = tf.maximum(count - 1, 0)
    found = []
    for percentile in PERCENTILES:
        place = percentile / 100 * tf.cast(last, tf.float32)
        below = tf.cast(tf.floor(place), tf.int32)
        share = place - tf.floor(place)
        found.append((1 - share) * ordered[below] + share * ordered[tf.minimum(below + 1, last)])
    return found


def _change(values: tf.Tensor) -> tf.Tensor:
    """Slope per frame, over two frames to either side: ``(frames, d)`` as ``values``."""
    count = tf.shape(values)[0]
    places = tf.range(count)[:, None] + tf.constant([[-2, -1, 1, 2]])
    around = tf.gather(values, tf.clip_by_value(places, 0, count - 1))
    weights = tf.constant([-0.2, -0.1, 0.1, 0.2])
    return tf.einsum("ftd,t->fd", around, weights)


def _rhythm(contours: Contours) -> tf.Tensor:
    heard = tf.cast(contours.heard, tf.float32)
    voiced = tf.cast(contours.voiced, tf.float32)
    seconds = tf.cast(tf.size(heard), tf.float32) * STRIDE / SAMPLING_RATE
    starts = tf.reduce_sum(tf.nn.relu(voiced[1:] - voiced[:-1])) + voiced[0]
    voiced_frames = tf.reduce_sum(voiced)
    return tf.stack(
        [
            tf.reduce_mean(heard),
            voiced_frames / tf.reduce_sum(heard),
            starts / seconds,
            voiced_frames * STRIDE / SAMPLING_RATE / tf.maximum(starts, 1.0),
        ]
    )

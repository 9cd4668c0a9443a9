"""Contours of any length as one vector of fixed length, inside the TensorFlow graph.

Which functionals are taken was chosen by what they add to the recognition of
emotions of speakers who were not heard (``tools/bench/logmel_functionals.py``).
"""

from __future__ import annotations

import tensorflow as tf

from pnn_keras.frontends.contours_graph import CEPSTRA, MELS, Contours
from pnn_keras.frontends.rhythm_graph import MODULATIONS, RHYTHM, modulations, rhythm
from pnn_keras.frontends.time_statistics import change, moments, percentiles

#: Percentiles of a contour over time.
PERCENTILES = (10, 50, 90)

#: Between these the pitch lies most of the time, as percentiles.
MOSTLY = (20, 80)

#: From this slope on the pitch counts as rising, in semitones per frame of 10 ms.
RISING = 0.02

_LOUDNESS = ("level", "centroid", "flux", "tilt")
_VOICE = ("pitch", "periodicity")
_MELODY = ("slope", "range", "jump", "rise", "fall", "rise_share")


def functionals(contours: Contours) -> tf.Tensor:
    """Summarises the contours of one recording.

    Silent frames count in none but the rhythm and the modulations, frames
    without a voice in none of the pitch. Where there is no frame to count, a
    functional is 0.

    Args:
        contours: the contours; at least one frame is heard.

    Returns:
        The functionals, float32 of shape ``(len(functional_names()),)``, in the
        order of :func:`functional_names`.
    """
    c = contours
    loudness = tf.concat([c.level[:, None], c.shape], axis=1)
    loudness_change = tf.boolean_mask(change(loudness), c.heard)
    heard_loudness = tf.boolean_mask(loudness, c.heard)
    voice = tf.stack([c.pitch, c.periodicity], axis=1)
    voice_change = tf.boolean_mask(change(voice), c.voiced)
    voiced = tf.boolean_mask(voice, c.voiced)
    parts = [
        *moments(tf.boolean_mask(c.cepstra, c.heard)),
        moments(tf.boolean_mask(change(c.cepstra), c.heard))[1],
        *moments(tf.boolean_mask(c.mel, c.heard)),
        *moments(heard_loudness),
        *percentiles(heard_loudness, PERCENTILES),
        moments(loudness_change)[1],
        tf.stack(_rise_and_fall(loudness_change[:, 0])),
        *moments(voiced),
        *percentiles(voiced, PERCENTILES),
        moments(voice_change)[1],
        _melody(c, voice_change[:, 0]),
        rhythm(c.heard, c.voiced),
        modulations(c.level),
    ]
    return tf.concat(parts, axis=0)


def functional_names() -> tuple[str, ...]:
    """The names of :func:`functionals`, in order: the descriptor and what is taken of it.

    Example:
        >>> names = functional_names()
        >>> len(names), names[0], names[-1]
        (194, 'cepstrum1_mean', 'modulation_16_32')
    """
    cepstra = [f"cepstrum{i}" for i in range(1, CEPSTRA + 1)]
    mel = [f"mel{i}" for i in range(1, MELS + 1)]
    full = ("mean", "sd", *(f"p{p}" for p in PERCENTILES), "change_sd")
    names = [f"{name}_{of}" for of in ("mean", "sd", "change_sd") for name in cepstra]
    names += [f"{name}_{of}" for of in ("mean", "sd") for name in mel]
    names += [f"{name}_{of}" for of in full for name in _LOUDNESS]
    names += ["level_rise", "level_fall"]
    names += [f"{name}_{of}" for of in full for name in _VOICE]
    names += [f"pitch_{of}" for of in _MELODY]
    names += [*RHYTHM, *(f"modulation_{low:g}_{high:g}" for low, high in MODULATIONS)]
    return tuple(names)


def _melody(contours: Contours, pitch_change: tf.Tensor) -> tf.Tensor:
    """How the pitch moves over the voiced frames, ``(len(_MELODY),)``."""
    place = tf.cast(tf.where(contours.voiced)[:, 0], tf.float32)
    pitch = tf.boolean_mask(contours.pitch, contours.voiced)
    place, centred = _centred(place), _centred(pitch)
    slope = tf.math.divide_no_nan(tf.reduce_sum(place * centred), tf.reduce_sum(tf.square(place)))
    low, high = (values[0] for values in percentiles(pitch[:, None], MOSTLY))
    steps = tf.abs(pitch[1:] - pitch[:-1])
    (jump,) = percentiles(steps[:, None], (50,))
    rising = tf.cast(pitch_change > RISING, tf.float32)
    rising_share = tf.reduce_sum(rising) / tf.maximum(tf.cast(tf.size(rising), tf.float32), 1.0)
    return tf.stack([slope, high - low, jump[0], *_rise_and_fall(pitch_change), rising_share])


def _centred(values: tf.Tensor) -> tf.Tensor:
    return values - moments(values[:, None])[0]


def _rise_and_fall(slopes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """How much a contour rises, and how much it falls, per frame."""
    count = tf.maximum(tf.cast(tf.size(slopes), tf.float32), 1.0)
    return (
        tf.reduce_sum(tf.nn.relu(slopes)) / count,
        tf.reduce_sum(tf.nn.relu(-slopes)) / count,
    )

"""What changes over time in a recording, frame by frame, inside the TensorFlow graph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from pnn_keras.frontends.masking_graph import mask
from pnn_keras.frontends.pitch_graph import VOICED, pitch
from pnn_keras.frontends.spectrogram_functions import dbscale, melscale, spectrogram

SAMPLING_RATE = 16000
WINDOW, STRIDE, TRANSFORM = 400, 160, 512  # 25 ms, 10 ms
MELS = 40
CEPSTRA = 20

#: Frames this far below the loudest count as silence, in dB.
SILENCE = 40.0

#: How far below the loudest the mel bands are followed, in dB.
RANGE = 80.0


class Contours(NamedTuple):
    """Descriptors of each frame of 25 ms, every 10 ms.

    Args:
        mel: level of each mel band in dB, ``(frames, MELS)``.
        cepstra: cepstral coefficients 1 to CEPSTRA, ``(frames, CEPSTRA)``.
        level: the frame's level in dB, ``(frames,)``.
        shape: centroid of the spectrum in octaves, flux, and level of what lies
            above 1 kHz relative to what lies below in dB, ``(frames, 3)``.
        pitch: in semitones above 27.5 Hz, ``(frames,)``.
        periodicity: 0 (noise) to 1, ``(frames,)``.
        heard: which frames are no silence, bool ``(frames,)``.
        voiced: which of those are voiced, bool ``(frames,)``.
    """

    mel: tf.Tensor
    cepstra: tf.Tensor
    level: tf.Tensor
    shape: tf.Tensor
    pitch: tf.Tensor
    periodicity: tf.Tensor
    heard: tf.Tensor
    voiced: tf.Tensor


def contours(
    signal: tf.Tensor, band: tuple[float, float], draws: tf.Tensor | None = None
) -> Contours:
    """Describes every frame of a signal.

    Args:
        signal: the signal at 16 kHz, float32 of shape ``(samples,)``.
        band: the lowest and the highest frequency of the mel bands, in Hz.
        draws: what places masks on the mel spectrogram, float32 ``(MASKS, 2)``,
            see :func:`pnn_keras.frontends.masking_graph.mask`; None lays none.

    Returns:
        The descriptors.
    """
    magnitudes = spectrogram(signal, TRANSFORM, WINDOW, STRIDE)
    # The filters are constants of the graph, not computed anew for each recording.
    filters = melscale(tf.eye(TRANSFORM // 2 + 1), SAMPLING_RATE, MELS, *band)
    mel = dbscale(tf.matmul(magnitudes, filters), RANGE)
    power = tf.square(magnitudes)
    level = _decibels(tf.reduce_sum(power, axis=1))
    heard = level > tf.reduce_max(level) - SILENCE
    if draws is not None:
        mel = mask(mel, heard, draws)
    cepstra = tf.signal.mfccs_from_log_mel_spectrograms(mel)[:, 1 : CEPSTRA + 1]
    semitones, periodicity = pitch(signal, SAMPLING_RATE, STRIDE)
    shape = _shape(magnitudes, power)
    voiced = heard & (periodicity > VOICED)
    return Contours(mel, cepstra, level, shape, semitones, periodicity, heard, voiced)


def _shape(magnitudes: tf.Tensor, power: tf.Tensor) -> tf.Tensor:
    frequencies = np.arange(TRANSFORM // 2 + 1) * SAMPLING_RATE / TRANSFORM
    octaves = np.log2(np.maximum(frequencies, 50) / 50).astype(np.float32)
    total = tf.reduce_sum(magnitudes, axis=1) + 1e-9
    centroid = tf.reduce_sum(magnitudes * octaves, axis=1) / total
    normal = magnitudes / total[:, None]
    change = tf.reduce_sum(tf.abs(normal[1:] - normal[:-1]), axis=1)
    flux = tf.concat([change[:1], change], axis=0)
    high = (frequencies >= 1000).astype(np.float32)
    tilt = _decibels(tf.linalg.matvec(power, high)) - _decibels(tf.linalg.matvec(power, 1 - high))
    return tf.stack([centroid, flux, tf.clip_by_value(tilt, -RANGE, RANGE)], axis=1)


def _decibels(power: tf.Tensor) -> tf.Tensor:
    return 10 / np.log(10) * tf.math.log(tf.maximum(power, 1e-10))

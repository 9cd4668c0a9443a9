"""Pitch and voicing of each frame, inside the TensorFlow graph.

The autocorrelation of a windowed frame, divided by that of the window, has its
highest peak at the period of a voice; the height tells how periodic it is.

Source:
    P. Boersma, "Accurate short-term analysis of the fundamental frequency and
    the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, 1993.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

#: The lowest and the highest pitch that is looked for, in Hz.
PITCHES = (60, 500)

#: Height of the peak from which a frame counts as voiced.
VOICED = 0.5

#: What a period twice as long must be better by, so that no octave too low is taken.
OCTAVE_COST = 0.02

_WINDOW = 640  # samples: 40 ms hold two periods of 60 Hz
_TRANSFORM = 1024


def pitch(signal: tf.Tensor, sampling_rate: int, stride: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The pitch of each frame of 40 ms.

    Args:
        signal: the signal, float32 of shape ``(samples,)``.
        sampling_rate: 16000 Hz.
        stride: from frame to frame, in samples.

    Returns:
        The pitch in semitones above 27.5 Hz, and the height of the normalised
        autocorrelation's peak (1: periodic), each float32 of shape
        ``(ceil(samples / stride),)``.

    Example:
        >>> t = np.arange(16000) / 16000
        >>> tone = tf.constant(np.sin(2 * np.pi * 220 * t), tf.float32)
        >>> semitones, height = pitch(tone, 16000, 160)
        >>> round(float(semitones[50]), 1)
        36.0
    """
    shortest, longest = sampling_rate // PITCHES[1], sampling_rate // PITCHES[0] + 1
    frames = tf.signal.frame(signal, _WINDOW, stride, pad_end=True)
    frames -= tf.reduce_mean(frames, axis=1, keepdims=True)
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    spectrum = tf.signal.rfft(frames * window, fft_length=[_TRANSFORM])
    power = tf.cast(
        tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum)), tf.complex64
    )
    own = tf.signal.irfft(power, fft_length=[_TRANSFORM])[:, : longest + 2]
    own /= tf.maximum(own[:, :1], 1e-12) * _window_autocorrelation(window, longest + 2)
    lags = np.arange(longest + 2, dtype=np.float32)
    cost = OCTAVE_COST * np.log2(np.maximum(lags, 1) * PITCHES[0] / sampling_rate)
    inner = own[:, 1:-1]
    peaks = (inner >= own[:, :-2]) & (inner >= own[:, 2:])
    wanted = (lags[1:-1] >= shortest) & (lags[1:-1] <= longest)
    score = tf.where(peaks & wanted, inner - cost[1:-1].astype(np.float32), -1.0)
    best = tf.argmax(score, axis=1, output_type=tf.int32) + 1
    below, here, above = (tf.gather(own, best + i, batch_dims=1) for i in (-1, 0, 1))
    curvature = tf.minimum(below - 2 * here + above, -1e-9)
    offset = tf.clip_by_value(0.5 * (below - above) / curvature, -0.5, 0.5)
    period = tf.maximum(tf.cast(best, tf.float32) + offset, 1.0)
    semitones = 12 * tf.math.log(sampling_rate / period / 27.5) / np.log(2)
    found = tf.reduce_max(score, axis=1) > -1
    height = tf.where(
        found, tf.clip_by_value(here - 0.25 * (below - above) * offset, 0.0, 1.0), 0.0
    )
    return semitones, height


def _window_autocorrelation(window: np.ndarray, count: int) -> np.ndarray:
    spectrum = np.fft.rfft(window, _TRANSFORM)
    own = np.fft.irfft(np.abs(spectrum) ** 2, _TRANSFORM)[:count]
    return (own / own[0]).astype(np.float32)

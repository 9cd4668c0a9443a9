"""tensorflow-io's functions of spectrograms, or the same made of tf.signal where it has no wheel.

tensorflow-io's compiled operations do not load beside a recent TensorFlow, and
it says so at length when it is imported; these functions are pure TensorFlow
and do not need them.
"""

from __future__ import annotations

import warnings

import tensorflow as tf


def _own_spectrogram(input, nfft, window, stride):
    frames = tf.signal.stft(input, window, stride, nfft, pad_end=True)
    return tf.math.abs(frames)


def _own_melscale(input, rate, mels, fmin, fmax):
    matrix = tf.signal.linear_to_mel_weight_matrix(mels, input.shape[-1], rate, fmin, fmax)
    return tf.tensordot(input, matrix, 1)


def _own_dbscale(input, top_db, ref=1.0, amin=1e-10):
    decibels = 10.0 / tf.math.log(10.0)
    levels = decibels * tf.math.log(tf.maximum(tf.square(input), amin))
    levels -= decibels * tf.math.log(tf.maximum(tf.abs(ref), amin))
    return tf.maximum(levels, tf.reduce_max(levels) - top_db)


try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorflow_io import audio as _audio
except ImportError:
    spectrogram, melscale, dbscale = _own_spectrogram, _own_melscale, _own_dbscale
else:
    spectrogram, melscale, dbscale = _audio.spectrogram, _audio.melscale, _audio.dbscale

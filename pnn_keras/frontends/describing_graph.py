"""From WAV files or signals to functionals, for a batch, inside the TensorFlow graph."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from pnn_keras.frontends.audible_graph import (
    Extremes,
    extremes,
    first_error,
    length_error,
    signal_error,
)
from pnn_keras.frontends.contours_graph import SAMPLING_RATE, contours
from pnn_keras.frontends.functionals_graph import functional_names, functionals
from pnn_keras.frontends.resampling_graph import resample
from pnn_keras.frontends.wav_graph import Headers, decode, read_headers

#: What to do about a recording that is too long.
_MEND = "Cut it, or use the front-end logmel:longest=SECONDS"

Described = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


def describe_wav(audio_bytes: tf.Tensor, band: tuple[float, float], longest: float) -> Described:
    """Describes WAV files; see :meth:`pnn_keras.frontends.logmel.LogMel.from_wav`.

    Args:
        audio_bytes: whole files, string of shape ``(batch,)``.
        band: the lowest and the highest frequency that are listened to, in Hz.
        longest: the longest duration that is taken, in seconds.

    Returns:
        Functionals, validity and error, see there.
    """
    headers = read_headers(audio_bytes)

    def signal(row: tf.Tensor) -> tf.Tensor:
        return decode(audio_bytes[row], Headers(*(values[row] for values in headers)))

    return _describe(signal, headers.frames, headers.sampling_rate, headers.error, band, longest)


def describe_waveforms(
    waveforms: tf.Tensor,
    lengths: tf.Tensor,
    sampling_rates: tf.Tensor,
    band: tuple[float, float],
    longest: float,
    draws: tf.Tensor | None = None,
) -> Described:
    """Describes signals; see :meth:`pnn_keras.frontends.logmel.LogMel.from_waveforms`.

    Args:
        waveforms: the signals, float32 of shape ``(batch, samples)``.
        lengths: how many samples each has, int32 of shape ``(batch,)``.
        sampling_rates: in Hz, int32 of shape ``(batch,)``.
        band: the lowest and the highest frequency that are listened to, in Hz.
        longest: the longest duration that is taken, in seconds.
        draws: what places masks on each mel spectrogram, float32
            ``(batch, MASKS, 2)``; None lays none.

    Returns:
        Functionals, validity and error, see there.
    """
    there = tf.shape(waveforms)[1]
    error = first_error(
        (
            (lengths < 0) | (lengths > there),
            tf.strings.join(
                [
                    "A length lies between 0 and the number of samples given, ",
                    tf.strings.as_string(there),
                    ". Received: ",
                    tf.strings.as_string(lengths),
                ]
            ),
        )
    )
    return _describe(
        lambda row: waveforms[row, : lengths[row]],
        tf.cast(lengths, tf.int64),
        tf.cast(sampling_rates, tf.int64),
        error,
        band,
        longest,
        draws,
    )


def _describe(
    signal: Callable[[tf.Tensor], tf.Tensor],
    samples: tf.Tensor,
    sampling_rates: tf.Tensor,
    error: tf.Tensor,
    band: tuple[float, float],
    longest: float,
    draws: tf.Tensor | None = None,
) -> Described:
    """Describes each recording on its own, those only that nothing is known against."""
    dimension = len(functional_names())
    too_long = length_error(samples, sampling_rates, longest, _MEND)
    error = first_error((error != b"", error), (too_long != b"", too_long))

    def heard(row: tf.Tensor):
        own = signal(row)
        found = extremes(own)
        # NaN would make the frames that are heard none.
        own = tf.where(tf.math.is_finite(own), own, 0.0)
        own = resample(own, sampling_rates[row], SAMPLING_RATE, band)
        placed = None if draws is None else draws[row]
        return functionals(contours(own, band, placed)), *found

    def unheard():
        return tf.zeros([dimension]), tf.constant(0, tf.int64), tf.constant(0.0), tf.constant(0.0)

    values, *found = tf.map_fn(
        lambda row: tf.cond(error[row] == b"", lambda: heard(row), unheard),
        tf.range(tf.size(samples)),
        fn_output_signature=(
            tf.TensorSpec([dimension], tf.float32),
            tf.TensorSpec([], tf.int64),
            tf.TensorSpec([], tf.float32),
            tf.TensorSpec([], tf.float32),
        ),
    )
    unusable = signal_error(Extremes(*found), samples)
    broken = ~tf.reduce_all(tf.math.is_finite(values), axis=1)
    error = first_error(
        (error != b"", error),
        (unusable != b"", unusable),
        (broken, "The recording has functionals that are not finite"),
    )
    valid = error == b""
    return tf.where(valid[:, None], values, 0.0), valid, error

"""Resampling in the graph, beside soxr's."""

import numpy as np
import pytest
import soxr
import tensorflow as tf
from audio_made import tone

from pnn_keras import audio
from pnn_keras.frontends.resampling_graph import resample

RATES = (4000, 8000, 11023, 11025, 16000, 22050, 44100, 48000, 96000, 191999, 192000)
EDGE = 800  # samples at either end, where a filter hears the signal begin and end


@tf.function(input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32)])
def _at_16_khz(signal, sampling_rate):
    return resample(signal, sampling_rate, 16000)


def at_16_khz(signal, sampling_rate):
    return _at_16_khz(np.asarray(signal, np.float32), sampling_rate).numpy()


def decibels(error, signal):
    return 10 * np.log10(np.mean(np.square(error)) / np.mean(np.square(signal)) + 1e-30)


def chord(sampling_rate, seconds=0.5):
    """Tones up to 80 % of the lower Nyquist frequency, fading in and out."""
    nyquist = min(sampling_rate, 16000) / 2
    tones = [tone(f, seconds, sampling_rate, 0.1) for f in np.linspace(100, 0.8 * nyquist, 7)]
    return np.sum(tones, axis=0) * np.hanning(len(tones[0]))


@pytest.mark.parametrize("rate", RATES)
def test_a_chord_is_the_chord_sampled_at_16_khz(rate):
    nyquist = min(rate, 16000) / 2
    resampled = at_16_khz(chord(rate), rate)
    # Ends of the fade lie at whole samples of either rate.
    count = len(chord(rate))
    t = np.arange(len(resampled)) / 16000
    fade = 0.5 - 0.5 * np.cos(2 * np.pi * t * rate / (count - 1))
    frequencies = np.linspace(100, 0.8 * nyquist, 7)
    expected = 0.1 * fade * np.sin(2 * np.pi * frequencies[:, None] * t).sum(axis=0)
    assert len(resampled) == len(expected)
    assert decibels(resampled - expected, expected) < -90


@pytest.mark.parametrize("rate", RATES)
def test_the_length_is_that_of_soxr(rate):
    for count in (rate // 10, rate // 10 + 1, rate + 7):
        assert abs(len(at_16_khz(np.ones(count), rate)) - round(count * 16000 / rate)) <= 0.5


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_it_agrees_with_soxr(rate):
    signal = chord(rate)
    expected = soxr.resample(signal, rate, 16000, quality="VHQ")
    resampled = at_16_khz(signal, rate)[: len(expected)]
    # soxr's own distance from the chord is 79 dB at 22050 Hz; the test above is the stricter one.
    assert decibels(resampled - expected[: len(resampled)], expected) < -78


def test_it_agrees_with_soxr_on_speech(data):
    signal, rate = audio.read(data / "EmoDB" / "wav" / "03a01Fa.wav")
    high = soxr.resample(signal, rate, 44100, quality="VHQ")
    expected = soxr.resample(high, 44100, 16000, quality="VHQ")
    resampled = at_16_khz(high, 44100)[: len(expected)]
    # Next to the Nyquist frequency both fade out, each in its way.
    assert decibels(resampled - expected[: len(resampled)], expected) < -40


@pytest.mark.parametrize("frequency", [8100, 9000, 12345, 20000])
@pytest.mark.parametrize("rate", [44100, 48000])
def test_what_16_khz_cannot_hold_vanishes(rate, frequency):
    loud = tone(frequency, 0.5, rate) * np.hanning(rate // 2)
    resampled = at_16_khz(loud, rate)
    assert decibels(resampled, loud) < -100


@pytest.mark.parametrize("rate", [16000, 44100])
def test_nothing_outside_the_band_is_left(rate):
    fade = np.hanning(rate // 2)
    outside = (tone(90, 0.5, rate) + tone(5100, 0.5, rate)) * fade
    inside = tone(1000, 0.5, rate) * fade
    band = (100.0, 5000.0)
    left = resample(tf.constant(outside, tf.float32), rate, 16000, band).numpy()
    assert decibels(left, outside) < -60
    kept = resample(tf.constant(inside, tf.float32), rate, 16000, band).numpy()
    t = np.arange(len(kept)) / 16000
    expected = 0.5 * np.sin(2 * np.pi * 1000 * t) * np.hanning(len(t))
    assert decibels(kept - expected, expected) < -60


def test_the_end_does_not_come_round_to_the_start():
    signal = np.zeros(22050, np.float32)
    signal[-1] = 1
    assert np.abs(at_16_khz(signal, 22050)[:EDGE]).max() < 1e-4

"""Masks on the mel spectrogram: where they lie, what they change, that they are stored."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from audio_made import utterance, write
from corpora_made import make_emodb
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras import open_corpus
from pnn_keras.chain_training import train
from pnn_keras.errors import AudioError, UserError
from pnn_keras.frontends.logmel import LogMel
from pnn_keras.frontends.masked_logmel import MaskedLogMel, draws
from pnn_keras.frontends.masking_graph import (
    FREQUENCY_MASKS,
    LONGEST_MASK,
    MASKS,
    TIME_MASKS,
    WIDEST_MASK,
    mask,
)
from pnn_keras.schedule import Settings
from pnn_keras.store import extract_features

FRAMES, BANDS = 30, 40


def voice(seconds=0.6, seed=0):
    """Overtones whose loudness swings, and a bit of noise, at 16 kHz."""
    t = np.arange(round(16000 * seconds)) / 16000
    tones = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 15))
    noise = np.random.default_rng(seed).normal(0, 0.01, len(t))
    return (0.1 * tones * (1 + np.sin(2 * np.pi * 3 * t)) + noise).astype(np.float32)


def none_but(number, u, v):
    """Draws of which one mask alone has a width."""
    placed = np.zeros((MASKS, 2), np.float32)
    placed[number] = u, v
    return tf.constant(placed)


def covered(placed):
    """Which places masks cover of levels that are nowhere the mean, bool (FRAMES, BANDS)."""
    mel = tf.constant(np.tile([[0.0], [2.0]], (FRAMES // 2, BANDS)), tf.float32)
    return mask(mel, tf.ones(FRAMES, tf.bool), placed).numpy() == 1


@pytest.mark.parametrize("number", range(FREQUENCY_MASKS))
def test_a_mask_of_frequency_covers_bands_in_every_frame(number):
    expected = np.zeros((FRAMES, BANDS), bool)
    expected[:, 18:22] = True  # width floor(.5 * 8), start floor(.5 * 36)
    np.testing.assert_array_equal(covered(none_but(number, 0.5, 0.5)), expected)


@pytest.mark.parametrize("number", range(FREQUENCY_MASKS, MASKS))
def test_a_mask_of_time_covers_frames_in_every_band(number):
    expected = np.zeros((FRAMES, BANDS), bool)
    expected[13:16] = True  # width floor(.5 * .2 * 30), start floor(.5 * 27)
    np.testing.assert_array_equal(covered(none_but(number, 0.5, 0.5)), expected)


@given(st.lists(st.floats(0, 1, exclude_max=True, width=16), min_size=8, max_size=8))
def test_masks_never_cover_more_than_their_parameters_allow(numbers):
    found = covered(tf.constant(np.reshape(numbers, (MASKS, 2)), tf.float32))
    assert found.all(axis=0).sum() <= FREQUENCY_MASKS * (WIDEST_MASK - 1)
    assert found.all(axis=1).sum() <= TIME_MASKS * LONGEST_MASK * FRAMES


@pytest.mark.parametrize(("u", "v"), [(0.0, 0.3), (0.4, 0.0), (0.99, 0.99), (0.7, 0.4)])
def test_masks_lie_where_tensorflow_io_s_lie_that_draw_the_same(monkeypatch, u, v):
    tfio = pytest.importorskip("tensorflow_io")
    numbers = iter([u, v, u, v])

    def uniform(shape, minval, maxval, dtype):
        return tf.cast(next(numbers) * tf.cast(maxval - minval, tf.float64), dtype) + minval

    ones = tf.ones([FRAMES, BANDS])
    monkeypatch.setattr(tf.random, "uniform", uniform)
    frequency = tfio.audio.freq_mask(ones, WIDEST_MASK).numpy() == 0
    time = tfio.audio.time_mask(ones, int(LONGEST_MASK * FRAMES)).numpy() == 0
    monkeypatch.undo()
    np.testing.assert_array_equal(covered(none_but(0, u, v)), frequency)
    np.testing.assert_array_equal(covered(none_but(FREQUENCY_MASKS, u, v)), time)


def test_what_is_masked_has_the_mean_level_of_what_is_heard():
    mel = tf.constant([[1.0] * 20, [3.0] * 20, [80.0] * 20])
    heard = tf.constant([True, True, False])
    masked = mask(mel, heard, none_but(0, 0.9, 0.0)).numpy()
    np.testing.assert_array_equal(masked[:, :7], np.full((3, 7), 2.0))
    np.testing.assert_array_equal(masked[:, 7:], mel[:, 7:])


def test_the_same_pass_of_a_recording_is_the_same_vector():
    plain, signal = LogMel(), voice()
    first = plain.masked(1).extract(signal, 16000)
    plain.masked(2).extract(voice(seed=5), 16000)
    np.testing.assert_array_equal(plain.masked(1).extract(signal, 16000), first)


def test_passes_and_recordings_have_masks_of_their_own():
    placed = [draws(voice(seed=seed), number) for seed in (0, 1) for number in (1, 2)]
    assert len({each.tobytes() for each in placed}) == 4


def test_places_of_masks_are_spread_over_their_range():
    placed = np.array([draws(voice(0.01), number) for number in range(1, 400)])
    assert placed.min() >= 0 and placed.max() < 1
    np.testing.assert_allclose(placed.mean(axis=0), 0.5, atol=0.07)


def test_a_pass_changes_cepstra_and_mel_bands_alone():
    plain = LogMel()
    before = plain.extract(voice(), 16000)
    after = plain.masked(1).extract(voice(), 16000)
    names = np.array(plain.feature_names)
    changed = set(names[~np.isclose(before, after, rtol=1e-4, atol=1e-4)])
    spectral = {name for name in names if name.startswith(("cepstrum", "mel"))}
    assert changed <= spectral
    assert len(changed) > len(spectral) / 2


def test_a_masked_front_end_reports_what_cannot_be_heard():
    with pytest.raises(AudioError):
        LogMel(longest=1).masked(1).extract(voice(1.2), 16000)


def test_passes_are_numbered_from_one():
    with pytest.raises(UserError, match="Received: 0"):
        LogMel().masked(0)


def test_every_pass_is_stored_under_its_own_key():
    plain = LogMel()
    keys = {plain.key, *(plain.masked(number).key for number in (1, 2, 3))}
    assert len(keys) == 4
    assert LogMel((50, 5000)).masked(1).key not in keys


def test_masks_leave_the_plain_front_end_s_key_as_it_was():
    assert LogMel().config() == {
        "name": "logmel",
        "version": LogMel.version,
        "band": [50.0, 7600.0],
        "longest": 60.0,
    }


def test_a_second_run_extracts_no_pass(tmp_path, monkeypatch):
    utterances = [
        utterance(write(tmp_path / f"{seed}.wav", voice(seed=seed))) for seed in range(3)
    ]
    options = {"folder": tmp_path / "store", "progress": False, "workers": 1}
    first = extract_features(utterances, LogMel().masked(2), **options)
    monkeypatch.setattr(MaskedLogMel, "extract", None)
    again = extract_features(utterances, LogMel().masked(2), **options)
    np.testing.assert_array_equal(again.values, first.values)


def test_a_chain_of_recordings_trains_masked_and_hears_plain(tmp_path, monkeypatch):
    monkeypatch.setenv("PNN_KERAS_CACHE", str(tmp_path / "cache"))
    folder = make_emodb(tmp_path / "EmoDB", texts=("a01",), emotions="WNT", seconds=0.2)
    options = {
        "corpus": open_corpus(folder),
        "frontend": "logmel",
        "augment": 1,
        "units": (4,),
        "settings": Settings(epochs=2),
        "progress": False,
    }
    chain = train("gender", **options)
    assert chain.frontends == {"logmel": LogMel().config()}
    monkeypatch.setattr(MaskedLogMel, "extract", None)
    monkeypatch.setattr(LogMel, "extract", None)
    again = train("gender", **options)  # from the store
    for one, other in zip(chain.weights, again.weights, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-6)

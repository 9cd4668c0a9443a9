"""Decoding, checking and resampling."""

import numpy as np
import pytest
from audio_made import tone, write
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras import audio
from pnn_keras.errors import AudioError


@pytest.mark.parametrize("suffix", audio.SUFFIXES)
def test_every_format_gives_its_own_sampling_rate_and_signal(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", tone(300, 1.0, 22050), 22050)
    signal, sampling_rate = audio.read(path)
    assert sampling_rate == 22050
    assert signal.dtype == np.float32 and signal.ndim == 1
    assert abs(len(signal) - 22050) <= 2 * 1152  # MP3 pads whole frames
    assert np.abs(signal).max() == pytest.approx(0.5, abs=0.05)


def test_sixteen_bits_are_divided_by_32768(tmp_path):
    path = write(tmp_path / "a.wav", np.array([0, 1, -32768, 32767], "int16"))
    assert (audio.read(path)[0] * 32768).tolist() == [0, 1, -32768, 32767]


def test_channels_are_averaged(tmp_path):
    stereo = np.stack([np.full(4000, 0.5), np.full(4000, -0.25)], axis=1)
    signal, _ = audio.read(write(tmp_path / "a.wav", stereo))
    assert signal.shape == (4000,)
    assert set(signal.tolist()) == {0.125}


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_segment_is_the_samples_between_its_bounds(tmp_path, suffix):
    ramp = np.arange(8000, dtype="int16")
    path = write(tmp_path / f"a{suffix}", ramp, 8000)
    signal, _ = audio.read(path, 0.25, 0.5)
    assert (signal * 32768).tolist() == list(range(2000, 4000))


def test_a_segment_without_an_end_reaches_the_end_of_the_file(tmp_path):
    path = write(tmp_path / "a.wav", tone(seconds=1.0))
    assert len(audio.read(path, 0.75)[0]) == 4000


def test_a_segment_that_rounding_pushed_past_the_end_is_cut_there(tmp_path):
    path = write(tmp_path / "a.wav", tone(seconds=1.0))
    assert len(audio.read(path, 0.5, 1.04)[0]) == 8000


@pytest.mark.parametrize(
    "start, end", [(0.0, 5.0), (1.0, None), (3.0, 4.0), (0.5, 0.5), (0.6, 0.2), (-0.1, 0.2)]
)
def test_a_segment_outside_the_file_is_refused(tmp_path, start, end):
    path = write(tmp_path / "a.wav", tone(seconds=1.0))
    with pytest.raises(AudioError, match="which is 1 s long"):
        audio.read(path, start, end)


def test_a_missing_file_is_named():
    with pytest.raises(AudioError, match="Cannot read nowhere.wav: there is no such file"):
        audio.read("nowhere.wav")


def test_a_folder_is_no_audio(tmp_path):
    with pytest.raises(AudioError, match="it is a folder"):
        audio.read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no audio at all" * 99, bytes(4096)])
def test_a_file_that_is_no_audio_is_named_with_the_reason_on_one_line(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match="Cannot read .*a.wav: .") as raised:
        audio.read(path)
    assert "\n" not in str(raised.value)


def test_a_header_without_samples_is_an_empty_recording(tmp_path):
    signal, sampling_rate = audio.read(write(tmp_path / "a.wav", np.zeros(0)))
    with pytest.raises(AudioError, match="empty"):
        audio.check(signal, sampling_rate)


@pytest.mark.parametrize(
    "signal, reason",
    [
        (np.zeros(0, "float32"), "empty"),
        (tone(seconds=0.05), "too short: 0.050 s, at least 0.1 s"),
        (np.zeros(8000, "float32"), "silent"),
        (np.full(8000, 0.3, "float32"), "silent"),
        (tone(level=2e-5), "silent"),
        (np.where(np.arange(8000) == 7, np.nan, tone()), "NaN or infinity in 1 of 8000"),
        (np.where(np.arange(8000) < 2, -np.inf, tone()), "NaN or infinity in 2 of 8000"),
        (32768 * tone(), "scaled wrongly"),
    ],
)
def test_a_signal_with_nothing_to_hear_is_refused(signal, reason):
    with pytest.raises(AudioError, match=reason):
        audio.check(signal, 16000)


@pytest.mark.parametrize("sampling_rate", [100, 3999, 192_001])
def test_an_unbelievable_sampling_rate_is_refused(sampling_rate):
    with pytest.raises(AudioError, match=f"sampling_rate={sampling_rate}"):
        audio.check(tone(seconds=20), sampling_rate)


@pytest.mark.parametrize("signal", [tone(), tone(level=1e-3), tone(level=1.0), tone(seconds=0.1)])
def test_a_signal_that_can_be_heard_passes(signal):
    audio.check(signal, 16000)


def test_a_clipped_signal_passes_and_is_named():
    signal = np.zeros(1000, "float32")
    signal[:31] = 1.0
    audio.check(np.tile(signal, 10), 16000)
    assert audio.defects(signal) == ("clipped: 3.1 % of samples at full scale",)


def test_full_scale_of_sixteen_bits_counts_as_clipped_on_both_sides():
    signal = np.zeros(100, "float32")
    signal[:2] = 32767 / 32768, -1.0
    assert audio.defects(signal) == ("clipped: 2.0 % of samples at full scale",)


@pytest.mark.parametrize("signal", [tone(level=0.99), np.zeros(0), np.eye(1, 2000)[0]])
def test_a_peak_at_full_scale_is_no_clipping(signal):
    assert audio.defects(signal) == ()


@pytest.mark.parametrize("target_rate", [8000, 16000, 44100, 48000])
def test_a_tone_of_1_khz_stays_one_when_resampled(target_rate):
    signal = audio.resample(tone(1000, 1.0, 22050), 22050, target_rate)
    assert signal.dtype == np.float32 and len(signal) == target_rate
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal))))
    assert np.argmax(spectrum) == 1000  # one second: bins of 1 Hz
    assert np.sqrt(2 * np.mean(signal**2)) == pytest.approx(0.5, rel=0.01)


def test_resampling_removes_what_the_target_rate_cannot_hold():
    signal = audio.resample(tone(6000, 1.0, 16000), 16000, 8000)
    assert np.abs(signal[400:-400]).max() < 1e-3


def test_resampling_to_the_same_rate_changes_nothing():
    assert np.array_equal(audio.resample(tone(), 16000, 16000), tone())


def test_resampling_to_no_rate_is_refused():
    with pytest.raises(AudioError, match="target_rate=0"):
        audio.resample(tone(), 16000, 0)


@given(st.lists(st.integers(-32768, 32767), min_size=1))
def test_integers_and_their_fractions_of_full_scale_are_the_same_signal(samples):
    array = np.array(samples, "int16")
    from_fractions = audio.from_array(array / 32768)
    assert np.array_equal(audio.from_array(array), from_fractions)
    assert np.array_equal(audio.from_array(array.astype("int32") * 65536), from_fractions)


@pytest.mark.parametrize(
    "array, reason",
    [
        (np.zeros((2, 8000)), r"shape=\(2, 8000\)"),
        (np.float32(1), r"shape=\(\)"),
        (np.zeros(8000, "uint8"), "dtype=uint8"),
        (np.array(["a"]), "dtype=<U1"),
    ],
)
def test_an_array_that_is_no_signal_is_refused(array, reason):
    with pytest.raises(AudioError, match=reason):
        audio.from_array(array)

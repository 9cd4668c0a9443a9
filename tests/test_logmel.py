"""The front-end in the graph: same values on every way in, one bad clip spoils no other."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soxr
import tensorflow as tf
from audio_made import tone, utterance
from wav_made import FORMATS, chunk, fmt, riff, wav

from pnn_keras import audio
from pnn_keras.errors import AudioError, UserError
from pnn_keras.frontends import create_frontend, spectrogram_functions
from pnn_keras.frontends.logmel import LogMel
from pnn_keras.material import input_name


def voice(seconds=0.8, sampling_rate=16000, pitch=150.0, level=0.3, seed=0):
    """Overtones whose loudness swings, with a pause and a bit of noise."""
    count = round(seconds * sampling_rate)
    t = np.arange(count) / sampling_rate
    tones = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 15))
    swing = np.maximum(np.sin(2 * np.pi * 2.5 * t), 0)
    noise = np.random.default_rng(seed).normal(0, 0.003, count)
    return (level * 0.4 * tones * swing + noise).astype(np.float32)


@pytest.fixture(scope="module")
def frontend():
    return LogMel()


@pytest.fixture(scope="module")
def from_wav(frontend):
    return tf.function(frontend.from_wav, input_signature=[tf.TensorSpec([None], tf.string)])


def named(frontend, vector):
    return dict(zip(frontend.feature_names, vector.tolist(), strict=True))


def padded(signals):
    """Signals of unequal lengths as from_waveforms takes them, with noise behind their ends."""
    longest = max(map(len, signals)) + 100
    waveforms = np.random.default_rng(1).normal(size=(len(signals), longest)).astype("float32")
    for row, signal in zip(waveforms, signals, strict=True):
        row[: len(signal)] = signal
    return waveforms, np.array([len(signal) for signal in signals], np.int32)


# The ways in agree


@pytest.mark.parametrize(("tag", "bits"), FORMATS)
def test_a_wav_gives_the_same_vector_in_the_graph_and_decoded_outside(
    tmp_path, frontend, from_wav, tag, bits
):
    path = tmp_path / "a.wav"
    path.write_bytes(wav(np.stack([voice(), voice(seed=3)], axis=1), tag, bits))
    vectors, valid, error = from_wav(tf.constant([path.read_bytes()]))
    assert valid.numpy().all() and error.numpy()[0] == b""
    outside, _ = frontend.features(utterance(path))
    assert np.allclose(vectors[0], outside, rtol=1e-4, atol=1e-4)


def test_neighbours_and_padding_change_nothing(frontend):
    signals = [voice(0.5), voice(3.0, pitch=210), tone(300, 0.2), voice(1.1, level=0.01)]
    waveforms, lengths = padded(signals)
    together, valid, _ = frontend.from_waveforms(waveforms, lengths, np.full(4, 16000, np.int32))
    assert valid.numpy().all()
    for signal, vector in zip(signals, together.numpy(), strict=True):
        assert np.allclose(frontend.extract(signal, 16000), vector, rtol=1e-4, atol=1e-4)


def test_signals_of_different_rates_go_together(frontend):
    signals = [voice(), voice(sampling_rate=44100)]
    rates = np.array([16000, 44100], np.int32)
    together, valid, _ = frontend.from_waveforms(*padded(signals), rates)
    assert valid.numpy().all()
    assert np.allclose(frontend.extract(signals[1], 44100), together[1], rtol=1e-4, atol=1e-4)


def test_the_sampling_rate_of_the_file_hardly_matters(frontend):
    signal = voice(2.0)
    other = soxr.resample(signal, 16000, 44100, quality="VHQ")
    first, second = frontend.extract(signal, 16000), frontend.extract(other, 44100)
    assert np.abs(first - second).max() < 0.5  # dB, semitones or shares
    assert np.abs(first - second).mean() < 0.02


def test_clips_of_any_length_are_traced_once(frontend):
    frontend.extract(voice(0.5), 16000)
    traces = frontend._compiled.experimental_get_tracing_count()
    frontend.extract(voice(0.7), 22050)
    assert frontend._compiled.experimental_get_tracing_count() == traces == 1


# Known answers


def test_the_level_is_in_decibels(frontend):
    loud = named(frontend, frontend.extract(voice(level=0.3), 16000))
    quiet = named(frontend, frontend.extract(voice(level=0.3) / 10, 16000))
    assert loud["level_mean"] - quiet["level_mean"] == pytest.approx(20, abs=1e-3)
    assert loud["cepstrum1_mean"] == pytest.approx(quiet["cepstrum1_mean"], abs=1e-2)


@pytest.mark.parametrize("pitch", [90, 150, 220, 330])
def test_the_pitch_of_a_voice_is_found(frontend, pitch):
    found = named(frontend, frontend.extract(voice(pitch=pitch), 16000))
    assert found["pitch_p50"] == pytest.approx(12 * np.log2(pitch / 27.5), abs=0.1)
    assert found["pitch_range"] < 0.5


def test_a_rising_pitch_rises(frontend):
    t = np.arange(16000) / 16000
    octave = np.sin(2 * np.pi * 150 * (2**t - 1) / np.log(2))
    found = named(frontend, frontend.extract(octave, 16000))
    assert found["pitch_slope"] == pytest.approx(12 / 100, rel=0.05)  # semitones per frame
    assert found["pitch_rise_share"] > 0.95


def test_noise_has_no_voice(frontend):
    noise = np.random.default_rng(0).normal(0, 0.1, 16000)
    found = named(frontend, frontend.extract(noise, 16000))
    assert found["voiced_share"] < 0.02 and found["heard_share"] == 1


def test_silence_before_and_behind_is_left_out(frontend):
    pause = np.random.default_rng(0).normal(0, 1e-5, 8000)
    alone = named(frontend, frontend.extract(tone(200, 1.0), 16000))
    between = np.concatenate([pause, tone(200, 1.0), pause])
    between = named(frontend, frontend.extract(between, 16000))
    assert between["heard_share"] == pytest.approx(0.5, abs=0.03)
    for name in ("centroid_p50", "level_p50", "pitch_p50"):
        assert between[name] == pytest.approx(alone[name], abs=0.01)


def test_every_functional_has_a_name_of_its_own(frontend):
    vector = frontend.extract(voice(), 16000)
    assert vector.shape == (frontend.dimension,) == (len(set(frontend.feature_names)),)
    assert vector.dtype == np.float32 and np.isfinite(vector).all()


# The band


def noise_of(low, high, seconds=1.0):
    """Noise between two frequencies, fading in and out."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=round(16000 * seconds)))
    frequencies = np.fft.rfftfreq(round(16000 * seconds), 1 / 16000)
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    noise = np.fft.irfft(spectrum)
    return 0.2 * noise / np.abs(noise).max() * np.hanning(len(noise))


@pytest.mark.parametrize("outside", [(5100, 7900), (5, 45)])
def test_noise_outside_the_band_changes_nothing(outside):
    frontend = LogMel(band=(50, 5000))
    clean = voice(1.0)
    before = frontend.extract(clean, 16000)
    after = frontend.extract(clean + noise_of(*outside), 16000)
    assert np.abs(after - before).max() < 0.1
    assert np.abs(LogMel().extract(clean + noise_of(5100, 7900), 16000) - before).max() > 3


def test_the_band_makes_a_narrow_and_a_wide_recording_alike():
    frontend = LogMel(band=(50, 5000))
    wide = voice(1.0)
    narrow = soxr.resample(wide, 16000, 11025, quality="VHQ")
    found = np.abs(frontend.extract(wide, 16000) - frontend.extract(narrow, 11025))
    assert found.max() < 0.5


# Refusals


def test_a_refusal_says_what_the_check_outside_says(frontend):
    signals = {
        "empty": (np.zeros(0), 16000),
        "short": (tone(seconds=0.05), 16000),
        "nan": (np.where(np.arange(16000) < 3, np.nan, tone(seconds=1.0)), 16000),
        "infinity": (np.where(np.arange(16000) == 3, np.inf, tone(seconds=1.0)), 16000),
        "silent": (np.full(16000, 0.25), 16000),
        "integers": (32768 * tone(seconds=1.0), 16000),
        "slow": (tone(), 3999),
        "fast": (tone(), 192001),
    }
    for name, (signal, rate) in signals.items():
        signal = signal.astype(np.float32)
        with pytest.raises(AudioError) as outside:
            audio.check(signal, rate)
        with pytest.raises(AudioError) as inside:
            frontend.extract(signal, rate)
        assert str(inside.value) == str(outside.value), name


def test_a_clip_beyond_the_limit_is_refused_before_it_is_resampled(from_wav):
    hour = riff(fmt(bits=8, sampling_rate=4000), chunk(b"data", bytes(4000 * 3600)))
    vectors, valid, error = from_wav(tf.constant([hour, wav(voice())]))
    assert valid.numpy().tolist() == [False, True]
    assert error.numpy()[0].decode() == (
        "The recording is too long: 3600.0 s, at most 60 s are taken. "
        "Cut it, or use the front-end logmel:longest=SECONDS"
    )


def test_the_limit_can_be_moved():
    signal = np.tile(voice(1.0), 61)
    assert np.isfinite(LogMel(longest=61).extract(signal, 16000)).all()
    with pytest.raises(AudioError, match="61.0 s, at most 60 s"):
        LogMel().extract(signal, 16000)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "no WAV file"),
        (riff(fmt(sampling_rate=100), chunk(b"data", bytes(38000))), "sampling_rate=100"),
        (
            riff(fmt(sampling_rate=2**32 - 1), chunk(b"data", bytes(80))),
            "sampling_rate=4294967295",
        ),
        (riff(fmt(channels=65535), chunk(b"data", bytes(80))), "it has no samples"),
        (wav(np.zeros(16000)), "silent"),
        (wav(voice())[:200], "too short"),
    ],
)
def test_a_bad_clip_spoils_no_other(frontend, from_wav, file, reason):
    good = wav(voice())
    vectors, valid, error = from_wav(tf.constant([good, file, good]))
    assert valid.numpy().tolist() == [True, False, True]
    assert reason in error.numpy()[1].decode() and error.numpy()[[0, 2]].tolist() == [b"", b""]
    assert not vectors.numpy()[1].any()
    (alone,), _, _ = from_wav(tf.constant([good]))
    assert np.allclose(vectors[0], alone, rtol=1e-4, atol=1e-4)


def test_a_length_beyond_the_samples_is_refused(frontend):
    _, valid, error = frontend.from_waveforms(
        np.zeros((2, 10), np.float32),
        np.array([11, -1], np.int32),
        np.array([16000] * 2, np.int32),
    )
    assert not valid.numpy().any()
    assert error.numpy()[0].decode().endswith("samples given, 10. Received: 11")


def test_an_empty_batch_has_no_rows(frontend, from_wav):
    vectors, valid, error = from_wav(tf.constant([], tf.string))
    assert (vectors.shape, valid.shape, error.shape) == ((0, frontend.dimension), (0,), (0,))


# The graph


def operations(function):
    graph = function.get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    functions = {f.signature.name for f in graph.library.function}
    return {node.op for node in nodes} - functions


def test_the_graph_holds_operations_of_tensorflow_alone(frontend, from_wav):
    code = (
        "import tensorflow as tf; from tensorflow.python.framework import op_def_registry as r;"
        "import sys; print([o for o in sys.argv[1:] if r.get(o) is None])"
    )
    used = operations(from_wav) | operations(frontend._compiled)
    assert "RFFT" in used and not any(op.startswith("IO>") for op in used)
    # In a process that never imported tensorflow-io.
    done = subprocess.run([sys.executable, "-c", code, *used], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr[-2000:]


def test_the_functions_made_of_tf_signal_equal_those_of_tensorflow_io():
    pytest.importorskip("tensorflow_io")
    signal = tf.constant(voice())
    ours = spectrogram_functions._own_spectrogram(signal, 512, 400, 160)
    theirs = spectrogram_functions.spectrogram(signal, 512, 400, 160)
    assert spectrogram_functions.spectrogram is not spectrogram_functions._own_spectrogram
    assert np.array_equal(ours, theirs)
    arguments = (16000, 40, 50.0, 7600.0)
    ours = spectrogram_functions._own_melscale(theirs, *arguments)
    theirs = spectrogram_functions.melscale(theirs, *arguments)
    assert np.array_equal(ours, theirs)
    ours = spectrogram_functions._own_dbscale(theirs, 80.0)
    assert np.allclose(ours, spectrogram_functions.dbscale(theirs, 80.0), rtol=1e-6, atol=1e-5)


def test_tensorflow_io_comes_in_quietly():
    code = "import pnn_keras.frontends.spectrogram_functions"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0 and "tensorflow_io" not in done.stderr


# Options


def test_the_option_names_the_band_and_the_limit():
    frontend = create_frontend("logmel:band=50-5000,longest=120")
    assert frontend.options() == {"band": [50.0, 5000.0], "longest": 120.0}
    assert create_frontend(frontend.config()).key == frontend.key
    assert create_frontend("logmel:longest=120").options()["band"] == [50.0, 7600.0]


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("mels=3", "takes band=LOW-HIGH .* Received: 'logmel:mels=3'"),
        ("band=50", "takes band=LOW-HIGH"),
        ("band=50-5000,band=60-5000", "takes band=LOW-HIGH"),
        ("band=a-b", "takes band=LOW-HIGH"),
        ("", "takes band=LOW-HIGH"),
        ("band=50-8000", "between 20 and 7600 Hz .* Received: 50-8000"),
        ("band=300-1000", "at least 2 octaves"),
        ("band=nan-5000", "between 20 and 7600 Hz"),
        ("longest=0", "at least 1 s"),
        ("longest=inf", "at least 1 s"),
    ],
)
def test_an_option_that_cannot_be_is_refused(option, reason):
    with pytest.raises(UserError, match=reason):
        create_frontend(f"logmel:{option}")


def test_inputs_of_other_options_have_names_of_their_own():
    options = ("logmel", "logmel:band=50-5000", "logmel:longest=120", "logmel:band=50.5-5000")
    names = [input_name(create_frontend(option)) for option in options]
    assert names == [
        "logmel",
        "logmel_band_50_5000",
        "logmel_longest_120",
        "logmel_band_50p5_5000",
    ]


def test_the_pitch_of_a_man_is_lower_than_that_of_a_woman(data, frontend):
    folder = data / "EmoDB" / "wav"  # the same sentence, neutral, by speakers 03 and 08
    man, woman = (
        named(frontend, frontend.features(utterance(folder / f"{name}.wav"))[0])["pitch_p50"]
        for name in ("03a02Nc", "08a02Na")
    )
    assert 20 < man + 6 < woman < 40

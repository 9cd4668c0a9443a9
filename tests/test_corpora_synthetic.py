import errno
import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
import soundfile

from pnn_keras.corpora import synthetic
from pnn_keras.corpora.synthetic import express, open_synthetic, synthetic_speaker
from pnn_keras.corpora.voice import SAMPLING_RATE, Voice, synthesise
from pnn_keras.errors import CorpusError, PnnKerasError, UserError

STEADY = dict(span=0.0, slope=0.0, final=0.0, jitter=0.0, shimmer=0.0, breath=-80.0)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Four speakers, two clips of each emotion."""
    return open_synthetic(speakers=4, clips_per_emotion=2, folder=tmp_path_factory.mktemp("made"))


def pitch_by_autocorrelation(frame):
    """Fundamental frequency in Hz between 60 and 400 Hz: the first high peak."""
    frame = (frame - frame.mean()) * np.hanning(len(frame))
    power = np.abs(np.fft.rfft(frame, 2 * len(frame))) ** 2
    window = np.abs(np.fft.rfft(np.hanning(len(frame)), 2 * len(frame))) ** 2
    correlation = np.fft.irfft(power) / np.fft.irfft(window)
    shortest, longest = SAMPLING_RATE // 400, SAMPLING_RATE // 60
    lags = correlation[: longest + 1]
    peaks = [
        lag
        for lag in range(shortest, longest)
        if lags[lag - 1] < lags[lag] >= lags[lag + 1] and lags[lag] > 0.9 * lags[shortest:].max()
    ]
    return SAMPLING_RATE / peaks[0]


def formants_by_linear_prediction(signal, order=16):
    """Frequencies in Hz of the resonances narrower than 400 Hz, ascending."""
    frame = np.diff(signal, prepend=0.0) * np.hanning(len(signal))
    correlation = np.correlate(frame, frame, "full")[len(frame) - 1 :][: order + 1]
    rows = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    predictor = np.linalg.solve(correlation[rows], correlation[1:])
    roots = np.roots(np.concatenate([[1.0], -predictor]))
    roots = roots[(roots.imag > 0) & (-np.log(np.abs(roots)) * SAMPLING_RATE / np.pi < 400)]
    frequencies = np.sort(np.angle(roots)) * SAMPLING_RATE / (2 * np.pi)
    return frequencies[frequencies > 150]


def vowel(voice, sentence):
    """The middle half second of a sentence that is one long vowel."""
    signal, _ = synthesise(voice, sentence)
    middle = len(signal) // 2
    return signal[middle - SAMPLING_RATE // 4 : middle + SAMPLING_RATE // 4].astype(float)


def level_of(signal):
    """RMS level in dB relative to full scale."""
    return 10 * np.log10(np.mean(np.square(signal, dtype=float)))


@pytest.mark.parametrize("pitch", [90.0, 120.0, 210.0])
def test_pitch_is_the_one_asked_for(pitch):
    frame = vowel(Voice(pitch=pitch, rate=1.0, **STEADY), "a")
    assert pitch_by_autocorrelation(frame) == pytest.approx(pitch, rel=0.03)


def test_median_pitch_with_intonation_is_the_one_asked_for():
    signal, _ = synthesise(Voice(pitch=110.0), "malo nema lonu", seed=3)
    frames = np.lib.stride_tricks.sliding_window_view(signal.astype(float), 800)[::400]
    voiced = [frame for frame in frames if level_of(frame) > -32]
    median = np.median([pitch_by_autocorrelation(frame) for frame in voiced])
    assert median == pytest.approx(110.0, rel=0.03)


@pytest.mark.parametrize("sound", "aei")
def test_formants_are_those_asked_for(sound):
    voice = Voice(pitch=85.0, rate=1.0, **STEADY)
    measured = formants_by_linear_prediction(vowel(voice, sound))
    np.testing.assert_allclose(measured[:3], voice.formants(sound)[:3], rtol=0.06)


def test_shorter_tract_has_higher_formants():
    measured = [
        formants_by_linear_prediction(vowel(Voice(pitch=85.0, tract=t, rate=1.0, **STEADY), "a"))
        for t in (17.5, 14.0)
    ]
    np.testing.assert_allclose(measured[1][:3] / measured[0][:3], 1.25, rtol=0.05)


def test_level_of_a_vowel_is_the_one_asked_for():
    frame = vowel(Voice(level=-20.0, rate=1.0, **STEADY), "a")
    assert level_of(frame) == pytest.approx(-20.0, abs=0.5)


def test_tilt_softens_high_frequencies_by_decibels_per_octave():
    def bands(tilt):
        frame = vowel(Voice(pitch=100.0, tilt=tilt, rate=1.0, **STEADY), "a")
        power = np.abs(np.fft.rfft(frame * np.hanning(len(frame)))) ** 2
        hertz = np.fft.rfftfreq(len(frame), 1 / SAMPLING_RATE)
        low, high = (np.abs(hertz - f) < 10 for f in (700, 2800))
        return 10 * np.log10(power[high].sum() / power[low].sum())

    # From 700 to 2800 Hz are two octaves.
    assert bands(-3.0) - bands(0.0) == pytest.approx(-6.0, abs=0.5)


def test_twice_the_rate_takes_half_the_time():
    slow, fast = (len(synthesise(Voice(rate=r, pause=0.0), "masena")[0]) for r in (2.5, 5.0))
    margins = 2 * 0.06 * SAMPLING_RATE
    assert (slow - margins) / (fast - margins) == pytest.approx(2.0, abs=0.01)


def test_jitter_makes_periods_differ():
    def likeness(jitter):
        frame = vowel(Voice(pitch=100.0, rate=1.0, **{**STEADY, "jitter": jitter}), "a")
        period = SAMPLING_RATE // 100
        return np.corrcoef(frame[:-period], frame[period:])[0, 1]

    assert likeness(0.0) > 0.99 > 0.97 > likeness(3.0)


def test_fricative_is_noise_above_the_vowels():
    signal, _ = synthesise(Voice(rate=1.0, **STEADY), "sa")
    consonant = signal[int(0.15 * SAMPLING_RATE) : int(0.3 * SAMPLING_RATE)]
    power = np.abs(np.fft.rfft(consonant)) ** 2
    hertz = np.fft.rfftfreq(len(consonant), 1 / SAMPLING_RATE)
    assert power[hertz > 4000].sum() > 3 * power[hertz < 4000].sum()


def test_loud_voice_is_scaled_and_not_clipped():
    signal, _ = synthesise(Voice(level=-1.0))
    assert np.abs(signal).max() == pytest.approx(0.98)


def test_same_seed_gives_same_samples_and_another_seed_does_not():
    first, again, other = (synthesise(Voice(), seed=seed)[0] for seed in (1, 1, 2))
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert len(first) != len(other) or (first != other).any()


@pytest.mark.parametrize("sentence", ["", "  ", "xa", "mm", "Ma", "a\u0301", "ma-su"])
def test_unreadable_sentence_is_named(sentence):
    with pytest.raises(UserError, match="Received: sentence="):
        synthesise(Voice(), sentence)


@pytest.mark.parametrize(
    "name, value", [("pitch", 20.0), ("tract", 30.0), ("rate", 0.0), ("jitter", float("nan"))]
)
def test_impossible_voice_is_named_with_its_unit(name, value):
    with pytest.raises(UserError, match=f"{name} of a voice lies between .* Received: {name}="):
        Voice(**{name: value})


def test_unknown_vowel_is_named():
    with pytest.raises(UserError, match="Received: vowel='y'"):
        Voice().formants("y")


def test_extreme_voices_are_finite():
    for voice in (
        Voice(pitch=50, tract=20, rate=0.5, jitter=10, shimmer=6, breath=20, level=0, tilt=24),
        Voice(pitch=600, tract=10, rate=12, span=12, slope=24, final=24, pause=0, tilt=-24),
    ):
        signal, _ = synthesise(voice, "sapo timefu kalo")
        assert np.isfinite(signal).all() and 0.001 < np.abs(signal).max() <= 0.981


def test_angry_is_louder_and_faster_than_sad():
    def mean(emotion):
        signals = [
            synthesise(express(Voice(), emotion, np.random.default_rng(i)), seed=i)[0]
            for i in range(8)
        ]
        return np.mean([(level_of(s), len(s)) for s in signals], axis=0)

    (angry_level, angry_length), (sad_level, sad_length) = mean("angry"), mean("sad")
    assert angry_level > sad_level + 5
    assert angry_length < 0.85 * sad_length


def test_no_expression_leaves_only_chance():
    rngs = (np.random.default_rng(5) for _ in range(2))
    angry, sad = (
        express(Voice(), emotion, rng, expression=0.0)
        for emotion, rng in zip(("angry", "sad"), rngs, strict=True)
    )
    assert angry == sad


def test_unknown_emotion_is_named():
    with pytest.raises(CorpusError, match="angry, happy, neutral, sad. Received: emotion='bored'"):
        express(Voice(), "bored", np.random.default_rng(0))


def test_female_speakers_have_higher_pitch_and_formants_on_average_with_overlap():
    speakers = [synthetic_speaker(n, seed=4) for n in range(1, 201)]
    pitch, tract = (
        {
            g: [getattr(s.voice, name) for s in speakers if s.gender == g]
            for g in ("female", "male")
        }
        for name in ("pitch", "tract")
    )
    assert np.median(pitch["female"]) > 1.4 * np.median(pitch["male"])
    assert np.median(tract["female"]) < 0.92 * np.median(tract["male"])
    assert min(pitch["female"]) < max(pitch["male"])


def test_no_seed_draws_a_voice_out_of_bounds():
    for seed in range(300):
        speaker = synthetic_speaker(1 + seed % 2, seed)
        for emotion in synthetic.EMOTIONS:
            express(speaker.voice, emotion, np.random.default_rng(seed), expression=1.3)


def test_default_corpus_holds_some_hundreds_of_utterances():
    assert synthetic.INFO.clips == 384
    assert synthetic.INFO.speakers == 12


def test_every_class_has_the_same_number_of_clips(small):
    assert Counter(u.emotion for u in small) == dict.fromkeys(synthetic.EMOTIONS, 8)
    assert Counter(u.speaker for u in small) == dict.fromkeys(("f01", "m01", "f02", "m02"), 8)
    assert Counter(u.gender for u in small) == {"female": 16, "male": 16}


def test_every_emotion_says_the_same_sentences(small):
    said = {e: {u.sentence for u in small if u.emotion == e} for e in synthetic.EMOTIONS}
    assert set(map(frozenset, said.values())) == {frozenset({"s1", "s2"})}


def test_files_are_16_bit_wav_of_speech_length(small):
    for utterance in small:
        info = soundfile.info(utterance.path)
        assert (info.format, info.subtype, info.channels) == ("WAV", "PCM_16", 1)
        assert info.samplerate == 16000
        assert 0.6 < info.duration < 3.0


def test_utterances_are_sorted_and_all_different(small):
    ids = [utterance.id for utterance in small]
    assert ids == sorted(ids)
    assert len({utterance.content for utterance in small}) == len(small)


def test_corpus_says_plainly_that_it_is_synthetic(small):
    assert small.name == "synthetic"
    assert small.info.synthetic
    assert any("synthetic" in w and "says nothing about people" in w for w in small.warnings)


def test_more_clips_than_sentences_are_further_takes(tmp_path):
    corpus = open_synthetic(speakers=1, clips_per_emotion=9, folder=tmp_path)
    assert sum(u.id.endswith("s1_002.wav") for u in corpus) == 4


def test_speakers_do_not_depend_on_how_many_there_are(small, tmp_path):
    fewer = open_synthetic(speakers=2, clips_per_emotion=1, folder=tmp_path)
    contents = {u.id: u.content for u in small}
    assert all(contents[u.id] == u.content for u in fewer)


def test_another_seed_is_another_corpus_in_another_folder(tmp_path):
    first, second = (
        open_synthetic(speakers=1, clips_per_emotion=1, folder=tmp_path, seed=s) for s in (0, 1)
    )
    assert first.folder != second.folder
    assert not {u.content for u in first} & {u.content for u in second}


def test_another_process_makes_the_same_bytes(small, tmp_path):
    code = (
        "from pnn_keras.corpora.synthetic import open_synthetic;"
        "corpus = open_synthetic(speakers=4, clips_per_emotion=2);"
        "print((corpus.folder / 'SHA256SUMS').read_text())"
    )
    environment = {**os.environ, "PNN_KERAS_CACHE": str(tmp_path), "PYTHONPATH": os.getcwd()}
    output = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert output.strip() == (small.folder / "SHA256SUMS").read_text().strip()
    assert (tmp_path / "synthetic" / small.folder.name).is_dir()


def test_import_is_light():
    code = (
        "import sys, pnn_keras.corpora.synthetic;"
        "print(sorted({'tensorflow', 'keras', 'pandas', 'scipy', 'soundfile'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=os.getcwd()
    ).stdout
    assert output.strip() == "[]"


def test_second_opening_writes_nothing(small, monkeypatch):
    monkeypatch.setattr(synthetic, "_wav", lambda *_: pytest.fail("synthesised again"))
    again = open_synthetic(speakers=4, clips_per_emotion=2, folder=small.folder.parent)
    assert again.utterances == small.utterances


@pytest.mark.parametrize("damage", ["cut", "removed", "sums"])
def test_damaged_cache_is_made_anew(damage, tmp_path):
    arguments = dict(speakers=1, clips_per_emotion=1, folder=tmp_path)
    corpus = open_synthetic(**arguments)
    victim = corpus.folder / "SHA256SUMS" if damage == "sums" else corpus.utterances[0].path
    before = victim.read_bytes()
    if damage == "removed":
        victim.unlink()
    else:
        victim.write_bytes(before[:100])
    open_synthetic(**arguments)
    assert victim.read_bytes() == before
    assert os.listdir(tmp_path) == [corpus.folder.name]


def test_interrupted_making_leaves_nothing(tmp_path, monkeypatch):
    calls = []

    def interrupted(utterance, *_):
        calls.append(utterance)
        if len(calls) > 2:
            raise KeyboardInterrupt
        return b"RIFF"

    monkeypatch.setattr(synthetic, "_wav", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_synthetic(speakers=1, clips_per_emotion=2, folder=tmp_path)
    assert os.listdir(tmp_path) == []


def _open_in(folder):
    return len(open_synthetic(speakers=2, clips_per_emotion=2, folder=folder))


def test_processes_at_once_share_one_corpus(tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(_open_in, [tmp_path] * 3, chunksize=1) == [16, 16, 16]
    assert len(os.listdir(tmp_path)) == 1


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CorpusError, match="PNN_KERAS_CACHE"):
        open_synthetic(speakers=1, clips_per_emotion=1, folder=tmp_path / "file")


def test_a_full_disk_is_not_the_user_s_mistake_and_leaves_nothing(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(synthetic, "_wav", refuse)
    with pytest.raises(PnnKerasError, match=": No space left on device. Free") as refusal:
        open_synthetic(speakers=1, clips_per_emotion=1, folder=tmp_path)
    assert not isinstance(refusal.value, UserError)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name, value", [("speakers", 0), ("clips_per_emotion", -1), ("seed", -1)])
def test_impossible_number_is_named(name, value, tmp_path):
    with pytest.raises(CorpusError, match=f"{name} .*Received: {name}={value}"):
        open_synthetic(**{"folder": tmp_path, name: value})


def test_an_utterance_is_synthesised_much_faster_than_it_is_spoken():
    synthesise(Voice())
    started = time.process_time()
    seconds = sum(len(synthesise(Voice(), seed=seed)[0]) for seed in range(5)) / SAMPLING_RATE
    assert time.process_time() - started < seconds / 4

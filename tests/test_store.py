"""The feature store: what it keeps, what it does not trust, and what it survives."""

import errno
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from audio_made import Moments, clipped, extractions, tone, tones, utterance, write

from pnn_keras import store
from pnn_keras.errors import AudioError, CorpusError, PnnKerasError, UserError
from pnn_keras.frontends.egemaps import Egemaps
from pnn_keras.frontends.embeddings import Embeddings
from pnn_keras.store import extract_features, extract_signals

#: A process that extracts 30 tones: its arguments are audio, store, log and seconds per tone.
PROCESS = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
from audio_made import Moments, tones
from pnn_keras.store import extract_features
audio, folder, log, seconds = sys.argv[1:]
extract_features(
    tones(audio, 30), Moments(log=log, seconds=float(seconds)), folder=folder, workers=2)
"""


def _start(*arguments):
    root = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root.parent)])}
    command = [sys.executable, "-c", PROCESS, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)


def _extract(utterances, frontend, **options):
    return extract_features(utterances, frontend, progress=False, **options)


def _entries(folder):
    """The files of the store that bear a final name."""
    return sorted(path for path in Path(folder).glob("*/*") if path.is_file())


def _partial(folder):
    return list(Path(folder).glob("*/partial/*"))


@pytest.fixture
def log(tmp_path):
    return tmp_path / "extractions.log"


# What comes back


def test_rows_are_the_vectors_in_the_order_of_the_utterances(tmp_path):
    levels = (0.5, 0.25, 1.0)
    paths = [write(tmp_path / f"{x}.wav", tone(level=x), subtype="FLOAT") for x in levels]
    features = _extract([utterance(path) for path in paths], Moments(), folder=tmp_path)
    assert features.values.dtype == np.float32 and features.values.shape == (3, 3)
    assert features.values[:, 2] == pytest.approx(levels, abs=1e-3)
    assert features.values[:, 1] == pytest.approx(np.array(levels) / np.sqrt(2), abs=1e-3)
    assert features.valid.tolist() == [True] * 3 and features.failures == ()


def test_no_utterances_give_no_rows(tmp_path):
    assert _extract([], Moments(), folder=tmp_path).values.shape == (0, 3)


def test_segments_of_one_file_have_their_own_vectors(tmp_path, log):
    steps = np.concatenate([tone(level=0.25), tone(level=0.5)])
    path = write(tmp_path / "a.wav", steps, subtype="FLOAT")
    segments = [utterance(path, end=0.5), utterance(path, start=0.5), utterance(path)]
    for _ in range(2):
        features = _extract(segments, Moments(log), folder=tmp_path)
        assert features.values[:, 2] == pytest.approx([0.25, 0.5, 0.5], abs=1e-3)
    assert extractions(log) == 3


def test_many_threads_give_the_functionals_that_one_gives():
    # Importing opensmile here, after TensorFlow, would bind it to TensorFlow's symbols.
    if importlib.util.find_spec("opensmile") is None:
        pytest.skip("needs opensmile")
    signals = [sum(tone((100 + 20 * i) * k, level=0.1) for k in range(1, 6)) for i in range(12)]
    one, many = (extract_signals(signals, 16000, Egemaps(), workers=n).values for n in (1, 6))
    assert np.array_equal(one, many)
    assert len(np.unique(one, axis=0)) == len(signals)


# What is extracted, and how often


def test_a_second_run_extracts_nothing_and_gives_the_same(tmp_path, log):
    first = _extract(tones(tmp_path, 5), Moments(log), folder=tmp_path)
    second = _extract(tones(tmp_path, 5), Moments(log), folder=tmp_path)
    assert np.array_equal(first.values, second.values)
    assert extractions(log) == 5


def test_only_what_is_new_is_extracted(tmp_path, log):
    _extract(tones(tmp_path, 3), Moments(log), folder=tmp_path)
    _extract(tones(tmp_path, 5), Moments(log), folder=tmp_path)
    assert extractions(log) == 5


def test_equal_recordings_are_extracted_once_wherever_they_lie(tmp_path, log):
    paths = [write(tmp_path / folder / "a.wav", tone()) for folder in ("x", "y")]
    features = _extract([utterance(p, tmp_path) for p in paths], Moments(log), folder=tmp_path)
    assert extractions(log) == 1
    assert np.array_equal(features.values[0], features.values[1])


def test_a_changed_recording_is_extracted_again(tmp_path, log):
    path = write(tmp_path / "a.wav", tone(level=0.25))
    _extract([utterance(path)], Moments(log), folder=tmp_path)
    write(path, tone(level=0.5))
    features = _extract([utterance(path)], Moments(log), folder=tmp_path)
    assert features.values[0, 2] == pytest.approx(0.5, abs=1e-3)


def test_another_version_or_option_of_a_front_end_has_its_own_vectors(tmp_path):
    class Newer(Moments):
        version = "2"

    made = tones(tmp_path, 1)
    for frontend in (Moments(), Moments(scale=2.0), Newer()):
        values = _extract(made, frontend, folder=tmp_path).values
        assert values[0, 2] == pytest.approx(0.5 * frontend.scale, abs=1e-3)
    assert len(_entries(tmp_path)) == 3


def test_the_store_lies_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("PNN_KERAS_CACHE", str(tmp_path / "cache"))
    _extract(tones(tmp_path, 1), Moments())
    assert len(_entries(tmp_path / "cache" / "features")) == 1


def test_without_the_environment_the_store_lies_in_the_users_cache(monkeypatch):
    monkeypatch.delenv("PNN_KERAS_CACHE", raising=False)
    folder = store.default_folder()
    assert folder.is_absolute() and "pnn-keras" in folder.parts and folder.name == "features"


@pytest.mark.parametrize("workers", [0, -1])
def test_less_than_one_worker_is_refused(tmp_path, workers):
    with pytest.raises(UserError, match=f"workers={workers}"):
        _extract(tones(tmp_path, 1), Moments(), folder=tmp_path, workers=workers)


# Recordings that fail


def _bad(folder):
    """Utterances that fail, by the reason that must be given."""
    with_nan = np.where(np.arange(8000) == 7, np.nan, tone())
    (folder / "text.wav").write_text("no audio at all")
    return {
        "empty": utterance(write(folder / "empty.wav", np.zeros(0))),
        "silent": utterance(write(folder / "silent.wav", np.zeros(8000))),
        "NaN": utterance(write(folder / "nan.wav", with_nan, subtype="FLOAT")),
        "too short": utterance(write(folder / "short.wav", tone(seconds=0.01))),
        "no such file": utterance(folder / "missing.wav"),
        "Cannot read": utterance(folder / "text.wav"),
        "is 0.5 s long": utterance(write(folder / "cut.wav", tone()), start=3.0, end=4.0),
    }


def test_every_bad_recording_is_reported_and_the_rest_extracted(tmp_path):
    bad = _bad(tmp_path)
    good = tones(tmp_path / "good", 3)
    features = _extract([*good, *bad.values()], Moments(), folder=tmp_path)
    assert features.valid.tolist() == [True] * 3 + [False] * len(bad)
    assert np.isnan(features.values[3:]).all() and np.isfinite(features.values[:3]).all()
    assert [name for name, _ in features.failures] == [u.id for u in bad.values()]
    for expected, (_, reason) in zip(bad, features.failures, strict=True):
        assert expected.lower() in reason.lower() and "\n" not in reason


def test_a_clipped_recording_is_extracted_and_named_by_a_cold_and_a_warm_store(tmp_path, log):
    loud = utterance(write(tmp_path / "a.wav", clipped()))
    fine = utterance(write(tmp_path / "b.wav", tone()))
    for _ in range(2):
        features = _extract([fine, loud], Moments(log), folder=tmp_path)
        assert features.valid.all()
        assert features.defects == (("a.wav", "clipped: 25.0 % of samples at full scale"),)
    assert extractions(log) == 2


def test_clipping_of_one_channel_is_not_hidden_by_the_other(tmp_path):
    stereo = np.stack([clipped(), tone(level=0.1)], axis=1)
    loud = utterance(write(tmp_path / "a.wav", stereo))
    ((_, defect),) = _extract([loud], Moments(), folder=tmp_path).defects
    assert defect == "clipped: 25.0 % of samples at full scale"


def test_clipped_recordings_are_warned_of_once_three_by_name(tmp_path):
    defects = tuple((f"{n}.wav", "clipped") for n in range(5))
    features = store.Features(np.zeros((5, 1)), np.ones(5, bool), (), defects)
    with pytest.warns(
        UserWarning, match=r"^0.wav: clipped; .*2.wav: clipped; and 2 more. "
    ) as all:
        store.warn_of_defects(features)
    assert len(all) == 1


def test_recordings_without_a_defect_are_not_warned_of(recwarn):
    store.warn_of_defects(store.Features(np.zeros((1, 1)), np.ones(1, bool)))
    assert not recwarn.list


def test_strict_names_the_bad_recording(tmp_path):
    utterances = [*tones(tmp_path / "good", 2), _bad(tmp_path)["silent"]]
    with pytest.raises(AudioError, match="^silent.wav: The recording is silent"):
        _extract(utterances, Moments(), folder=tmp_path, strict=True)


def test_nothing_but_bad_recordings_is_an_error(tmp_path):
    with pytest.raises(AudioError, match="None of the 7 recordings can be used. The first: empty"):
        _extract(_bad(tmp_path).values(), Moments(), folder=tmp_path)


def test_a_recording_that_was_mended_is_extracted(tmp_path):
    silent, good = _bad(tmp_path)["silent"], tones(tmp_path / "good", 1)
    assert not _extract([silent, *good], Moments(), folder=tmp_path).valid[0]
    write(silent.path, tone())
    assert _extract([utterance(silent.path), *good], Moments(), folder=tmp_path).valid.all()


def test_a_failure_is_not_stored(tmp_path, log):
    class Refusing(Moments):
        def extract(self, signal, sampling_rate):
            super().extract(signal, sampling_rate)
            raise AudioError("not today")

    made = tones(tmp_path, 2)
    with pytest.raises(AudioError, match="not today"):
        _extract(made, Refusing(log), folder=tmp_path)
    assert _extract(made, Moments(log), folder=tmp_path).valid.all()
    assert extractions(log) == 4


def test_a_mistake_in_a_front_end_is_not_taken_for_a_bad_recording(tmp_path):
    class Mistaken(Moments):
        def extract(self, signal, sampling_rate):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _extract(tones(tmp_path, 2), Mistaken(), folder=tmp_path)


# Entries that cannot be trusted


@pytest.mark.parametrize("length", [0, 1, 15, 16, 27])
def test_an_entry_cut_short_is_extracted_again(tmp_path, log, length):
    expected = _extract(tones(tmp_path, 2), Moments(log), folder=tmp_path).values
    os.truncate(_entries(tmp_path)[0], length)
    assert np.array_equal(
        _extract(tones(tmp_path, 2), Moments(log), folder=tmp_path).values, expected
    )
    assert extractions(log) == 3
    _extract(tones(tmp_path, 2), Moments(log), folder=tmp_path)
    assert extractions(log) == 3


@pytest.mark.parametrize("position", range(28 + len("clipped")))
def test_an_entry_with_any_byte_changed_is_not_read(tmp_path, position):
    kept = store._Store(tmp_path, Moments())
    kept.put("content", np.array([1, 2, 3]), ["clipped"])
    entry = bytearray(_entries(tmp_path)[0].read_bytes())
    entry[position] ^= 1
    _entries(tmp_path)[0].write_bytes(entry)
    assert kept.get("content") is None


def test_an_entry_of_another_dimension_is_not_read(tmp_path, monkeypatch):
    kept = store._Store(tmp_path, Moments())
    kept.put("content", np.array([1, 2, 3]), [])
    monkeypatch.setattr(Moments, "dimension", 2)
    assert store._Store(tmp_path, Moments()).get("content") is None


def test_an_entry_under_anothers_name_is_not_read(tmp_path):
    kept = store._Store(tmp_path, Moments())
    kept.put("content", np.array([1, 2, 3]), [])
    assert kept.get("content")[0].tolist() == [1, 2, 3]
    os.rename(_entries(tmp_path)[0], _entries(tmp_path)[0].with_name("other"))
    assert kept.get("content") is None and kept.get("other") is None


# Kills, company and full disks


def test_after_a_kill_only_what_was_in_hand_is_extracted_again(tmp_path, log):
    process = _start(tmp_path / "audio", tmp_path / "store", log, 0.05)
    deadline = time.monotonic() + 60
    while extractions(log) < 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()  # SIGKILL: nothing can be tidied up
    process.wait()
    before, kept = extractions(log), len(_entries(tmp_path / "store"))
    assert 8 <= before < 30
    assert before - kept <= 2  # as many as there are workers
    features = _extract(tones(tmp_path / "audio", 30), Moments(log), folder=tmp_path / "store")
    assert features.valid.all()
    assert extractions(log) == before + 30 - kept


def test_several_processes_share_a_store(tmp_path, log):
    tones(tmp_path / "audio", 30)
    processes = [_start(tmp_path / "audio", tmp_path / "store", log, 0.01) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    expected = _extract(tones(tmp_path / "audio", 30), Moments(), folder=tmp_path / "other")
    before = extractions(log)
    features = _extract(tones(tmp_path / "audio", 30), Moments(log), folder=tmp_path / "store")
    assert extractions(log) == before and before <= 60
    assert np.array_equal(features.values, expected.values)
    assert _partial(tmp_path / "store") == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_ends_at_once_and_keeps_what_was_done(tmp_path, log):
    process = _start(tmp_path / "audio", tmp_path / "store", log, 0.2)
    deadline = time.monotonic() + 60
    while extractions(log) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    assert b"KeyboardInterrupt" in process.stderr.read()
    assert 2 <= extractions(log) <= 8  # of 30: those in hand were finished, no new ones begun
    assert len(_entries(tmp_path / "store")) == extractions(log)


@pytest.mark.parametrize("function", ["replace", "mkdir"])
def test_a_full_disk_is_named_and_leaves_nothing_half_written(tmp_path, monkeypatch, function):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    made = tones(tmp_path / "audio", 2)
    monkeypatch.setattr(os, function, full)
    with pytest.raises(PnnKerasError, match="No space left on device.*PNN_KERAS_CACHE") as raised:
        _extract(made, Moments(), folder=tmp_path / "store")
    assert not isinstance(raised.value, UserError)
    assert _entries(tmp_path / "store") == [] and _partial(tmp_path / "store") == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_disk_that_fills_up_in_the_middle_of_a_write_leaves_no_entry(tmp_path, monkeypatch):
    def on_a_full_disk(handle, mode):
        os.close(handle)
        return open("/dev/full", mode)

    made = tones(tmp_path / "audio", 2)
    kept = _extract(made[:1], Moments(), folder=tmp_path / "store")
    monkeypatch.setattr(store, "open", on_a_full_disk, raising=False)
    with pytest.raises(PnnKerasError, match="No space left on device"):
        _extract(made, Moments(), folder=tmp_path / "store")
    assert len(_entries(tmp_path / "store")) == 1 and _partial(tmp_path / "store") == []
    assert np.array_equal(
        _extract(made[:1], Moments(), folder=tmp_path / "store").values, kept.values
    )


def test_a_store_that_is_a_file_is_named(tmp_path):
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(PnnKerasError, match="Cannot store features in .*store"):
        _extract(tones(tmp_path / "audio", 1), Moments(), folder=tmp_path / "store")


def test_what_a_killed_process_left_is_swept_but_not_what_is_being_written(tmp_path):
    _extract(tones(tmp_path, 1), Moments(), folder=tmp_path)
    partial = _entries(tmp_path)[0].parent / "partial"
    (partial / "old").write_bytes(b"half")
    (partial / "new").write_bytes(b"half")
    os.utime(partial / "old", (0, 0))
    _extract(tones(tmp_path, 1), Moments(), folder=tmp_path)
    assert [path.name for path in _partial(tmp_path)] == ["new"]


# The progress bar


def test_the_progress_bar_counts_on_stderr_and_only_where_there_is_work(tmp_path, monkeypatch):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for expected in (True, False):
        monkeypatch.setattr(sys, "stderr", Terminal())
        extract_features(tones(tmp_path, 3), Moments(), folder=tmp_path)
        assert ("moments" in sys.stderr.getvalue()) == expected
        assert ("3/3" in sys.stderr.getvalue()) == expected


# Signals at hand, and tables of embeddings


def test_signals_are_extracted_without_a_store(tmp_path, monkeypatch):
    monkeypatch.setenv("PNN_KERAS_CACHE", str(tmp_path))
    signals = [tone(level=0.5), (8192 * tone(level=1.0)).astype("int16")]
    features = extract_signals(signals, [16000, 16000], Moments())
    assert features.values[:, 2] == pytest.approx([0.5, 0.25], abs=1e-3)
    assert list(tmp_path.iterdir()) == []


def test_one_sampling_rate_serves_all_signals():
    assert extract_signals([tone(), tone()], 16000, Moments()).valid.all()


def test_a_bad_signal_is_reported_by_its_number():
    features = extract_signals([tone(), np.zeros(8000), tone()], 16000, Moments())
    assert features.valid.tolist() == [True, False, True]
    assert features.failures[0][0] == "1" and "silent" in features.failures[0][1]


def test_a_single_bad_signal_is_an_error():
    with pytest.raises(AudioError, match="^0: The recording is silent"):
        extract_signals([np.zeros(8000)], 16000, Moments())


def test_every_signal_needs_a_sampling_rate():
    with pytest.raises(UserError, match="2 signals and 1 sampling rates"):
        extract_signals([tone(), tone()], [16000], Moments())


def test_embeddings_are_looked_up_not_stored(tmp_path):
    np.savez(tmp_path / "table.npz", files=["a.wav", "b.wav"], vectors=np.eye(2))
    frontend = Embeddings(tmp_path / "table.npz")
    utterances = [utterance(Path("/made") / name) for name in ("b.wav", "c.wav", "a.wav")]
    features = _extract(utterances, frontend, folder=tmp_path / "store")
    assert features.values[features.valid].tolist() == [[0, 1], [1, 0]]
    assert features.failures[0][0] == "c.wav" and "no row" in features.failures[0][1]
    assert not (tmp_path / "store").exists()


def test_a_table_of_another_corpus_is_the_users_mistake(tmp_path):
    np.savez(tmp_path / "table.npz", files=["a.wav"], vectors=np.eye(1))
    with pytest.raises(CorpusError, match="None of the 2 recordings.*first: x.wav: .*no row"):
        _extract(
            [utterance(Path("/x.wav")), utterance(Path("/y.wav"))],
            Embeddings(tmp_path / "table.npz"),
        )


def test_embeddings_refuse_signals(tmp_path):
    np.savez(tmp_path / "table.npz", files=["a.wav"], vectors=np.eye(1))
    with pytest.raises(UserError, match="cannot hear audio"):
        extract_signals([tone()], 16000, Embeddings(tmp_path / "table.npz"))

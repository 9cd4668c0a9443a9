"""The summary of a corpus: what it counts, and how it looks."""

import io
import json

import numpy as np
import pytest
import rich.console
from audio_made import clipped, write
from corpora_made import make_crema_d, make_emodb, write_tone

from pnn_keras.corpora import open_corpus
from pnn_keras.corpora.check import render, summarise
from pnn_keras.errors import AudioError


@pytest.fixture
def emodb(tmp_path):
    return make_emodb(tmp_path, speakers=("03", "08", "09"), texts=("a01",), seconds=0.25)


def test_summary_counts(emodb):
    summary = summarise(open_corpus(emodb))
    assert summary["clips"] == 21
    assert summary["seconds"] == 21 * 0.25
    assert summary["hours"] == pytest.approx(21 * 0.25 / 3600, abs=1e-4)
    assert summary["speakers"] == {"female": 2, "male": 1}
    assert summary["classes"]["gender"] == {"female": 14, "male": 7}
    assert summary["classes"]["emotion"] == dict.fromkeys(
        ("angry", "bored", "disgusted", "fearful", "happy", "neutral", "sad"), 3
    )
    assert summary["sampling_rates"] == {"16000": 21}
    assert summary["channels"] == {"1": 21}


def test_summary_is_plain_json(emodb):
    summary = summarise(open_corpus(emodb))
    assert json.loads(json.dumps(summary)) == summary


def test_summary_names_clips_without_a_label(tmp_path):
    make_crema_d(tmp_path, votes={"1001_DFA_ANG_XX": "A:D"})
    summary = summarise(open_corpus(f"CREMA-D-perceived={tmp_path}"))
    assert summary["classes"]["emotion"]["none"] == 1


def test_unreadable_file_is_reported(emodb):
    (emodb / "wav" / "03a01Wa.wav").write_bytes(b"no sound in here")
    summary = summarise(open_corpus(emodb))
    assert [problem["id"] for problem in summary["unreadable"]] == ["wav/03a01Wa.wav"]
    assert summary["unreadable"][0]["reason"]
    assert summary["seconds"] == 20 * 0.25


def test_file_without_samples_is_reported(emodb):
    write_tone(emodb / "wav" / "03a01Wa.wav", seconds=0)
    assert summarise(open_corpus(emodb))["unreadable"] == [
        {"id": "wav/03a01Wa.wav", "reason": "no samples"}
    ]


def test_clipped_and_silent_recordings_are_named(emodb):
    write(emodb / "wav" / "03a01Wa.wav", clipped())
    write(emodb / "wav" / "08a01Wa.wav", np.zeros(16000))
    summary = summarise(open_corpus(emodb))
    assert summary["clipped"] == [
        {"id": "wav/03a01Wa.wav", "reason": "clipped: 25.0 % of samples at full scale"}
    ]
    (unusable,) = summary["unusable"]
    assert unusable["id"] == "wav/08a01Wa.wav" and "silent" in unusable["reason"]


def test_strict_fails_at_an_unreadable_file(emodb):
    (emodb / "wav" / "03a01Wa.wav").write_bytes(b"no sound in here")
    with pytest.raises(AudioError, match="03a01Wa.wav"):
        summarise(open_corpus(emodb), strict=True)


def test_segments_count_as_long_as_they_are(tmp_path):
    write_tone(tmp_path / "a.wav", seconds=1.0)
    table = tmp_path / "t.csv"
    table.write_text("file,start,end\na.wav,0,0.25\na.wav,0.5,\na.wav,0.75,9\na.wav,2,3\n")
    summary = summarise(open_corpus(table))
    assert summary["seconds"] == 0.25 + 0.5 + 0.25
    assert "after the end of the file" in summary["unreadable"][0]["reason"]


def test_table_shows_what_a_user_must_know(emodb):
    (emodb / "wav" / "[bold]odd.wav").write_bytes(b"x")
    screen = rich.console.Console(file=io.StringIO(), width=100)
    screen.print(render(summarise(open_corpus(emodb))))
    shown = screen.file.getvalue()
    for text in ("21 (0.00 hours)", "female: 2, male: 1", "CC0 1.0", "[bold]odd.wav", "16000 Hz"):
        assert text in shown

"""The exit codes of an audit: 1 is a leak and nothing else."""

from __future__ import annotations

import pytest
from audio_made import tone, write

from pnn_keras.errors import AudioError


@pytest.fixture
def corpus(tmp_path):
    """A table of three clips, of which the last holds 20 bytes of a WAV file."""
    for name, frequency in (("a", 200), ("b", 300), ("c", 400)):
        write(tmp_path / f"{name}.wav", tone(frequency))
    cut = (tmp_path / "c.wav").read_bytes()[:20]
    (tmp_path / "c.wav").write_bytes(cut)
    path = tmp_path / "corpus.csv"
    path.write_text("file,speaker\na.wav,1\nb.wav,2\nc.wav,3\n")
    return path


@pytest.fixture
def split(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text("file,role\na.wav,train\nb.wav,test\nc.wav,train\n")
    return path


def test_an_unusable_recording_is_told_and_does_not_fail(command, split, corpus):
    code, out, _ = command("audit", split, "--corpus", corpus)
    assert code == 0 and "1 file is without usable audio, e.g. c.wav" in " ".join(out.split())


def test_strictly_an_unusable_recording_ends_with_2(command, split, corpus):
    code, out, err = command("audit", split, "--corpus", corpus, "--strict")
    assert code == 2 and out == ""
    assert "corpus: 1 recording of the split cannot be used, e.g. c.wav: " in err
    assert "Repair or remove what cannot be used, or audit without strict" in err


def test_strictly_a_split_of_usable_recordings_is_audited(command, tmp_path, corpus):
    path = tmp_path / "usable.csv"
    path.write_text("file,role\na.wav,train\nb.wav,test\n")
    code, _, _ = command("audit", path, "--corpus", corpus, "--strict")
    assert code == 0


@pytest.mark.parametrize("error", [AudioError("no sound"), OSError(28, "full"), KeyError("bug")])
def test_whatever_fails_ends_with_2_not_with_the_code_of_a_leak(
    command, split, corpus, monkeypatch, error
):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("pnn_keras.audit.find_copies", fail)
    code, _, err = command("audit", split, "--corpus", corpus)
    assert code == 2 and err.startswith("error: ")


def test_help_tells_the_exit_codes(command):
    _, out, _ = command("audit", "--help")
    told = " ".join(out.split())
    assert "Exit code 0: no leak was found; 1: there is a leak; 2: it could not be audited" in told

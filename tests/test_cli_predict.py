"""What a person meets who asks a trained chain: answers, scores, and what could not be heard."""

import csv
import io
import json

import numpy as np
import pytest
from audio_made import tone, write

from pnn_keras import Chain, Task, frontends
from pnn_keras.cli.parsing import parse_tables
from pnn_keras.errors import UserError


def test_predict_prints_json(command, trained, recording):
    code, out, _ = command("predict", trained[0], recording, "--json")
    (answer,) = json.loads(out)
    assert code == 0
    assert answer["file"] == str(recording)
    assert sum(answer["emotion"]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert set(answer["gender"]["probabilities"]) == {"female", "male"}


def test_predict_prints_csv(command, trained, recording):
    code, out, _ = command("predict", trained[0], recording, recording, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert len(rows) == 2
    assert rows[0]["gender"] in ("female", "male")


@pytest.fixture
def speaker_first(tmp_path, monkeypatch):
    """A chain whose first column names speakers, the second gender."""
    monkeypatch.setitem(frontends.KNOWN, "moments", ("audio_made", "Moments"))
    chain = Chain(frontends={"moments": {"name": "moments"}})
    chain.add_column(Task("speaker", ("a", "b")), dimension=3, frontend="moments", units=[4])
    chain.add_column(Task("gender", ("female", "male")), units=[4])
    chain.freeze()
    chain.save_to_preset(tmp_path / "chain")
    return tmp_path / "chain"


@pytest.mark.parametrize(("heads", "named"), [((), False), (("--heads", "all"), True)])
def test_a_stranger_is_named_after_a_training_speaker_on_demand_alone(
    command, speaker_first, recording, heads, named
):
    code, out, _ = command("predict", speaker_first, recording, "--csv", *heads)
    (row,) = csv.DictReader(io.StringIO(out))
    assert code == 0 and row["gender"]
    assert ("speaker" in row, "speaker_a" in row) == (named, named)


def test_predict_refuses_other_heads(command, recording):
    code, _, err = command("predict", "any", recording, "--heads", "two")
    assert code == 2 and "'open', 'all'" in err


def test_predict_can_adapt_to_many_recordings_alone(command, trained, recording):
    code, _, err = command("predict", trained[0], recording, "--adapt")
    assert code == 2 and "at least 20 recordings" in err
    code, _, err = command("predict", "m", recording, "--adapt", "--server", "http://127.0.0.1:1")
    assert code == 2 and "without --server" in err


def test_predict_reports_and_skips_a_bad_file(command, trained, recording, tmp_path):
    code, out, err = command("predict", trained[0], recording, tmp_path / "none.wav", "--csv")
    assert code == 0
    assert "none.wav" in err
    assert list(csv.DictReader(io.StringIO(out)))[1]["error"]


@pytest.mark.parametrize(
    "signal",
    [np.zeros(0), np.zeros(16000), np.full(16000, np.nan)],
    ids=["zero length", "silent", "not a number"],
)
def test_predict_of_nothing_but_bad_audio_is_a_failure(command, trained, tmp_path, signal):
    path = write(tmp_path / "bad.wav", signal, subtype="FLOAT")
    code, _, err = command("predict", trained[0], path)
    assert code == 1
    assert "bad.wav" in err
    assert "Traceback" not in err


def test_predict_answers_for_a_clipped_recording_and_says_that_it_is_clipped(
    command, trained, tmp_path
):
    path = write(tmp_path / "loud.wav", np.clip(3 * tone(seconds=1.0), -1, 1))
    for _ in range(2):  # extracted, then from the store
        code, out, err = command("predict", trained[0], path, "--json")
        assert code == 0 and "emotion" in json.loads(out)[0]
        (line,) = err.splitlines()
        assert (
            line.startswith("note: ") and "loud.wav: clipped: " in line and "lower level" in line
        )


def test_predict_with_strict_ends_at_the_first_bad_file(command, trained, recording, tmp_path):
    bad = tmp_path / "text.wav"
    bad.write_text("no audio")
    code, _, err = command("predict", trained[0], recording, bad, "--strict")
    assert code == 1
    assert err.startswith("error: ")


def test_evaluate_refuses_speakers_that_were_heard(command, trained):
    code, _, err = command("evaluate", trained[0], "--corpus", "synthetic", "--quiet")
    assert code == 2
    assert "synthetic/" in err
    assert "--unheard-only" in err and "--allow-heard" in err


def test_evaluate_on_request_says_that_it_is_not_held_out(command, trained):
    code, out, err = command(
        "evaluate", trained[0], "--corpus", "synthetic", "--allow-heard", "--quiet"
    )
    assert code == 0
    assert "SYNTHETIC" in out
    assert "speakers or recordings" in out + err


def test_predict_takes_folders(command, trained, tmp_path):
    for number in range(2):
        write(tmp_path / "a" / f"{number}.wav", tone(200 + 50 * number, seconds=1.0))
    (tmp_path / "a" / "notes.txt").write_text("no recording")
    code, out, _ = command("predict", trained[0], tmp_path / "a", "--json", "--quiet")
    assert code == 0
    assert [row["file"] for row in json.loads(out)] == [
        str(tmp_path / "a" / f"{number}.wav") for number in range(2)
    ]


def test_predict_refuses_an_empty_folder(command, tmp_path):
    code, _, err = command("predict", "gender-emotion-emodb", tmp_path)
    assert code == 2
    assert "holds no recording" in err


def test_predict_prints_one_form(command):
    code, _, err = command("predict", "gender-emotion-emodb", "a.wav", "--csv", "--json")
    assert code == 2
    assert "not both" in err


@pytest.mark.parametrize(
    ("given", "tables"),
    [(["v.npz"], {"embeddings_1": "v.npz"}), (["a=b.npz"], {"embeddings_1": "a=b.npz"}), ([], {})],
)
def test_a_table_goes_to_the_only_input_that_needs_one(given, tables):
    frontends = {"egemaps": {"name": "egemaps"}, "embeddings_1": {"name": "embeddings"}}
    assert parse_tables(frontends, given) == tables


def test_of_several_inputs_the_table_s_is_named():
    frontends = {"e1": {"name": "embeddings"}, "e2": {"name": "embeddings"}}
    assert parse_tables(frontends, ["e2=v.npz"]) == {"e2": "v.npz"}
    with pytest.raises(UserError, match="e1, e2"):
        parse_tables(frontends, ["v.npz"])

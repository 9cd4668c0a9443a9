"""What a person meets who asks a server from the command line."""

import csv
import io
import json

import pytest
from serving_made import clip, closed_port


@pytest.mark.parametrize("place", [["made"], []], ids=["named", "the only one"])
def test_predict_asks_a_server(command, made, tmp_path, place):
    path = clip(tmp_path / "a.wav", 0.25)
    code, out, _ = command("predict", "--server", made.rest, *place, path, "--json", "--quiet")
    (answer,) = json.loads(out)
    assert code == 0
    assert answer["file"] == str(path)
    assert answer["level"]["probabilities"] == {"quiet": 0.75, "loud": 0.25}


def test_predict_asks_a_server_over_grpc(command, made, tmp_path):
    address = f"{made.grpc}/v1/models/made"
    code, out, _ = command("predict", "--server", address, clip(tmp_path / "a.wav", 0.25), "--csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert code == 0
    assert (row["level"], row["level_loud"], row["error"]) == ("quiet", "0.250000", "")


def test_predict_shows_a_server_s_answers_in_a_table(command, made, tmp_path):
    path = clip(tmp_path / "a.wav", 0.25)
    code, out, err = command("predict", "--server", made.rest, path, tmp_path / "none.wav")
    assert code == 0
    assert "quiet 0.75" in out
    assert "no answer" in out
    assert "none.wav" in err


def test_predict_with_no_server_there_says_so_in_one_line(command, recording):
    address = f"http://127.0.0.1:{closed_port()}"
    code, out, err = command("predict", "--server", address, "made", recording)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert err.startswith(f"error: No server answers at {address} (Connection refused). Start one")


def test_predict_of_a_model_that_is_not_served_is_a_wrong_request(command, made, recording):
    code, _, err = command("predict", "--server", made.rest, "unknown", recording)
    assert code == 2
    assert "Latest(unknown)" in err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["made"], "'FILE...'"),
        (["made", "a.wav", "--server", "http://a", "--embeddings", "t.npz"], "--frontend"),
        (["made", "a.wav", "--frontend", "egemaps"], "goes with --server"),
        (["made", "a.wav", "--server", "a:8501"], "http://HOST:8501"),
    ],
)
def test_predict_refuses_what_cannot_be_meant(command, arguments, reason):
    code, _, err = command("predict", *arguments)
    assert code == 2
    assert reason in err


def test_the_help_names_the_server_s_forms(command):
    code, out, _ = command("predict", "--help")
    assert code == 0
    assert "grpc://HOST:PORT" in out

"""What a person meets who compares methods from the command line."""

from __future__ import annotations

import json
import tomllib

import pytest


def test_experiments_are_listed_with_what_they_ask(command):
    code, out, _ = command("experiment", "list")
    assert code == 0
    for name in ("paper-table-2", "paper-figure-3", "paper-figure-4", "transfer-matrix"):
        assert name in out


def test_an_experiment_is_shown_as_a_file_to_start_from(command):
    code, out, _ = command("experiment", "show", "paper-table-2", "--repeats", "2")
    shown = tomllib.loads(out)
    assert code == 0
    assert shown["repeats"] == 2 and shown["settings"]["epochs"] == 600


def test_choices_replace_those_of_the_experiment(command):
    _, out, _ = command(
        *("experiment", "show", "forgetting", "--classes", "angry,sad", "--batch-size", "7"),
        *("--scaling", "corpus", "--seed", "3"),
    )
    shown = tomllib.loads(out)
    assert shown["classes"] == ["angry", "sad"] and shown["scaling"] == "corpus"
    assert (shown["settings"]["batch_size"], shown["settings"]["seed"]) == (7, 3)


def test_what_extends_a_chain_names_it_in_every_study(command):
    _, out, _ = command("experiment", "show", "extend-preset", "--from", "my-chain")
    shown = tomllib.loads(out)
    assert {study["from_model"] for study in shown["studies"]} == {"my-chain"}
    assert shown["frontend"] == "" and shown["repeats"] == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "magic"], "paper-table-2"),
        (["run", "magic"], "or a TOML file"),
        (["run", "paper-figure-4"], "at least 2 corpora"),
        (["run", "paper-table-2", "--corpus", "no-such-folder"], "no-such-folder"),
        (["run", "paper-table-2", "--repeats", "0"], "--repeats"),
        (["run", "paper-table-2", "--processes", "0"], "--processes"),
        (["run", "extend-preset"], "Name one: --from MODEL"),
        (["run", "forgetting", "--from", "gender-emotion-emodb"], "learns its own sources"),
        (["run", "extend-preset", "--from", "no-such-preset"], "no preset 'no-such-preset'"),
    ],
)
def test_a_request_that_cannot_work_is_refused_in_one_line(command, arguments, words):
    code, out, err = command("experiment", *arguments)
    assert code == 2 and words in err and out == ""
    assert len([line for line in err.splitlines() if line.startswith("error: ")]) == 1


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A small experiment on the synthetic corpus, as a file."""
    path = tmp_path_factory.mktemp("asked") / "small.toml"
    path.write_text(
        "repeats = 1\n[settings]\nepochs = 1\n[shape]\nunits = [4]\n[[studies]]\n"
        'target = "emotion"\nsources = ["gender"]\nmethods = ["dnn", "prognet"]\n'
    )
    return path


def test_an_experiment_file_runs_resumes_and_says_what_is_next(command, asked, tmp_path):
    arguments = ("experiment", "run", asked, "--out", tmp_path / "run")
    code, out, err = command(*arguments)
    assert code == 0
    assert "2 of 2 parts" in err and "synthetic" in err
    assert f"pnn-keras report {tmp_path / 'run'}" in out
    code, again, err = command(*arguments)
    assert code == 0 and "parts" not in err  # nothing was left to compute


def test_ctrl_c_says_that_the_same_command_goes_on_and_it_does(
    command, asked, tmp_path, monkeypatch
):
    arguments = ("experiment", "run", asked, "--processes", "1", "--out", tmp_path / "run")

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("pnn_keras.experiments.pace.say", interrupt)  # once a part is stored
        code, _, err = command(*arguments)
    assert code == 130
    assert "Finished parts are kept: the same command goes on." in err
    code, _, err = command(*arguments)
    assert code == 0 and "2 of 2 parts" in err and "1 of 2 parts" not in err


def test_an_experiment_takes_what_another_run_has_answered(command, asked, tmp_path):
    command(
        *("experiment", "run", asked, "--out", tmp_path / "first", "--quiet", "--processes", "1")
    )
    first = ("--reuse", tmp_path / "first")
    code, out, err = command("experiment", "run", asked, "--out", tmp_path / "second", *first)
    assert code == 0 and "ProgNet" in out
    assert f"2 parts taken from {tmp_path / 'first'}" in err and "left" not in err


def split(tmp_path, roles):
    path = tmp_path / "split.csv"
    path.write_text("\n".join(["file,speaker,split", *roles]) + "\n")
    return path


def test_audit_ends_with_1_where_a_speaker_trains_and_tests(command, tmp_path):
    leaking = split(tmp_path, ["a.wav,x,train", "b.wav,y,train", "c.wav,x,test"])
    code, out, _ = command("audit", leaking)
    assert code == 1 and "1 speaker" in out


def test_audit_ends_with_0_where_nothing_leaks(command, tmp_path):
    clean = split(tmp_path, ["a.wav,x,train", "b.wav,y,train", "c.wav,z,test"])
    code, out, _ = command("audit", clean, "--json")
    assert code == 0 and json.loads(out)["leak"] is False


@pytest.mark.parametrize(
    ("arguments", "words"), [(["none.csv"], "none.csv"), (["x.csv", "--rescore"], "Add --corpus")]
)
def test_an_audit_that_cannot_work_is_refused(command, arguments, words):
    code, _, err = command("audit", *arguments)
    assert code == 2 and words in err

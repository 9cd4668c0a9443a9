"""What a person meets who trains or tunes: scores with their stamps, and what comes next."""

import dataclasses
import errno
import importlib
import inspect
import json
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from corpora_made import make_emodb

from pnn_keras.cli import train as cli
from pnn_keras.errors import UserError

pytestmark = pytest.mark.usefixtures("uncompiled", "undrawn")

QUICK = ["--epochs", "2", "--units", "8,8", "--quiet"]


def test_train_says_that_the_corpus_is_synthetic(trained):
    _, out, err = trained
    assert "SYNTHETIC" in out
    assert "nobody spoke it" in err


def test_train_stamps_its_scores(trained):
    assert "speaker-disjoint" in trained[1]


def test_train_names_the_folder_and_the_next_commands(trained):
    folder, out, _ = trained
    assert folder.name in out
    assert "pnn-keras predict" in out
    assert "pnn-keras export" in out


def test_train_shows_the_from_scratch_network_beside(trained):
    assert "ProgNet" in trained[1]
    assert "DNN from" in trained[1]


def test_train_writes_a_whole_preset(trained):
    names = sorted(path.name for path in trained[0].iterdir() if path.suffix != ".png")
    assert names == [
        "README.md",
        "answers.parquet",
        "config.json",
        "metadata.json",
        "model.weights.h5",
    ]


def test_train_records_its_command(trained):
    metadata = json.loads((trained[0] / "metadata.json").read_text())
    assert "--source gender --target emotion" in metadata["command"]


def test_an_existing_output_folder_is_refused_before_training(command, tmp_path):
    code, _, err = command("train", "--target", "emotion", "--out", tmp_path)
    assert code == 2
    assert "exists already" in err


@pytest.fixture
def nothing_opened(monkeypatch):
    """No corpus may be opened, so nothing can be extracted or trained."""

    def refuse(*_, **__):
        raise AssertionError("a corpus was opened")

    monkeypatch.setattr("pnn_keras.corpora.open_corpus", refuse)


@pytest.mark.parametrize("verb", ["train", "tune"])
@pytest.mark.usefixtures("nothing_opened")
def test_a_folder_below_a_file_is_refused_before_any_corpus_is_opened(command, tmp_path, verb):
    (tmp_path / "file").write_text("mine")
    out = tmp_path / "file" / "made"
    code, _, err = command(verb, "--target", "emotion", "--out", out)
    assert code == 2
    assert err == (
        f"error: Cannot write {out}: {tmp_path / 'file'} is no folder. Name another folder\n"
    )


@pytest.mark.usefixtures("nothing_opened")
def test_a_search_in_place_of_a_file_is_refused_before_any_corpus_is_opened(command, tmp_path):
    (tmp_path / "file").write_text("mine")
    code, _, err = command("tune", "--target", "emotion", "--out", tmp_path / "file")
    assert code == 2
    assert "is no folder" in err


@pytest.mark.usefixtures("nothing_opened")
def test_logs_in_place_of_a_file_are_refused_before_any_corpus_is_opened(command, tmp_path):
    (tmp_path / "file").write_text("mine")
    places = ["--out", tmp_path / "made", "--tensorboard", tmp_path / "file"]
    code, _, err = command("train", "--target", "emotion", *places)
    assert code == 2
    assert f"{tmp_path / 'file'} is no folder" in err


@pytest.mark.parametrize("verb", ["train", "tune"])
@pytest.mark.usefixtures("nothing_opened")
def test_a_folder_without_permission_is_refused_before_any_corpus_is_opened(
    command, monkeypatch, tmp_path, verb
):
    def refuse(self, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)  # permission bits do not bind root
    code, _, err = command(verb, "--target", "emotion", "--out", tmp_path / "made")
    assert code == 1
    (line,) = err.splitlines()
    assert line.startswith(f"error: Cannot write {tmp_path / 'made'}: Permission denied")
    assert "choose a folder that can be written" in line


def test_a_single_speaker_is_refused_with_the_reason(command, tmp_path):
    corpus = make_emodb(tmp_path / "EmoDB", speakers=("03",))
    code, _, err = command("train", "--target", "emotion", "--corpus", corpus, *QUICK)
    assert code == 2
    assert "speakers" in err
    assert "Traceback" not in err


@pytest.fixture
def searched(tmp_path):
    """A folder of a finished search, whose result was written by hand."""
    best = {
        "units": [6, 4],
        "source_units": {"gender": [5]},
        "wiring": {"gender": "last"},
        "lateral": "adapter",
        "adapter_units": 3,
        "dropout": 0.25,
        "learning_rate": 0.002,
    }
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "best.json").write_text(json.dumps(best))
    return tmp_path / "run"


TUNED = ["--source", "gender", "--target", "emotion", "--epochs", "2", "--quiet"]


def columns_of(folder):
    config = json.loads((folder / "config.json").read_text())
    return [column["config"] for column in config["chain"]["config"]["columns"]]


def test_train_takes_all_that_was_found(command, searched, tmp_path):
    code, _, err = command("train", *TUNED, "--tuned", searched, "--out", tmp_path / "chain")
    assert code == 0, err
    gender, emotion = columns_of(tmp_path / "chain")
    assert (gender["units"], emotion["units"]) == ([5], [6, 4])
    assert (emotion["lateral"], emotion["adapter_units"]) == ("adapter", 3)
    assert emotion["dropout"] == gender["dropout"] == 0.25
    assert emotion["wiring"] == {"gender": [None, 0, 0]}
    metadata = json.loads((tmp_path / "chain" / "metadata.json").read_text())
    assert metadata["settings"]["learning_rate"] == 0.002


def tuned(searched, monkeypatch, command, *arguments):
    """The arguments that ``train`` would train with, and what it says on stderr."""
    given = {}

    def stop(**options):
        given.update(options)
        raise KeyboardInterrupt

    monkeypatch.setattr("pnn_keras.chain_training.train", stop)
    _, _, err = command("train", *TUNED, "--tuned", searched, *arguments)
    return given, err


def test_options_that_were_typed_win_over_what_was_found(searched, monkeypatch, command):
    typed = ["--dropout", "0.5", "--units", "8", "--learning-rate", "0.01"]
    given, err = tuned(searched, monkeypatch, command, *typed)
    assert (given["dropout"], given["settings"].learning_rate) == (0.5, 0.01)
    assert (given["units"], given["source_units"]) == ([6, 4], [8])
    assert "As typed, not as the search found it: --dropout, --learning-rate, --units" in err


def test_another_kind_of_lateral_takes_no_width_of_adapters(searched, monkeypatch, command):
    given, _ = tuned(searched, monkeypatch, command, "--lateral", "dense")
    assert (given["lateral"], given["adapter_units"]) == ("dense", None)


def test_a_search_of_an_earlier_version_gives_the_target_its_widths(
    searched, monkeypatch, command
):
    (searched / "best.json").write_text('{"units": [6, 4]}')
    given, _ = tuned(searched, monkeypatch, command)
    assert (given["units"], given["source_units"]) == ([6, 4], cli.PAPER_UNITS)


def test_a_source_that_was_left_out_is_learned_in_the_papers_shape(searched, monkeypatch, command):
    best = json.loads((searched / "best.json").read_text())
    best |= {"source_units": {}, "wiring": {"gender": "none"}}
    (searched / "best.json").write_text(json.dumps(best))
    given, _ = tuned(searched, monkeypatch, command)
    assert given["source_units"] == {"gender": cli.PAPER_UNITS}
    assert given["wiring"] == {"gender": "none"}


def test_tune_shows_its_trials_and_what_comes_next(command, tmp_path):
    (tmp_path / "space.toml").write_text("depths = [1]\nwidths = [4, 8]\nsource_widths = [4]\n")
    space = ["--space", tmp_path / "space.toml", "--trials", "2"]
    code, out, err = command("tune", *TUNED, *space, "--out", tmp_path / "run")
    assert code == 0, err
    assert "best of 2 trial(s)" in out and "stop UAR" in out
    assert "pnn-keras train --source gender --target emotion --tuned" in out
    assert json.loads((tmp_path / "run" / "best.json").read_text())["units"][0] in (4, 8)


@pytest.mark.usefixtures("nothing_opened")
def test_a_space_that_is_missing_is_refused_before_any_corpus_is_opened(command, tmp_path):
    code, _, err = command("tune", *TUNED, "--space", tmp_path / "none.toml")
    assert code == 2 and "--space" in err


@pytest.mark.parametrize(
    ("function", "given"),
    [(cli.train, "pnn_keras.chain_training.train"), (cli.tune, "pnn_keras.tuning.tune")],
    ids=["train", "tune"],
)
def test_defaults_are_those_of_python(function, given):
    from pnn_keras.schedule import Settings

    module, _, name = given.rpartition(".")
    theirs = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    settings = {field.name: field.default for field in dataclasses.fields(Settings)}
    compared = 0
    for parameter in inspect.signature(function).parameters.values():
        known = {n: p.default for n, p in theirs.items()} | settings
        if parameter.default not in (None, False) and parameter.name in known:
            if known[parameter.name] is not inspect.Parameter.empty:
                assert parameter.default == known[parameter.name], parameter.name
                compared += 1
    assert compared >= 6


def test_the_paper_s_widths_are_those_of_python():
    from pnn_keras.chain_training import train

    assert inspect.signature(train).parameters["units"].default == cli.PAPER_UNITS


def test_quiet_train_prints_no_hints(command, tmp_path):
    folder = tmp_path / "chain"
    code, out, _ = command("train", "--target", "gender", "--out", folder, *QUICK)
    assert code == 0
    assert "Saved: " in out
    assert "pnn-keras predict" not in out


def test_what_a_chain_that_is_extended_brings_is_the_next_command():
    assert cli._comparison("a b/c", "emotion@mine", ["mine.csv"]) == (
        "experiment run extend-preset --from 'a b/c' --corpus mine.csv"
    )
    assert cli._comparison("chain", "gender", None) is None
    assert cli._comparison(None, "emotion", None) is None


def test_the_default_folder_is_named_after_the_tasks(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    named = cli._free_folder("emotion@EmoDB", ["speaker", "gender"])
    assert named == Path("models", "emotion-EmoDB-from-speaker-gender")


def test_the_default_folder_is_a_new_one(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "emotion").mkdir(parents=True)
    (tmp_path / "models" / "emotion-2").mkdir()
    assert cli._free_folder("emotion", []) == Path("models", "emotion-3")


@pytest.mark.usefixtures("trained")  # which has made the corpus and its features
def test_ctrl_c_in_the_middle_of_a_fit_leaves_nothing(tmp_path):
    logs = tmp_path / "logs"
    arguments = ["train", "--source", "gender", "--target", "emotion", "--epochs", "400"]
    arguments += ["--units", "8,8", "--out", str(tmp_path / "made"), "--tensorboard", str(logs)]
    process = subprocess.Popen(
        [sys.executable, "-m", "pnn_keras", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run as a shell's background job would hand on that it ignores Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        while not list(logs.rglob("events*")):  # an epoch is done
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err
    assert out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


@pytest.mark.parametrize("given", [["svm,ptft", "dnn-large"], ["svm", "ptft, dnn-large"]])
def test_methods_to_compare_are_named_with_commas_or_one_by_one(command, monkeypatch, given):
    asked = {}

    def train(target, **options):
        asked.update(options)
        raise UserError("enough")

    monkeypatch.setattr("pnn_keras.chain_training.train", train)
    command("train", "--target", "gender", *(a for text in given for a in ("--compare", text)))
    assert asked["compare"] == ["svm", "ptft", "dnn-large"]


def test_what_a_search_found_is_read_after_tensorflow_was_started_quietly(monkeypatch, tmp_path):
    from pnn_keras.cli import tuned
    from pnn_keras.tuning import results

    order = []
    monkeypatch.setattr(tuned, "start_tensorflow", lambda: order.append("started"))
    monkeypatch.setattr(results, "load_tuned", lambda run: order.append("read") or {})
    tuned.tuned_arguments(tmp_path, types.SimpleNamespace(params={}), None)
    assert order == ["started", "read"]

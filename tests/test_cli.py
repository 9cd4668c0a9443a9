"""What a person at the command line meets: answers, one-line errors, exit codes."""

import csv
import dataclasses
import errno
import importlib
import inspect
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from audio_made import tone, write
from corpora_made import make_emodb

import pnn_keras
from pnn_keras import cli
from pnn_keras.errors import PnnKerasError, UserError

SHORT = ["--epochs", "2", "--units", "8,8"]
QUICK = [*SHORT, "--quiet"]


def run(monkeypatch, capsys, *arguments):
    """Runs the command line in this process: exit code, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["pnn-keras", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    return ended.value.code or 0, captured.out, captured.err


@pytest.fixture
def command(monkeypatch, capsys):
    """The command line, called with its arguments."""
    return lambda *arguments: run(monkeypatch, capsys, *arguments)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A chain trained from the command line on the synthetic corpus, for two epochs."""
    folder = tmp_path_factory.mktemp("trained") / "chain"
    arguments = ["train", "--source", "gender", "--target", "emotion", "--out", folder, *SHORT]
    done = subprocess.run(
        [sys.executable, "-m", "pnn_keras", *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, done.stdout, done.stderr


@pytest.fixture
def recording(tmp_path):
    return write(tmp_path / "a.wav", tone(200, seconds=1.0))


def test_import_of_the_command_line_is_light():
    code = (
        "import sys, pnn_keras.cli\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'opensmile', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


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
    names = sorted(path.name for path in trained[0].iterdir())
    assert names == ["README.md", "config.json", "metadata.json", "model.weights.h5"]


def test_train_records_its_command(trained):
    metadata = json.loads((trained[0] / "metadata.json").read_text())
    assert "--source gender --target emotion" in metadata["command"]


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


def test_evaluate_on_request_says_that_it_is_not_held_out(command, trained):
    code, out, err = command(
        "evaluate", trained[0], "--corpus", "synthetic", "--allow-heard", "--quiet"
    )
    assert code == 0
    assert "SYNTHETIC" in out
    assert "speakers or recordings" in out + err


def test_export_writes_the_next_version(command, trained, tmp_path):
    for version in (1, 2):
        code, out, _ = command("export", trained[0], "--to", tmp_path)
        assert code == 0
        assert (tmp_path / "chain" / str(version) / "saved_model.pb").is_file()


def test_corpus_check_prints_json(command, tmp_path):
    code, out, _ = command("corpus", "check", make_emodb(tmp_path / "EmoDB"), "--json")
    assert code == 0
    assert json.loads(out)["name"] == "EmoDB"


def test_corpus_list_names_iemocap(command):
    code, out, _ = command("corpus", "list")
    assert code == 0
    assert "IEMOCAP" in out


def test_corpus_get_says_where_to_apply(command, tmp_path):
    code, _, err = command("corpus", "get", "IEMOCAP", "--to", tmp_path)
    assert code == 2
    assert "http" in err


def test_zoo_list_names_the_shipped_preset(command):
    code, out, _ = command("zoo", "list")
    assert code == 0
    assert "gender-emotion-emodb" in out


def test_zoo_verify_finds_the_shipped_preset_whole(command):
    code, out, _ = command("zoo", "verify", "gender-emotion-emodb")
    assert code == 0
    assert "is whole" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "--target", "mood"], "speaker, gender, emotion"),
        (["train", "--target", "emotion", "--corpus", "no-such-folder"], "no-such-folder"),
        (["train", "--target", "emotion", "--classes", "angry,bliss", *QUICK], "bliss"),
        (["train", "--target", "emotion", "--units", "wide"], "--units"),
        (["train", "--target", "emotion", "--scaling", "room"], "training"),
        (["train", "--target", "emotion", "--frontend", "mfcc"], "egemaps"),
        (["train", "--target", "emotion", "--protocol", "lucky"], "speaker-5-fold"),
        (["train", "--target", "emotion", "--merge", "calm"], "LABEL=CLASS"),
        (["train", "--target", "gender", "--source", "gender"], "one column"),
        (["train", "--target", "emotion", "--from", "no-such-model"], "no-such-model"),
        (["predict", "no-such-preset", "a.wav"], "no-such-preset"),
        (["zoo", "show", "no-such-preset"], "no-such-preset"),
        (["corpus", "check", "no-such-folder"], "no-such-folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_users_mistake_is_one_line_and_exit_code_2(command, arguments, words):
    code, _, err = command(*arguments)
    last = err.strip().splitlines()[-1]
    assert code == 2
    assert last.startswith("error: ")
    assert words in last
    assert "Traceback" not in err


def test_an_existing_output_folder_is_refused_before_training(command, tmp_path):
    code, _, err = command("train", "--target", "emotion", "--out", tmp_path)
    assert code == 2
    assert "exists already" in err


def test_a_single_speaker_is_refused_with_the_reason(command, tmp_path):
    corpus = make_emodb(tmp_path / "EmoDB", speakers=("03",))
    code, _, err = command("train", "--target", "emotion", "--corpus", corpus, *QUICK)
    assert code == 2
    assert "speakers" in err
    assert "Traceback" not in err


def test_a_full_disk_is_named(command, monkeypatch, trained, tmp_path):
    import pnn_keras.export

    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "model")

    monkeypatch.setattr(pnn_keras.export, "export_chain", refuse)
    code, _, err = command("export", trained[0], "--to", tmp_path)
    assert code == 1
    assert "no space left" in err.lower()


def test_ctrl_c_ends_without_a_traceback(command, monkeypatch, trained):
    import pnn_keras.zoo

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pnn_keras.zoo, "load", interrupt)
    code, _, err = command("predict", trained[0], "a.wav")
    assert code == 130
    assert "Traceback" not in err


def test_a_bug_is_named_as_one(command, monkeypatch, trained):
    import pnn_keras.zoo

    monkeypatch.delenv("PNN_KERAS_DEBUG", raising=False)
    monkeypatch.setattr(pnn_keras.zoo, "load", lambda *_: 1 / 0)
    code, _, err = command("predict", trained[0], "a.wav")
    assert code == 1
    assert "This is a bug" in err


def test_train_uses_the_widths_that_tune_found(command, tmp_path):
    search = ["--source", "gender", "--target", "emotion", "--epochs", "2", "--quiet"]
    code, out, _ = command("tune", *search, "--trials", "2", "--out", tmp_path / "run")
    assert code == 0
    units = json.loads((tmp_path / "run" / "best.json").read_text())["units"]
    assert ",".join(map(str, units)) in out
    code, _, _ = command(
        "train", *search, "--tuned", tmp_path / "run", "--units", "8", "--out", tmp_path / "chain"
    )
    assert code == 0
    config = json.loads((tmp_path / "chain" / "config.json").read_text())
    shapes = [column["config"]["units"] for column in config["chain"]["config"]["columns"]]
    assert shapes == [[8], units]


def test_import_of_the_command_line_does_not_wait_for_rich():
    code = "import sys, pnn_keras.cli; print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False"


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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], "Did you mean 'train'?"),
        (["train"], "Missing option '--target'"),
        (["train", "--target", "emotion", "--epochs", "0"], "--epochs"),
        (["train", "--target", "emotion", "--lateral", "thick"], "dense"),
        (["predict", "some-model"], "FILE..."),
        (["predict", "--debug"], "No such option"),
        (["zoo", "sow"], "pnn-keras zoo --help"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_option_is_one_line_that_names_the_help(command, arguments, words):
    code, out, err = command(*arguments)
    assert code == 2
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert "--help" in line


@pytest.mark.parametrize("arguments", [[], ["corpus"], ["zoo"]], ids=["none", "corpus", "zoo"])
def test_no_command_shows_the_help(command, arguments):
    code, out, err = command(*arguments)
    assert code == 2
    assert "Usage: pnn-keras" in out + err


def test_version(command):
    assert command("--version") == (0, f"pnn-keras {pnn_keras.__version__}\n", "")


def test_debug_shows_where_a_bug_is(command, monkeypatch):
    monkeypatch.setattr("pnn_keras.corpora.list_corpora", lambda: 1 / 0)
    code, _, err = command("--debug", "corpus", "list")
    assert code == 1
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("error: ZeroDivisionError")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x"), "writing x. Free some space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "x"), "writing x. Free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), "No permission for x."),
        (FileNotFoundError(errno.ENOENT, "No such file", "x"), "There is no x."),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "x"), "x: Is a directory"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, OSError) else None,
)
def test_an_error_of_the_system_is_one_line(command, monkeypatch, error, words):
    def refuse():
        raise error

    monkeypatch.setattr("pnn_keras.corpora.list_corpora", refuse)
    code, _, err = command("corpus", "list")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert words in err


def test_an_error_of_ours_is_one_line(command, monkeypatch):
    def refuse():
        raise PnnKerasError("the server\nis gone")

    monkeypatch.setattr("pnn_keras.corpora.list_corpora", refuse)
    assert command("corpus", "list") == (1, "", "error: the server is gone\n")


def test_ctrl_c_says_so_in_one_line(command, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("pnn_keras.corpora.list_corpora", interrupt)
    assert command("corpus", "list") == (130, "", "interrupted\n")


def test_a_reader_who_leaves_early_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "pnn_keras", "corpus", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait()


def test_tensorflow_does_not_greet():
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-m", "pnn_keras", "zoo", "verify", "gender-emotion-emodb"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0
    assert done.stderr == ""


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


def test_quiet_train_prints_no_hints(command, tmp_path):
    folder = tmp_path / "chain"
    code, out, _ = command("train", "--target", "gender", "--out", folder, *QUICK)
    assert code == 0
    assert "Saved: " in out
    assert "pnn-keras predict" not in out


def test_the_default_folder_is_named_after_the_tasks(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    named = cli._free_folder("emotion@EmoDB", ["speaker", "gender"])
    assert named == Path("models", "emotion-EmoDB-from-speaker-gender")


def test_the_default_folder_is_a_new_one(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "emotion").mkdir(parents=True)
    (tmp_path / "models" / "emotion-2").mkdir()
    assert cli._free_folder("emotion", []) == Path("models", "emotion-3")


@pytest.mark.parametrize("text", ["", "0", "8,", "-8", "8.5", "8;8", "²"])
def test_widths_are_positive_whole_numbers(text):
    with pytest.raises(UserError, match="256,128"):
        cli._widths(text)


@pytest.mark.parametrize(
    ("given", "tables"),
    [(["v.npz"], {"embeddings_1": "v.npz"}), (["a=b.npz"], {"embeddings_1": "a=b.npz"}), ([], {})],
)
def test_a_table_goes_to_the_only_input_that_needs_one(given, tables):
    frontends = {"egemaps": {"name": "egemaps"}, "embeddings_1": {"name": "embeddings"}}
    assert cli._tables(frontends, given) == tables


def test_of_several_inputs_the_table_s_is_named():
    frontends = {"e1": {"name": "embeddings"}, "e2": {"name": "embeddings"}}
    assert cli._tables(frontends, ["e2=v.npz"]) == {"e2": "v.npz"}
    with pytest.raises(UserError, match="e1, e2"):
        cli._tables(frontends, ["v.npz"])


def test_zoo_show_prints_the_card_into_a_pipe(command):
    code, out, _ = command("zoo", "show", "gender-emotion-emodb")
    assert code == 0
    assert out.startswith("---\nlicense: ")

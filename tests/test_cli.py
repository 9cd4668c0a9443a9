"""What a person at the command line meets: answers, one-line errors, exit codes."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from audio_made import tone, write
from corpora_made import make_emodb

from pnn_keras import cli

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
        (["train", "--target", "emotion", "--scaling", "speaker"], "training"),
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
    import errno

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

"""How every command starts and ends: light, with an answer or one line, and an exit code."""

import errno
import os
import subprocess
import sys

import pytest

import pnn_keras
from pnn_keras.errors import PnnKerasError

QUICK = ["--epochs", "2", "--units", "8,8", "--quiet"]


def test_import_of_the_command_line_is_light():
    code = (
        "import sys, pnn_keras.cli\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'opensmile', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


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

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pnn_keras.zoo, "load", interrupt)
    code, _, err = command("predict", trained[0], "a.wav")
    assert code == 130
    assert "Traceback" not in err


def test_a_bug_is_named_as_one(command, monkeypatch, trained):
    import pnn_keras.zoo

    monkeypatch.delenv("PNN_KERAS_DEBUG", raising=False)
    monkeypatch.setattr(pnn_keras.zoo, "load", lambda *_, **__: 1 / 0)
    code, _, err = command("predict", trained[0], "a.wav")
    assert code == 1
    assert "This is a bug" in err


def test_import_of_the_command_line_does_not_wait_for_rich():
    code = "import sys, pnn_keras.cli; print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False"


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


def test_ctrl_c_within_an_exec_ends_with_the_exit_code_too(tmp_path):
    (tmp_path / "interrupted.py").write_text(
        "import pnn_keras.corpora\n"
        "from pnn_keras.cli import main\n"
        "pnn_keras.corpora.list_corpora = lambda: exec('raise KeyboardInterrupt')\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "interrupted", "corpus", "list"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


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

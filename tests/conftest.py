"""What tests share: a quiet TensorFlow, a cache of their own, real corpora, the command line."""

import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from audio_made import tone, write
from compiling_made import compiling
from hypothesis import HealthCheck, settings
from numbers_made import REGISTERED
from serving_made import serving

from pnn_keras import frontends, learner, material
from pnn_keras.cache import alone, cache_folder
from pnn_keras.cli import main

# How fast a machine is, and what else it does, is no fault.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

#: Bytes that a process of tests needs, and the few that it starts.
MEMORY = 2 * 2**30

# Before TensorFlow is imported, or it does not listen.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def pytest_configure(config):
    """One cache folder a test run: never the user's own, and features are extracted once."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # a worker inherits the folder of the process that started it
    folder = tempfile.TemporaryDirectory(prefix="pnn-keras-tests-")
    os.environ["PNN_KERAS_CACHE"] = folder.name
    config.add_cleanup(folder.cleanup)


def pytest_collection_finish():
    """What is imported by now stays: garbage is not looked for in TensorFlow's many objects."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)  # there with pytest-xdist alone
def pytest_xdist_auto_num_workers():
    """As many processes as cores, if each has the memory that TensorFlow and its children take."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # pytest-xdist reads it
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if not hasattr(os, "sysconf"):
        return cores
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores, memory // MEMORY))


@pytest.fixture(scope="module")
def registered():
    """The made front-ends, known by their names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frontends, "KNOWN", {**frontends.KNOWN, **REGISTERED})
        yield


@pytest.fixture
def no_fit(monkeypatch):
    """Nothing may be extracted or trained."""

    def refuse(*_, **__):
        raise AssertionError("training began")

    monkeypatch.setattr(material, "extract_features", refuse)
    monkeypatch.setattr(learner, "fit_column", refuse)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder that holds EmoDB, RAVDESS and CREMA-D."""
    if "PNN_KERAS_DATA" not in os.environ:
        pytest.skip("needs PNN_KERAS_DATA: the folder that holds EmoDB, RAVDESS and CREMA-D")
    folder = Path(os.environ["PNN_KERAS_DATA"])
    assert folder.is_dir(), f"PNN_KERAS_DATA names no folder: {folder}"
    return folder


def run(monkeypatch, capsys, *arguments):
    """Runs the command line in this process: exit code, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["pnn-keras", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return ended.value.code or 0, captured.out, captured.err


@pytest.fixture
def command(monkeypatch, capsys):
    """The command line, called with its arguments."""
    return lambda *arguments: run(monkeypatch, capsys, *arguments)


@pytest.fixture(scope="session")
def trained():
    """A chain trained from the command line on the synthetic corpus, for two epochs.

    Its folder and what was printed. All processes of a test run share it.
    """
    place = cache_folder("trained")
    folder, out, err = place / "chain", place / "stdout", place / "stderr"
    with alone(place):
        if not err.exists():
            done = train_from_command_line(folder)
            out.write_text(done.stdout)
            err.write_text(done.stderr)
    return folder, out.read_text(), err.read_text()


def train_from_command_line(folder):
    arguments = ["train", "--source", "gender", "--target", "emotion", "--out", folder]
    arguments += ["--epochs", "2", "--units", "8,8"]
    command = [sys.executable, "-m", "pnn_keras", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


@pytest.fixture(scope="module")
def uncompiled():
    """Training steps that run as they are written, with the same results.

    To compile a step takes as long as some dozen steps of a small network, and
    every fit compiles its own. What is compiled is tested in ``test_training.py``
    and ``test_methods.py``, and by what the command line trains.
    """
    with compiling(False):
        yield


@pytest.fixture(scope="module")
def undrawn():
    """Cards with empty pictures: to draw one takes as long as to train a small column."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pnn_keras.card.pictures._png", lambda draw: b"")
        yield


@pytest.fixture
def recording(tmp_path):
    return write(tmp_path / "a.wav", tone(200, seconds=1.0))


@pytest.fixture(scope="module")
def started_server():
    with serving() as made:
        yield made


@pytest.fixture
def made(started_server):
    """A server of a made model, with nothing asked of it yet."""
    started_server.reset()
    return started_server

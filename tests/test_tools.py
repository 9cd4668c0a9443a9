"""tools/run: makes the environment once, whole, and again only when it has to.

A stand-in for Python takes the place of the real one and writes down what it is asked,
so that nothing is downloaded.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

STAND_IN = """#!/bin/sh
case "$1 $2" in
    "-c "*flock*) exec "$STAND_IN_REAL" "$@" ;;
    "-c "*version*) echo "$STAND_IN_VERSION" ;;
    "-m venv")
        sleep "$STAND_IN_SECONDS"
        mkdir -p "$4/bin"
        cp "$0" "$4/bin/python"
        echo "version = $STAND_IN_VERSION" > "$4/pyvenv.cfg"
        echo venv >> "$STAND_IN_LOG" ;;
    "-m pip")
        echo pip >> "$STAND_IN_LOG"
        exit "$STAND_IN_PIP_EXIT" ;;
esac
"""


class Checkout:
    """A copy of what tools/run reads, with a stand-in for Python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a checkout"
        self.log = folder / "log"
        for name in ("tools/run", "setup.cfg", "pyproject.toml", "constraints.txt"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        (self.folder / "pnn_keras").mkdir()
        (self.folder / "pnn_keras/__init__.py").write_text('__version__ = "0"\n')
        self.python = folder / "python"
        self.python.write_text(STAND_IN)
        self.python.chmod(0o755)

    def start(self, *command, version="3.12.1", pip_exit=0, seconds=0, python=None, cwd=None):
        environment = {
            "PYTHON": str(python or self.python),
            "STAND_IN_LOG": str(self.log),
            "STAND_IN_PIP_EXIT": str(pip_exit),
            "STAND_IN_REAL": sys.executable,
            "STAND_IN_SECONDS": str(seconds),
            "STAND_IN_VERSION": version,
        }
        return subprocess.Popen(
            [self.folder / "tools/run", *command],
            env=os.environ | environment,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command, **options):
        """Exit code, output and messages of one call."""
        process = self.start(*command, **options)
        output, messages = process.communicate()
        return process.returncode, output, messages

    def steps(self) -> list[str]:
        """What the stand-in was asked for since the last call."""
        done = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return done


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_first_call_makes_the_environment_and_the_second_starts_at_once(checkout):
    checkout.run("true")
    assert checkout.steps() == ["venv", "pip"]
    checkout.run("true")
    assert checkout.steps() == []


def test_interrupted_installation_is_done_again_from_the_start(checkout):
    assert checkout.run("true", pip_exit=1)[0] == 1
    checkout.steps()
    assert checkout.run("true")[0] == 0
    assert checkout.steps() == ["venv", "pip"]


@pytest.mark.parametrize("name", ["setup.cfg", "pyproject.toml", "constraints.txt"])
def test_changed_requirements_are_installed_into_the_same_environment(checkout, name):
    checkout.run("true")
    checkout.steps()
    (checkout.folder / name).write_text("changed")
    checkout.run("true")
    assert checkout.steps() == ["pip"]


def test_another_python_makes_another_environment(checkout):
    checkout.run("true", version="3.12.1")
    checkout.steps()
    checkout.run("true", version="3.13.0")
    assert checkout.steps() == ["venv", "pip"]


def test_moved_checkout_gets_a_new_environment(checkout, tmp_path):
    checkout.run("true")
    checkout.steps()
    checkout.folder = checkout.folder.rename(tmp_path / "elsewhere")
    checkout.run("true")
    assert checkout.steps() == ["venv", "pip"]


def test_two_first_calls_at_once_make_one_environment(checkout):
    calls = [checkout.start("true", seconds=0.5) for _ in range(2)]
    for call in calls:
        call.communicate()
    assert [call.returncode for call in calls] == [0, 0]
    assert checkout.steps() == ["venv", "pip"]


def test_command_keeps_its_folder_its_output_and_its_exit_code(checkout, tmp_path):
    code, output, _ = checkout.run("sh", "-c", "pwd; exit 7", cwd=tmp_path)
    assert (code, output) == (7, f"{tmp_path}\n")


def test_environment_comes_first_on_the_path(checkout):
    _, output, _ = checkout.run("sh", "-c", "command -v python")
    assert output == f"{checkout.folder}/.venv/bin/python\n"


def test_missing_python_is_named_with_the_mend(checkout):
    code, _, messages = checkout.run("true", python="/no/such/python")
    assert code == 1
    assert "Expected Python 3.11, 3.12 or 3.13" in messages
    assert "Tried: /no/such/python" in messages
    assert "PYTHON=/path/to/python3.12" in messages


def test_missing_command_is_named_with_an_example(checkout):
    code, _, messages = checkout.run()
    assert code == 2
    assert "tools/run pnn-keras --help" in messages

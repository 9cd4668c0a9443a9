"""Where things are cached, and who may write there."""

import subprocess
import sys
import threading

import pytest

from pnn_keras.cache import alone, cache_folder
from pnn_keras.errors import PnnKerasError

HOLD = (
    "import sys, time, pathlib; from pnn_keras.cache import alone\n"
    "with alone(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
)


def test_cache_lies_where_the_variable_says(monkeypatch, tmp_path):
    monkeypatch.setenv("PNN_KERAS_CACHE", str(tmp_path))
    assert cache_folder("presets") == tmp_path / "presets"


def test_killed_process_blocks_nobody(tmp_path):
    place = tmp_path / "deep" / "place"
    with subprocess.Popen([sys.executable, "-c", HOLD, place], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        entered = threading.Event()

        def enter():
            with alone(place):
                entered.set()

        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not entered.wait(0.3)
        holder.kill()
        waiting.join(10)
    assert entered.is_set()


def test_place_that_cannot_be_written_is_a_failure_in_words(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PnnKerasError, match="Cannot write.*PNN_KERAS_CACHE"):
        with alone(tmp_path / "file" / "place"):
            pass

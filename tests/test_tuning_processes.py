"""Searches in processes of their own: one that is killed, and several that share one.

The slow tests of the search: each process waits for TensorFlow.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import search_made
from numbers_made import make_corpus

from pnn_keras.candidates import Candidates

HERE = Path(__file__).parent


def start(folder, name, port=None, *arguments):
    environment = {**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}"}
    if port is not None:
        environment |= {
            "KERASTUNER_TUNER_ID": name,
            "KERASTUNER_ORACLE_IP": "127.0.0.1",
            "KERASTUNER_ORACLE_PORT": str(port),
        }
    command = [sys.executable, str(HERE / "search_made.py"), str(folder), name, *arguments]
    log = open(folder / f"{name}.log", "a")  # noqa: SIM115 - the process has it
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def wait_for(condition, folder, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        logs = "".join(path.read_text() for path in folder.glob("*.log"))
        assert time.monotonic() < end, logs
        time.sleep(0.05)


def in_one_process(folder, monkeypatch, oracle="random"):
    monkeypatch.setattr(
        Candidates, "fit", lambda self, candidate, epochs=None: search_made.fitted(candidate)
    )
    return search_made.search(folder, make_corpus(folder), oracle=oracle)


def test_a_search_that_was_killed_goes_on_where_it_was(tmp_path, monkeypatch):
    (tmp_path / "out-of").mkdir()
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / "hang-at-4").touch()
    process = start(folder, "alone")
    try:
        wait_for((folder / "hangs").exists, folder)
    finally:
        process.kill()
        process.wait()
    done = json.loads((folder / "out" / "trials.json").read_text())["trials"]
    assert len(done) == 3
    resumed = in_one_process(folder, monkeypatch)
    whole = in_one_process(tmp_path / "out-of", monkeypatch)
    assert resumed == whole
    after = json.loads((folder / "out" / "trials.json").read_text())["trials"]
    assert after[:3] == done and len(after) == whole["trials"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A chief and two workers, of which one is killed in a trial, as the chief is thereafter."""
    folder = tmp_path_factory.mktemp("shared")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = ("the-chief", "worker", "victim")
    running = {name: start(folder, name, port) for name in names}
    try:
        wait_for((folder / "hangs").exists, folder)
        running["victim"].kill()
        log = folder / "the-chief.log"
        wait_for(lambda: "handed out again" in log.read_text(), folder)
        running["the-chief"].kill()
        running["the-chief"].wait()
        before = json.loads((folder / "out" / "trials.json").read_text())["trials"]
        running["the-chief"] = start(folder, "the-chief", port)
        for name in ("the-chief", "worker"):
            wait_for(lambda name=name: running[name].poll() is not None, folder)
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    return folder, before


def test_all_trials_of_a_shared_search_are_scored(shared):
    folder, _ = shared
    best = json.loads((folder / "the-chief.json").read_text())
    assert (best["trials"], best["failed"]) == (12, 0)


def test_a_shared_search_finds_what_one_process_finds(shared, tmp_path, monkeypatch):
    best = json.loads((shared[0] / "the-chief.json").read_text())
    alone = in_one_process(tmp_path, monkeypatch)
    assert {k: v for k, v in best.items() if k != "hash"} == {
        k: v for k, v in json.loads(json.dumps(alone)).items() if k != "hash"
    }


def test_the_trial_of_the_killed_worker_is_scored_by_the_other(shared):
    folder, before = shared
    scored = json.loads((folder / "worker.json").read_text())
    rows = json.loads((folder / "out" / "trials.json").read_text())["trials"]
    victims = len(rows) - scored["scored"]
    assert scored["worker"] == "worker" and victims == 1
    assert 1 <= len(before) < len(rows) and rows[: len(before)] == before


def test_the_chief_says_who_was_lost(shared):
    log = (shared[0] / "the-chief.log").read_text()
    assert "victim is lost; its trial is handed out again: " in log

"""Processes that work for the first one: what they say, their warnings and errors, their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from pnn_keras import processes
from pnn_keras.errors import PnnKerasError, UserError
from pnn_keras.machine import usable_cores
from pnn_keras.processes import Crew, _portable


def squares(talk):
    import tensorflow as tf

    threads = tf.config.threading.get_intra_op_parallelism_threads()
    for number in iter(talk.ask, None):
        talk.say((number, number**2, threads))


def refused(talk):
    class Unknown(UserWarning):
        pass

    warnings.warn("it is late", UserWarning, stacklevel=1)
    warnings.warn("very late", Unknown, stacklevel=1)
    raise UserError("not like this")


def killed(talk):
    os._exit(9)


def asleep(talk):
    talk.say(os.getpid())
    time.sleep(600)


@pytest.fixture(scope="module")
def squared():
    """What two processes said of ten numbers."""
    left, found = list(range(10)), []
    with Crew(2, squares, ()) as crew:
        for worker, said in crew.listen():
            if said is None:
                worker.send(left.pop() if left else None)
            else:
                found.append(said)
    return found


@pytest.fixture(scope="module")
def refusal():
    """The warnings and the error of a process that cannot work."""
    with (
        Crew(1, refused, ()) as crew,
        pytest.warns(UserWarning) as warned,
        pytest.raises(UserError) as caught,
    ):
        list(crew.listen())
    return [str(each.message) for each in warned], caught.value


def test_all_work_is_done_once_whoever_does_it(squared):
    assert sorted(said[:2] for said in squared) == [(n, n**2) for n in range(10)]


def test_each_computes_in_its_share_of_the_cores(squared):
    assert {threads for _, _, threads in squared} == {max(1, usable_cores() // 2)}


def test_warnings_come_from_the_first_process(refusal):
    assert refusal[0] == ["it is late", "very late"]


def test_an_error_is_raised_as_itself_with_where_it_was(refusal):
    assert str(refusal[1]) == "not like this"
    assert "in refused" in refusal[1].__notes__[0]


class Unpicklable(Exception):
    def __init__(self, one, other):
        super().__init__(f"{one} and {other}")


def test_an_error_that_cannot_be_pickled_is_told():
    told = _portable(Unpicklable(1, 2))
    assert isinstance(told, PnnKerasError) and str(told) == "Unpicklable: 1 and 2"


def test_a_process_that_dies_is_noticed():
    with (
        Crew(1, killed, ()) as crew,
        pytest.raises(PnnKerasError, match=r"exit code 9.*fewer processes"),
    ):
        list(crew.listen())


def test_one_that_dies_before_it_was_told_all_is_noticed(monkeypatch):
    monkeypatch.setattr(processes, "_begin", gone)  # by its name, so that it is what starts
    with (
        Crew(1, killed, (bytes(2**22),)) as crew,
        pytest.raises(PnnKerasError, match="exit code 1.*__main__"),
    ):
        list(crew.listen())


def gone(connection, threads):
    os._exit(1)


def test_processes_share_all_cores():
    assert processes._shares(4, 3) == [2, 1, 1] and processes._shares(2, 4) == [1, 1, 1, 1]


def test_those_that_started_are_ended_where_another_cannot_start(monkeypatch):
    started = []

    class Failing:
        def __init__(self, threads):
            if started:
                raise OSError("no memory")
            started.append(self)
            self.ended = False

        def end(self):
            self.ended = True

    monkeypatch.setattr(processes, "Worker", Failing)
    with pytest.raises(OSError, match="no memory"), Crew(2, squares, ()):
        pass
    assert [worker.ended for worker in started] == [True]


FIRST = """
import signal, sys, time
sys.path.insert(0, sys.argv[1])
import test_processes
from pnn_keras.processes import Crew

if __name__ == "__main__":
    # What a shell starts in the background ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with Crew(1, test_processes.asleep, ()) as crew:
        _, number = next(crew.listen())
        print(number, flush=True)
        time.sleep(600)
"""


def left_behind(tmp_path, end):
    """What a script said on stderr whose process was asleep when it ended, and whether that is."""
    script = tmp_path / "first.py"
    script.write_text(FIRST)
    first = subprocess.Popen(
        [sys.executable, script, Path(__file__).parent],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    number = int(first.stdout.readline())
    end(first)
    _, said = first.communicate(timeout=60)
    for _ in range(600):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return said, False
        time.sleep(0.1)
    return said, True


def test_no_process_outlives_the_first_one_when_that_is_killed(tmp_path):
    _, alive = left_behind(tmp_path, lambda first: first.kill())
    assert not alive


def test_an_interrupt_of_all_is_heard_by_the_first_one_alone(tmp_path):
    said, alive = left_behind(tmp_path, lambda first: os.killpg(first.pid, signal.SIGINT))
    assert not alive and said.count("KeyboardInterrupt") == 1


def test_nobody_works_on_once_the_first_process_has_stopped_listening():
    with Crew(1, asleep, ()) as crew:
        _, number = next(crew.listen())
        os.kill(number, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)

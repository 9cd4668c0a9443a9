"""The chief of a shared search, called as its workers call it."""

from __future__ import annotations

import json

import pytest
from keras_tuner.src import protos
from keras_tuner.src.engine.trial import Trial

from pnn_keras.errors import UserError
from pnn_keras.search_space import Space
from pnn_keras.tuning import chief as module
from pnn_keras.tuning.chief import Chief
from pnn_keras.tuning.oracles import make_oracle
from pnn_keras.tuning.record import Record, key_of
from pnn_keras.tuning.role import NAMES, REQUEST, TRIAL, WORKER, digest, find_role
from pnn_keras.tuning.tuner import PROJECT, chooser

SPACE = Space(widths=(4, 8, 16), depths=(2,), dropouts=(0.0,), learning_rates=(0.1,))
ASKED = {"oracle": "random", "sources": [], "settings": {"epochs": 9}}


class Aborted(Exception):
    pass


class Call:
    """A call's context."""

    def __init__(self, worker, row=None, request=ASKED):
        told = [(WORKER, worker), (REQUEST, digest(request))]
        self.told = [*told, (TRIAL, json.dumps(row).encode())] if row else told

    def invocation_metadata(self):
        return self.told

    def abort(self, code, details):
        raise Aborted(details)


@pytest.fixture
def clock(monkeypatch):
    """Seconds that the chief sees."""
    time = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: time[0])
    return time


def make_chief(folder, trials=3):
    record = Record(folder, ASKED)
    oracle = make_oracle("random", SPACE, [], trials, seed=0, epochs=9)
    chosen = chooser(SPACE, [], 9)
    if record.oracle is not None:
        oracle.restore(record.oracle, lambda values: record.known(*chosen(values)) is not None)
    oracle.keep = record.keep_oracle
    oracle._set_project_dir(str(folder), PROJECT)
    oracle.verbose = 0
    return Chief(oracle, record, chosen, float("nan"), lost_after=10)


@pytest.fixture
def chief(tmp_path, clock):
    return make_chief(tmp_path)


def ask(chief, worker):
    asked = protos.get_service().CreateTrialRequest(tuner_id=worker)
    return Trial.from_proto(chief.CreateTrial(asked, Call(worker)).trial)


def beat(chief, worker, trial):
    asked = protos.get_service().GetTrialRequest(trial_id=trial.trial_id)
    chief.GetTrial(asked, Call(worker))


def end(chief, worker, trial, uar=0.5):
    candidate, epochs = chief.chosen(trial.hyperparameters.values)
    row = {
        **candidate.config(),
        "epochs": epochs,
        "key": key_of(candidate, epochs),
        "stop_uar": uar,
        "fold_stop_uars": [uar],
        "parameters": 1,
        "seconds": 1.0,
        "error": "",
    }
    trial.status = "COMPLETED"
    asked = protos.get_service().EndTrialRequest(trial=trial.to_proto())
    chief.EndTrial(asked, Call(worker, row))


def test_every_trial_is_handed_out_once(chief):
    handed = [ask(chief, worker).trial_id for worker in ("a", "b", "c")]
    assert len(set(handed)) == 3
    assert ask(chief, "d").status == "IDLE"


def test_workers_wait_as_long_as_a_trial_may_be_lost_yet(chief):
    trials = {worker: ask(chief, worker) for worker in ("a", "b", "c")}
    end(chief, "a", trials["a"])
    assert ask(chief, "a").status == "IDLE"
    for worker in ("b", "c"):
        end(chief, worker, trials[worker])
    assert [ask(chief, worker).status for worker in "abc"] == ["STOPPED"] * 3
    assert chief.is_finished()


def test_a_trial_whose_worker_is_silent_goes_to_another(chief, clock):
    lost, kept = ask(chief, "lost"), ask(chief, "kept")
    clock[0] = 8
    beat(chief, "kept", kept)
    clock[0] = 11
    chief.give_up_lost()
    assert ask(chief, "other").trial_id == lost.trial_id
    assert "kept" in chief.oracle.ongoing_trials


def test_a_worker_that_was_thought_lost_counts_once(chief, clock):
    late = ask(chief, "late")
    clock[0] = 11
    chief.give_up_lost()
    again = ask(chief, "other")
    end(chief, "late", late, 0.75)
    end(chief, "other", again, 0.25)
    (row,) = chief.record.trials.values()
    assert row["stop_uar"] == chief.oracle.get_trial(late.trial_id).score == 0.75
    assert chief.oracle.end_order == [late.trial_id]


def test_a_result_that_comes_before_another_has_the_trial_ends_it(chief, clock):
    late = ask(chief, "late")
    clock[0] = 11
    chief.give_up_lost()
    end(chief, "late", late)
    assert not chief.oracle.busy


def test_a_trial_in_which_worker_after_worker_is_lost_is_skipped(chief, clock):
    first = ask(chief, "0")
    for number in (1, 2):
        clock[0] += 11
        chief.give_up_lost()
        assert ask(chief, str(number)).trial_id == first.trial_id
    clock[0] += 11
    chief.give_up_lost()
    with pytest.warns(RuntimeWarning, match="worker after worker"):
        assert ask(chief, "3").trial_id != first.trial_id
    (row,) = chief.record.trials.values()
    assert row["error"] == "worker after worker was lost in it"


def test_a_worker_that_was_asked_something_else_is_refused(chief):
    asked = protos.get_service().CreateTrialRequest(tuner_id="a")
    other = {**ASKED, "settings": {"epochs": 10}}
    with pytest.raises(Aborted, match="the same options"):
        chief.CreateTrial(asked, Call("a", request=other))


def test_a_search_without_workers_is_not_finished_until_all_is_tried(chief):
    assert not chief.is_finished()
    for _ in range(3):
        end(chief, "a", ask(chief, "a"))
    assert ask(chief, "a").status == "STOPPED"
    assert chief.is_finished()


def test_a_chief_that_starts_again_knows_what_it_handed_out(chief, tmp_path):
    done, running = ask(chief, "a"), ask(chief, "b")
    end(chief, "a", done, 0.75)
    again = make_chief(tmp_path)
    assert ask(again, "c").trial_id == running.trial_id
    end(again, "b", running, 0.25)  # it has gone on meanwhile
    third = ask(again, "a")
    assert third.trial_id not in (done.trial_id, running.trial_id)
    end(again, "a", third)
    assert {row["stop_uar"] for row in again.record.trials.values()} == {0.75, 0.25, 0.5}


def test_a_trial_may_end_before_anything_else_once_the_chief_started_again(chief, tmp_path):
    running = ask(chief, "a")
    again = make_chief(tmp_path)
    end(again, "a", running, 0.25)
    assert not again.oracle.busy
    assert make_chief(tmp_path).record.oracle["trials"][0]["score"] == 0.25


def test_a_finished_search_needs_no_worker(chief, tmp_path):
    for _ in range(3):
        end(chief, "a", ask(chief, "a"))
    assert make_chief(tmp_path).is_finished()


@pytest.mark.parametrize("missing", NAMES)
def test_a_role_needs_all_of_keras_tuners_variables(missing):
    given = dict(zip(NAMES, ("worker-1", "127.0.0.1", "9000"), strict=True))
    assert not find_role(given).is_chief
    with pytest.raises(UserError, match=missing):
        find_role({name: value for name, value in given.items() if name != missing})


@pytest.mark.parametrize("port", ["", "x", "0", "70000"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(UserError):
        find_role(dict(zip(NAMES, ("chief", "127.0.0.1", port), strict=True)))

"""A search inside each fold: a fold chooses by its own rows, and its test rows have no say."""

from __future__ import annotations

import types

import numpy as np
import pytest
from numbers_made import FileNumbers, make_corpus

from pnn_keras.candidates import Candidates
from pnn_keras.errors import PnnKerasError
from pnn_keras.learner import Learner
from pnn_keras.material import load_material
from pnn_keras.nested import Tuning, choose_in_folds
from pnn_keras.protocol import make_protocol
from pnn_keras.schedule import Settings
from pnn_keras.shape import Shape
from pnn_keras.task import make_task

pytestmark = pytest.mark.usefixtures("uncompiled")

TUNING = Tuning(
    widths=(2, 6),
    depths=(1,),
    source_widths=(3,),
    source_depths=(1,),
    reads=("below", "none"),
    laterals=("dense",),
    dropouts=(0.0,),
    learning_rates=(0.05,),
    trials=3,
)


def choose(folder, corrupted=(), tuning=TUNING, members=None):
    """What each fold chooses, on a corpus of which some rows are others."""
    corpus = make_corpus(folder, corrupted=corrupted, apart=2)
    material = load_material([corpus], FileNumbers(), workers=1)
    target = make_task("emotion", material.utterances)
    source = make_task("gender", material.utterances)
    division = make_protocol("speaker-5-fold", material.utterances, np.ones(60, bool))
    learner = Learner(material, division, Shape(), Settings(epochs=3), members=members)
    return choose_in_folds(learner, target, [source], tuning), division


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    return choose(tmp_path_factory.mktemp("corpora"))


def test_test_rows_do_not_influence_what_their_fold_chooses(chosen, tmp_path):
    before, division = chosen
    test = division.folds[0].test
    after, _ = choose(tmp_path, corrupted=set(test))
    assert after.candidates[0] == before.candidates[0]
    assert after.stop_uar[0] == before.stop_uar[0]
    others = np.setdiff1d(np.arange(60), test)
    np.testing.assert_array_equal(after.answers[0, others], before.answers[0, others])
    assert not np.array_equal(after.answers[1:], before.answers[1:])


def test_a_fold_chooses_alone_what_it_chooses_beside_others(chosen, tmp_path):
    alone, _ = choose(tmp_path, members=[3])
    assert alone.candidates[0] == chosen[0].candidates[3]
    np.testing.assert_allclose(alone.answers[0], chosen[0].answers[3], atol=1e-4)


def made_up(monkeypatch, uars_of):
    """Fits nothing: candidates have scores by their number, and answer with it."""
    tried = []

    def fit(self, candidate, epochs=None):
        number = len(tried)
        tried.append(candidate)
        uars = np.array(uars_of(number), float)
        return types.SimpleNamespace(
            folds=[None] * 5,
            answers=np.full((5, 60, 3), number),
            parameters=100 - number,
            fit=types.SimpleNamespace(best_epoch=np.full(5, number), stop_uar=uars),
        )

    monkeypatch.setattr(Candidates, "fit", fit)
    return tried


def test_each_fold_keeps_the_candidate_that_is_best_on_its_own_stop_rows(monkeypatch, tmp_path):
    scores = [[0.5, 0.1, 0.2, 0.3, 0.3], [0.4, 0.2, 0.1, 0.3, 0.3], [0.1, 0.1, 0.9, 0.3, 0.2]]
    tried = made_up(monkeypatch, lambda number: scores[number])
    found, _ = choose(tmp_path)
    # The fourth fold's tie goes to the fewest weights, which the last candidate has.
    numbers = [0, 1, 2, 2, 1]
    assert found.candidates == [tried[number] for number in numbers]
    assert found.answers[:, 0, 0].tolist() == numbers
    assert found.best_epoch.tolist() == numbers
    assert found.parameters.tolist() == [100 - number for number in numbers]


def test_a_candidate_that_runs_out_of_memory_is_skipped(monkeypatch, tmp_path):
    def fail_first(number):
        if not failed:
            failed.append(number)
            raise MemoryError("too wide")
        return [0.5] * 5

    failed = []
    tried = made_up(monkeypatch, fail_first)
    with pytest.warns(RuntimeWarning, match="too wide"):
        found, _ = choose(tmp_path)
    assert tried[0] not in found.candidates


def test_a_search_all_of_whose_candidates_fail_says_why(monkeypatch, tmp_path):
    def fail(number):
        raise MemoryError("too wide")

    made_up(monkeypatch, fail)
    with pytest.warns(RuntimeWarning), pytest.raises(PnnKerasError, match="too wide"):
        choose(tmp_path)

"""Source columns are fitted once for all candidates that agree on them, within some memory."""

from __future__ import annotations

import types

import numpy as np
import pytest

from pnn_keras import candidates as module
from pnn_keras.candidates import Candidates
from pnn_keras.learner import Sources
from pnn_keras.schedule import Settings
from pnn_keras.search_space import Candidate
from pnn_keras.task import Task

GENDER, SPEAKER = Task("gender", ("f", "m")), Task("speaker", ("a", "b"))


class FakeLearner:
    """Fits nothing; says what it was asked for."""

    base = Sources()

    def __init__(self, settings=None):
        self.settings, self.folds = settings or Settings(), []

    def reshaped(self, shape, settings):
        return FakeLearner(settings)

    def source_folds(self, task):
        return []

    def target_column(self, task, read):
        return dict(read.widths)

    def fit(self, column, folds, read, title):
        return column, self.settings.epochs


@pytest.fixture
def fitted(monkeypatch):
    """Every source that is fitted: its task, what it reads, its epochs."""
    made = []

    def fit_source(learner, task, read):
        made.append((task.name, tuple(read.widths), learner.settings.epochs))
        column = types.SimpleNamespace(name=task.name, tap_units=[len(made)], variables=[])
        taps = [np.zeros(250, np.float32)]
        return types.SimpleNamespace(column=column, taps=taps, answers=np.zeros(0), shared=False)

    monkeypatch.setattr(module, "fit_source", fit_source)
    return made


def candidate(gender=(4,), speaker=None, units=(8,), **options):
    widths = {"speaker": speaker} if speaker else {}
    wiring = {"gender": "below", **({"speaker": "below"} if speaker else {})}
    return Candidate(units, {**widths, "gender": gender}, wiring, **options)


def test_a_source_is_fitted_once_for_targets_of_many_shapes(fitted):
    search = Candidates(FakeLearner(), Task("emotion", ("x", "y")), [GENDER])
    for units in ((8,), (4, 4)):
        search.fit(candidate(units=units))
    search.fit(candidate(lateral="adapter", adapter_units=3))  # it reads nothing itself
    assert len(fitted) == 1


@pytest.mark.parametrize(
    "other",
    [{"gender": (5,)}, {"learning_rate": 0.1}, {"dropout": 0.1}],
    ids=["widths", "learning rate", "dropout"],
)
def test_another_source_is_fitted_by_itself(other, fitted):
    search = Candidates(FakeLearner(), Task("emotion", ("x", "y")), [GENDER])
    search.fit(candidate())
    search.fit(candidate(**other))
    assert len(fitted) == 2


def test_a_source_that_reads_another_depends_on_that_and_on_the_connections(fitted):
    search = Candidates(FakeLearner(), Task("emotion", ("x", "y")), [SPEAKER, GENDER])
    search.fit(candidate(speaker=(3,)))
    search.fit(candidate(speaker=(3,), lateral="adapter", adapter_units=2))
    search.fit(candidate(speaker=(2,)))
    names = [name for name, _, _ in fitted]
    assert names == ["speaker", "gender", "gender", "speaker", "gender"]
    assert fitted[1][1] == ("speaker",)


def test_a_source_has_all_epochs_whatever_the_targets_budget(fitted):
    search = Candidates(FakeLearner(), Task("emotion", ("x", "y")), [GENDER])
    _, epochs = search.fit(candidate(), epochs=3)
    assert (epochs, fitted[0][2]) == (3, Settings().epochs)


def test_a_source_that_is_left_out_is_not_fitted(fitted):
    search = Candidates(FakeLearner(), Task("emotion", ("x", "y")), [GENDER])
    read, _ = search.fit(Candidate((8,), {}, {"gender": "none"}))
    assert (fitted, read) == ([], {})


def test_what_was_used_longest_ago_is_forgotten_where_memory_ends(fitted):
    search = Candidates(FakeLearner(), Task("emotion", ("x", "y")), [GENDER], kept=2000)
    for width in (1, 2, 1, 3):  # a thousand bytes each
        search.fit(candidate(gender=(width,)))
    assert len(fitted) == 3
    search.fit(candidate(gender=(1,)))
    assert len(fitted) == 3
    search.fit(candidate(gender=(2,)))
    assert len(fitted) == 4

"""A chain that hears recordings by their own mean and deviation: known answers."""

import numpy as np
import pytest

from pnn_keras import Chain, Task
from pnn_keras.adaptation import adapted
from pnn_keras.errors import UserError

GENDER = Task("gender", ("female", "male"))
EMOTION = Task("emotion", ("angry", "happy", "sad"))
FEATURES = np.random.default_rng(0).normal(size=(200, 3)).astype("float32")


@pytest.fixture
def chain():
    chain = Chain()
    for task in (GENDER, EMOTION):
        column = chain.add_column(task, dimension=3, units=[5, 4], seed=1)
        column.scaler.fit(FEATURES)
    chain.freeze()
    return chain


def answers(chain, features):
    return {task: np.asarray(found) for task, found in chain({"features": features}).items()}


def test_another_level_and_gain_change_no_answer(chain):
    moved = FEATURES * [3, 0.5, 10] + [100, -2, 7]
    found = answers(adapted(chain, {"features": moved}), moved.astype("float32"))
    for task, expected in answers(chain, FEATURES).items():
        assert found[task] == pytest.approx(expected, abs=1e-4)
        assert answers(chain, moved.astype("float32"))[task] != pytest.approx(expected, abs=1e-2)


def test_the_chain_that_is_given_stays_as_it_is(chain):
    before = answers(chain, FEATURES)
    adapted(chain, {"features": FEATURES * 2 + 5})
    assert all(np.array_equal(before[task], now) for task, now in answers(chain, FEATURES).items())


def test_a_feature_that_never_varied_stays_unheard():
    chain = Chain()
    column = chain.add_column(GENDER, dimension=3, units=[4])
    column.scaler.fit(FEATURES * [1, 0, 1])
    deviation = np.asarray(adapted(chain, {"features": FEATURES}).columns[0].scaler.deviation)
    assert np.isinf(deviation).tolist() == [False, True, False]


def test_recordings_that_cannot_be_used_do_not_count(chain):
    holes = FEATURES.copy()
    holes[:50] = np.nan
    found = adapted(chain, {"features": holes}).columns[0].scaler
    assert np.asarray(found.mean) == pytest.approx(FEATURES[50:].mean(axis=0), abs=1e-6)


def test_few_recordings_are_refused(chain):
    with pytest.raises(UserError, match="at least 20 recordings.*Received: 19"):
        adapted(chain, {"features": FEATURES[:19]})

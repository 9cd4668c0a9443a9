"""Temperatures and calibration errors with known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras.calibration import (
    BOUNDS,
    calibrate,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    tempered,
)
from pnn_keras.errors import UserError


def drawn(temperature, n=20000, classes=4, seed=0):
    """Answers whose truth is drawn at a temperature: they are off by exactly that."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(n, classes)) * 2
    said = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    true = tempered(said, temperature)
    targets = (generator.random((n, 1)) > true.cumsum(axis=1)).sum(axis=1)
    return said, np.minimum(targets, classes - 1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_answers_are_off_by_is_found(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("temperature", [0.5, 2.5])
def test_what_was_off_is_calibrated_afterwards(temperature):
    said, targets = drawn(temperature)
    found = calibrate(said, targets, np.arange(len(targets)) % 5)
    assert found["ece_before"] > 0.08
    assert found["ece_after"] < 0.015
    assert found["nll_after"] < found["nll_before"]


def test_what_was_calibrated_stays_so():
    said, targets = drawn(1.0)
    found = calibrate(said, targets, np.arange(len(targets)) % 5)
    assert found["temperature"] == pytest.approx(1, abs=0.03)
    assert found["ece_after"] == pytest.approx(found["ece_before"], abs=0.005)


def test_no_other_temperature_is_likelier():
    said, targets = drawn(1.7, n=300)
    best = fit_temperature(said, targets)
    losses = [negative_log_likelihood(tempered(said, best * f), targets) for f in (0.98, 1, 1.02)]
    assert losses[1] == min(losses)


def test_answers_that_are_all_right_take_the_lowest_temperature():
    said = np.array([[0.8, 0.2]] * 5)
    assert fit_temperature(said, np.zeros(5, int)) == pytest.approx(BOUNDS[0], rel=1e-3)


def test_a_folds_own_targets_have_no_say_in_its_own_answers():
    said, targets = drawn(2.0, n=60)
    fold = np.arange(60) // 30
    turned = targets.copy()
    turned[:30] = (turned[:30] + 1) % 4
    first, second = calibrate(said, targets, fold), calibrate(said, turned, fold)
    # The second fold's answers are tempered by the first one's targets; the first one's are not.
    kept = [
        np.abs(tempered(said[:30], fit_temperature(said[30:], t[30:])) - tempered(said[:30], 1))
        for t in (targets, turned)
    ]
    assert np.array_equal(*kept)
    assert first["temperature"] != second["temperature"]


def test_one_fold_leaves_nothing_to_measure_on():
    found = calibrate(*drawn(2.0, n=50), np.zeros(50, int))
    assert found["ece_after"] is found["nll_after"] is found["bins"]["accuracy_after"] is None
    assert found["temperature"] == 1 < found["fitted"]


def test_a_temperature_that_helps_no_other_fold_is_not_taken():
    """Each fold is off by what the others are not, so that none can learn from them."""
    sharp, flat = drawn(0.25, n=500), drawn(4.0, n=500)
    said, targets = (np.concatenate(pair) for pair in zip(sharp, flat, strict=True))
    found = calibrate(said, targets, np.arange(1000) // 500)
    assert found["nll_after"] > found["nll_before"]
    assert found["temperature"] == 1 != pytest.approx(found["fitted"], abs=0.1)


def test_the_error_is_the_weighted_gap_of_the_bins():
    said = np.array([[0.9, 0.1]] * 10 + [[0.4, 0.6]] * 10)
    targets = np.array([0] * 7 + [1] * 3 + [1] * 9 + [0])
    # .9 sure and .7 right; .6 sure and .9 right
    assert expected_calibration_error(said, targets) == pytest.approx(0.5 * 0.2 + 0.5 * 0.3)


def test_a_confidence_on_an_edge_is_in_the_bin_below():
    said = np.array([[1.0, 0.0], [0.5, 0.5], [0.6, 0.4]], np.float32)
    assert reliability(said, np.array([0, 0, 0]), bins=10)["count"] == [0] * 4 + [1, 1] + [
        0
    ] * 3 + [1]


def test_a_probability_of_zero_is_no_infinite_loss():
    said = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], np.float32)
    assert np.isfinite(fit_temperature(said, np.array([0, 1, 1])))


@given(st.integers(2, 6), st.floats(0.1, 10), st.integers(0, 2**32 - 1))
def test_tempering_keeps_the_order_and_the_sum(classes, temperature, seed):
    said = np.random.default_rng(seed).dirichlet(np.ones(classes), 5)
    found = tempered(said, temperature)
    assert found.sum(axis=1) == pytest.approx(np.ones(5))
    assert np.array_equal(found.argmax(axis=1), said.argmax(axis=1))
    assert tempered(found, 1 / temperature) == pytest.approx(said, abs=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_the_error_is_between_none_and_all(seed):
    generator = np.random.default_rng(seed)
    said = generator.dirichlet(np.ones(3), 20)
    assert 0 <= expected_calibration_error(said, generator.integers(0, 3, 20)) <= 1


@pytest.mark.parametrize(
    ("said", "targets"), [([], []), ([[0.5, 0.5]], [0, 1]), ([0.5, 0.5], [0, 1])]
)
def test_answers_and_targets_must_fit(said, targets):
    with pytest.raises(UserError, match="Received"):
        fit_temperature(np.array(said), np.array(targets, int))

"""The sign-flip test: known answers, agreement with SciPy, Monte Carlo, degenerate cases."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from pnn_keras import permutation
from pnn_keras.errors import UserError
from pnn_keras.permutation import sign_flip_test

nan = float("nan")

STEPS = st.integers(-1000, 1000).map(lambda step: step / 1000)
SPEAKERS = arrays(np.float64, st.integers(1, 12), elements=STEPS)

#: Darwin's fifteen pairs of maize, in eighths of an inch; Fisher (1935), section 21.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_fishers_own_example():
    # Fisher counted 863 of the 2 ** 15 sign patterns as far out on one side.
    assert sign_flip_test(DARWIN).p == 2 * 863 / 2**15


def test_three_speakers_worked_out_by_hand():
    # Sums of +-1 +-2 +-4: 7, 5, 3, 1 and their opposites; 4 of 8 are 5 or more from zero.
    assert sign_flip_test([-1, 2, 4]).p == 0.5


def test_ties_count_as_far_out():
    # .1 + .2 is not .3 in binary: sums that differ by rounding alone are the same.
    assert sign_flip_test([0.1, 0.2, -0.3]).p == 1
    assert sign_flip_test([0.3, 0.1, 0.2, 0.3]).p == 2 / 16


@pytest.mark.parametrize("count", [2, 7, 10])
def test_exact_p_is_scipys(count):
    row = np.random.default_rng(count).normal(0.3, size=count)
    expected = stats.permutation_test(
        (row,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert sign_flip_test(row).p == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("count, smallest", [(1, 1), (5, 0.0625), (10, 2 / 1024)])
def test_when_all_speakers_agree_p_is_the_smallest_there_is(count, smallest):
    test = sign_flip_test(np.arange(1, count + 1))
    assert (test.p, test.smallest_p) == (smallest, smallest)


def test_a_speaker_without_difference_cannot_lower_p():
    test = sign_flip_test([0.1, 0.2, 0.0])
    assert (test.p, test.smallest_p, test.n) == (0.5, 0.5, 3)
    assert test.difference == pytest.approx(0.1)


def test_the_statistic_is_the_mean_difference_and_has_no_degrees_of_freedom():
    test = sign_flip_test([0.1, 0.3])
    assert (test.statistic, test.difference) == pytest.approx((0.2, 0.2))
    assert test.df is None


def test_an_undefined_speaker_does_not_count():
    assert sign_flip_test([-1, nan, 2, 4]) == sign_flip_test([-1, 2, 4])


def test_methods_that_answer_alike_have_a_p_of_one():
    assert sign_flip_test(np.zeros(10)).p == 1


@pytest.mark.parametrize("row", [[], [nan, nan]])
def test_no_speakers_are_no_answer(row):
    test = sign_flip_test(row)
    assert math.isnan(test.p) and math.isnan(test.smallest_p) and test.n == 0


def test_many_speakers_draw_patterns_and_say_so():
    test = sign_flip_test(np.random.default_rng(0).normal(0.1, size=91), draws=999)
    assert test.name == "sign-flip test, 999 draws"
    assert test.smallest_p == 0.001


def test_a_drawn_p_is_never_zero():
    # Of 2 ** 40 patterns two are as far out; 999 draws do not meet them.
    assert sign_flip_test(np.ones(40), draws=999).p == 0.001


def test_a_drawn_p_counts_itself_where_every_pattern_is_as_far_out():
    assert sign_flip_test([1.0, -1.0] * 20, draws=99).p == 1


def test_drawn_patterns_agree_with_all_of_them(monkeypatch):
    exact = sign_flip_test(DARWIN).p
    monkeypatch.setattr(permutation, "EXACT_LIMIT", 0)
    drawn = sign_flip_test(DARWIN, draws=19_999).p
    assert drawn == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / 20_000))


def test_the_seed_decides_the_draws():
    row = np.random.default_rng(1).normal(0.2, size=40)
    assert sign_flip_test(row, seed=1) == sign_flip_test(row, seed=1)
    assert sign_flip_test(row, seed=1).p != sign_flip_test(row, seed=2).p


def test_draws_do_not_depend_on_how_many_are_held_at_a_time(monkeypatch):
    row = np.random.default_rng(1).normal(0.2, size=40)
    whole = sign_flip_test(row, draws=500)
    monkeypatch.setattr(permutation, "_BATCH", 64)
    assert sign_flip_test(row, draws=500) == whole


def test_no_draws_are_refused():
    with pytest.raises(UserError, match="draws is at least 1. Received: 0"):
        sign_flip_test([0.1], draws=0)


def test_a_table_is_refused():
    with pytest.raises(UserError, match=r"one row \(n,\). Received: shape \(2, 2\)"):
        sign_flip_test(np.ones((2, 2)))


@settings(deadline=None)
@given(SPEAKERS)
def test_swapping_the_methods_keeps_p(row):
    assert sign_flip_test(row).p == sign_flip_test(-row).p


@settings(deadline=None)
@given(SPEAKERS, st.floats(0.01, 100))
def test_percent_or_share_is_the_same(row, factor):
    assert sign_flip_test(factor * row).p == sign_flip_test(row).p


@settings(deadline=None)
@given(SPEAKERS, st.randoms())
def test_the_order_of_the_speakers_is_the_same(row, random):
    shuffled = list(row)
    random.shuffle(shuffled)
    assert sign_flip_test(shuffled).p == sign_flip_test(row).p


@settings(deadline=None)
@given(SPEAKERS)
def test_p_is_a_share_of_the_patterns_and_not_below_the_smallest(row):
    test = sign_flip_test(row)
    patterns = test.p * 2 ** len(row)
    assert patterns == round(patterns)
    assert test.smallest_p <= test.p <= 1

"""Paired t tests, effect sizes and Holm's correction: known answers, SciPy, degenerate cases."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from pnn_keras.errors import UserError
from pnn_keras.significance import (
    calibrated_cross_validation_test,
    corrected_cross_validation_test,
    corrected_resampled_t_test,
    effect_size,
    holm,
    uncorrected_t_test_for_simulations,
)

nan = float("nan")

#: Scores differ by steps of .001 at most 1 apart, as shares of utterances do.
STEPS = st.integers(-1000, 1000).map(lambda step: step / 1000)
ROWS = arrays(np.float64, st.integers(2, 12), elements=STEPS)
TABLES = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 5)), elements=STEPS)
P_VALUES = arrays(
    np.float64,
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    elements=st.one_of(st.floats(0, 1), st.just(nan)),
)

#: Every t test, as a function of a table (repeats, folds).
T_TESTS = {
    "resampled": lambda table: corrected_resampled_t_test(np.ravel(table), test_train_ratio=0.1),
    "cross-validation": lambda table: corrected_cross_validation_test(table, test_train_ratio=0.1),
    "calibrated": calibrated_cross_validation_test,
    "uncorrected": lambda table: uncorrected_t_test_for_simulations(np.ravel(table)),
}
every_t_test = pytest.mark.parametrize("test", T_TESTS.values(), ids=T_TESTS)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def paper_table() -> np.ndarray:
    """Differences over 10 x 10 folds with mean .01 and unbiased variance .0004."""
    values = np.random.default_rng(3).normal(size=(10, 10))
    return 0.01 + 0.02 * (values - values.mean()) / values.std(ddof=1)


def test_without_overlap_the_corrected_test_is_the_paired_t_test():
    first, second = np.random.default_rng(0).normal(size=(2, 15))
    expected = stats.ttest_rel(first, second)
    test = corrected_resampled_t_test(first - second, test_train_ratio=0)
    assert test.statistic == pytest.approx(expected.statistic)
    assert test.p == pytest.approx(expected.pvalue)
    assert test.df == expected.df


def test_uncorrected_test_is_the_paired_t_test():
    first, second = np.random.default_rng(1).normal(size=(2, 100))
    expected = stats.ttest_rel(first, second)
    test = uncorrected_t_test_for_simulations(first - second)
    assert (test.statistic, test.p, test.df) == pytest.approx(
        (expected.statistic, expected.pvalue, 99)
    )


def test_the_ratio_is_added_to_the_share_of_the_variance():
    # mean .025, variance .0005 / 3; t = .025 / sqrt((1/4 + 1/9) * .0005 / 3)
    test = corrected_resampled_t_test([0.01, 0.02, 0.03, 0.04], test_train_ratio=1 / 9)
    assert test.statistic == pytest.approx(0.025 / math.sqrt(13 / 36 * 0.0005 / 3))
    assert test.df == 3


def test_p_of_one_degree_of_freedom_is_the_arctangent():
    # Student's t with one degree of freedom is Cauchy: p = 1 - 2 / pi * atan(t).
    test = corrected_resampled_t_test([0.0, 0.02], test_train_ratio=0)
    assert test.statistic == pytest.approx(1)
    assert test.p == pytest.approx(0.5)


def test_paper_folds_are_corrected_by_an_eighth():
    # t = .01 / sqrt((1/100 + 1/8) * .0004) = .01 / sqrt(.000054)
    test = corrected_cross_validation_test(paper_table(), test_train_ratio=1 / 8)
    assert test.statistic == pytest.approx(1.3608276)
    assert (test.df, test.n) == (99, 100)
    assert test.p == pytest.approx(2 * stats.t.sf(1.3608276, 99))


def test_paper_test_has_ten_degrees_of_freedom():
    # t = .01 / sqrt(.0004 / 11) = 1.6583; tables give 1.812 for p = .1
    test = calibrated_cross_validation_test(paper_table())
    assert test.statistic == pytest.approx(math.sqrt(11) / 2)
    assert test.df == 10
    assert test.p == pytest.approx(2 * stats.t.sf(math.sqrt(11) / 2, 10))


@pytest.mark.parametrize(
    "shape, df", [((10, 10), 10), ((3, 10), 3), ((10, 5), 5), ((100, 10), 10), ((1, 10), 1)]
)
def test_degrees_of_freedom_never_exceed_ten_repeats_or_folds(shape, df):
    table = np.random.default_rng(0).normal(size=shape)
    test = calibrated_cross_validation_test(table)
    assert test.df == df
    assert test.statistic == pytest.approx(table.mean() / table.std(ddof=1) * math.sqrt(df + 1))


def test_folds_and_splits_of_one_number_have_one_formula():
    table = paper_table()
    folds = corrected_cross_validation_test(table, test_train_ratio=1 / 8)
    splits = corrected_resampled_t_test(table.ravel(), test_train_ratio=1 / 8)
    assert (folds.statistic, folds.p) == (splits.statistic, splits.p)


def test_an_undefined_fold_does_not_count():
    test = corrected_cross_validation_test([[0.01, nan], [0.02, 0.04]], test_train_ratio=0.1)
    without = corrected_resampled_t_test([0.01, 0.02, 0.04], test_train_ratio=0.1)
    assert (test.statistic, test.df, test.n) == (without.statistic, 2, 3)


@every_t_test
def test_methods_that_answer_alike_have_a_p_of_one(test):
    found = test(np.zeros((2, 5)))
    assert (found.p, found.difference, found.n) == (1, 0, 10)
    assert math.isnan(found.statistic)


@every_t_test
@pytest.mark.parametrize("value", [0.02, 0.1 + 0.2, -1 / 3])
def test_the_same_difference_everywhere_has_no_spread_to_test_with(test, value):
    found = test(np.full((10, 10), value))
    assert math.isnan(found.p) and math.isnan(found.statistic)
    assert found.difference == pytest.approx(value)


@every_t_test
@pytest.mark.parametrize("values", [[[0.1]], [[0.0]], [[0.1, nan]]])
def test_one_difference_is_no_evidence(test, values):
    found = test(np.array(values))
    assert math.isnan(found.p) and found.n == 1


@every_t_test
@pytest.mark.parametrize("values", [[[nan, nan]], np.empty((0, 10))])
def test_no_difference_at_all_is_unknown(test, values):
    found = test(np.array(values))
    assert math.isnan(found.p) and math.isnan(found.difference) and found.n == 0


def test_tables_and_rows_are_not_mistaken_for_each_other():
    with pytest.raises(UserError, match=r"a table \(repeats, folds\). Received: shape \(3,\)"):
        calibrated_cross_validation_test([0.1, 0.2, 0.3])
    with pytest.raises(UserError, match=r"one row \(n,\). Received: shape \(1, 2\)"):
        corrected_resampled_t_test([[0.1, 0.2]], test_train_ratio=0.1)


@pytest.mark.parametrize("ratio", [-0.1, nan])
def test_a_negative_ratio_is_refused(ratio):
    with pytest.raises(UserError, match="ratio is not negative"):
        corrected_resampled_t_test([0.1, 0.2], test_train_ratio=ratio)


def test_infinite_differences_are_refused():
    with pytest.raises(UserError, match="finite"):
        effect_size([0.1, float("inf")])


@every_t_test
@settings(deadline=None, max_examples=50)
@given(table=TABLES)
def test_swapping_the_methods_turns_the_sign_and_keeps_p(test, table):
    there, back = test(table), test(-table)
    assert (there.statistic, there.difference) == pytest.approx(
        (-back.statistic, -back.difference), nan_ok=True
    )
    assert there.p == pytest.approx(back.p, nan_ok=True)


@every_t_test
@settings(deadline=None, max_examples=50)
@given(table=TABLES, factor=st.floats(0.01, 100))
def test_percent_or_share_is_the_same_to_a_t_test(test, table, factor):
    plain, scaled = test(table), test(factor * table)
    assert scaled.statistic == pytest.approx(plain.statistic, rel=1e-6, nan_ok=True)
    assert scaled.p == pytest.approx(plain.p, rel=1e-6, nan_ok=True)


@settings(deadline=None)
@given(row=ROWS, ratio=st.floats(0.01, 1))
def test_overlap_never_makes_a_difference_surer(row, ratio):
    plain = uncorrected_t_test_for_simulations(row).p
    assume(not math.isnan(plain))
    assert corrected_resampled_t_test(row, test_train_ratio=ratio).p >= plain


def test_holm_of_the_textbook_example():
    # m = 4: .005 * 4 = .02, .01 * 3 = .03, .03 * 2 = .06, and .04 * 1 rises to .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_exceeds_one():
    assert holm([0.6, 0.9]).tolist() == [1, 1]


def test_holm_of_one_test_changes_nothing():
    assert holm(0.04).tolist() == 0.04


def test_holm_does_not_count_what_was_not_tested():
    assert holm([[0.01, nan], [nan, 0.02]]) == pytest.approx(
        np.array([[0.02, nan], [nan, 0.02]]), nan_ok=True
    )


def test_holm_refuses_what_is_no_p_value():
    with pytest.raises(UserError, match="between 0 and 1. Received: 0.2 to 1.5"):
        holm([0.2, 1.5, nan])


@settings(deadline=None)
@given(P_VALUES)
def test_holm_never_lowers_p_and_keeps_the_order(p):
    adjusted = holm(p)
    tested = ~np.isnan(p)
    assert adjusted.shape == p.shape
    assert np.isnan(adjusted[~tested]).all()
    assert (adjusted[tested] >= p[tested]).all() and (adjusted[tested] <= 1).all()
    assert (np.diff(adjusted[tested][np.argsort(p[tested])]) >= 0).all()


@settings(deadline=None)
@given(P_VALUES)
def test_holm_lies_between_the_raw_p_and_bonferronis(p):
    count = np.count_nonzero(~np.isnan(p))
    tested = ~np.isnan(p)
    assert (holm(p)[tested] <= np.minimum(1, count * p[tested])).all()


def test_effect_size_is_the_mean_in_standard_deviations():
    effect = effect_size([[1.0, 2.0], [3.0, nan]])
    assert (effect.difference, effect.dz, effect.n) == (2, 2, 3)


def test_effect_size_is_the_t_statistic_over_the_root_of_n():
    row = np.random.default_rng(2).normal(size=12)
    assert effect_size(row).dz == pytest.approx(
        stats.ttest_1samp(row, 0).statistic / math.sqrt(12)
    )


@pytest.mark.parametrize("row", [[], [0.1], [0.1, 0.1, 0.1], [nan, nan]])
def test_effect_size_without_spread_is_unknown(row):
    assert math.isnan(effect_size(row).dz)

"""Whether two methods differ: t tests on paired score differences, and Holm's correction.

Folds are no independent observations, because their training rows overlap; the
corrected tests widen the standard error for it. They are for protocols whose
folds share speakers, as the paper's do. In a speaker-disjoint protocol the unit
is the speaker and the test is :func:`pnn_keras.permutation.sign_flip_test`.

What is undefined is treated alike everywhere:

- a NaN difference (a fold without a score) is left out and not counted;
- all differences are zero: p is 1, the t statistic NaN;
- fewer than two differences, or differences that are all the same but not zero:
  the spread is unknown, so the t statistic and p are NaN.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from pnn_keras.errors import UserError


@dataclasses.dataclass(frozen=True)
class PairedTest:
    """What a paired test found.

    Args:
        name: which test it was.
        statistic: the t statistic; of the sign-flip test the mean difference.
        df: degrees of freedom, or None where the test has none.
        p: two-sided p value, NaN where the test cannot answer.
        difference: mean difference, first method less second, in the score's unit.
        n: how many differences counted.
        smallest_p: the smallest p that the test could have reached with
            differences of these sizes, or None where nothing but 0 bounds it.
        untested: why there is no p, ``""`` where there is one.
    """

    name: str
    statistic: float
    df: int | None
    p: float
    difference: float
    n: int
    smallest_p: float | None = None
    untested: str = ""


@dataclasses.dataclass(frozen=True)
class Effect:
    """How large a paired difference is.

    Args:
        difference: mean difference, in the score's unit.
        dz: Cohen's d_z, the mean difference in standard deviations of the
            differences; NaN where they do not spread or are fewer than two.
        n: how many differences counted.
    """

    difference: float
    dz: float
    n: int


def corrected_resampled_t_test(differences: np.ndarray, *, test_train_ratio: float) -> PairedTest:
    """Corrected resampled t test of Nadeau and Bengio, for random train/test splits.

    ``t = mean / sqrt((1 / J + n2 / n1) * var)`` with ``J - 1`` degrees of
    freedom, ``var`` the unbiased variance of the differences. ``n2 / n1``
    stands for the correlation of splits whose training rows overlap; with a
    ratio of 0 it is the ordinary paired t test.

    Args:
        differences: difference in score of each split, ``(J,)``.
        test_train_ratio: ``n2 / n1``, tested rows over rows that were fitted on.

    Raises:
        UserError: the differences are not one finite or NaN value per split,
            or the ratio is negative.

    References:
        Nadeau and Bengio, "Inference for the Generalization Error", Machine
        Learning 52, 2003.

    Example:

    >>> test = corrected_resampled_t_test([0.01, 0.02, 0.03], test_train_ratio=0.5)
    >>> round(test.statistic, 6), test.df  # .02 / sqrt((1/3 + 1/2) * .0001)
    (2.19089, 2)
    """
    values = defined_differences(differences, 1)
    name = "corrected resampled t test"
    return _overlap_t_test(name, values, test_train_ratio)


def corrected_cross_validation_test(
    differences: np.ndarray, *, test_train_ratio: float
) -> PairedTest:
    """Corrected repeated k-fold cross-validation test of Bouckaert and Frank.

    ``t = mean / sqrt((1 / (r * k) + n2 / n1) * var)`` with ``r * k - 1`` degrees
    of freedom, over all folds of all repeats: the correction of
    :func:`corrected_resampled_t_test`, applied to folds.

    Args:
        differences: difference in score of each fold, ``(repeats, folds)``.
        test_train_ratio: ``n2 / n1``, tested rows over rows that were fitted
            on. Stop rows are in neither: 1/8 for the paper's ten folds, of
            which one tests, one stops and eight train.

    Raises:
        UserError: the differences are not a table of finite or NaN values, or
            the ratio is negative.

    References:
        Bouckaert and Frank, "Evaluating the Replicability of Significance Tests
        for Comparing Learning Algorithms", PAKDD 2004.

    Example:

    >>> table = [[0.01, 0.02], [0.03, 0.02]]
    >>> test = corrected_cross_validation_test(table, test_train_ratio=1 / 8)
    >>> round(test.statistic, 6), test.df  # .02 / sqrt((1/4 + 1/8) * .0002 / 3)
    (4.0, 3)
    """
    values = defined_differences(differences, 2)
    name = "corrected repeated cross-validation test"
    return _overlap_t_test(name, values, test_train_ratio)


def calibrated_cross_validation_test(differences: np.ndarray) -> PairedTest:
    """Repeated cross-validation test with calibrated degrees of freedom, the paper's.

    ``t = mean / sqrt(var / (df + 1))`` over all folds of all repeats. For 10
    repeats of 10 folds Bouckaert calibrated ``df = 10`` by simulation: the
    hundred differences are worth eleven independent ones.

    For other numbers ``df = min(10, repeats, folds)`` is this package's choice,
    not a calibration. More repeats reshuffle the same rows, and fewer folds
    make larger, more strongly correlated differences; neither may add degrees
    of freedom. So the test gets stricter away from 10 x 10. One repeat leaves
    ``df = 1``, which almost nothing passes: use
    :func:`corrected_cross_validation_test` there.

    Args:
        differences: difference in score of each fold, ``(repeats, folds)``.

    Raises:
        UserError: the differences are not a table of finite or NaN values.

    References:
        Bouckaert, "Choosing between two learning algorithms based on calibrated
        tests", ICML 2003; used by Gideon et al., "Progressive Neural Networks
        for Transfer Learning in Emotion Recognition", Interspeech 2017.

    Example:

    >>> import numpy as np
    >>> table = np.tile([0.0, 0.02], (10, 5))
    >>> test = calibrated_cross_validation_test(table)
    >>> round(test.statistic, 6), test.df  # .01 / sqrt(.01 ** 2 * 100 / 99 / 11)
    (3.3, 10)
    """
    values = defined_differences(differences, 2)
    df = min(10, *np.shape(differences))
    freedom = f"{df} degree{'s' if df > 1 else ''} of freedom"
    calibrated = "" if np.shape(differences) == (10, 10) else ", not calibrated for these folds"
    name = f"repeated cross-validation t test, {freedom}{calibrated}"
    return _t_test(name, values, 1 / (df + 1), df)


def uncorrected_t_test_for_simulations(differences: np.ndarray) -> PairedTest:
    """The ordinary paired t test, which must not be used on folds or utterances.

    ``t = mean / sqrt(var / n)`` with ``n - 1`` degrees of freedom. Folds share
    training rows and utterances share speakers, so it finds differences where
    there are none: in every second comparison of equal methods over 10 x 10
    folds (``tools/bench/null_tests.py``). It is here to show just that.

    Args:
        differences: differences in score, ``(n,)``.

    Raises:
        UserError: the differences are not a row of finite or NaN values.

    Example:

    >>> round(uncorrected_t_test_for_simulations([0.01, 0.02, 0.03]).statistic, 6)
    3.464102
    """
    values = defined_differences(differences, 1)
    return _t_test("uncorrected t test", values, 1 / max(len(values), 1), len(values) - 1)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of a family of p values.

    With the ``m`` p values in ascending order, the i-th (from 1) becomes the
    largest of ``(m - j + 1) * p_j`` over ``j <= i``, at most 1. Rejecting what
    is at most .05 afterwards keeps the chance of any false rejection in the
    family at .05, whatever the dependence between the tests.

    Args:
        p_values: p values, any shape, all of one family; NaN is no test, does
            not count in ``m`` and stays NaN.

    Returns:
        float64, adjusted p values in the same shape and the same order.

    Raises:
        UserError: a p value is below 0 or above 1.

    References:
        Holm, "A simple sequentially rejective multiple test procedure", Scand.
        J. Statist. 6, 1979.

    Example:

    >>> holm([0.01, 0.04, 0.03, 0.005]).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if np.any((p < 0) | (p > 1)):
        raise UserError(
            f"p values lie between 0 and 1. Received: {np.nanmin(p):g} to {np.nanmax(p):g}"
        )
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p.flat[tested], kind="stable")]
    left = np.arange(len(order), 0, -1)  # hypotheses not yet rejected
    adjusted.flat[order] = np.minimum(1, np.maximum.accumulate(left * p.flat[order]))
    return adjusted


def effect_size(differences: np.ndarray) -> Effect:
    """The mean difference, plain and as Cohen's d_z.

    ``d_z = mean / SD`` of the paired differences (``n - 1`` in the SD). Give it
    speakers' differences: over folds it also depends on the number of folds,
    because larger test folds spread less.

    Args:
        differences: differences in score, any shape.

    Raises:
        UserError: a difference is infinite.

    References:
        Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), p. 48.

    Example:

    >>> effect = effect_size([0.01, 0.02, 0.03])
    >>> round(effect.difference, 6), round(effect.dz, 6)
    (0.02, 2.0)
    """
    values = defined_differences(differences)
    return Effect(_mean(values), _mean(values) / _spread(values), len(values))


def defined_differences(differences: np.ndarray, dimensions: int | None = None) -> np.ndarray:
    """The differences that are not NaN.

    Args:
        differences: differences in score, NaN where undefined.
        dimensions: how many dimensions they must have; None means any number.

    Returns:
        float64 ``(n,)``.

    Raises:
        UserError: they have another number of dimensions, or one is infinite.

    Example:

    >>> defined_differences([0.5, float("nan")]).tolist()
    [0.5]
    """
    values = np.asarray(differences, dtype=np.float64)
    if dimensions is not None and values.ndim != dimensions:
        expected = {1: "one row (n,)", 2: "a table (repeats, folds)"}[dimensions]
        raise UserError(f"Differences come as {expected}. Received: shape {values.shape}")
    if np.isinf(values).any():
        raise UserError(
            "Differences are finite, or NaN where undefined. Received: an infinite one"
        )
    return values[~np.isnan(values)]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _spread(values: np.ndarray) -> float:
    """The standard deviation; NaN where fewer than two values or only rounding spread."""
    if len(values) < 2:
        return float("nan")
    spread = float(values.std(ddof=1))
    return spread if spread > 1e-12 * np.abs(values).max() else float("nan")


def _overlap_t_test(name: str, values: np.ndarray, ratio: float) -> PairedTest:
    """The t test whose variance is widened by the ratio of tested to fitted rows."""
    if not ratio >= 0:
        raise UserError(f"The test/train ratio is not negative. Received: {ratio}")
    n = len(values)
    return _t_test(name, values, 1 / max(n, 1) + ratio, n - 1)


def _t_test(name: str, values: np.ndarray, share: float, df: int) -> PairedTest:
    """The t test of a mean whose variance is ``share`` times that of the values."""
    from scipy.special import stdtr  # half a second, which importing this module is spared

    mean, n = _mean(values), len(values)
    statistic = mean / (_spread(values) * np.sqrt(share))
    p = 1.0 if n > 1 and not values.any() else 2 * stdtr(max(df, 1), -abs(statistic))
    untested = "the differences do not spread, or are too few" if np.isnan(p) else ""
    return PairedTest(name, float(statistic), max(df, 0), float(p), mean, n, untested=untested)

"""Whether two methods differ over speakers: the sign-flip permutation test."""

from __future__ import annotations

import numpy as np

from pnn_keras.errors import UserError
from pnn_keras.significance import PairedTest, defined_differences

#: Most non-zero differences for which every sign pattern is counted.
EXACT_LIMIT = 30

#: A sum this close to the observed one, as a share of the sum of sizes, is a tie.
_TIE = 1e-12

#: Monte Carlo sign patterns that are held at a time.
_BATCH = 1000


def sign_flip_test(differences: np.ndarray, *, draws: int = 99_999, seed: int = 0) -> PairedTest:
    """Sign-flip permutation test over speakers, the primary test of disjoint protocols.

    If the methods are alike, each speaker's difference is as likely to have the
    opposite sign. p is the share of all ``2**n`` sign patterns whose mean is at
    least as far from zero as the observed one, so it is never below
    ``2 / 2**n``: .002 with 10 speakers, .0625 with 5. A difference of zero has
    no sign to flip and does not lower that bound.

    The null hypothesis is about the models that were trained: the next speaker
    is as likely to be heard better by the one as by the other. Speakers who were
    tested by the same model share its luck (the seed, the training speakers), so
    that two seeds of one method may well differ in this sense: the more, the
    more speakers share a model, and averaging over repeats does not cure it.
    ``tools/bench/null_seeds.py`` finds a difference at .05 in 3 % (10 speakers)
    to 16 % (90 speakers, or a single split) of made data sets. The corrected
    cross-validation test asks about methods that are trained anew.

    With more than :data:`EXACT_LIMIT` non-zero differences ``draws`` random
    patterns stand for all, and ``p = (b + 1) / (draws + 1)``, ``b`` of them as
    far out as the observed one (a Monte Carlo p is never 0).

    Args:
        differences: each speaker's difference in score, averaged over repeats,
            ``(speakers,)``; see :func:`pnn_keras.intervals.speaker_differences`.
        draws: how many random sign patterns where not all are counted.
        seed: seed of the random patterns.

    Raises:
        UserError: ``differences`` is not one finite or NaN value per speaker,
            or ``draws`` is not positive.

    References:
        Fisher, The Design of Experiments (1935), section 21. Phipson and Smyth,
        "Permutation p-values should never be zero", Stat. Appl. Genet. Mol.
        Biol. 9(1), 2010.

    Example:

    >>> test = sign_flip_test([0.04, 0.01, 0.02, 0.03])
    >>> test.p, test.smallest_p, test.n
    (0.125, 0.125, 4)
    """
    if draws < 1:
        raise UserError(f"draws is at least 1. Received: {draws}")
    values = defined_differences(differences, 1)
    moved = values[values != 0]
    if len(moved) <= EXACT_LIMIT:
        name, p = "sign-flip test, exact", _exact_share(moved)
        smallest = min(1.0, 2.0 ** (1 - len(moved)))
    else:
        name, p = f"sign-flip test, {draws} draws", _drawn_share(moved, draws, seed)
        smallest = 1 / (draws + 1)
    if not len(values):
        nothing = float("nan")
        return PairedTest(name, nothing, None, nothing, nothing, 0, nothing, "there is no speaker")
    mean = float(values.mean())
    return PairedTest(name, mean, None, float(p), mean, len(values), float(smallest))


def _exact_share(values: np.ndarray) -> float:
    """The share of all sign patterns at least as far from zero as the given signs.

    Patterns of the first half of the values are paired with those of the second
    by sorting, so that 30 values take two lists of 32768 sums and not 2**30.
    """
    half = len(values) // 2
    first, second = np.sort(_signed_sums(values[:half])), _signed_sums(values[half:])
    bound = _bound(values)
    below = np.searchsorted(first, bound - second, side="left")
    above = int((len(first) - below).sum())
    # A pattern and its opposite are equally far out; where the bound is zero, all are.
    return min(1.0, 2 * above / 2.0 ** len(values))


def _signed_sums(values: np.ndarray) -> np.ndarray:
    """The sums of the values under every sign pattern, ``(2 ** n,)``."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return sums


def _drawn_share(values: np.ndarray, draws: int, seed: int) -> float:
    """The Monte Carlo p value of the given signs among random ones."""
    generator = np.random.default_rng(seed)
    bound, far = _bound(values), 0
    for start in range(0, draws, _BATCH):
        size = (min(_BATCH, draws - start), len(values))
        signs = 2.0 * generator.integers(0, 2, size) - 1
        far += int((np.abs(signs @ values) >= bound).sum())
    return (far + 1) / (draws + 1)


def _bound(values: np.ndarray) -> float:
    """How far out a sum must be to count: as far as the observed one, ties included."""
    return abs(values.sum()) - _TIE * np.abs(values).sum()

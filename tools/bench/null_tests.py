"""How often each test finds a difference between two methods that do not differ.

    tools/run python tools/bench/null_tests.py

The methods are logistic regressions on two disjoint, equally good halves of
made features, so every difference that a test finds at .05 is false: a sound
test does so in at most 5 % of the data sets, which are drawn anew each time.

Folds: repeated stratified k-fold cross-validation in the paper's form (one fold
tests, one is set aside, the others train); the corrected resampled t test gets
random splits of the same sizes, which it is made for. Speakers: every speaker is
left out once; speakers have their own offset and their own strength of
expression in each half, so that their utterances are not independent.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence

import numpy as np

from pnn_keras.intervals import speaker_contributions, uar_difference_interval
from pnn_keras.permutation import sign_flip_test
from pnn_keras.significance import (
    calibrated_cross_validation_test,
    corrected_cross_validation_test,
    corrected_resampled_t_test,
    uncorrected_t_test_for_simulations,
)

#: Features in each half, and how far apart the classes lie in each, in standard deviations.
FEATURES, DISTANCE = 5, 0.5

#: Random train/test splits for the corrected resampled t test, as in its paper.
SPLITS = 15

#: Standard deviations of a speaker's offset, and of the strength of expression around 1.
OFFSET, EXPRESSION = 0.5, 0.5

#: Utterances of a speaker.
UTTERANCES = 20

#: Below this a test calls the methods different.
LEVEL = 0.05


def main() -> None:
    """Reads the command line and prints the false-positive rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", type=int, default=1000, help="made data sets per setting")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--folds", type=int, default=10, help="at least 3")
    parser.add_argument("--rows", type=int, default=200, help="rows of a data set for the folds")
    parser.add_argument("--speakers", type=int, nargs="*", default=[10, 24])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    seeds = np.random.SeedSequence(arguments.seed).spawn(arguments.datasets)
    title = f"{arguments.repeats} x {arguments.folds} folds of {arguments.rows} rows"
    shape = arguments.rows, arguments.repeats, arguments.folds
    report(title, (fold_tests(np.random.default_rng(seed), *shape) for seed in seeds))
    for count in arguments.speakers:
        title = f"{count} speakers of {UTTERANCES} utterances, leave one speaker out"
        report(title, (speaker_tests(np.random.default_rng(seed), count) for seed in seeds))


def report(title: str, found: Iterator[dict[str, bool]]) -> None:
    """Prints the share of data sets in which each test found a difference."""
    start = time.perf_counter()
    found = list(found)
    print_rates(f"{title}, {len(found)} data sets ({time.perf_counter() - start:.0f} s)", found)


def print_rates(title: str, found: Sequence[dict[str, bool]]) -> None:
    """Prints in how many of the data sets each test found a difference."""
    print(f"\n{title}")
    for name in found[0]:
        rate = np.mean([tests[name] for tests in found])
        error = np.sqrt(rate * (1 - rate) / len(found))  # binomial standard error
        print(f"  {name:58} {rate:.3f} +- {error:.3f}", flush=True)


def fold_tests(
    generator: np.random.Generator, rows: int, repeats: int, folds: int
) -> dict[str, bool]:
    """What each test over folds finds in one data set."""
    targets = np.arange(rows) % 2
    features = generator.normal(size=(2, rows, FEATURES)) + DISTANCE * targets[:, np.newaxis]
    dealt = np.stack([deal(targets, folds, generator) for _ in range(repeats)])
    fold = np.arange(folds)[:, np.newaxis]
    tested = (dealt[:, np.newaxis] == fold).reshape(-1, rows)
    stopped = (dealt[:, np.newaxis] == (fold + 1) % folds).reshape(-1, rows)
    splits = np.stack([deal(targets, folds, generator) for _ in range(SPLITS)])
    tested = np.concatenate([tested, splits == 0])
    trained = ~np.concatenate([stopped, splits == 1]) & ~tested
    first, second = (score(half, targets, trained, tested) for half in features)
    by_fold, by_split = np.split(first - second, [repeats * folds])
    table, ratio = by_fold.reshape(repeats, folds), 1 / (folds - 2)
    tests = (
        uncorrected_t_test_for_simulations(by_fold),
        corrected_resampled_t_test(by_split, test_train_ratio=ratio),
        corrected_cross_validation_test(table, test_train_ratio=ratio),
        calibrated_cross_validation_test(table),
    )
    return {test.name: test.p < LEVEL for test in tests}


def deal(targets: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    """A fold for every row, each class spread evenly, ``(rows,)``."""
    fold = np.empty_like(targets)
    for value in (0, 1):
        rows = generator.permutation(np.flatnonzero(targets == value))
        fold[rows] = np.arange(len(rows)) % folds
    return fold


def score(
    features: np.ndarray, targets: np.ndarray, trained: np.ndarray, tested: np.ndarray
) -> np.ndarray:
    """UAR of each member on its tested rows, ``(members,)``."""
    right = predict(features, targets, trained) == targets
    by_class = [
        (right & tested & (targets == value)).sum(axis=1)
        / (tested & (targets == value)).sum(axis=1)
        for value in (0, 1)
    ]
    return np.mean(by_class, axis=0)


def speaker_tests(generator: np.random.Generator, count: int) -> dict[str, bool]:
    """What each test finds in one data set of ``count`` speakers."""
    speakers = np.repeat(np.arange(count), UTTERANCES)
    targets = np.arange(len(speakers)) % 2
    offset = generator.normal(scale=OFFSET, size=(2, count, FEATURES))[:, speakers]
    strength = generator.normal(1, EXPRESSION, size=(2, count, 1))[:, speakers]
    noise = generator.normal(size=(2, len(speakers), FEATURES))
    features = noise + offset + DISTANCE * strength * targets[:, np.newaxis]
    trained = speakers != np.arange(count)[:, np.newaxis]
    first, second = (
        predict(half, targets, trained)[speakers, np.arange(len(speakers))] for half in features
    )
    by_speaker = [
        speaker_contributions(targets, answers, speakers, 2) for answers in (first, second)
    ]
    right = (first == targets).astype(float) - (second == targets)
    interval = uar_difference_interval(
        targets, first, second, speakers, 2, level=1 - LEVEL, draws=1000
    )
    return {
        "uncorrected t test over utterances": uncorrected_t_test_for_simulations(right).p < LEVEL,
        "sign-flip test over speakers": sign_flip_test(np.subtract(*by_speaker)).p < LEVEL,
        "bootstrap interval over speakers leaves out 0": interval.low > 0 or interval.high < 0,
    }


def predict(features: np.ndarray, targets: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """Classes from logistic regressions, one per row of ``trained``, fitted all at a time.

    Newton's method on ``|w|^2 / 2`` plus the summed log loss, the intercept free:
    scikit-learn's ``LogisticRegression(C=1)``.

    Args:
        features: float64 ``(rows, features)``.
        targets: 0 or 1, ``(rows,)``.
        trained: bool ``(members, rows)``, which rows each member is fitted on.

    Returns:
        0 or 1, ``(members, rows)``.
    """
    rows, width = len(features), features.shape[1] + 1
    inputs = np.column_stack([features, np.ones(rows)])
    products = (inputs[:, :, np.newaxis] * inputs[:, np.newaxis]).reshape(rows, -1)
    penalty = np.diag([1.0] * (width - 1) + [0.0])
    weights = np.zeros((len(trained), width))
    for _ in range(8):
        chance = 1 / (1 + np.exp(-weights @ inputs.T))  # (members, rows)
        slope = (trained * (chance - targets)) @ inputs + weights @ penalty
        curve = ((trained * chance * (1 - chance)) @ products).reshape(-1, width, width) + penalty
        weights -= np.linalg.solve(curve, slope[..., np.newaxis])[..., 0]
    return (weights @ inputs.T > 0).astype(int)


if __name__ == "__main__":
    main()

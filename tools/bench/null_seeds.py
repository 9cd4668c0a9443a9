"""How often a test calls one method different from itself, trained from another seed.

    tools/run python tools/bench/null_seeds.py

The sign-flip test over speakers asks whether the trained models differ. Speakers
who were tested by one model share its luck, so two seeds of one method may well
differ in that sense. This prints how often that is found at .05, where neither
is the better method: for speaker-disjoint folds dealt anew in each repeat, and
for a single split, whose repeats change nothing but the seed and who is set aside.

The learner is a ridge regression on random rectified features (drawn from the
seed, as initial weights are) of made recordings: two classes; speakers have their
own offset and their own strength of expression.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from null_tests import print_rates

from pnn_keras.intervals import speaker_differences
from pnn_keras.permutation import sign_flip_test
from pnn_keras.significance import corrected_cross_validation_test

#: Numbers that a recording is described by; how many of them tell the classes apart, how far.
FEATURES, TELLING, DISTANCE = 30, 5, 0.5

#: Standard deviations of a speaker's offset, and of the strength of expression around 1.
OFFSET, EXPRESSION = 0.5, 0.5

#: Random features of the learner, and its penalty.
HIDDEN, PENALTY = 40, 1.0

#: Below this a test calls the two different.
LEVEL = 0.05

#: Speakers, utterances of each, folds (1 is a single split, half of the speakers test), repeats.
SETTINGS = (
    (10, 34, 5, 1),
    (24, 60, 5, 1),
    (24, 60, 5, 10),
    (90, 80, 5, 1),
    (90, 80, 5, 10),
    (48, 60, 1, 1),
    (48, 60, 1, 10),
)


def main() -> None:
    """Reads the command line and prints how often each test found a difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", type=int, default=200, help="made data sets per setting")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for setting in SETTINGS:
        report(setting, np.random.SeedSequence(arguments.seed).spawn(arguments.datasets))


def report(setting: tuple[int, int, int, int], seeds: list) -> None:
    """Prints the share of data sets in which each test found a difference."""
    speakers, utterances, folds, repeats = setting
    start = time.perf_counter()
    found = [found_different(np.random.default_rng(seed), *setting) for seed in seeds]
    seconds = time.perf_counter() - start
    dealt = f"{repeats} x {folds} folds" if folds > 1 else f"one split, {repeats} repeats"
    print_rates(
        f"{speakers} speakers of {utterances} utterances, {dealt} ({seconds:.0f} s)", found
    )


def found_different(
    generator: np.random.Generator, count: int, utterances: int, folds: int, repeats: int
) -> dict[str, bool]:
    """Which tests call two seeds of the learner different on one made data set."""
    speakers = np.repeat(np.arange(count), utterances)
    targets = np.arange(len(speakers)) % 2
    strength = generator.normal(1, EXPRESSION, (count, 1))[speakers]
    features = generator.normal(size=(len(speakers), FEATURES))
    features += generator.normal(scale=OFFSET, size=(count, FEATURES))[speakers]
    features[:, :TELLING] += DISTANCE * strength * targets[:, np.newaxis]
    splits = [deal(count, folds, generator) for _ in range(repeats)]
    if folds == 1:
        splits = [one_split(count, generator) for _ in range(repeats)]
    tested = np.isin(speakers, np.unique(np.concatenate([test for s in splits for _, test in s])))
    answers, scores = np.zeros((2, repeats, len(speakers)), int), []
    for repeat, split in enumerate(splits):
        for train, test in split:
            rows = np.isin(speakers, test)
            fitted = np.isin(speakers, train)
            for answer in answers[:, repeat]:
                answer[rows] = learn(features, targets, fitted, generator)[rows]
            scores.append([recall(targets[rows], a[repeat, rows]) for a in answers])
    return tests_of(targets, answers, speakers, tested, np.array(scores), folds, repeats)


def tests_of(targets, answers, speakers, tested, scores, folds: int, repeats: int) -> dict:
    """What each test finds; over the repeats of a single split there is no test over folds."""
    one, two = answers[:, :, tested]
    by_speaker = speaker_differences(targets[tested], one, two, speakers[tested], 2)
    found = {"sign-flip test over speakers": sign_flip_test(by_speaker, draws=1999).p < LEVEL}
    if folds > 1:
        table = np.subtract(*scores.T).reshape(repeats, folds)
        ratio = 1 / (folds - 2)
        test = corrected_cross_validation_test(table, test_train_ratio=ratio)
        found["corrected repeated cross-validation test"] = test.p < LEVEL
    return found


def deal(count: int, folds: int, generator: np.random.Generator) -> list:
    """Training and test speakers of each fold; the next fold's speakers are set aside."""
    part = generator.permutation(np.arange(count) % folds)
    aside = (part + folds - 1) % folds  # the fold that each speaker is set aside in
    return [
        (np.flatnonzero((part != fold) & (aside != fold)), np.flatnonzero(part == fold))
        for fold in range(folds)
    ]


def one_split(count: int, generator: np.random.Generator) -> list:
    """The first half of the speakers trains, a fifth of it set aside; the other half tests."""
    half = count // 2
    return [(generator.permutation(half)[: half * 4 // 5], np.arange(half, count))]


def learn(
    features: np.ndarray, targets: np.ndarray, fitted: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """The classes that a learner of a new seed gives every row, 0 or 1, ``(rows,)``."""
    weights = generator.normal(size=(features.shape[1], HIDDEN)) / np.sqrt(features.shape[1])
    hidden = np.maximum(features @ weights + generator.normal(size=HIDDEN), 0)
    mean = hidden[fitted].mean(axis=0)
    inputs, wanted = hidden[fitted] - mean, targets[fitted] - targets[fitted].mean()
    curve = inputs.T @ inputs + PENALTY * np.eye(HIDDEN)
    return ((hidden - mean) @ np.linalg.solve(curve, inputs.T @ wanted) > 0).astype(int)


def recall(targets: np.ndarray, answers: np.ndarray) -> float:
    """The UAR of two classes."""
    return float(np.mean([(answers[targets == value] == value).mean() for value in (0, 1)]))


if __name__ == "__main__":
    main()

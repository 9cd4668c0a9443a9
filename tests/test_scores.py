"""Scores of all folds: pooled, per fold, over repeats."""

import numpy as np
import pytest

from pnn_keras.protocol import Fold
from pnn_keras.scores import score_answers
from pnn_keras.task import Task


def test_the_score_pools_the_folds_answers():
    targets = np.array([0, 0, 1, 1])
    folds = [Fold(*[np.array(rows) for rows in ([], [], test)]) for test in ([0, 2], [1, 3])]
    answers = np.zeros((2, 4, 2))
    answers[0, [0, 2], [0, 0]] = 1  # right, wrong
    answers[1, [1, 3], [0, 1]] = 1  # right, right
    score = score_answers(targets, answers, folds, Task("emotion", ("angry", "sad")))
    assert score["uar"] == 0.75
    assert (score["uar_folds_mean"], score["absent"]) == (0.75, 0)
    assert score["uar_folds_sd"] == pytest.approx(np.std([0.5, 1.0], ddof=1))
    assert score["recalls"] == {"angry": 1.0, "sad": 0.5}
    assert score["confusion"] == [[2, 0], [1, 1]]


def test_the_score_averages_the_repeats():
    targets = np.array([0, 1])
    folds = [Fold(*[np.array(rows, int) for rows in ([], [], [0, 1])])] * 2
    answers = np.array([[[1, 0], [0, 1]], [[1, 0], [1, 0]]], float)
    score = score_answers(targets, answers, folds, Task("emotion", ("angry", "sad")), repeats=2)
    assert (score["uar"], score["utterances"]) == (0.75, 2)
    assert score["uar_folds_sd"] is None  # the repeats of one fold are no folds


def test_one_fold_has_no_deviation():
    folds = [Fold(*[np.array(rows, int) for rows in ([], [], [0, 1])])]
    score = score_answers(
        np.array([0, 1]), np.eye(2)[np.newaxis], folds, Task("emotion", ("a", "b"))
    )
    assert score["uar_folds_mean"] == 1 and score["uar_folds_sd"] is None

"""Scores: known answers, and agreement with scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score
from sklearn.metrics import confusion_matrix as sklearn_confusion

from pnn_keras.statistics import confusion_matrix, recalls, uar

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


def test_rows_are_true_classes_and_columns_predicted():
    counts = confusion_matrix(np.array([0, 0, 0, 2]), np.array([0, 1, 1, 0]), 3)
    assert counts.tolist() == [[1, 2, 0], [0, 0, 0], [1, 0, 0]]


def test_no_utterances_give_a_matrix_of_zeros():
    empty = np.array([], dtype=np.int64)
    assert confusion_matrix(empty, empty, 2).tolist() == [[0, 0], [0, 0]]


def test_each_target_needs_a_prediction():
    with pytest.raises(ValueError, match=r"one prediction. Received: \(2,\) and \(1,\)"):
        confusion_matrix(np.array([0, 1]), np.array([0]), 2)


@pytest.mark.parametrize("targets, predictions", [([0, 2], [0, 0]), ([0], [2]), ([-1], [0])])
def test_class_numbers_out_of_range_are_refused(targets, predictions):
    with pytest.raises(ValueError, match="Class numbers are 0 to 1. Received"):
        confusion_matrix(np.array(targets), np.array(predictions), 2)


def test_recalls_of_a_known_matrix():
    assert recalls(np.array([[3, 1, 0], [2, 2, 0], [0, 0, 5]])).tolist() == [0.75, 0.5, 1.0]


def test_the_recall_of_an_absent_class_is_unknown():
    assert np.isnan(recalls(np.array([[2, 0], [0, 0]]))[1])


def test_uar_is_the_mean_of_the_recalls():
    assert uar(np.array([[3, 1, 0], [2, 2, 0], [0, 0, 5]])) == 0.75


def test_uar_leaves_absent_classes_out():
    assert uar(np.array([[3, 1, 0], [1, 1, 0], [0, 0, 0]])) == 0.625


def test_uar_without_any_utterance_is_unknown_and_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(uar(np.zeros((2, 2))))


@pytest.mark.parametrize("counts", [(1, 1), (10, 90), (1, 999)])
def test_always_the_same_answer_is_chance_however_unbalanced(counts):
    assert uar(np.array([[counts[0], 0], [counts[1], 0]])) == 0.5


def test_many_matrices_at_a_time():
    matrices = np.array([[[3, 1], [1, 1]], [[1, 0], [0, 1]]])
    assert uar(matrices).tolist() == [0.625, 1.0]
    assert recalls(matrices).shape == (2, 2)


@given(PAIRS)
def test_uar_is_scikit_learns_balanced_accuracy(pairs):
    targets, predictions = np.array(pairs).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes that are only predicted
        expected = balanced_accuracy_score(targets, predictions)
    assert uar(confusion_matrix(targets, predictions, 5)) == pytest.approx(expected, abs=1e-12)


@given(PAIRS)
def test_counts_are_scikit_learns(pairs):
    targets, predictions = np.array(pairs).T
    expected = sklearn_confusion(targets, predictions, labels=range(5))
    assert confusion_matrix(targets, predictions, 5).tolist() == expected.tolist()

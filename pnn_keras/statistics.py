"""Scores: confusion counts, recalls and their unweighted average."""

from __future__ import annotations

import warnings

import numpy as np


def confusion_matrix(targets: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Counts how often each class was taken for each.

    Args:
        targets: true class numbers, ``(n,)``.
        predictions: predicted class numbers, ``(n,)``.
        classes: how many classes there are.

    Returns:
        int64 ``(classes, classes)``: rows are true classes, columns predicted.

    Raises:
        ValueError: the lengths differ, or a number is not in ``0 .. classes - 1``.

    Example:

    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    targets, predictions = np.asarray(targets), np.asarray(predictions)
    if targets.shape != predictions.shape:
        raise ValueError(
            f"Each target has one prediction. Received: {targets.shape} and {predictions.shape}"
        )
    both = np.concatenate([targets, predictions])
    if both.size and not (0 <= both.min() and both.max() < classes):
        raise ValueError(
            f"Class numbers are 0 to {classes - 1}. Received: {both.min()} to {both.max()}"
        )
    pairs = targets.astype(np.int64) * classes + predictions
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def recalls(confusion: np.ndarray) -> np.ndarray:
    """The share of each class's utterances that was recognised.

    Args:
        confusion: ``(..., classes, classes)``, rows are true classes.

    Returns:
        float64 ``(..., classes)``; NaN for a class without utterances.

    Example:

    >>> recalls(np.array([[3, 1], [0, 0]])).tolist()
    [0.75, nan]
    """
    confusion = np.asarray(confusion, dtype=np.float64)
    totals = confusion.sum(axis=-1)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        return np.where(totals > 0, hits / totals, np.nan)


def uar(confusion: np.ndarray) -> np.ndarray:
    """Unweighted average recall: the mean of the recalls of the classes present.

    Chance is one over the number of classes, however unbalanced they are.

    Args:
        confusion: ``(..., classes, classes)``, rows are true classes.

    Returns:
        float64 ``(...)``; NaN where no class is present.

    Example:

    >>> float(uar(np.array([[3, 1], [1, 1]])))
    0.625
    """
    with warnings.catch_warnings():
        # A matrix without any utterance has no recall to average: NaN, silently.
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(recalls(confusion), axis=-1)

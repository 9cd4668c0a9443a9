"""The score of a method over the folds of a protocol."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pnn_keras.protocol import Fold
from pnn_keras.statistics import confusion_matrix, recalls, uar
from pnn_keras.task import Task


def score_answers(
    targets: np.ndarray,
    answers: np.ndarray,
    folds: Sequence[Fold],
    task: Task,
    repeats: int = 1,
) -> dict:
    """Scores the answers of all members on their test rows.

    The headline is the UAR of one repeat's pooled out-of-fold answers, averaged
    over repeats; beside it stands the mean and the standard deviation of the
    folds' own UARs, each over the classes present in the fold. With one fold a
    repeat the deviation is that of the repeats, with one repeat as well None.

    Args:
        targets: class numbers, ``(n,)``.
        answers: class probabilities, ``(members, n, classes)``.
        folds: one per member, repeat by repeat.
        task: whose classes they are.
        repeats: number of repeats.

    Returns:
        ``uar``, ``uar_folds_mean``, ``uar_folds_sd`` (over a repeat's folds,
        averaged over repeats; None where a repeat has one fold), ``absent`` (how many
        classes are missing from test folds, over all folds), ``recalls`` by class,
        ``confusion`` (rows are true classes, summed over repeats), ``classes``,
        ``utterances`` and ``role``.
    """
    count = len(task.classes)
    confusions = np.stack(
        [
            confusion_matrix(targets[fold.test], answers[member, fold.test].argmax(axis=-1), count)
            for member, fold in enumerate(folds)
        ]
    )
    pooled = confusions.reshape(repeats, -1, count, count).sum(axis=1)
    by_fold = uar(confusions)
    spread = by_fold.reshape(repeats, -1)
    several = spread.shape[1] > 1
    by_class = np.nanmean(recalls(pooled), axis=0)
    return {
        "uar": float(uar(pooled).mean()),
        "uar_folds_mean": float(np.nanmean(by_fold)),
        "uar_folds_sd": float(np.std(spread, axis=1, ddof=1).mean()) if several else None,
        "absent": int(np.isnan(recalls(confusions)).sum()),
        "recalls": {name: float(r) for name, r in zip(task.classes, by_class, strict=True)},
        "confusion": pooled.sum(axis=0).tolist(),
        "classes": list(task.classes),
        "utterances": int(pooled[0].sum()),
        "role": "test",
    }

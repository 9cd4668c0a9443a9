"""Versions of a recording to train on: as it is, and its augmented passes.

A table of features holds the ``n`` recordings as they are first, then their
first augmented pass, then the second: row ``v * n + i`` is version ``v`` of
recording ``i``. Folds, roles, classes and weights name recordings, never rows
behind the first ``n``: a version is only ever reached through a training row,
so it has its role, its class and its weight, and no fold can train on a version
of what it is stopped or tested on.
"""

from __future__ import annotations

import numpy as np

from pnn_keras.errors import UserError
from pnn_keras.frontends import Frontend


def passes(frontend: Frontend, augment: int) -> list[Frontend]:
    """The front-ends of the augmented passes, numbered from 1.

    Args:
        frontend: the front-end that hears the recordings as they are.
        augment: how many passes.

    Raises:
        UserError: the number is negative, or the front-end cannot mask.
    """
    if augment < 0:
        raise UserError(f"The number of augmented passes is not negative. Received: {augment}")
    return [frontend.masked(number) for number in range(1, augment + 1)]


def first_turns(generator: np.random.Generator, rows: int, versions: int) -> np.ndarray:
    """The version that each training row has in the first epoch, drawn, int64 ``(rows,)``.

    Where there is but one version, nothing is drawn from the generator.
    """
    return generator.integers(versions, size=rows) if versions > 1 else np.zeros(rows, np.int64)


def in_turn(
    recordings: np.ndarray, first: np.ndarray, epoch: int, versions: int, n: int
) -> np.ndarray:
    """The rows that stand for recordings in an epoch: each version in its turn.

    In epoch e, counted from 0, recording i is heard as its version
    ``(first[i] + e) mod versions``: once an epoch, so that its weight stays what
    it is without augmentation, and as every version equally often.

    Args:
        recordings: numbers of recordings, int ``(rows,)``.
        first: their versions in epoch 0, int ``(rows,)``.
        epoch: number of the epoch, from 0.
        versions: how many there are of each recording.
        n: how many recordings the table holds.

    Returns:
        Row numbers in the table, int ``(rows,)``.

    Example:
        >>> [in_turn(np.array([0, 2]), np.array([0, 1]), epoch, 2, 10).tolist()
        ...  for epoch in range(3)]
        [[0, 12], [10, 2], [0, 12]]
    """
    return recordings + n * ((first + epoch) % versions)


def every_version(recordings: np.ndarray, versions: int, n: int) -> np.ndarray:
    """The rows of all versions of recordings, int ``(versions * rows,)``.

    Example:
        >>> every_version(np.array([0, 2]), versions=2, n=10).tolist()
        [0, 2, 10, 12]
    """
    return np.concatenate([recordings + n * version for version in range(versions)])

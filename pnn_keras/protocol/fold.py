"""Folds: one division of the rows into roles."""

from __future__ import annotations

import dataclasses

import numpy as np

#: What a row can do in a fold, in the order in which folds are hashed and written.
ROLES = ("train", "stop", "test")


@dataclasses.dataclass(frozen=True)
class Fold:
    """The rows of one column in one division: numbers of utterances, sorted.

    Args:
        train: int64 ``(n_train,)``, the rows that weights and scaler are fitted on.
        stop: int64 ``(n_stop,)``, the rows that decide when training stops.
        test: int64 ``(n_test,)``, the rows that are scored.

    Example:
        >>> fold = Fold(train=np.array([0, 3]), stop=np.array([1]), test=np.array([2]))
        >>> fold.heard
        array([0, 1, 3])
        >>> list(fold.roles)
        ['train', 'stop', 'test']
    """

    train: np.ndarray
    stop: np.ndarray
    test: np.ndarray

    @property
    def heard(self) -> np.ndarray:
        """The rows that have any influence on the column: train and stop."""
        return np.union1d(self.train, self.stop)

    @property
    def roles(self) -> dict[str, np.ndarray]:
        """The rows of each role."""
        return {role: getattr(self, role) for role in ROLES}

"""When training ends: settings, batches, and each member's best epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from pnn_keras.errors import UserError
from pnn_keras.protocol import Fold

#: A stop fold has left chance once its UAR exceeds chance by this factor.
ABOVE_CHANCE = 1.2


@dataclasses.dataclass(frozen=True)
class Settings:
    """How columns are fitted; the same for every method that is compared.

    Args:
        epochs: most passes over the training rows (the paper: 600).
        batch_size: rows per update, at most (the paper does not say). 64 and the
            patience were chosen on stop rows alone, see
            ``tools/bench/choose_settings.py``.
        learning_rate: of Adam (the paper: 0.0005).
        patience: epochs without a better stop fold before training ends. It
            counts only once the stop fold has left chance: with sigmoid layers
            training sits on a plateau first.
        class_weights: whether every class weighs the same in the loss.
        seed: seed of the weights, the dropout and the shuffling.
    """

    epochs: int = 600
    batch_size: int = 64
    learning_rate: float = 0.0005
    patience: int = 100
    class_weights: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "patience"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name} is positive. Received: {getattr(self, name)!r}")


@dataclasses.dataclass(frozen=True)
class Epoch:
    """What is known after an epoch, for progress bars and logs.

    Args:
        number: of the epoch, from 1.
        loss: training loss of each member, ``(members,)``; NaN once it has ended.
        stop_loss: class-balanced loss on the stop rows, ``(members,)``.
        stop_uar: UAR on the stop rows, ``(members,)``.
        stop_recalls: recalls on the stop rows, ``(members, classes)``.
        running: which members trained in this epoch, bool ``(members,)``.
    """

    number: int
    loss: np.ndarray
    stop_loss: np.ndarray
    stop_uar: np.ndarray
    stop_recalls: np.ndarray
    running: np.ndarray


@dataclasses.dataclass(frozen=True)
class Fit:
    """How a fit went.

    Args:
        best_epoch: the epoch whose weights each member ends with, ``(members,)``.
        stop_uar: UAR on the stop rows at that epoch, ``(members,)``; NaN
            where there are no stop rows.
        epochs: every epoch.
        traced: confusion counts on the rows that were traced, epoch by epoch,
            int64 ``(epochs, members, classes, classes)``, or None.
    """

    best_epoch: np.ndarray
    stop_uar: np.ndarray
    epochs: tuple[Epoch, ...]
    traced: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Batches:
    """How each member's rows are cut into batches.

    Every member makes the same number of updates per epoch, its rows spread
    evenly over them. The numbers come from all folds of a comparison, so that
    a member's batches do not depend on who trains beside it.

    Args:
        steps: updates per epoch.
        width: most rows per update.
    """

    steps: int
    width: int

    @classmethod
    def of(cls, folds: Sequence[Fold], batch_size: int) -> Batches:
        """The batches of folds: as few as hold the largest fold.

        Example:

        >>> fold = Fold(np.arange(70), np.arange(0), np.arange(0))
        >>> Batches.of([fold], batch_size=32)
        Batches(steps=3, width=24)
        """
        largest = max(len(fold.train) for fold in folds)
        steps = -(-largest // batch_size)
        return cls(steps, -(-largest // steps))

    def deal(self, sizes: Sequence[int], generators: Sequence[np.random.Generator]) -> np.ndarray:
        """One epoch: each member's training rows in an order of its own.

        Args:
            sizes: how many training rows each member has.
            generators: each member's own.

        Returns:
            Positions among the member's training rows, int64 ``(steps, members,
            width)``; -1 where a batch has a gap.
        """
        dealt = np.full((self.steps, len(sizes), self.width), -1)
        for member, (size, generator) in enumerate(zip(sizes, generators, strict=True)):
            for step, part in enumerate(np.array_split(generator.permutation(size), self.steps)):
                dealt[step, member, : len(part)] = part
        return dealt


class BestEpochs:
    """Each member's best epoch so far, and whether it still trains.

    The best epoch is that of the highest UAR on the stop rows; ties go to the
    lower class-balanced loss, then to the earlier epoch. Members without stop
    rows never end early, and their last epoch is their best.

    Args:
        has_stop: which members have stop rows, bool ``(members,)``.
        classes: number of classes.
        patience: epochs without a better one before a member ends; they count
            once the member has left chance.
        last: the last epoch of each member, ``(members,)``, or of all.
    """

    def __init__(
        self, has_stop: np.ndarray, classes: int, patience: int, last: np.ndarray | int
    ) -> None:
        members = len(has_stop)
        self.uar = np.full(members, np.nan)
        self.loss = np.full(members, np.inf)
        self.epoch = np.zeros(members, np.int64)
        self.running = np.ones(members, bool)
        self._has_stop = has_stop
        self._waited = np.zeros(members, np.int64)
        self._chance = ABOVE_CHANCE / classes
        self._patience = patience
        self._last = last

    def update(self, epoch: Epoch) -> np.ndarray:
        """Takes an epoch in; says which members improved, bool ``(members,)``."""
        higher = np.isnan(self.uar) | (epoch.stop_uar > self.uar)
        tie = (epoch.stop_uar == self.uar) & (epoch.stop_loss < self.loss)
        improved = self.running & (~self._has_stop | higher | tie)
        self.uar = np.where(improved, epoch.stop_uar, self.uar)
        self.loss = np.where(improved, epoch.stop_loss, self.loss)
        self.epoch = np.where(improved, epoch.number, self.epoch)
        with np.errstate(invalid="ignore"):
            above = self.uar > self._chance
        self._waited = np.where(improved | ~above, 0, self._waited + 1)
        self.running &= ~self._has_stop | (self._waited < self._patience)
        self.running &= epoch.number < self._last
        return improved

"""One target and its sources on the same folds: what every method learns on, and gives back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from pnn_keras.column import Column, column_name
from pnn_keras.learner import Fitted, Learner, Sources
from pnn_keras.nested import Tuning
from pnn_keras.protocol import Fold
from pnn_keras.source_columns import fit_source
from pnn_keras.task import Task


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a method made of every fold.

    Args:
        answers: class probabilities of all utterances, ``(members, n, classes)``.
        parameters: number of weights that one member trained for the target, or
            None where a method has none to count.
        best_epoch: the epoch that each member ended with, or None.
        stop_uar: UAR on the stop rows then, or None.
        traced: confusion counts on the test rows epoch by epoch, or None.
        source_answers: the source task's probabilities of all utterances once
            the target was learned, ``(members, n, classes)``; None if the
            method has no source to forget.
        chosen: what each fold chose, of a method that searches inside it, or None.
    """

    answers: np.ndarray
    parameters: int | None
    best_epoch: np.ndarray | None = None
    stop_uar: np.ndarray | None = None
    traced: np.ndarray | None = None
    source_answers: np.ndarray | None = None
    chosen: list[dict] | None = None


class Bench:
    """One target and its sources, learned by one method after the other.

    The sources are fitted once, when a method first needs them.

    Args:
        learner: fits columns on the members.
        target: the task to learn.
        sources: the tasks to learn first, in order.
        reads: the earlier columns that the target reads; None means all.
        traced: whether confusions on test rows are counted every epoch.
        tuning: what methods that search inside each fold try; None means the defaults.
    """

    def __init__(
        self,
        learner: Learner,
        target: Task,
        sources: Sequence[Task] = (),
        reads: Sequence[str] | None = None,
        traced: bool = False,
        tuning: Tuning | None = None,
    ) -> None:
        self.tuning = tuning or Tuning()
        self.learner, self.target, self.sources = learner, target, tuple(sources)
        self.reads = reads
        self.traced = [fold.test for fold in learner.folds] if traced else None
        self._fitted: dict[str, Fitted] = {}

    def fit(
        self,
        column: Column,
        title: str,
        sources: Sources | None = None,
        folds: Sequence[Fold] | None = None,
        **options,
    ) -> Fitted:
        """Fits a target column on the members' folds, or on others of theirs."""
        return self.learner.fit(
            column,
            self.learner.folds if folds is None else folds,
            sources,
            title=f"{self.target.name} {title}",
            traced=self.traced,
            **options,
        )

    def column(self, sources: Sources | None = None, **options) -> Column:
        """A new target column."""
        return self.learner.target_column(self.target, sources, **options)

    @property
    def reads_any(self) -> bool:
        """Whether there is an earlier column for the target to read."""
        names = self.widths if self.reads is None else map(column_name, self.reads)
        return any(name not in self.left_out for name in names)

    @property
    def widths(self) -> dict[str, Sequence[int]]:
        """Widths of the hidden layers of all earlier columns, by the column's name."""
        shape = self.learner.shape
        made = {column_name(task.name): shape.of_source(task.name) for task in self.sources}
        return {**self.learner.base.widths, **made}

    @property
    def left_out(self) -> set[str]:
        """The earlier columns that the target does not read, by the learner's shape."""
        shape = self.learner.shape
        return set(self.widths) - set(shape.wiring_to(self.widths, shape.units))

    def before(self, position: int) -> Bench:
        """The bench on which the source at a position is the target, with the same columns."""
        bench = Bench(self.learner, self.sources[position], self.sources[:position])
        bench._fitted = self._fitted
        return bench

    def trained(self) -> list[Fitted]:
        """The source columns, each of which reads those before it."""
        read = self.learner.base
        for task in self.sources:
            if task.name not in self._fitted:
                self._fitted[task.name] = fit_source(self.learner, task, read)
            fitted = self._fitted[task.name]
            read = read.add_fitted(fitted)
        return [self._fitted[task.name] for task in self.sources]


def as_sources(bench: Bench, fitted: Sequence[Fitted]) -> Sources:
    """Fitted columns behind those that were there already, to be read."""
    read = bench.learner.base
    for each in fitted:
        read = read.add_fitted(each)
    return read

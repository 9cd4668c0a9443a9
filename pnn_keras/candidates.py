"""Fitting the candidates of a search beside source columns that are kept between them."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from pnn_keras.learner import Fitted, Learner, Sources
from pnn_keras.search_space import Candidate
from pnn_keras.source_columns import fit_source
from pnn_keras.task import Task

#: Memory that the activations of source columns kept for later candidates may take, in bytes.
KEPT = 2 * 2**30


class Candidates:
    """Fits target columns of many shapes on the same folds.

    A source column depends on its own widths, the learning rate and the
    dropout; it is fitted once for all candidates that share these. Those used
    longest ago are forgotten once they take too much memory.

    Args:
        learner: fits columns on the folds; its shape and learning rate do not count.
        target: the task to learn.
        sources: the tasks to learn first, in order.
        kept: memory that source columns may take, in bytes.
    """

    def __init__(
        self, learner: Learner, target: Task, sources: Sequence[Task], kept: int = KEPT
    ) -> None:
        self.learner, self.target, self.sources = learner, target, list(sources)
        self._room = kept
        self._kept: OrderedDict[tuple, Fitted] = OrderedDict()
        for task in self.sources:
            learner.source_folds(task)  # dealt once, for the learners of all candidates

    def fit(self, candidate: Candidate, epochs: int | None = None) -> Fitted:
        """The target column of a candidate, fitted on every fold.

        Args:
            candidate: its shape, and how it is fitted.
            epochs: most passes over the training rows; None means the settings'.
        """
        settings = candidate.settings(self.learner.settings, epochs)
        learner = self.learner.reshaped(candidate.shape(), settings)
        # The budget in epochs is the target's: a source is the same whatever the budget.
        whole = self.learner.reshaped(candidate.shape(), candidate.settings(self.learner.settings))
        read = self.learner.base
        for number, task in enumerate(self.sources):
            if task.name in candidate.source_units:
                fitted = self._source(whole, candidate, number, read)
                read = read.add_fitted(fitted)
        column = learner.target_column(self.target, read)
        title = f"{self.target.name} {candidate}"
        return learner.fit(column, learner.folds, read, title=title)

    def forget(self) -> None:
        """Lets go of all source columns, as after running out of memory."""
        self._kept.clear()
        gc.collect()

    def _source(
        self, learner: Learner, candidate: Candidate, number: int, read: Sources
    ) -> Fitted:
        """A source column, fitted unless it is kept."""
        widths = [candidate.source_units[task.name] for task in self.sources[: number + 1]]
        key = (*widths, candidate.learning_rate, candidate.dropout)
        if read.widths:  # it reads others, and so through lateral connections
            key += (candidate.lateral, candidate.adapter_units)
        if key not in self._kept:
            self._kept[key] = fit_source(learner, self.sources[number], read)
        self._kept.move_to_end(key)
        fitted = self._kept[key]
        while len(self._kept) > 1 and sum(map(_size, self._kept.values())) > self._room:
            self._kept.popitem(last=False)
        return fitted


def _size(fitted: Fitted) -> int:
    """Memory that a source column takes, in bytes."""
    arrays = [fitted.answers, *fitted.taps]
    weights = sum(int(np.prod(variable.shape)) * 4 for variable in fitted.column.variables)
    return sum(array.nbytes for array in arrays) + weights

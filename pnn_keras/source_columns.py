"""Source columns: trained ones, and the random and the shuffled ones that control for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from pnn_keras.column import Column
from pnn_keras.learner import Fitted, Learner, Sources
from pnn_keras.protocol import Fold
from pnn_keras.task import Task
from pnn_keras.training import hear


def fit_source(
    learner: Learner,
    task: Task,
    sources: Sources | None = None,
    *,
    title: str | None = None,
    targets: np.ndarray | None = None,
    last: Sequence[int] | None = None,
) -> Fitted:
    """Fits a source column on the rows that it may hear in every fold.

    Its own stop rows, which it cannot share with the target, choose the epoch.
    Then it is fitted anew on these rows too, for as many epochs: else a source
    of few speakers would lose a third of them. A speaker recogniser, which
    loses an eighth of each speaker's clips, and a source of another corpus keep
    their first fit, and with it stop rows that they have not learned from.

    A source that learns from another corpus has the same rows in every fold of
    a repeat: where that holds of the columns that it reads too, it is fitted once
    a repeat, and serves all folds of it.

    Args:
        learner: fits columns on the members.
        task: what the source answers.
        sources: earlier columns that it reads.
        title: what the progress bar says; None takes the task's name.
        targets: other class numbers to learn, ``(n,)``.
        last: the epoch after which each member ends, with the weights that it
            then has; None lets its stop rows choose.

    Returns:
        The column. Its ``fit`` tells how the epoch was chosen, and its
        ``folds`` the rows before it was fitted anew.
    """
    sources = sources or Sources()
    shared = _is_shared(learner, task, sources)
    numbers = _own_columns(learner, shared)
    sources = _of_numbers(learner, sources, numbers)

    def column() -> Column:
        units = learner.shape.of_source(task.name)
        return learner.column(task, numbers, sources, units=units)

    options = {"sources": sources, "title": title or task.name, "targets": targets}
    if last is not None:
        last = [last[position] for position in _positions(learner, numbers)]
        fitted = _fit_whole(learner, column(), numbers, last, options)
        return _for_members(learner, fitted, numbers, shared)
    every = learner.source_folds(task)
    folds = [every[number] for number in numbers]
    chosen = learner.fit(column(), folds, batches=learner.batches_of(every), **options)
    if learns_stop_rows(learner, task):
        last = chosen.fit.best_epoch.tolist()
        options["title"] += " with stop rows"
        anew = _fit_whole(learner, column(), numbers, last, options)
        chosen = dataclasses.replace(anew, fit=chosen.fit, folds=folds)
    return _for_members(learner, chosen, numbers, shared)


def fit_on_source_rows(learner: Learner, column: Column, *, title: str) -> Fitted:
    """Fits a column that is there already on a source's rows: further pre-training.

    Args:
        learner: fits columns on the members.
        column: a column of the source's task, one member per fold.
        title: what the progress bar says.
    """
    every = learner.source_folds(column.task)
    folds = learner.of_members(every)
    return learner.fit(column, folds, title=title, batches=learner.batches_of(every))


def learns_stop_rows(learner: Learner, task: Task) -> bool:
    """Whether a source is fitted anew on its stop rows too once they have chosen the epoch."""
    heard = learner.source_folds(task)[0].heard
    return task.label != "speaker" and bool(np.isin(heard, learner.division.folds[0].train).all())


def random_columns(learner: Learner, tasks: Sequence[Task]) -> list[Fitted]:
    """Source columns with their initial weights, scaled as the trained ones are.

    Reference:
        Baseline 4 of Rusu et al., *Progressive Neural Networks*, 2016.
    """
    made, read = [], learner.base
    for task in tasks:
        units = learner.shape.of_source(task.name)
        column = learner.column(task, learner.members, read, units=units)
        folds = learner.of_members(_learned(learner, task))
        column.scaler.fit([learner.features[rows] for rows in learner.scaling_rows(task, folds)])
        column.trainable = False
        answers, taps = hear(column, learner.hearing(read.taps))
        made.append(Fitted(column, folds, None, answers, taps, 0))
        read = read.add(column.name, taps, column.tap_units)
    return made


def shuffled_columns(
    learner: Learner, tasks: Sequence[Task], last: Sequence[Sequence[int]]
) -> list[Fitted]:
    """Source columns that learn labels dealt at random among their rows.

    Args:
        learner: fits columns on the members.
        tasks: the sources.
        last: for each source, how many epochs each member's trained one took:
            labels in random order leave nothing to choose an epoch by.
    """
    made, read = [], learner.base
    for task, epochs in zip(tasks, last, strict=True):
        targets = task.targets(learner.material.utterances)
        known = np.flatnonzero(targets >= 0)
        generator = np.random.default_rng([learner.settings.seed, 2])
        shuffled = targets.copy()
        shuffled[known] = generator.permutation(targets[known])
        fitted = fit_source(
            learner, task, read, title=f"{task.name} shuffled", targets=shuffled, last=epochs
        )
        made.append(fitted)
        read = read.add_fitted(fitted)
    return made


def _learned(learner: Learner, task: Task) -> list[Fold]:
    """The rows that a source finally learns from in every fold, none of which stop it."""
    all_rows = learns_stop_rows(learner, task)
    return [
        Fold(fold.heard if all_rows else fold.train, fold.stop[:0], fold.test)
        for fold in learner.source_folds(task)
    ]


def _fit_whole(learner: Learner, column: Column, numbers, last, options) -> Fitted:
    every = _learned(learner, column.task)
    folds = [every[number] for number in numbers]
    return learner.fit(column, folds, last=last, batches=learner.batches_of(every), **options)


def _is_shared(learner: Learner, task: Task, read: Sources) -> bool:
    """Whether a source's column is the same in all folds of a repeat: rows, and what it reads."""
    every = learner.source_folds(task)
    same_rows = all(np.array_equal(fold.train, every[0].train) for fold in every)
    return same_rows and set(read.widths) <= read.shared


def _own_columns(learner: Learner, shared: bool) -> list[int]:
    """The numbers of the folds that need a source column of their own."""
    if not shared:
        return list(learner.members)
    return sorted({_first_of_repeat(learner, member) for member in learner.members})


def _of_numbers(learner: Learner, read: Sources, numbers: Sequence[int]) -> Sources:
    """What source columns of these numbers read, of what all members do."""
    if list(numbers) == list(learner.members):
        return read
    first = [_first_of_repeat(learner, member) for member in learner.members]
    index = [first.index(number) for number in numbers]
    taps = {
        name: [tap if tap.ndim == 2 else tap[index] for tap in layers]
        for name, layers in read.taps.items()
    }
    return Sources(taps, read.widths, read.shared)


def _positions(learner: Learner, numbers: Sequence[int]) -> list[int]:
    """Where each of some source columns' folds stands among the members."""
    if list(numbers) == list(learner.members):
        return list(range(len(numbers)))
    return [[_first_of_repeat(learner, m) for m in learner.members].index(n) for n in numbers]


def _first_of_repeat(learner: Learner, member: int) -> int:
    per_repeat = len(learner.division.folds) // learner.division.repeats
    return member - member % per_repeat


def _for_members(learner: Learner, fitted: Fitted, numbers: Sequence[int], shared: bool) -> Fitted:
    """A source fitted for some folds, as if it had been fitted for each member."""
    fitted = dataclasses.replace(fitted, shared=shared)
    if list(numbers) == list(learner.members):
        return fitted
    index = [list(numbers).index(_first_of_repeat(learner, m)) for m in learner.members]
    fit = fitted.fit
    return dataclasses.replace(
        fitted,
        column=fitted.column.subset(index),
        folds=[fitted.folds[i] for i in index],
        fit=dataclasses.replace(
            fit, best_epoch=fit.best_epoch[index], stop_uar=fit.stop_uar[index]
        ),
        answers=fitted.answers[index],
        taps=[tap[index] for tap in fitted.taps],
    )

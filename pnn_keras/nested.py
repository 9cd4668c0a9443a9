"""Searching inside each fold: what a fold's own training and stop rows would choose."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from pnn_keras.candidates import Candidates
from pnn_keras.errors import PnnKerasError, UserError
from pnn_keras.learner import Fitted, Learner
from pnn_keras.search_space import Candidate, Space
from pnn_keras.task import Task


@dataclasses.dataclass(frozen=True)
class Tuning(Space):
    """A search space, and how many candidates of it are tried in each fold.

    Args:
        trials: how many candidates are tried, besides the choices of
            :class:`~pnn_keras.search_space.Space`.

    Raises:
        UserError: there is no trial, or a choice cannot be.
    """

    trials: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.trials, int) or self.trials < 1:
            raise UserError(f"A search has at least one trial. Received: trials={self.trials!r}")


@dataclasses.dataclass(frozen=True)
class Chosen:
    """What every fold has chosen, and what that says.

    Args:
        candidates: the candidate of each member.
        answers: class probabilities of all utterances, ``(members, n, classes)``.
        parameters: weights trained for the target, of each member, ``(members,)``.
        best_epoch: the epoch that each member ended with, ``(members,)``.
        stop_uar: UAR on the stop rows then, ``(members,)``.
    """

    candidates: list[Candidate]
    answers: np.ndarray
    parameters: np.ndarray
    best_epoch: np.ndarray
    stop_uar: np.ndarray


def choose_in_folds(
    learner: Learner, target: Task, sources: Sequence[Task], tuning: Tuning
) -> Chosen:
    """Tries candidates on all folds side by side; each fold keeps the one that is best on its own.

    The candidates are drawn at random beforehand, by the seed alone, and a
    member's fit depends on its own rows alone. So a fold's choice follows from
    its training and stop rows, as if it had been searched by itself: the
    highest UAR on its stop rows, ties broken by fewer weights. Its test rows
    have had no say, nor have the stop rows of other folds.

    Args:
        learner: fits columns on the members.
        target: the task to learn.
        sources: the tasks to learn first, in order.
        tuning: what is tried.

    Raises:
        PnnKerasError: every candidate failed.
    """
    candidates = Candidates(learner, target, sources)
    names = [task.name for task in sources]
    chosen: Chosen | None = None
    reason = "none was drawn"
    for candidate in tuning.sample(names, tuning.trials, learner.settings.seed):
        try:
            fitted = candidates.fit(candidate)
        except (PnnKerasError, tf.errors.OpError, MemoryError) as error:
            reason = f"{candidate}: {type(error).__name__}: {error}"
            warnings.warn(f"A trial is skipped: {reason}", RuntimeWarning, stacklevel=2)
            candidates.forget()
        else:
            chosen = _better(chosen, candidate, fitted)
    if chosen is None:
        raise PnnKerasError(f"Every trial failed; the last: {reason}")
    return chosen


def _better(before: Chosen | None, candidate: Candidate, fitted: Fitted) -> Chosen:
    """For each member the better one of what it had and what was tried."""
    members = len(fitted.folds)
    tried = Chosen(
        [candidate] * members,
        fitted.answers,
        np.full(members, fitted.parameters),
        fitted.fit.best_epoch,
        fitted.fit.stop_uar,
    )
    if before is None:
        return tried
    fewer = tried.parameters < before.parameters
    won = tried.stop_uar > before.stop_uar
    won |= (tried.stop_uar == before.stop_uar) & fewer
    kept = zip(won, before.candidates, strict=True)
    return Chosen(
        [candidate if better else earlier for better, earlier in kept],
        np.where(won[:, None, None], tried.answers, before.answers),
        np.where(won, tried.parameters, before.parameters),
        np.where(won, tried.best_epoch, before.best_epoch),
        np.where(won, tried.stop_uar, before.stop_uar),
    )

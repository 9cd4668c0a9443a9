"""keras-tuner's oracles, which choose what is tried next, and what is kept of them."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pnn_keras.search_space import Space

with contextlib.redirect_stdout(io.StringIO()):  # it greets
    import keras_tuner
    from keras_tuner.src.engine.metrics_tracking import MetricsTracker

#: What an oracle is told of a trial.
OBJECTIVE = "stop_uar"

#: Hyperband's factor, and the share of the epochs that its shortest trials get: with fewer,
#: sigmoid layers are still on the plateau that they begin with, and say nothing.
FACTOR, SHORTEST = 3, 27

#: Random points at which the Bayesian oracle looks.
POINTS = 2048


class _Resumable:
    """What every oracle here does besides: it is kept whole, and goes on from what was kept."""

    #: Called with all that the oracle knows whenever that changes.
    keep: Callable[[Mapping], None] = staticmethod(lambda state: None)

    def save(self) -> None:
        """Keeps what the oracle knows, besides writing keras-tuner's own files."""
        super().save()
        self.keep(self.snapshot())

    def snapshot(self) -> dict:
        """All that the oracle goes on from, as JSON has it."""
        trials = [
            {
                "trial_id": trial.trial_id,
                "values": trial.hyperparameters.values,
                "metrics": trial.metrics.get_config(),
                "score": trial.score,
                "best_step": trial.best_step,
                "status": trial.status,
            }
            for trial in self.trials.values()
        ]
        random = getattr(self, "_random_state", None)  # the Bayesian oracle's, which it forgets
        return {
            "state": self.get_state(),
            "trials": trials,
            "random": None if random is None else [_plain(p) for p in random.get_state()],
        }

    def restore(self, kept: Mapping, is_known: Callable[[Mapping], bool]) -> None:
        """Goes on from a snapshot; what was running, and what failed, comes first.

        Args:
            kept: what :meth:`snapshot` gave.
            is_known: whether a trial of these values has a score.
        """
        kept = copy.deepcopy(kept)  # keras-tuner makes objects of what it is given, in place
        for each in kept["trials"]:
            hyperparameters = self.hyperparameters.copy()
            hyperparameters.values = dict(each["values"])
            trial = keras_tuner.engine.trial.Trial(
                hyperparameters, each["trial_id"], each["status"]
            )
            trial.metrics = MetricsTracker.from_config(each["metrics"])
            trial.score, trial.best_step = each["score"], each["best_step"]
            self.trials[trial.trial_id] = trial
        self.set_state(kept["state"])
        if kept["random"] is not None:
            self._random_state.set_state(tuple(kept["random"]))
        self._again(is_known)

    @keras_tuner.synchronized
    def hand_out_again(self, tuner_id: str):
        """Takes the trial of a worker that is lost back, to hand it out to another.

        Returns:
            The trial, or None if the worker had none.
        """
        self.tuner_ids.discard(tuner_id)
        trial = self.ongoing_trials.pop(tuner_id, None)
        if trial is not None:
            # What a worker may have told of it before it was lost counts only once.
            trial.metrics, trial.score, trial.status = MetricsTracker(), None, "INVALID"
            self._retry_queue.append(trial.trial_id)
            self.save()
        return trial

    @keras_tuner.synchronized
    def end_known(self, trial, score: float) -> None:
        """Ends a trial whose score is known, whoever has it or had it."""
        if trial.trial_id in self._retry_queue:
            self._retry_queue.remove(trial.trial_id)
        self.update_trial(trial.trial_id, {OBJECTIVE: score})
        trial.status = "COMPLETED"
        self.end_trial(trial)

    @property
    def busy(self) -> bool:
        """Whether a trial is with a worker, or waits for one."""
        return bool(self.ongoing_trials or self._retry_queue)

    def _again(self, is_known: Callable[[Mapping], bool]) -> None:
        """Hands out anew what was running, and what has no score."""
        self.ongoing_trials = {}
        self._retry_queue = []
        for trial in self.trials.values():
            if trial.status == "COMPLETED" and is_known(trial.hyperparameters.values):
                continue
            trial.metrics, trial.score, trial.status = MetricsTracker(), None, "INVALID"
            self._run_times.pop(trial.trial_id, None)
            if trial.trial_id in self.end_order:
                self.end_order.remove(trial.trial_id)
            self._retry_queue.insert(0, trial.trial_id)  # the last is taken first


class RandomOracle(_Resumable, keras_tuner.oracles.RandomSearchOracle):
    """Chooses at random."""


class BayesianOracle(_Resumable, keras_tuner.oracles.BayesianOptimizationOracle):
    """Chooses by a Gaussian process over what was tried; the first third at random.

    The process is keras-tuner's. Its lower confidence bound is taken at many
    random points at once: keras-tuner's fifty gradient descents by finite
    differences take longer than many a trial, and may end where one was.
    """

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.gpr.n_restarts_optimizer = 2

    def populate_space(self, trial_id: str) -> dict:
        """The next values to try, none of which were tried before."""
        completed = [t for t in self.trials.values() if t.status == "COMPLETED"]
        if len(completed) < self.num_initial_points:
            return self._random_populate_space()
        x, y = self._vectorize_trials()
        self.gpr.fit(x, y)
        points = self._random_state.uniform(size=(POINTS, x.shape[1]))
        mean, deviation = self.gpr.predict(points, return_std=True)
        for number in np.argsort(mean - self.beta * deviation):
            values = self._vector_to_values(points[number])
            if self._compute_values_hash(values) not in self._tried_so_far:
                return {"status": "RUNNING", "values": values}
        return {"status": "STOPPED"}


class HyperbandOracle(_Resumable, keras_tuner.oracles.HyperbandOracle):
    """Gives many a few epochs, and the better ones more.

    keras-tuner's brackets, with their sizes in proportion to the number of
    shapes that are to be tried.

    Reference:
        Li et al., *Hyperband: A Novel Bandit-Based Approach to Hyperparameter
        Optimization*, JMLR 2018.
    """

    def __init__(self, shapes: int, epochs: int, **options) -> None:
        self.share = 1.0
        super().__init__(max_epochs=epochs, factor=FACTOR, **options)
        self.min_epochs = max(1, epochs // SHORTEST)
        self._brackets = []
        self._current_bracket = self._get_num_brackets() - 1
        self._start_new_bracket()
        brackets = range(self._get_num_brackets())
        self.share = shapes / sum(self._get_size(bracket, 0) for bracket in brackets)

    def _get_size(self, bracket_num: int, round_num: int) -> int:
        return max(1, round(self.share * super()._get_size(bracket_num, round_num)))


def make_oracle(name: str, space: Space, sources: Sequence[str], trials: int, **options):
    """An oracle for a search.

    Args:
        name: ``"random"``, ``"bayesian"`` or ``"hyperband"``.
        space: what there is to choose.
        sources: the source tasks, in order.
        trials: how many shapes to try at most; with Hyperband, about.
        **options: ``seed``, not negative, and ``epochs``, the budget.
    """
    common = {
        "objective": keras_tuner.Objective(OBJECTIVE, direction="max"),
        "seed": options["seed"] + 1,  # keras-tuner takes 0 for no seed
        "hyperparameters": declare(space, sources),
        # A shape that fails says nothing of the next one: never give up early.
        "max_consecutive_failed_trials": 10**9,
    }
    if name == "hyperband":
        return HyperbandOracle(trials, options["epochs"], **common)
    if name == "bayesian":
        # keras-tuner's own three per choice would be more than most searches have.
        return BayesianOracle(max_trials=trials, num_initial_points=-(-trials // 3), **common)
    return RandomOracle(max_trials=trials, **common)


def declare(space: Space, sources: Sequence[str]):
    """A search space as keras-tuner has it: what makes no difference is not chosen."""
    made = keras_tuner.HyperParameters()
    choices = space.choices(sources)

    def choose(name: str) -> None:
        values = list(choices[name])
        made.Choice(name, values, ordered=not isinstance(values[0], str))

    choose("depth")
    for layer in range(1, max(space.depths) + 1):
        deep_enough = [depth for depth in space.depths if depth >= layer]
        with made.conditional_scope("depth", deep_enough):
            choose(f"width_{layer}")
    reading = [how for how in space.reads if how != "none"]
    with contextlib.ExitStack() as scopes:
        for task in sources:
            choose(f"{task}_reads")
            if not reading:
                continue
            if len(sources) == 1 and len(reading) < len(space.reads):
                scopes.enter_context(made.conditional_scope(f"{task}_reads", reading))
            choose(f"{task}_depth")
            choose(f"{task}_width")
        if sources and reading:
            choose("lateral")
            if "adapter" in space.laterals:
                with made.conditional_scope("lateral", ["adapter"]):
                    choose("adapter_units")
    choose("dropout")
    choose("learning_rate")
    return made


def _plain(part):
    return part.tolist() if isinstance(part, np.ndarray) else part

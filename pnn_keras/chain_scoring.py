"""Scores of every column of a chain over the folds, and what the chain takes from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from pnn_keras.bench import Bench
from pnn_keras.column import Column, column_name
from pnn_keras.errors import UserError
from pnn_keras.held_out import HeldOut, calibration_of, groups_of, held_out, interval_of
from pnn_keras.learner import Fitted
from pnn_keras.methods import METHODS, can_learn, find_method
from pnn_keras.pretrained import column_to_tune
from pnn_keras.protocol import Fold
from pnn_keras.scores import score_answers
from pnn_keras.task import Task


@dataclasses.dataclass
class Scoring:
    """What the folds say of a chain.

    Args:
        scores: by task and method.
        epochs: how long each column is fitted on all rows, by column.
        groups: by task, see :func:`pnn_keras.held_out.groups_of`.
        calibration: by task, see :func:`pnn_keras.calibration.calibrate`.
        answers: the answers on test rows behind them.
    """

    scores: dict[str, dict] = dataclasses.field(default_factory=dict)
    epochs: dict[str, int] = dataclasses.field(default_factory=dict)
    groups: dict[str, dict] = dataclasses.field(default_factory=dict)
    calibration: dict[str, dict] = dataclasses.field(default_factory=dict)
    answers: list[HeldOut] = dataclasses.field(default_factory=list)

    @property
    def temperatures(self) -> dict[str, float]:
        """By column; those that nothing was held out for are missing."""
        return {column_name(task): c["temperature"] for task, c in self.calibration.items()}


def check_compared(compare: Sequence[str], sources: Sequence[str], has_chain: bool) -> None:
    """Refuses methods that are unknown, or that cannot learn from what is given.

    Args:
        compare: the methods.
        sources: the tasks to learn first.
        has_chain: whether a trained chain is extended.

    Raises:
        UserError: one needs a source or a chain where there is none, or reads a
            chain alone where there are sources as well.
    """
    methods = [find_method(name) for name in compare]
    chainless = [m.name for m in methods if m.needs_chain and not has_chain]
    if chainless:
        raise UserError(
            f"{', '.join(chainless)}: there is no trained chain to read. Received: none. "
            "Give one: --from"
        )
    lonely = [m.name for m in methods if m.needs_source and not (sources or has_chain)]
    if lonely:
        raise UserError(f"{', '.join(lonely)} need a source. Received: none. Give one: --source")
    alone = [m.name for m in methods if m.needs_chain and not m.asks_chain]
    if alone and sources:
        raise UserError(
            f"{', '.join(alone)} read the chain given alone, and the target reads "
            f"{', '.join(sources)} as well. Leave them out; --adapt rescales the chain"
        )


def check_answered(compare: Sequence[str], columns: Sequence[Column], target: Task) -> None:
    """Refuses methods that ask a trained chain for a target that it does not answer.

    Raises:
        UserError: one does.
    """
    lost = [name for name in compare if not can_learn(name, columns, target)]
    if lost:
        raise UserError(
            f"The chain given answers no {target.label} as {', '.join(target.classes)}. Leave out "
            f"--compare {', '.join(lost)}"
        )


def score_chain(bench: Bench, compare: Sequence[str] = ()) -> Scoring:
    """Fits the sources and the target on all folds, and other methods beside them.

    Args:
        bench: the target and its sources.
        compare: methods of :data:`pnn_keras.methods.METHODS` to score on the
            same folds, besides the network from scratch; for the sources too,
            where all rows of the folds have their label.
    """
    found = Scoring()
    for position, (task, fitted) in enumerate(zip(bench.sources, bench.trained(), strict=True)):
        found.epochs[fitted.column.name] = _median(fitted.fit.best_epoch)
        _add_source(found, bench, task, fitted)
        if compare:
            _add_beside_source(found, bench.before(position), compare)
    own = _own_methods(bench)
    others = [name for name in METHODS if name in compare and name not in own]
    for name in (*own, *others):
        outcome = METHODS[name].learn(bench)
        _add(found, bench, name, outcome, is_chosen=name == own[0])
    chosen = found.scores[bench.target.name][own[0]]["best_epochs"]
    found.epochs[column_name(bench.target.name)] = _median(chosen)
    return found


def _own_methods(bench: Bench) -> tuple[str, ...]:
    """What the target is scored by: the chain's own way first, then what it is held against."""
    if not bench.reads_any:
        return ("dnn",)
    tuned = column_to_tune(bench.learner.pretrained, bench.target.label)
    return ("prognet", "dnn") if tuned is None else ("prognet", "ptft", "dnn")


def _add(found: Scoring, bench: Bench, method: str, outcome, is_chosen: bool) -> None:
    """Scores a method of the bench's target."""
    task, division = bench.target, bench.learner.division
    targets = task.targets(bench.learner.material.utterances)
    score = score_answers(targets, outcome.answers, division.folds, task, division.repeats)
    if outcome.best_epoch is not None:
        score["best_epochs"] = outcome.best_epoch.tolist()
    _note(found, bench, task, method, score, outcome.answers, division.folds, is_chosen)


def _note(found, bench, task, method, score, answers, folds, is_chosen) -> None:
    """Notes a score on test rows with what goes with it."""
    utterances = bench.learner.material.utterances
    repeats = bench.learner.division.repeats
    targets = task.targets(utterances)
    answered = held_out(task, method, targets, answers, folds, repeats)
    if answered is not None:
        found.answers.append(answered)
        score = {**score, "interval": interval_of(answered, utterances)}
        if is_chosen:
            found.groups[task.name] = groups_of(answered, utterances)
            found.calibration[task.name] = calibration_of(answered)
    found.scores.setdefault(task.name, {})[method] = score


def _add_source(found: Scoring, bench: Bench, task: Task, fitted: Fitted) -> None:
    """Scores a source: on the target's test rows, or on its own stop rows."""
    targets = task.targets(bench.learner.material.utterances)
    repeats = bench.learner.division.repeats
    if all(len(fold.test) for fold in fitted.folds):
        score = score_answers(targets, fitted.answers, fitted.folds, task, repeats)
        _note(found, bench, task, "column", score, fitted.answers, fitted.folds, True)
        return
    # Unknown speakers are no class of a speaker recogniser, and another
    # corpus's source is not tested here: its stop rows are all there is.
    stopping = [Fold(fold.train, fold.stop, fold.stop) for fold in fitted.folds]
    pooled = score_answers(targets, fitted.answers, stopping, task, len(stopping))
    found.scores[task.name] = {"column": {**pooled, "role": "stop"}}


def _add_beside_source(found: Scoring, bench: Bench, compare: Sequence[str]) -> None:
    """Scores other methods of a source on the target's folds, where they can learn it there."""
    targets = bench.target.targets(bench.learner.material.utterances)
    scored = found.scores[bench.target.name]["column"]["role"] == "test"
    labelled = all((targets[np.r_[f.heard, f.test]] >= 0).all() for f in bench.learner.folds)
    if not (scored and labelled):
        return
    for name in METHODS:
        # What the chain keeps of it is the column itself; a ProgNet of it is scored as that.
        asked = name in ("dnn", *compare) and name != "prognet"
        asked = asked and can_learn(name, bench.learner.pretrained, bench.target)
        if asked and (bench.sources or not METHODS[name].needs_source):
            _add(found, bench, name, METHODS[name].learn(bench), is_chosen=False)


def _median(epochs: Sequence[int] | np.ndarray) -> int:
    return int(np.median(epochs))

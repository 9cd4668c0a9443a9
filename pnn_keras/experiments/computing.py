"""Computing the parts of a run: what a method makes of some folds, and the facts beside it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pnn_keras.base import base_sources
from pnn_keras.bench import Bench, Outcome
from pnn_keras.experiments.planning import Planned
from pnn_keras.experiments.spec import Experiment
from pnn_keras.experiments.store import FORGETTING, Part, PartResult, write_part
from pnn_keras.learner import Learner
from pnn_keras.material import Material
from pnn_keras.methods import METHODS
from pnn_keras.monitor import Monitor
from pnn_keras.protocol import speakers_apart
from pnn_keras.statistics import confusion_matrix


class PartComputer:
    """Computes the parts of a run one by one, and writes each.

    Parts of one source and group that follow each other share its fitted columns.

    Args:
        folder: the run's folder.
        experiment: what is asked.
        material: utterances and features.
        planned: all studies.
        monitor: shows the fits.
    """

    def __init__(
        self,
        folder: Path,
        experiment: Experiment,
        material: Material,
        planned: Sequence[Planned],
        monitor: Monitor | None = None,
    ) -> None:
        self.folder, self.experiment, self.material = folder, experiment, material
        self.planned = {each.number: each for each in planned}
        self.monitor = monitor
        self._group, self._learner = None, None
        self._source, self._bench = None, None

    def compute(self, part: Part) -> None:
        """Learns what a part asks, and writes it whole."""
        bench = self._bench_for(part)
        start = time.monotonic()
        outcome = METHODS[part.method].learn(bench)
        write_part(self.folder, part, _result(bench, outcome, time.monotonic() - start))

    def _bench_for(self, part: Part) -> Bench:
        """That of the last part, if it has the same folds and source."""
        learner = self._learner_for(part)
        if (self._group, part.source) != self._source:
            self._source, self._bench = None, None  # the columns of one source at a time
            planned = self.planned[part.study]
            self._bench = Bench(
                learner,
                planned.target,
                planned.sources.get(part.source, []),
                traced=self.experiment.curves,
                tuning=self.experiment.tuning,
            )
            self._source = (self._group, part.source)
        return self._bench

    def _learner_for(self, part: Part) -> Learner:
        group = (part.study, part.members)
        if group != self._group:
            self._source, self._bench, self._learner = None, None, None  # one group at a time
            planned, experiment = self.planned[part.study], self.experiment
            base = planned.base
            self._learner = Learner(
                self.material,
                planned.division,
                experiment.shape,
                experiment.settings,
                experiment.scaling,
                self.monitor,
                members=part.members,
                base=None if base is None else base_sources(base, self.material),
                pretrained=() if base is None else base.columns,
            )
            self._group = group
        return self._learner


def _result(bench: Bench, outcome: Outcome, seconds: float) -> PartResult:
    """The answers on test rows, and the facts beside them."""
    members, rows, answers = [], [], []
    for position, (number, fold) in enumerate(
        zip(bench.learner.members, bench.learner.folds, strict=True)
    ):
        members.append(np.full(len(fold.test), number, np.int32))
        rows.append(fold.test.astype(np.int32))
        answers.append(outcome.answers[position, fold.test])
    facts = {
        "parameters": None if outcome.parameters is None else int(outcome.parameters),
        "seconds": round(seconds, 3),
        "members": list(bench.learner.members),
        "train": [len(fold.train) for fold in bench.learner.folds],
    }
    if outcome.best_epoch is not None:
        facts["best_epoch"] = outcome.best_epoch.tolist()
        facts["stop_uar"] = outcome.stop_uar.tolist()
    if outcome.chosen is not None:
        facts["chosen"] = outcome.chosen
    if outcome.traced is not None:
        facts["traced"] = outcome.traced.tolist()
    if outcome.source_answers is not None:
        facts[FORGETTING] = _forgetting(bench, outcome.source_answers)
    return PartResult(
        np.concatenate(members), np.concatenate(rows), np.concatenate(answers), facts
    )


def _forgetting(bench: Bench, after: np.ndarray) -> dict:
    """What the last source says before and after the target was learned: counts and changes.

    On the source's test rows; a source without (a speaker recogniser, another
    corpus) is asked for its stop rows.
    """
    task, fitted = bench.sources[-1], bench.trained()[-1]
    targets = task.targets(bench.learner.material.utterances)
    counted: dict[str, list] = {"before": [], "after": [], "changed": []}
    for position, fold in enumerate(fitted.folds):
        rows = fold.test if len(fold.test) else fold.stop
        guessed = {
            when: answers[position, rows].argmax(axis=-1)
            for when, answers in (("before", fitted.answers), ("after", after))
        }
        for when, classes in guessed.items():
            confusion = confusion_matrix(targets[rows], classes, len(task.classes))
            counted[when].append(confusion.tolist())
        counted["changed"].append(int(np.sum(guessed["before"] != guessed["after"])))
    role = "test" if all(len(fold.test) for fold in fitted.folds) else "stop"
    apart = speakers_apart(fitted.folds, bench.learner.material.utterances)
    return {
        "task": task.name,
        "classes": list(task.classes),
        "role": role,
        "speaker_disjoint": apart,
        **counted,
    }

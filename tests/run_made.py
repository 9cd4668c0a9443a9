"""Runs of experiments that nothing was trained for: answers are made, so scores are known."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence

import numpy as np
from numbers_made import make_corpus

from pnn_keras.experiments import Experiment, Study
from pnn_keras.experiments.planning import plan
from pnn_keras.experiments.recording import record_run
from pnn_keras.experiments.store import FORGETTING, Part, PartResult, write_part
from pnn_keras.methods import METHODS
from pnn_keras.report.run_tables import mean_stop_rows, role_counts
from pnn_keras.search_space import Candidate
from pnn_keras.statistics import confusion_matrix

#: Clips of each speaker and class, so that scores are tenths.
CLIPS = 10

#: Methods that are asked for their source again.
REMEMBER = ("ptft", "ptft-output", "prognet", "prognet-adapter")

#: Epochs of a curve.
EPOCHS = 6

EMOTIONS = ("angry", "happy", "sad")


def make_run(
    folder,
    right: Mapping[str, int | Sequence[int]] | None = None,
    *,
    studies: Sequence[Study] | None = None,
    corpora: Sequence[str] = ("made",),
    emotions: Sequence[str] = EMOTIONS,
    speakers: int = 10,
    synthetic: bool = False,
    unfinished: Sequence[tuple[int, str, str]] = (),
    forgotten: int = 0,
    chosen: Sequence[Candidate] = (),
    **options,
):
    """Writes the folder of a run.

    Args:
        folder: where it and its recordings go.
        right: how many of the ten clips of every speaker and class a method
            answers rightly; or one number for each speaker, in turn. Others
            take each class for the next one. A method that is not named has 5.
        studies: what is asked; None asks for one by three methods.
        corpora: names of the corpora.
        emotions: their classes.
        speakers: how many each of them has.
        synthetic: whether they are synthetic.
        unfinished: numbers of studies, methods and sources that are not written.
        forgotten: how many answers on the source ``ptft`` loses.
        chosen: what folds choose, in turn, that search a shape; less the
            sources for a method that learns from none.
        options: fields of the experiment.

    Returns:
        The run's folder.
    """
    found = [
        make_corpus(folder / "corpora", name, speakers, CLIPS * len(emotions), emotions=emotions)
        for name in corpora
    ]
    if synthetic:
        for corpus in found:
            object.__setattr__(corpus.info, "synthetic", True)
    if studies is None:
        studies = [Study("emotion@made", ("gender@made",), ("dnn", "ptft", "prognet"))]
    fields = {"name": "mine", "title": "Does it help?", "classes": "all", **options}
    experiment = Experiment(corpora=tuple(corpora), studies=tuple(studies), **fields)
    material = types.SimpleNamespace(
        utterances=[u for corpus in found for u in corpus],
        corpora=found,
        skipped=[],
        frontend=types.SimpleNamespace(config=lambda: {"name": "made"}),
    )
    run = folder / "run"
    planned = plan(experiment, material)
    record_run(run, experiment, material, planned)
    for each in planned:
        for part in each.parts:
            if (part.study, part.method, part.source) not in unfinished:
                count = (right or {}).get(part.method, 5)
                write_part(
                    run, part, _result(each, part, count, material, experiment, forgotten, chosen)
                )
    return run


def make_run_of_amounts(folder, right=None):
    """A run with three amounts of the target's data, asked in no order; its folder."""
    methods = ("dnn", "ptft", "prognet")
    studies = [
        Study("emotion@two", ("emotion@one",), methods, "paper-10-fold", parts)
        for parts in (1, 4, 2)
    ]
    return make_run(folder, right, studies=studies, corpora=["one", "two"])


def stopping(run) -> dict[int, float]:
    """How many clips stop in each study of a run, the mean over its folds."""
    return {s.number: mean_stop_rows(s, role_counts(run, s)) for s in run.studies}


def _result(
    planned, part: Part, count, material, experiment, forgotten: int, chosen
) -> PartResult:
    classes = len(planned.target.classes)
    targets = planned.target.targets(material.utterances)
    kinds = len({utterance.emotion for utterance in material.utterances})
    right = _is_right(material, count, kinds)
    answers = np.where(right, targets, (targets + 1) % classes)
    folds = [planned.division.folds[number] for number in part.members]
    rows = np.concatenate([fold.test for fold in folds])
    members = np.repeat(part.members, [len(fold.test) for fold in folds])
    facts = {
        "parameters": 1000 + len(part.method),
        "seconds": 1.0,
        "members": list(part.members),
        "train": [len(fold.train) for fold in folds],
    }
    if part.method not in ("logistic-regression", "svm"):
        facts["best_epoch"] = [3] * len(folds)
        facts["stop_uar"] = [0.5] * len(folds)
        if METHODS[part.method].nested and chosen:
            made = [chosen[number % len(chosen)] for number in part.members]
            alone = {} if part.source else {"source_units": {}, "wiring": {}}
            facts["chosen"] = [dataclasses.replace(each, **alone).config() for each in made]
        if experiment.curves:
            facts["traced"] = _traced(folds, targets, answers, classes)
        if part.method in REMEMBER and part.source in planned.sources:
            facts[FORGETTING] = _forgetting(planned, part, forgotten)
    return PartResult(members, rows, np.eye(classes, dtype=np.float32)[answers[rows]], facts)


def _is_right(material, count: int | Sequence[int], kinds: int) -> np.ndarray:
    """Whether each clip is answered rightly: the first so many of its speaker and class."""
    counts = [count] if isinstance(count, int) else list(count)
    right = []
    for utterance in material.utterances:
        speaker, clip = utterance.id.removesuffix(".txt").removeprefix("s").split("-")
        number = int(clip) // kinds  # among the clips of its speaker and class
        right.append(number < counts[int(speaker) % len(counts)])
    return np.array(right)


def _traced(folds, targets, answers, classes: int) -> list:
    """Counts by epoch: all taken for the first class, from the third epoch as in the end."""
    epochs = []
    for epoch in range(EPOCHS):
        guessed = answers if epoch >= 2 else np.zeros_like(answers)
        epochs.append(
            [confusion_matrix(targets[f.test], guessed[f.test], classes).tolist() for f in folds]
        )
    return epochs


def _forgetting(planned, part: Part, forgotten: int) -> dict:
    task = planned.sources[part.source][-1]
    classes = len(task.classes)
    before = np.eye(classes, dtype=int) * 10
    after = before.copy()
    if part.method == "ptft":
        after[0, 0] -= forgotten
        after[0, 1] += forgotten
    counts = {"before": before.tolist(), "after": after.tolist()}
    members = len(part.members)
    repeated = {when: [confusion] * members for when, confusion in counts.items()}
    repeated["changed"] = [int(before[0, 0] - after[0, 0])] * members
    return {"task": task.name, "classes": list(task.classes), "role": "test", **repeated}

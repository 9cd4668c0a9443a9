"""What an experiment comes to on its corpora: tasks, folds, and groups of folds."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pnn_keras.base import Base, check_scaling, open_base, refuse_heard
from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError, UserError
from pnn_keras.experiments.questions import check_different, check_shape
from pnn_keras.experiments.spec import Experiment, Study, source_tasks
from pnn_keras.experiments.store import Part
from pnn_keras.fold_files import open_protocol
from pnn_keras.material import Material
from pnn_keras.methods import can_learn
from pnn_keras.protocol import Protocol
from pnn_keras.task import PAPER_CLASSES, Task, make_task, parse_task

#: Memory that the activations and weights of a group of members may take, in bytes.
MEMORY = 4 * 2**30

#: Most members fitted at once: more gain no speed, and a kill loses more.
MOST_MEMBERS = 20


@dataclasses.dataclass(frozen=True)
class Planned:
    """A study with its tasks and folds.

    Args:
        number: its number in the experiment.
        study: what is asked.
        target: the task to learn.
        sources: the tasks of each source, by its name.
        division: the folds.
        groups: numbers of the folds that are fitted together.
        base: the trained chain that is extended, or None.
    """

    number: int
    study: Study
    target: Task
    sources: dict[str, list[Task]]
    division: Protocol
    groups: list[list[int]]
    base: Base | None = None

    @property
    def jobs(self) -> list[tuple[str, str]]:
        """The study's jobs, but for those that the trained chain cannot do."""
        columns = self.base.columns if self.base else ()
        return [job for job in self.study.jobs if can_learn(job[0], columns, self.target)]

    @property
    def tasks(self) -> dict[str, dict]:
        """The target and all sources with their classes, by name, JSON-able."""
        every = [self.target, *(task for tasks in self.sources.values() for task in tasks)]
        return {task.name: task.to_config() for task in every}

    @property
    def parts(self) -> list[Part]:
        """Everything that is to be computed, in order: sources stay together in a group."""
        return [
            Part(self.number, method, source, tuple(group))
            for group in self.groups
            for method, source in self.jobs
        ]


def open_bases(experiment: Experiment, utterances: Sequence[Utterance]) -> dict[str, Base]:
    """The trained chains that studies extend, by what names them.

    Raises:
        PresetError: there is no such chain, or it is damaged.
        ProtocolError: one has heard speakers or recordings of its study's corpus.
        UserError: one answers its study's target already.
    """
    bases: dict[str, Base] = {}
    for model, target in dict.fromkeys((s.from_model, s.target) for s in experiment.studies):
        if not model:
            continue
        if model not in bases:
            bases[model] = open_base(model)
            check_scaling(bases[model], experiment.scaling)
        corpus = parse_task(target)[1]
        refuse_heard(bases[model], [u for u in utterances if corpus in (None, u.corpus)])
        if target in [task.name for task in bases[model].chain.tasks]:
            raise UserError(f"{model} answers {target} already. Name another corpus or chain")
    return bases


def frontend_of(bases: Iterable[Base]) -> dict:
    """What the last columns of all chains given hear."""
    found = [base.last_frontend for base in bases]
    if any(config != found[0] for config in found):
        raise UserError(
            "The trained chains of this experiment hear different front-ends. Name that of the "
            "new columns: --frontend"
        )
    return found[0]


def plan(
    experiment: Experiment, material: Material, bases: Mapping[str, Base] | None = None
) -> list[Planned]:
    """The tasks, folds and groups of every study.

    Args:
        experiment: what is asked.
        material: utterances and features.
        bases: the trained chains that studies extend, by what names them.

    Raises:
        UserError: a task or class is unknown in these corpora, a task is its own
            source or learned twice, or the shape names a task that is no source.
        ProtocolError: a corpus does not allow the protocol, or no fold tests a
            class that it has trained.
    """
    bases = bases or {}
    check_shape(experiment, [column.name for b in bases.values() for column in b.columns])
    planned = []
    for number, study in enumerate(experiment.studies):
        target, sources = _tasks(study, experiment.classes, material.utterances)
        division = _division(experiment, study, target, material.utterances, experiment.repeats)
        rows = (1 + experiment.augment) * len(material.utterances)
        base = bases.get(study.from_model)
        groups = _groups(experiment, division, study, rows, base)
        planned.append(Planned(number, study, target, sources, division, groups, base))
    return planned


class _Unread(Utterance):
    """An utterance that counts as different from all others, so that no file is read.

    Damaged ones may be byte-identical; they are in no fold of the plan.
    """

    @property
    def _digests(self) -> tuple[str, str]:
        name = f"{self.corpus}/{self.id}"
        return name, name


_FIELDS = dataclasses.fields(Utterance)


def check_experiment(experiment: Experiment, utterances: Sequence[Utterance]) -> None:
    """Refuses what :func:`plan` would refuse, as far as it can be told before anything is heard.

    One repeat of the folds tells. What hangs on a trained chain is left for later.

    Args:
        experiment: what is asked.
        utterances: those of all corpora.

    Raises:
        UserError: as :func:`plan`.
        ProtocolError: as :func:`plan`.
    """
    if not any(study.from_model for study in experiment.studies):
        check_shape(experiment, [])
    unheard = [_Unread(*(getattr(u, f.name) for f in _FIELDS)) for u in utterances]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they come with the plan
        for study in experiment.studies:
            target, _ = _tasks(study, experiment.classes, unheard)
            _division(experiment, study, target, unheard, repeats=1)


def _tasks(
    study: Study, classes, utterances: Sequence[Utterance]
) -> tuple[Task, dict[str, list[Task]]]:
    """A study's target, and the tasks of each of its sources."""
    target = _task(study.target, classes, utterances)
    sources = {
        source: [_task(spec, classes, utterances) for spec in source_tasks(source)]
        for source in study.sources
    }
    check_different(study, target, sources, utterances)
    return target, sources


def _division(
    experiment: Experiment,
    study: Study,
    target: Task,
    utterances: Sequence[Utterance],
    repeats: int,
) -> Protocol:
    """The folds of a study; refuses those of which no answer can be right."""
    targets = target.targets(utterances)
    division = open_protocol(
        study.protocol,
        utterances,
        targets >= 0,
        repeats,
        experiment.settings.seed,
        study.training_parts or None,
        target.classes,
    )
    folds = division.folds
    if not any(np.isin(targets[fold.test], targets[fold.train]).any() for fold in folds):
        raise ProtocolError(
            f"{study.name}: no fold tests a class that it has trained, so no answer can be right. "
            "To recognise speakers, name a protocol with every speaker in training and in test: "
            "paper-10-fold"
        )
    return division


def _task(spec: str, classes, utterances: Sequence[Utterance]) -> Task:
    """A task with the classes that the experiment asks for."""
    if parse_task(spec)[0] != "emotion" or classes == "all":
        return make_task(spec, utterances)
    if classes != "paper":
        return make_task(spec, utterances, classes)
    try:
        return make_task(spec, utterances, PAPER_CLASSES)
    except UserError:
        return make_task(spec, utterances)  # it has not all four


def _groups(
    experiment, division: Protocol, study: Study, rows: int, base: Base | None = None
) -> list[list[int]]:
    """Numbers of the folds that are fitted together: as many as the memory holds."""
    shapes = [experiment.shape.units]
    if study.nested:
        shapes.append([max(experiment.tuning.widths)] * max(experiment.tuning.depths))
    width = max(map(sum, shapes))
    columns = 1 + max((len(source_tasks(source)) for source in study.sources), default=0)
    columns += 0 if base is None else len(base.columns)
    deep = max(map(max, shapes))
    # Activations of all versions of the utterances, and six copies of the weights: present, best,
    # the gradient, two moments, and one in passing.
    each = 4 * columns * (rows * width + 6 * 2 * width * deep)
    size = int(np.clip(MEMORY // each, 1, MOST_MEMBERS))
    per_repeat = len(division.folds) // division.repeats
    if size > per_repeat:
        size -= size % per_repeat  # whole repeats share what is the same in all their folds
    numbers = list(range(len(division.folds)))
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]

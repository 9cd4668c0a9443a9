"""Questions that cannot be asked: tasks that are one, shapes that do not go with the sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pnn_keras.corpus import Utterance
from pnn_keras.errors import UserError
from pnn_keras.experiments.spec import Experiment, Study, source_tasks
from pnn_keras.methods import METHODS
from pnn_keras.shape import Shape
from pnn_keras.task import Task


def check_shape(experiment: Experiment, columns: Sequence[str]) -> None:
    """Refuses a shape that names a task that no study learns first and no chain brings.

    Args:
        experiment: what is asked.
        columns: names of the columns of the trained chains that studies extend.

    Raises:
        UserError: such a task is named, or one network is to be as large as
            ProgNets of several sizes.
    """
    sources = [s for study in experiment.studies for s in study.sources]
    tasks = dict.fromkeys(task for source in sources for task in source_tasks(source))
    experiment.shape.check_tasks(list(tasks), columns)
    for study in experiment.studies:
        _check_one_size(study, experiment.shape)


def _check_one_size(study: Study, shape: Shape) -> None:
    """Refuses a network as large as the ProgNet beside ProgNets of several sizes.

    It is learned once for all sources of as many tasks.
    """
    named = [name for name in study.methods if METHODS[name].size_only]
    found: dict[int, tuple[str, list]] = {}
    for source in study.sources if named else ():
        tasks = source_tasks(source)
        widths = [list(shape.of_source(task)) for task in tasks]
        first, known = found.setdefault(len(tasks), (source, widths))
        if widths != known:
            raise UserError(
                f"{', '.join(named)} has as many weights as one ProgNet. Received: {first} with "
                f"hidden layers {known} and {source} with {widths}. Give their columns the same "
                "widths, or each a study of its own"
            )


def check_different(
    study: Study,
    target: Task,
    sources: Mapping[str, Sequence[Task]],
    utterances: Sequence[Utterance],
) -> None:
    """Refuses one task in two places, however it is spelled there.

    Args:
        study: what is asked.
        target: its target.
        sources: the tasks of each of its sources, by the source's name.
        utterances: those of all corpora.

    Raises:
        UserError: the target is a source, or a task or a source is there twice.
    """
    listed: dict[tuple, str] = {}
    for source in study.sources:
        meant = tuple(_meant(task, utterances) for task in sources[source])
        if _meant(target, utterances) in meant:
            raise UserError(
                f"A target is not its own source. Received: {source!r} for {study.target!r}, "
                "which is the same task in these corpora"
            )
        if len(set(meant)) < len(meant):
            raise UserError(f"A source learns each task once. Received: {source!r}")
        if meant in listed:
            raise UserError(
                f"Each source is listed once. Received: {listed[meant]!r} and {source!r} for "
                f"{study.target!r}"
            )
        listed[meant] = source


def _meant(task: Task, utterances: Sequence[Utterance]) -> tuple[str, frozenset[str]]:
    """What tells whether two tasks are one: the label, and the corpora that it is learned from."""
    return task.label, frozenset(u.corpus for u in utterances if task.value(u) is not None)

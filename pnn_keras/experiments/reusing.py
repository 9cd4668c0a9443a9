"""Parts of other runs that answer the same question: taken over instead of computed again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.corpus import Corpus, Utterance
from pnn_keras.errors import UserError
from pnn_keras.experiments.planning import Planned
from pnn_keras.experiments.results import RunResult, read_run
from pnn_keras.experiments.spec import Experiment, source_tasks
from pnn_keras.experiments.store import (
    Part,
    is_finished,
    read_part,
    read_utterances,
    write_part,
)
from pnn_keras.methods import METHODS
from pnn_keras.provenance import RECORDED, describe_corpus, version_of
from pnn_keras.task import parse_task

#: Choices of an experiment that every answer depends on.
DECISIVE = ("frontend", "augment", "scaling", "curves", "settings", "shape")

#: What a corpus must have in common with that of the other run.
_ALIKE = ("clips", "speakers")


def take_over(
    folder: Path,
    experiment: Experiment,
    planned: Sequence[Planned],
    utterances: Sequence[Utterance],
    corpora: Sequence[Corpus],
    other: str | Path,
) -> int:
    """Writes what another run has answered already into a run's folder.

    A part is taken where everything that its answers depend on is the same:
    versions, front-end, scaling, settings and shape, corpora, folds (by their
    hash), groups, classes, sources and the chain that is extended. Such answers
    are those that would be computed, to float rounding. What this run has
    finished itself stays.

    Args:
        folder: the run's folder.
        experiment: what is asked.
        planned: its studies.
        utterances: all utterances, which the folds' rows count.
        corpora: the corpora.
        other: the folder of the other run, finished or not.

    Returns:
        How many parts were taken.

    Raises:
        UserError: it is no run, was made in another way, or has answered
            nothing of what is asked; the message says what differs.
    """
    run = read_run(other)
    _check_alike(run, experiment, corpora)
    row_of = {(u.corpus, u.id): row for row, u in enumerate(utterances)}
    name, answered, taken = run.folder.resolve().name, 0, 0
    for each in planned:
        for part, theirs, rows in _answered(run, experiment, each, corpora, row_of):
            answered += 1
            if is_finished(folder, part):
                continue
            result = read_part(run.folder, theirs)
            facts = {"taken_from": name, **result.facts}
            ours = dataclasses.replace(result, row=rows[result.row], facts=facts)
            write_part(folder, part, ours)
            taken += 1
    if not answered:
        raise UserError(
            f"{other} has answered nothing of what {experiment.name!r} asks: the same target, "
            "classes, folds, sources and methods. Leave it out: --reuse"
        )
    return taken


def _check_alike(run: RunResult, experiment: Experiment, corpora: Sequence[Corpus]) -> None:
    """Refuses a run whose every answer would be another."""
    versions = run.record["versions"]
    pairs = [(name, versions.get(name), version_of(name)) for name in RECORDED]
    pairs += [(n, getattr(run.experiment, n), getattr(experiment, n)) for n in DECISIVE]
    known = {described["name"]: described for described in run.record["corpora"]}
    for corpus in corpora:
        ours = json.loads(json.dumps(describe_corpus(corpus)))
        theirs = known.get(corpus.name, ours)
        pairs += [(f"{corpus.name}, {fact}", theirs[fact], ours[fact]) for fact in _ALIKE]
    different = [
        f"{what}: {theirs}, here {ours}" for what, theirs, ours in pairs if theirs != ours
    ]
    if different:
        raise UserError(
            f"{run.folder} was made in another way, so its answers are others. "
            f"{'; '.join(different)}. Leave it out: --reuse"
        )


def _answered(
    run: RunResult,
    experiment: Experiment,
    planned: Planned,
    corpora: Sequence[Corpus],
    row_of: Mapping[tuple[str, str], int],
) -> Iterator[tuple[Part, Part, np.ndarray]]:
    """The parts of a study that another run has finished.

    Yields:
        The part, that of the other run, and our row of each of its rows.
    """
    same_corpora = {c.name for c in corpora} == {c["name"] for c in run.record["corpora"]}
    for number, facts in enumerate(run.record["studies"]):
        if _question(planned) != _recorded_question(run, number):
            continue
        rows = _our_rows(read_utterances(run.folder, number), row_of)
        groups = {tuple(group) for group in facts["groups"]}
        for part in planned.parts:
            tasks = source_tasks(part.source) if part.source in planned.sources else []
            if not same_corpora and any(parse_task(task)[1] is None for task in tasks):
                continue  # a source without @ learns from every corpus of its run
            if METHODS[part.method].nested and run.experiment.tuning != experiment.tuning:
                continue
            theirs = dataclasses.replace(part, study=number)
            if part.members in groups and is_finished(run.folder, theirs):
                yield part, theirs, rows


def _question(planned: Planned) -> dict:
    """What a study asks, in JSON's terms."""
    question = {
        "target": planned.target.name,
        "classes": planned.target.classes,
        "merged": planned.target.merged,
        "protocol": planned.division.describe(),
        "extends": planned.base.describe()["sha256"] if planned.base else None,
    }
    return json.loads(json.dumps(question))


def _recorded_question(run: RunResult, number: int) -> dict:
    """What a study of a run asked, in the same terms."""
    facts = run.record["studies"][number]
    chains = {chain["model"]: chain["sha256"] for chain in run.record.get("extends", [])}
    question = {name: facts[name] for name in ("target", "classes", "merged", "protocol")}
    return {**question, "extends": chains.get(run.experiment.studies[number].from_model)}


def _our_rows(
    theirs: Mapping[str, np.ndarray], row_of: Mapping[tuple[str, str], int]
) -> np.ndarray:
    """Our row of each row of another run, int32; -1 where that one has none of the study."""
    rows = np.full(int(theirs["row"].max()) + 1, -1, np.int32)
    for row, corpus, name in zip(theirs["row"], theirs["corpus"], theirs["id"], strict=True):
        rows[int(row)] = row_of[corpus, name]
    return rows

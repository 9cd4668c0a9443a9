"""Parts of other runs that answer the same question: taken over instead of computed again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import UserError
from pnn_keras.experiments.planning import Planned
from pnn_keras.experiments.recording import versions_of
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
from pnn_keras.preset import plain
from pnn_keras.provenance import version_of
from pnn_keras.task import parse_task

#: What a corpus has in common with that of the other run: all that is known without a digest.
_ALIKE = ("clips", "speakers", "skipped")


def open_other(folder: str | Path, experiment: Experiment) -> RunResult:
    """Another run, refused where every one of its answers would be another.

    Args:
        folder: the other run, finished or not.
        experiment: what is asked here.

    Raises:
        UserError: it is no run or damaged, or versions, scaling, settings or
            shape differ; the message says what.
    """
    run = read_run(folder)
    _check_whole(run)
    pairs = [
        (name, was, version_of(name))
        for versions in versions_of(run.record)
        for name, was in versions.items()
    ]
    theirs, ours = _choices(run.experiment), _choices(experiment)
    pairs += [(name, theirs[name], ours[name]) for name in ours]
    _refuse_different(run, pairs)
    return run


def take_over(
    folder: Path,
    experiment: Experiment,
    planned: Sequence[Planned],
    record: Mapping,
    utterances: Sequence[Utterance],
    other: RunResult,
) -> int:
    """Writes what another run has answered already into a run's folder.

    A part is taken where everything that its answers depend on is the same:
    versions, front-end, scaling, settings and shape, the recordings and labels
    of the corpora, folds (by their hash), groups, classes, sources and the chain
    that is extended. Such answers are those that would be computed, to float
    rounding. What this run has finished itself stays. Of a run that was made
    before one of these was recorded, what it does record is compared.

    Args:
        folder: the run's folder.
        experiment: what is asked.
        planned: its studies.
        record: the run's record, as it is written.
        utterances: all utterances, which the folds' rows count.
        other: the other run, as :func:`open_other` gives it.

    Returns:
        How many parts were taken.

    Raises:
        UserError: its front-end or corpora are others, it has answered nothing
            of what is asked, or it is damaged.
    """
    _check_same_data(other, experiment, record)
    row_of = {(u.corpus, u.id): row for row, u in enumerate(utterances)}
    name, known, taken = other.folder.resolve().name, 0, 0
    for each in planned:
        for part, theirs in _finished_there(other, experiment, each, record):
            known += 1
            if is_finished(folder, part):
                continue
            result = read_part(other.folder, theirs)
            rows = _our_rows(other, theirs, result.row, row_of)
            facts = {"taken_from": name, **result.facts}
            write_part(folder, part, dataclasses.replace(result, row=rows, facts=facts))
            taken += 1
    if not known:
        raise UserError(
            f"{other.folder} has answered nothing of what {experiment.name!r} asks: the same "
            "target, classes, folds in the same groups, sources and methods. Leave it out: --reuse"
        )
    return taken


def _check_whole(run: RunResult) -> None:
    """Refuses a run whose record lacks what is compared."""
    try:
        wanted = [versions.items() for versions in versions_of(run.record)]
        wanted += [[each[fact] for fact in ("name", *_ALIKE)] for each in run.record["corpora"]]
        wanted += [_question(run.experiment, run.record, n) for n in range(len(run.studies))]
        wanted += [[tuple(group) for group in each["groups"]] for each in run.record["studies"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(run, repr(error)) from error


def _damaged(run: RunResult, why: str) -> UserError:
    return UserError(f"The run in {run.folder} is damaged: {why}. Leave it out: --reuse")


def _choices(experiment: Experiment) -> dict:
    """Every choice that all answers depend on, by name, as JSON holds it."""
    named = {name: getattr(experiment, name) for name in ("scaling", "augment", "curves")}
    fitted, shape = dataclasses.asdict(experiment.settings), dataclasses.asdict(experiment.shape)
    return plain({**named, **fitted, **shape})


def _check_same_data(other: RunResult, experiment: Experiment, record: Mapping) -> None:
    """Refuses a run of another front-end, or of corpora of the same name that hold other data."""
    if "frontend" in other.record:
        pairs = [("frontend", other.record["frontend"], record["frontend"])]
    else:
        # A table of embeddings, or the front-end of a chain, says too little by its name.
        telling = experiment.frontend and not str(experiment.frontend).startswith("embeddings")
        written = plain(other.experiment.frontend) if telling else "not recorded"
        pairs = [("frontend", written, plain(experiment.frontend))]
    known = {described["name"]: described for described in other.record["corpora"]}
    for ours in record["corpora"]:
        theirs = known.get(ours["name"], ours)
        facts = [*_ALIKE, *(["digest"] if theirs.get("digest") else [])]
        pairs += [(f"{ours['name']}, {fact}", theirs[fact], ours[fact]) for fact in facts]
    _refuse_different(other, pairs)


def _refuse_different(run: RunResult, pairs) -> None:
    different = [f"{what}: {was}, here {now}" for what, was, now in pairs if was != now]
    if different:
        raise UserError(
            f"{run.folder} was made in another way, so its answers are others. "
            f"{'; '.join(different)}. Leave it out: --reuse"
        )


def _finished_there(
    other: RunResult, experiment: Experiment, planned: Planned, record: Mapping
) -> Iterator[tuple[Part, Part]]:
    """The parts of a study that another run has finished, and what they are in that one."""
    # A task without @ learns from every corpus of its run, in their order.
    same_corpora = _names(other.record) == _names(record)
    same_search = experiment.tuning == other.experiment.tuning
    for number, facts in enumerate(other.record["studies"]):
        asked = _question(experiment, record, planned.number)
        if _question(other.experiment, other.record, number) != asked:
            continue
        groups = {tuple(group) for group in facts["groups"]}
        for part in planned.parts:
            theirs = dataclasses.replace(part, study=number)
            tasks = source_tasks(part.source) if part.source in planned.sources else []
            pooled = any(parse_task(task)[1] is None for task in (planned.target.name, *tasks))
            if (
                (same_corpora or not pooled)
                and _same_classes(other, number, experiment, planned, tasks)
                and (same_search or not METHODS[part.method].nested)
                and part.members in groups
                and is_finished(other.folder, theirs)
            ):
                yield part, theirs


def _names(record: Mapping) -> list[str]:
    return [described["name"] for described in record["corpora"]]


def _question(experiment: Experiment, record: Mapping, number: int) -> dict:
    """What a study of a run asks, by the run's record."""
    facts = record["studies"][number]
    chains = {chain["model"]: chain["sha256"] for chain in record.get("extends", [])}
    question = {name: facts[name] for name in ("target", "classes", "merged", "protocol")}
    return {**question, "extends": chains.get(experiment.studies[number].from_model)}


def _same_classes(
    other: RunResult, number: int, experiment: Experiment, planned: Planned, sources: list[str]
) -> bool:
    """Whether source tasks have the same classes in another run."""
    recorded = other.record["studies"][number].get("tasks")
    if recorded is None:
        return not sources or plain(other.experiment.classes) == plain(experiment.classes)
    return all(recorded.get(name) == plain(planned.tasks[name]) for name in sources)


def _our_rows(
    other: RunResult, part: Part, rows: np.ndarray, row_of: Mapping[tuple[str, str], int]
) -> np.ndarray:
    """Our row of each utterance that a part of another run has answered, int32."""
    known = read_utterances(other.folder, part.study)
    keys = zip(known["corpus"], known["id"], strict=True)
    theirs = zip(known["row"].astype(int).tolist(), keys, strict=True)
    ours = {row: row_of[key] for row, key in theirs if key in row_of}
    lost = sorted(set(rows.tolist()) - ours.keys())
    if lost:
        raise _damaged(other, f"{part.path} answers rows that are no utterances: {lost[0]}, ...")
    return np.array([ours[row] for row in rows.tolist()], np.int32)

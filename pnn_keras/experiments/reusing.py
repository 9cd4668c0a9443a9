"""Parts of other runs that answer the same question: taken over instead of computed again."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from pnn_keras.corpus import Utterance
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
from pnn_keras.material import Material
from pnn_keras.methods import METHODS
from pnn_keras.preset import plain
from pnn_keras.provenance import describe_corpus, digest_of, version_of
from pnn_keras.task import parse_task

#: Of what a corpus has as much as that of the other run: all that is known without a digest.
_COUNTED = ("clips", "speakers", "skipped")


def open_other(folder: str | Path, experiment: Experiment) -> RunResult:
    """Another run, refused where every one of its answers would be another.

    Args:
        folder: the other run, finished or not.
        experiment: what is asked here.

    Raises:
        UserError: it is no run, or versions, scaling, settings or shape differ;
            the message says what.
    """
    run = read_run(folder)
    with _damage_named(run):
        pairs = [(name, was, version_of(name)) for name, was in run.record["versions"].items()]
    theirs, ours = _choices(run.experiment), _choices(experiment)
    pairs += [(name, theirs[name], ours[name]) for name in ours]
    _refuse_different(run, pairs)
    return run


def take_over(
    folder: Path,
    experiment: Experiment,
    planned: list[Planned],
    material: Material,
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
        material: utterances and front-end.
        other: the other run, as :func:`open_other` gives it.

    Returns:
        How many parts were taken.

    Raises:
        UserError: its front-end or corpora are others, it has answered nothing
            of what is asked, or it is damaged.
    """
    with _damage_named(other):
        _check_same_data(other, experiment, material)
        row_of = {(u.corpus, u.id): row for row, u in enumerate(material.utterances)}
        name, known, taken = other.folder.resolve().name, 0, 0
        for each in planned:
            for part, theirs, rows in _finished_there(other, experiment, each, material, row_of):
                known += 1
                if is_finished(folder, part):
                    continue
                result = read_part(other.folder, theirs)
                facts = {"taken_from": name, **result.facts}
                ours = dataclasses.replace(result, row=rows[result.row], facts=facts)
                if (ours.row < 0).any():
                    raise ValueError(f"{theirs.path} answers utterances that are not tested")
                write_part(folder, part, ours)
                taken += 1
    if not known:
        raise UserError(
            f"{other.folder} has answered nothing of what {experiment.name!r} asks: the same "
            "target, classes, folds in the same groups, sources and methods. Leave it out: --reuse"
        )
    return taken


def kept_of(material: Material, corpus: str) -> list[Utterance]:
    """A corpus's utterances that could be used, in their order."""
    return [utterance for utterance in material.utterances if utterance.corpus == corpus]


def _choices(experiment: Experiment) -> dict:
    """Every choice that all answers depend on, by name, as JSON holds it."""
    named = {name: getattr(experiment, name) for name in ("scaling", "augment", "curves")}
    fitted, shape = dataclasses.asdict(experiment.settings), dataclasses.asdict(experiment.shape)
    return plain({**named, **fitted, **shape})


def _check_same_data(other: RunResult, experiment: Experiment, material: Material) -> None:
    """Refuses a run of another front-end, or of corpora of the same name that hold other data."""
    recorded = other.record.get("frontend")
    if recorded is None:
        # A table of embeddings, or the front-end of a chain, says too little by its name.
        telling = experiment.frontend and not str(experiment.frontend).startswith("embeddings")
        written = plain(other.experiment.frontend) if telling else "not recorded"
        pairs = [("frontend", written, plain(experiment.frontend))]
    else:
        pairs = [("frontend", recorded, plain(material.frontend.config()))]
    known = {described["name"]: described for described in other.record["corpora"]}
    for corpus in material.corpora:
        theirs = known.get(corpus.name)
        if theirs is None:
            continue
        ours = plain(describe_corpus(corpus))
        pairs += [(f"{corpus.name}, {n}", _size(theirs[n]), _size(ours[n])) for n in _COUNTED]
        if theirs.get("digest"):
            digest = digest_of(kept_of(material, corpus.name))
            what = f"{corpus.name}, digest of recordings and labels"
            pairs.append((what, theirs["digest"], digest))
    _refuse_different(other, pairs)


def _size(value) -> int:
    """A number, or how many there are of a list."""
    return len(value) if isinstance(value, list) else value


def _refuse_different(run: RunResult, pairs) -> None:
    different = [f"{what}: {was}, here {now}" for what, was, now in pairs if was != now]
    if different:
        raise UserError(
            f"{run.folder} was made in another way, so its answers are others. "
            f"{'; '.join(different)}. Leave it out: --reuse"
        )


def _finished_there(
    other: RunResult,
    experiment: Experiment,
    planned: Planned,
    material: Material,
    row_of: Mapping[tuple[str, str], int],
) -> Iterator[tuple[Part, Part, np.ndarray]]:
    """The parts of a study that another run has finished.

    Yields:
        The part, that of the other run, and our row of each of its rows.
    """
    # A task without @ learns from every corpus of its run, in their order.
    theirs = [described["name"] for described in other.record["corpora"]]
    same_corpora = theirs == [corpus.name for corpus in material.corpora]
    same_search = experiment.tuning == other.experiment.tuning
    for number, facts in enumerate(other.record["studies"]):
        if _question(planned) != _recorded_question(other, number):
            continue
        rows = _our_rows(read_utterances(other.folder, number), row_of)
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


def _same_classes(
    other: RunResult, number: int, experiment: Experiment, planned: Planned, sources: list[str]
) -> bool:
    """Whether source tasks have the same classes in another run."""
    recorded = other.record["studies"][number].get("tasks")
    if recorded is None:
        return not sources or plain(other.experiment.classes) == plain(experiment.classes)
    return all(recorded.get(name) == plain(planned.tasks[name]) for name in sources)


def _our_rows(
    theirs: Mapping[str, np.ndarray], row_of: Mapping[tuple[str, str], int]
) -> np.ndarray:
    """Our row of each row of another run, int32; -1 for what is not here."""
    rows = np.full(int(max(theirs["row"], default=-1)) + 1, -1, np.int32)
    for row, corpus, name in zip(theirs["row"], theirs["corpus"], theirs["id"], strict=True):
        rows[int(row)] = row_of.get((corpus, name), -1)
    return rows


@contextlib.contextmanager
def _damage_named(run: RunResult):
    """Turns what a damaged record ends in into an error that names the run."""
    try:
        yield
    except UserError:
        raise
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UserError(
            f"The run in {run.folder} is damaged: {error!r}. Leave it out: --reuse"
        ) from error

"""Running an experiment: study by study, group by group, method by method; resumable."""

from __future__ import annotations

import datetime
import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.base import base_sources
from pnn_keras.bench import Bench, Outcome
from pnn_keras.corpus import Corpus, pool
from pnn_keras.errors import UserError
from pnn_keras.experiments.opening import open_experiment
from pnn_keras.experiments.pace import Pace, say
from pnn_keras.experiments.planning import Planned, frontend_of, open_bases, plan
from pnn_keras.experiments.reusing import open_other, take_over
from pnn_keras.experiments.spec import (
    Experiment,
    read_experiment,
    write_experiment,
)
from pnn_keras.experiments.store import (
    FOLDS,
    FORGETTING,
    RECORD,
    SPEC,
    Part,
    PartResult,
    is_finished,
    write_part,
    write_text,
    write_utterances,
)
from pnn_keras.folder import check_writable
from pnn_keras.learner import Learner
from pnn_keras.material import Material, load_material
from pnn_keras.methods import METHODS
from pnn_keras.monitor import Monitor
from pnn_keras.preset import plain
from pnn_keras.protocol import write_folds
from pnn_keras.provenance import RECORDED, describe_corpus, digest_of, version_of
from pnn_keras.statistics import confusion_matrix


def run_experiment(
    experiment: str | Path | Experiment,
    corpora: Sequence[str | Path | Corpus] = (),
    out: str | Path | None = None,
    *,
    changes: Mapping[str, object] | None = None,
    progress: bool = True,
    strict: bool = False,
    workers: int | None = None,
    from_model: str | Path | None = None,
    reuse: Sequence[str | Path] = (),
    on_part: Callable[[Part | None, str], None] | None = None,
) -> Path:
    """Runs an experiment, or goes on with one that was interrupted.

    Every finished part (a method, its sources, a group of folds) is kept at
    once; the same call with the same experiment computes the rest.

    Args:
        experiment: a name, a TOML file, or an experiment.
        corpora: what :func:`pnn_keras.open_corpus` takes, or opened corpora;
            none takes those that the experiment names, or the synthetic one.
        out: the run's folder: new, empty, or that of the same experiment; None
            means ``runs/NAME``.
        changes: choices to change, see :func:`~pnn_keras.experiments.replaced`.
        progress: whether to show progress bars.
        strict: whether a single unusable recording ends the run.
        workers: recordings to extract at a time; None means one per processor.
        from_model: the trained chain that is extended, by what
            :func:`pnn_keras.load` takes; None means that which the experiment names.
        reuse: folders of other runs, whose parts are taken over where they
            answer exactly what this one asks, see
            :func:`~pnn_keras.experiments.reusing.take_over`.
        on_part: called after every part, with a line on progress; and with None
            and a line after parts of another run were taken over.

    Returns:
        The run's folder.

    Raises:
        UserError: the experiment cannot work, the folder holds something
            else, or a run to reuse answers something else.
        ProtocolError: a corpus does not allow the protocol, it would leak, or
            the trained chain has heard some of it.
        PnnKerasError: the disk refused; what was finished is kept.

    Example:
        ``run_experiment("paper-table-2", ["EmoDB/"], changes={"repeats": 2})``
    """
    experiment, opened = open_experiment(experiment, corpora, changes, strict, from_model)
    folder = Path("runs", experiment.name) if out is None else Path(out)
    check_folder(folder, experiment)
    check_writable(folder, existing=True)
    others = [open_other(other, experiment) for other in reuse]
    bases = open_bases(experiment, pool(opened))
    material = load_material(
        opened,
        experiment.frontend or frontend_of(bases.values()),
        {name: config for base in bases.values() for name, config in base.frontends.items()},
        by_speaker=experiment.scaling == "speaker",
        augment=experiment.augment,
        strict=strict,
        workers=workers,
        progress=progress,
    )
    planned = plan(experiment, material, bases)
    _warn_of_left_out(planned)
    record = _write_plan(folder, experiment, material, planned)
    for other in others:
        taken = take_over(folder, experiment, planned, record, material.utterances, other)
        say(on_part, None, f"{taken} parts taken from {other.folder}")
    pace = Pace(folder, planned, on_part)
    monitor = Monitor(progress=progress)
    for each in planned:
        for group in each.groups:
            _run_group(folder, experiment, material, each, group, monitor, pace)
    return folder


def check_folder(folder: Path, experiment: Experiment) -> None:
    """Refuses a folder that holds anything but a run of the same experiment.

    Raises:
        UserError: it does; the message says what differs.
    """
    if not folder.is_dir():
        if folder.exists():
            raise UserError(f"{folder} is a file. Name a folder for the run: --out")
        return
    known = folder / SPEC
    if not known.is_file():
        if any(folder.iterdir()):
            raise UserError(f"{folder} holds something else than a run. Name another: --out")
        return
    ours = write_experiment(experiment).splitlines()
    # Read and written anew: what an earlier version did not know of has its default.
    theirs = write_experiment(read_experiment(known)).splitlines()
    if ours != theirs:
        different = [line for line in ours if line not in theirs] or ["fewer lines"]
        raise UserError(
            f"{folder} holds another run: here {different[0]!r}. Repeat its request to go on with "
            "it, or name another folder: --out"
        )


def _warn_of_left_out(planned: Sequence[Planned]) -> None:
    """Says which methods are left out because the trained chain does not answer the target.

    Raises:
        UserError: nothing would be left of a study.
    """
    for each in planned:
        lost = [job[0] for job in each.study.jobs if job not in each.jobs]
        if not each.jobs:
            raise UserError(
                f"{each.study.from_model} answers no {each.target.label} as "
                f"{', '.join(each.target.classes)}, and {each.study.name!r} asks nothing else. "
                "Add a method that learns: prognet"
            )
        if lost:
            warnings.warn(
                f"{each.study.from_model} answers no {each.target.label} as "
                f"{', '.join(each.target.classes)}. Left out of {each.study.name!r}: "
                f"{', '.join(lost)}",
                stacklevel=3,
            )


def _run_group(folder, experiment, material, planned: Planned, group, monitor, pace) -> None:
    """All methods of a study on some folds, but for those that are finished."""
    parts = [Part(planned.number, *job, tuple(group)) for job in planned.jobs]
    if all(is_finished(folder, part) for part in parts):
        return
    base = planned.base
    learner = Learner(
        material,
        planned.division,
        experiment.shape,
        experiment.settings,
        experiment.scaling,
        monitor,
        members=group,
        base=None if base is None else base_sources(base, material),
        pretrained=() if base is None else base.columns,
    )
    benches: dict[str, Bench] = {}
    for part in parts:
        method, source = part.method, part.source
        if is_finished(folder, part):
            continue
        if source not in benches:
            benches.clear()  # the columns of one source at a time
            tasks = planned.sources.get(source, [])
            benches[source] = Bench(
                learner,
                planned.target,
                tasks,
                traced=experiment.curves,
                tuning=experiment.tuning,
            )
        start = time.monotonic()
        outcome = METHODS[method].learn(benches[source])
        seconds = time.monotonic() - start
        write_part(folder, part, _result(benches[source], outcome, seconds))
        pace.done(part)


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
    return {"task": task.name, "classes": list(task.classes), "role": role, **counted}


def _write_plan(folder: Path, experiment, material: Material, planned: list[Planned]) -> dict:
    """Writes what the run is about; gives its record as it is now, as JSON holds it."""
    for each in planned:
        targets = each.target.targets(material.utterances)
        rows = np.flatnonzero(targets >= 0)
        some = [material.utterances[i] for i in rows]
        facts = {
            "row": rows.astype(np.int32),
            "target": targets[rows].astype(np.int32),
            "corpus": [u.corpus for u in some],
            "id": [u.id for u in some],
            "speaker": [u.speaker_id for u in some],
            "gender": [u.gender for u in some],
        }
        write_utterances(folder, each.number, facts)
        path = folder / FOLDS / f"{each.number:03d}.csv"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_folds(each.division, material.utterances, path)
    record = plain(
        {
            "versions": {name: version_of(name) for name in (*RECORDED, "scikit-learn")},
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "seed": experiment.settings.seed,
            "frontend": material.frontend.config(),
            "corpora": [
                {**describe_corpus(corpus), "digest": digest_of(material.utterances, corpus.name)}
                for corpus in material.corpora
            ],
            "extends": list({e.base.model: e.base.describe() for e in planned if e.base}.values()),
            "skipped": [list(failure) for failure in material.skipped],
            "studies": [
                {
                    "name": each.study.name,
                    "target": each.target.name,
                    "classes": list(each.target.classes),
                    "merged": [list(pair) for pair in each.target.merged],
                    "tasks": each.tasks,
                    "protocol": each.division.describe(),
                    "transductive": experiment.transductive,
                    "jobs": [list(job) for job in each.jobs],
                    "groups": each.groups,
                }
                for each in planned
            ],
        }
    )
    _check_same_data(folder / RECORD, record)
    write_text(folder / SPEC, write_experiment(experiment))
    if not (folder / RECORD).exists():
        write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")
    return record


def _check_same_data(path: Path, record: dict) -> None:
    """Refuses to go on with a run whose corpora or folds have changed."""
    if not path.exists():
        return
    earlier = json.loads(path.read_text(encoding="utf-8"))
    for before, now in zip(earlier["studies"], record["studies"], strict=True):
        if before["protocol"]["hash"] != now["protocol"]["hash"]:
            raise UserError(
                f"The folds of {now['name']!r} are not those of the run: the corpus has changed. "
                "Name another folder: --out"
            )
    for before, now in zip(earlier["corpora"], record["corpora"], strict=True):
        if before.get("digest", now["digest"]) != now["digest"]:
            raise UserError(
                f"{now['name']} holds other recordings or labels than when the run began. Name "
                "another folder: --out"
            )
    for before, now in zip(earlier.get("extends", []), record["extends"], strict=True):
        if before["sha256"] != now["sha256"]:
            raise UserError(
                f"{now['model']} is not the chain that the run extends: its weights have changed. "
                "Name another folder: --out"
            )
    # Groups of the earlier run bound what is finished.
    if [s["groups"] for s in earlier["studies"]] != [s["groups"] for s in record["studies"]]:
        raise UserError(f"{path} was made with other groups of folds. Name another folder: --out")

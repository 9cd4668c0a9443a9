"""What a run is about, written once; with the same alone a run goes on."""

from __future__ import annotations

import datetime
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import UserError
from pnn_keras.experiments.planning import Planned
from pnn_keras.experiments.spec import Experiment, write_experiment
from pnn_keras.experiments.store import (
    FOLDS,
    RECORD,
    SPEC,
    is_finished,
    write_text,
    write_utterances,
)
from pnn_keras.material import Material
from pnn_keras.preset import plain
from pnn_keras.protocol import write_folds
from pnn_keras.provenance import RECORDED, describe_corpus, digest_of, version_of


def record_run(
    folder: Path, experiment: Experiment, material: Material, planned: Sequence[Planned]
) -> dict:
    """Writes what a run is about, or finds that it goes on with just that.

    Nothing in the folder is touched before a run that goes on is known to be the
    same.

    Args:
        folder: the run's folder.
        experiment: what is asked.
        material: utterances and features.
        planned: the studies.

    Returns:
        The run's record as it would be written now, as JSON holds it.

    Raises:
        UserError: the run was begun on other data, folds, front-end or chain, or
            has answers without a record.
    """
    record = _describe(experiment, material, planned)
    if (folder / RECORD).exists():
        earlier = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        _check_same(folder / RECORD, earlier, record)
        write_text(folder / SPEC, write_experiment(experiment))
        return record
    if any(is_finished(folder, part) for each in planned for part in each.parts):
        raise UserError(
            f"{folder} holds answers, but no {RECORD} that tells what they are of. Name another "
            "folder: --out"
        )
    write_text(folder / SPEC, write_experiment(experiment))
    for each in planned:
        write_utterances(folder, each.number, _facts(each, material.utterances))
        path = folder / FOLDS / f"{each.number:03d}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_folds(each.division, material.utterances, path)
    _write(folder, record)
    return record


def _write(folder: Path, record: Mapping) -> None:
    write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")


def _describe(experiment: Experiment, material: Material, planned: Sequence[Planned]) -> dict:
    return plain(
        {
            "versions": {name: version_of(name) for name in (*RECORDED, "scikit-learn")},
            "created": _now(),
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


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _facts(planned: Planned, utterances: Sequence[Utterance]) -> dict[str, Sequence]:
    """Who and what the labelled utterances of a study are, a column per fact."""
    targets = planned.target.targets(utterances)
    rows = np.flatnonzero(targets >= 0)
    some = [utterances[i] for i in rows]
    return {
        "row": rows.astype(np.int32),
        "target": targets[rows].astype(np.int32),
        "corpus": [u.corpus for u in some],
        "id": [u.id for u in some],
        "speaker": [u.speaker_id for u in some],
        "gender": [u.gender for u in some],
    }


def _check_same(path: Path, earlier: Mapping, record: Mapping) -> None:
    """Refuses to go on with a run whose corpora, folds, front-end or chain have changed."""
    for before, now in zip(earlier["corpora"], record["corpora"], strict=True):
        if before.get("digest", now["digest"]) != now["digest"]:
            raise UserError(
                f"{now['name']} holds other recordings or labels than when the run began. Name "
                "another folder: --out"
            )
    for before, now in zip(earlier["studies"], record["studies"], strict=True):
        if before["protocol"]["hash"] != now["protocol"]["hash"]:
            raise UserError(
                f"The folds of {now['name']!r} are not those of the run: other recordings or "
                "labels than when it began, or a version that deals them otherwise. Name another "
                "folder: --out"
            )
    if earlier.get("frontend", record["frontend"]) != record["frontend"]:
        raise UserError(
            f"The run began with another front-end, or another table of embeddings at that place: "
            f"{earlier['frontend']}. Received: {record['frontend']}. Name another folder: --out"
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


def note_versions(folder: Path, record: Mapping) -> None:
    """Adds the versions of now to a run that was made with others so far, and says so.

    Args:
        folder: the run's folder.
        record: the run's record as it would be written now.
    """
    earlier = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    before = versions_of(earlier)[-1]
    # What an earlier version did not record cannot be compared.
    other = {name: now for name, now in record["versions"].items() if before.get(name, now) != now}
    if not other:
        return
    differing = ", ".join(f"{name} {before[name]}, now {now}" for name, now in other.items())
    warnings.warn(
        f"{folder} goes on with other versions than before: {differing}. Its answers come from "
        "both, and its report says so. For those of one alone, name another folder: --out",
        stacklevel=3,
    )
    went_on = {"created": record["created"], "versions": record["versions"]}
    _write(folder, {**earlier, "went_on": [*earlier.get("went_on", []), went_on]})


def versions_of(record: Mapping) -> list[dict[str, str]]:
    """The versions that a run began with, and those that it went on with, in order.

    Args:
        record: the run's record.
    """
    return [record["versions"], *(each["versions"] for each in record.get("went_on", []))]

"""The tables of a whole run: corpora, protocols, settings, versions, folds."""

from __future__ import annotations

import csv
import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.errors import UserError
from pnn_keras.experiments import RunResult, StudyResult
from pnn_keras.experiments.recording import versions_of
from pnn_keras.experiments.store import FOLDS, read_utterances
from pnn_keras.methods import METHODS
from pnn_keras.references import REFERENCE_SETTINGS, REFERENCES
from pnn_keras.report.naming import file_name
from pnn_keras.report.table import Column, Table, facts, text_columns, whole, words
from pnn_keras.shape import Shape

#: Of tasks with more classes (speakers) no table goes through every one.
MOST_CLASSES = 12


@dataclasses.dataclass(frozen=True)
class RoleCount:
    """Who and what has a role in a fold.

    Args:
        repeat: number of the repeat, from 0.
        fold: number of the fold in it, from 0.
        role: ``"train"``, ``"stop"`` or ``"test"``.
        sex: ``"female"``, ``"male"`` or ``"unknown"``.
        speakers: how many known speakers.
        utterances: how many labelled utterances.
    """

    repeat: int
    fold: int
    role: str
    sex: str
    speakers: int
    utterances: int


def corpora_table(run: RunResult) -> Table:
    """What was listened to."""
    columns = (
        *text_columns("Corpus"),
        Column("Clips", ("clips",)),
        Column("Speakers", ("speakers",)),
        Column("Skipped", ("skipped",)),
        *text_columns("Licence", "Citation", "SHA-256 of recordings and labels"),
    )
    rows = tuple(
        (
            words(corpus["name"] + (" (synthetic)" if corpus.get("synthetic") else "")),
            whole(corpus["clips"]),
            whole(len(corpus["speakers"])),
            whole(len(corpus["skipped"])),
            words(corpus["licence"]),
            words(corpus["citation"]),
            words(corpus.get("digest", "not recorded")[:16]),
        )
        for corpus in run.record["corpora"]
    )
    return Table("corpora", "Corpora", columns, rows)


def extended_table(run: RunResult) -> Table:
    """The trained chains that were extended, and whom they had heard."""
    columns = (
        *text_columns("Model", "Answers", "Trained on"),
        Column("Speakers", ("speakers",)),
        *text_columns("SHA-256 of its weights"),
    )
    rows = tuple(
        (
            words(chain["model"]),
            words(", ".join(chain["tasks"])),
            words(", ".join(map(str, chain["corpora"])) or "unknown"),
            whole(chain["heard_speakers"]),
            words(chain["sha256"][:16]),
        )
        for chain in run.record.get("extends", ())
    )
    methods = {result.method for study in run.studies for result in study.methods}
    rescaled = ""
    if any(name.endswith("rescaled") for name in methods):
        rescaled = ", but where a method has it rescaled by the target's training rows"
    unrecorded = [c["model"] for c in run.record.get("extends", ()) if c["heard_speakers"] is None]
    heard = (
        f" Of {', '.join(unrecorded)} there is no record of whom it heard: whether it has heard "
        "speakers that are scored here, nobody can tell."
        if unrecorded
        else " None of them has heard a speaker or a recording that is scored here."
    )
    note = (
        "Their columns are frozen, but where PT/FT fine-tunes a copy of one, and their scaling is "
        f"their own{rescaled}.{heard}"
    )
    return Table("extended", "Trained chains that were extended", columns, rows, (note,))


def protocols_table(run: RunResult) -> Table:
    """The folds behind every study's scores, and their stamp."""
    columns = (
        *text_columns("Study", "Stamp"),
        Column("Classes", ("classes",)),
        Column("Utterances", ("utterances",)),
        *text_columns("Of each class"),
        Column("Folds", ("folds",)),
        Column("Repeats", ("repeats",)),
        Column("Parts", ("training_parts",)),
        Column("Test speakers", ("test_speakers",)),
        Column("Seed", ("seed",)),
        *text_columns("Hash of the folds"),
    )
    rows = tuple(
        (
            words(study.name),
            words(study.stamp),
            whole(len(study.classes)),
            whole(len(study.targets)),
            words(_class_counts(study)),
            whole(study.protocol["folds"]),
            whole(study.protocol["repeats"]),
            words(study.training_parts or "all"),
            words(_range(study.protocol["speakers"].get("test"))),
            whole(study.protocol["seed"]),
            words(study.protocol["hash"][:16]),
        )
        for study in run.studies
    )
    notes = (
        "Speaker-dependent: test speakers were heard in training, or are not known. Transductive: "
        "features were scaled with the test utterances' own. Utterances: those with a label among "
        "the classes. Parts: how many each fold trains on. Test speakers: fewest to most in a "
        f"fold. The folds themselves are in the run's folder {FOLDS}/, with their whole hash "
        "(SHA-256).",
    )
    return Table("protocols", "Protocols: what every score is worth", columns, rows, notes)


def _source_shapes(shape: Shape) -> list[tuple[str, str]]:
    """What differs of the sources' widths, and of how they are read."""
    widths = shape.source_units or {}
    by_task = widths if isinstance(widths, Mapping) else {"sources": widths}
    return [
        *((f"hidden layers of {task}", ", ".join(map(str, w))) for task, w in by_task.items()),
        *((f"layers read of {task}", how) for task, how in (shape.wiring or {}).items()),
    ]


def _searched(run: RunResult) -> list[tuple[str, object]]:
    """What methods that search inside each fold have tried; nothing where none does."""
    methods = {method for study in run.experiment.studies for method in study.methods}
    if not any(METHODS[method].nested for method in methods):
        return []
    found = dataclasses.asdict(run.experiment.tuning)
    trials = found.pop("trials")
    return [
        ("candidates tried inside each fold", trials),
        *(
            (f"of these, {name.replace('_', ' ')}", ", ".join(map(str, values)))
            for name, values in found.items()
        ),
    ]


def settings_table(run: RunResult) -> Table:
    """How columns were fitted, alike for every method that fits any, and plain classifiers."""
    asked, settings, shape = run.experiment, run.experiment.settings, run.experiment.shape
    merged = sorted({pair for study in run.studies for pair in study.merged})
    units = ", ".join(map(str, shape.units))
    pairs = [
        ("front-end", _frontend_of(run)),
        *([("augmented passes of training rows", asked.augment)] if asked.augment else []),
        ("features scaled by", _SCALINGS[asked.scaling]),
        ("emotion classes", _classes(asked.classes)),
        *((f"label {found!r} counts as", f"{counted!r}") for found, counted in merged),
        ("hidden layers", units),
        *_source_shapes(shape),
        ("dropout", shape.dropout),
        ("lateral connections of ProgNet", shape.lateral),
        ("most epochs", settings.epochs),
        ("patience in epochs", settings.patience),
        ("batch size in rows", settings.batch_size),
        ("learning rate (Adam)", settings.learning_rate),
        ("classes weigh the same", "yes" if settings.class_weights else "no"),
        ("seed", settings.seed),
        *_plain_classifiers(run),
        *_searched(run),
        *_taken(run),
        ("computing, all answers", f"{_minutes(run):,.0f} min"),
        *_versions(run),
    ]
    return facts("settings", "Settings of the networks, of plain classifiers, and versions", pairs)


def _plain_classifiers(run: RunResult) -> list[tuple[str, str]]:
    """How the plain classifiers of a run are fitted."""
    asked = {method for study in run.studies for method, _ in _asked(study)}
    return [
        (METHODS[name].title, REFERENCE_SETTINGS[name]) for name in REFERENCES if name in asked
    ]


def _asked(study: StudyResult) -> list[tuple[str, str]]:
    return [*((m.method, m.source) for m in study.methods), *study.missing]


def _minutes(run: RunResult) -> float:
    """What all answers took to compute, in minutes of one process after the other."""
    return sum(m.seconds for study in run.studies for m in study.methods) / 60


def _versions(run: RunResult) -> list[tuple[str, str]]:
    """Every library with the versions that the run was computed with, in order."""
    found = versions_of(run.record)
    names = dict.fromkeys(name for versions in found for name in versions)
    return [
        (name, ", then ".join(dict.fromkeys(v[name] for v in found if name in v)))
        for name in names
    ]


def _taken(run: RunResult) -> list[tuple[str, str]]:
    """Which other runs answered some of it."""
    names = dict.fromkeys(
        name for study in run.studies for method in study.methods for name in method.taken_from
    )
    return [("answers taken from other runs", ", ".join(names))] if names else []


def role_counts(run: RunResult, study: StudyResult) -> list[RoleCount]:
    """Speakers and utterances of each role and fold, by sex, read off the run's folds.

    Raises:
        UserError: the file of folds is missing or is none.
    """
    path = run.folder / FOLDS / f"{study.number:03d}.csv"
    known = read_utterances(run.folder, study.number)
    columns = (known[name] for name in ("corpus", "id", "speaker", "gender"))
    facts_of = {(corpus, name): who for corpus, name, *who in zip(*columns, strict=True)}
    speakers, utterances = defaultdict(set), defaultdict(int)
    for repeat, fold, role, name in _read_folds(path):
        if name not in facts_of:
            continue  # it has no label of this task
        speaker, sex = facts_of[name]
        place = (repeat, fold, role, sex or "unknown")
        utterances[place] += 1
        if speaker is not None:
            speakers[place].add(speaker)
    return [RoleCount(*place, len(speakers[place]), n) for place, n in utterances.items()]


def mean_stop_rows(study: StudyResult, counts: Sequence[RoleCount]) -> float:
    """How many labelled utterances stop, the mean over a study's folds."""
    stopping = sum(each.utterances for each in counts if each.role == "stop")
    return stopping / (study.protocol["repeats"] * study.protocol["folds"])


def folds_table(study: StudyResult, counts: Sequence[RoleCount]) -> Table:
    """Who has which role in each fold; for files alone."""
    columns = (
        Column("Repeat", ("repeat",)),
        Column("Fold", ("fold",)),
        *text_columns("Role", "Sex"),
        Column("Speakers", ("speakers",)),
        Column("Utterances", ("utterances",)),
    )
    rows = tuple(
        (
            whole(each.repeat + 1),
            whole(each.fold + 1),
            words(each.role),
            words(each.sex),
            whole(each.speakers),
            whole(each.utterances),
        )
        for each in counts
    )
    title = f"{study.name}: who has which role ({study.stamp})"
    return Table(file_name(study, "folds"), title, columns, rows, on_page=False)


_SCALINGS = {
    "training": "training rows alone",
    "corpus": "the whole corpus of the task, test rows included (transductive)",
    "speaker": "each speaker's own recordings, test rows included (transductive)",
}


def _frontend_of(run: RunResult) -> str:
    """The front-end of new columns, with its version and options where they were recorded."""
    asked = run.experiment.frontend
    config = run.record.get("frontend")
    if config is None:
        config = {"name": asked} if asked else run.record["extends"][0]["frontend"]
    options = [f"{name} {value}" for name, value in config.items() if name != "name"]
    said = f"{config['name']} ({', '.join(options)})" if options else str(config["name"])
    return said if asked else f"{said}, that of the chain extended"


def _class_counts(study: StudyResult) -> str:
    """How many utterances each class has; of many classes (speakers) fewest to most."""
    counts = np.bincount(study.targets, minlength=len(study.classes))
    if len(counts) > MOST_CLASSES:
        return f"{counts.min()} to {counts.max()}"
    return ", ".join(f"{name} {n}" for name, n in zip(study.classes, counts, strict=True))


def _classes(classes) -> str:
    named = {
        "paper": "the paper's four where the corpus has them",
        "all": "all of the corpus",
    }
    return named.get(classes, classes) if isinstance(classes, str) else ", ".join(classes)


def _range(bounds) -> str:
    if not bounds:
        return "unknown"
    low, high = bounds
    return str(low) if low == high else f"{low} to {high}"


def _read_folds(path: Path):
    """Repeat, fold, role and name (corpus, id) of every line."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            file.readline()  # the record of the protocol
            for row in csv.DictReader(file):
                yield int(row["repeat"]), int(row["fold"]), row["role"], (row["corpus"], row["id"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} holds no folds: {error!r}. Repeat the run's command") from error

"""Reading a run: every study with the answers of its methods, repeat by repeat."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pnn_keras.errors import UserError
from pnn_keras.experiments.spec import Experiment, read_experiment, source_tasks
from pnn_keras.experiments.store import (
    FORGETTING,
    RECORD,
    SPEC,
    Part,
    is_finished,
    read_part,
    read_utterances,
)
from pnn_keras.methods import METHODS
from pnn_keras.search_space import Candidate
from pnn_keras.task import parse_task


@dataclasses.dataclass(frozen=True)
class MethodResult:
    """What one method answered in a study.

    Args:
        method: its name.
        source: its sources, ``""`` for none.
        predictions: class numbers, ``(repeats, n)``.
        probabilities: of the classes, float32 ``(repeats, n, classes)``.
        fold: which fold of its repeat tested each utterance, ``(repeats, n)``.
        parameters: number of weights that one member trained for the target, or
            None where a method has none to count.
        best_epoch: of each member, ``(repeats, folds)``, or None.
        traced: confusion counts on test rows epoch by epoch, ``(epochs,
            repeats, folds, classes, classes)``, or None.
        forgetting: confusion counts of the source on its own rows, by
            ``"before"`` and ``"after"``: ``(repeats, folds, classes, classes)``;
            how many of its answers are others ``"changed"``, ``(repeats, folds)``;
            besides ``"task"``, ``"role"`` and whether the source had heard none of
            their speakers, ``"speaker_disjoint"`` (None: not recorded); or None.
        seconds: what it took to compute.
        chosen: what each member chose that searched inside its fold, repeat by
            repeat, or None.
        taken_from: names of other runs that answered some of it.
    """

    method: str
    source: str
    predictions: np.ndarray
    probabilities: np.ndarray
    fold: np.ndarray
    parameters: int | None
    best_epoch: np.ndarray | None
    traced: np.ndarray | None
    forgetting: Mapping | None
    seconds: float
    chosen: tuple[Candidate, ...] | None = None
    taken_from: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class StudyResult:
    """A study with the answers of its methods; only utterances that are tested.

    Args:
        name: what it is called.
        target: the task's name.
        classes: the task's classes.
        protocol: the record of its protocol: name, stamp, hash, ...
        transductive: whether scaling has seen test rows.
        training_parts: how many parts each fold trains on; 0 means all.
        targets: class numbers, ``(n,)``.
        corpora: the corpus of each utterance, ``(n,)``.
        ids: the name of each utterance, ``(n,)``.
        speakers: who speaks, ``(n,)``; None where nobody is known.
        genders: ``(n,)``.
        train_rows: training rows of each fold, ``(repeats, folds)``.
        methods: the methods' results, in the order of tables.
        missing: pairs of a method and its sources that are not finished.
        number: its number in the experiment, from 0.
        merged: pairs of a label found in the data and the class it counts as.
        preset: what the trained chain is called that was extended, ``""`` for none.
        parts: how many parts (a method's answers on some folds) are finished, and of
            how many.
    """

    name: str
    target: str
    classes: tuple[str, ...]
    protocol: Mapping
    transductive: bool
    training_parts: int
    targets: np.ndarray
    corpora: np.ndarray
    ids: np.ndarray
    speakers: np.ndarray
    genders: np.ndarray
    train_rows: np.ndarray
    methods: tuple[MethodResult, ...]
    missing: tuple[tuple[str, str], ...]
    number: int = 0
    merged: tuple[tuple[str, str], ...] = ()
    preset: str = ""
    parts: tuple[int, int] = (0, 0)

    @property
    def stamp(self) -> str:
        """What every table says of the scores: whose voices, and what scaling has seen."""
        return f"{self.protocol['stamp']}, {self.scaling_stamp}"

    @property
    def scaling_stamp(self) -> str:
        """What scaling has seen."""
        return "transductive" if self.transductive else "not transductive"

    @property
    def recognises_speakers(self) -> bool:
        """Whether the speakers are the classes."""
        return parse_task(self.target)[0] == "speaker"

    @property
    def single_split(self) -> bool:
        """Whether every repeat tests the same rows, and changes seeds and stop rows alone."""
        return self.protocol["folds"] == 1

    @property
    def knows_speakers(self) -> bool:
        """Whether every tested utterance has a speaker."""
        return all(speaker is not None for speaker in self.speakers)

    @property
    def comparable_sexes(self) -> list[str]:
        """The sexes, where the utterances of each have every class, so that their UARs compare.

        Where sexes or speakers are the classes a sex's UAR would be a recall.
        """
        sexes = sorted({sex for sex in self.genders if sex is not None})
        every = all(
            len(set(self.targets[self.genders == sex])) == len(self.classes) for sex in sexes
        )
        return sexes if every else []

    def method(self, name: str, source: str = "") -> MethodResult | None:
        """The result of a method; None if it was not asked for or is not finished.

        A method of which only the sources' number counts is found by any of as many.
        """
        for each in self.methods:
            same_size = len(source_tasks(each.source)) == len(source_tasks(source))
            alike = METHODS[name].size_only and same_size
            if each.method == name and (alike or each.source == source):
                return each
        return None


@dataclasses.dataclass(frozen=True)
class RunResult:
    """A whole run.

    Args:
        folder: where it lies.
        experiment: what was asked.
        record: versions, corpora, seeds.
        studies: the studies, in the order of the experiment.
    """

    folder: Path
    experiment: Experiment
    record: Mapping
    studies: tuple[StudyResult, ...]


def read_run(folder: str | Path) -> RunResult:
    """Reads a run, finished or not: methods of which a group is missing are left out.

    Raises:
        UserError: the folder holds no run, or one that is damaged.
    """
    folder = Path(folder)
    if not (folder / SPEC).is_file() or not (folder / RECORD).is_file():
        raise UserError(
            f"{folder} holds no run of an experiment: {SPEC} or {RECORD} is missing. "
            "See: pnn-keras experiment run"
        )
    experiment = read_experiment(folder / SPEC)
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        studies = tuple(
            _read_study(folder, number, facts, experiment)
            for number, facts in enumerate(record["studies"])
        )
    except (ValueError, KeyError, TypeError, IndexError, OSError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"The run in {folder} is damaged: {error!r}") from error
    return RunResult(folder, experiment, record, studies)


def _read_study(folder: Path, number: int, facts: Mapping, experiment: Experiment) -> StudyResult:
    utterances = read_utterances(folder, number)
    methods, missing, tested, train = [], [], None, None
    finished = 0
    for method, source in facts["jobs"]:
        parts = [Part(number, method, source, tuple(group)) for group in facts["groups"]]
        done = sum(is_finished(folder, part) for part in parts)
        finished += done
        if done < len(parts):
            missing.append((method, source))
            continue
        result, rows, train = _read_method(folder, parts, facts)
        tested = rows
        methods.append(result)
    rows = utterances["row"].astype(int)
    keep = np.isin(rows, rows if tested is None else tested)
    protocol = facts["protocol"]
    if train is None:
        train = np.zeros((protocol["repeats"], protocol["folds"]), int)
    return StudyResult(
        number=number,
        name=facts["name"],
        target=facts["target"],
        classes=tuple(facts["classes"]),
        merged=tuple((found, counted) for found, counted in facts["merged"]),
        protocol=protocol,
        transductive=facts["transductive"],
        training_parts=experiment.studies[number].training_parts,
        preset=experiment.studies[number].preset,
        targets=utterances["target"][keep].astype(int),
        corpora=utterances["corpus"][keep],
        ids=utterances["id"][keep],
        speakers=utterances["speaker"][keep],
        genders=utterances["gender"][keep],
        train_rows=train,
        methods=tuple(methods),
        missing=tuple(missing),
        parts=(finished, len(facts["jobs"]) * len(facts["groups"])),
    )


def _read_method(folder: Path, parts, facts: Mapping):
    """A method over all groups: its result, its test rows, its counts of training rows."""
    results = [read_part(folder, part) for part in parts]
    repeats, folds = facts["protocol"]["repeats"], facts["protocol"]["folds"]
    member = np.concatenate([result.member for result in results])
    row = np.concatenate([result.row for result in results])
    probabilities = np.concatenate([result.probabilities for result in results])
    rows = np.unique(row)
    shape = (repeats, len(rows))
    if len(row) != repeats * len(rows):
        raise UserError(
            f"{folder / parts[0].path.parent} tests {len(row)} utterances where {repeats} x "
            f"{len(rows)} were expected. Remove that folder and run again"
        )
    place = (member // folds, np.searchsorted(rows, row))
    fold = np.zeros(shape, int)
    fold[place] = member % folds
    answers = np.zeros((*shape, probabilities.shape[1]), np.float32)
    answers[place] = probabilities
    known = [result.facts for result in results]
    best = _by_member(known, "best_epoch", (repeats, folds))
    traced = _traced(known, repeats, folds)
    result = MethodResult(
        parts[0].method,
        parts[0].source,
        answers.argmax(axis=-1),
        answers,
        fold,
        known[0]["parameters"],
        best,
        traced,
        _forgetting(known, repeats, folds),
        sum(each["seconds"] for each in known),
        _chosen(known),
        tuple(dict.fromkeys(each["taken_from"] for each in known if "taken_from" in each)),
    )
    return result, rows, _by_member(known, "train", (repeats, folds))


def _by_member(known, name: str, shape) -> np.ndarray | None:
    if any(name not in facts for facts in known):
        return None
    return np.concatenate([facts[name] for facts in known]).reshape(shape)


def _chosen(known) -> tuple[Candidate, ...] | None:
    if any("chosen" not in facts for facts in known):
        return None
    return tuple(Candidate.from_config(each) for facts in known for each in facts["chosen"])


def _traced(known, repeats: int, folds: int) -> np.ndarray | None:
    if any("traced" not in facts for facts in known):
        return None
    traced = np.concatenate([np.array(facts["traced"]) for facts in known], axis=1)
    return traced.reshape(len(traced), repeats, folds, *traced.shape[2:])


def _forgetting(known, repeats: int, folds: int) -> dict | None:
    if any(FORGETTING not in facts for facts in known):
        return None
    first = known[0][FORGETTING]
    counted = {}
    for what in ("before", "after", "changed"):
        counts = np.concatenate([np.array(facts[FORGETTING][what]) for facts in known])
        counted[what] = counts.reshape(repeats, folds, *counts.shape[1:])
    # Earlier runs do not tell whether the source had heard the speakers that it was asked about.
    apart = [facts[FORGETTING].get("speaker_disjoint") for facts in known]
    disjoint = None if None in apart else all(apart)
    facts = {name: first[name] for name in ("task", "role", "classes")}
    return {**facts, "speaker_disjoint": disjoint, **counted}

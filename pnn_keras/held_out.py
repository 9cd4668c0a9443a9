"""What was answered on test rows, each utterance once a repeat, and what that is worth."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.calibration import calibrate
from pnn_keras.corpus import Utterance
from pnn_keras.folder import write_whole
from pnn_keras.intervals import uar_interval
from pnn_keras.protocol import Fold
from pnn_keras.statistics import confusion_matrix, uar
from pnn_keras.task import Task

#: A speaker's UAR counts among the best and worst if it goes over this share of the classes.
_SHARE_OF_CLASSES = 0.5


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """One method's answers on test rows, each utterance once a repeat.

    Args:
        task: whose answers they are.
        method: who answered.
        rows: numbers of the utterances, ``(n,)``.
        targets: class numbers, ``(n,)``.
        probabilities: ``(repeats, n, classes)``.
        fold: which fold of its repeat held each utterance out, ``(repeats, n)``.
    """

    task: Task
    method: str
    rows: np.ndarray
    targets: np.ndarray
    probabilities: np.ndarray
    fold: np.ndarray

    @property
    def predictions(self) -> np.ndarray:
        """Class numbers, ``(repeats, n)``."""
        return self.probabilities.argmax(axis=-1)


def held_out(
    task: Task,
    method: str,
    targets: np.ndarray,
    answers: np.ndarray,
    folds: Sequence[Fold],
    repeats: int,
) -> HeldOut | None:
    """The answers of all members on their test rows.

    Args:
        task: whose answers they are.
        method: who answered.
        targets: class numbers of all utterances, ``(utterances,)``.
        answers: probabilities, ``(members, utterances, classes)``.
        folds: one per member, repeat by repeat.
        repeats: number of repeats.

    Returns:
        None where some repeat does not test the same utterances once each.
    """
    tested = [fold.test for fold in folds]
    per_repeat = len(folds) // repeats
    rows = np.unique(np.concatenate(tested))
    shape = (repeats, len(rows))
    probabilities = np.zeros((*shape, answers.shape[-1]), np.float32)
    fold, times = np.zeros(shape, int), np.zeros(shape, int)
    for member, own in enumerate(tested):
        place = (member // per_repeat, np.searchsorted(rows, own))
        probabilities[place] = answers[member, own]
        fold[place] = member % per_repeat
        times[place] += 1
    if not len(rows) or (times != 1).any():
        return None
    return HeldOut(task, method, rows, targets[rows], probabilities, fold)


def interval_of(answered: HeldOut, utterances: Sequence[Utterance]) -> dict:
    """A 95 % bootstrap interval of the UAR over speakers, as it is recorded.

    Args:
        answered: the answers.
        utterances: all utterances.

    Returns:
        ``low``, ``high``, ``level``, ``speakers`` (their number; None if
        utterances were resampled) and ``warning``.
    """
    speakers = _speakers(answered, utterances)
    known = None if any(speaker is None for speaker in speakers) else np.array(speakers)
    classes = len(answered.task.classes)
    return uar_interval(answered.targets, answered.predictions, known, classes).described()


def groups_of(answered: HeldOut, utterances: Sequence[Utterance]) -> dict:
    """UAR by sex and by corpus, and of the speakers who are answered best and worst.

    UAR goes over the classes that a group has. A speaker with fewer than half of
    the classes (of gender everyone has one of two) is not among the best and worst.

    Args:
        answered: the answers.
        utterances: all utterances.

    Returns:
        ``method``; ``by_gender`` and ``by_corpus``: for each group ``uar``,
        ``utterances`` and ``speakers`` (their number); ``worst_speaker`` and
        ``best_speaker``: ``speaker``, ``uar`` and ``utterances``, or None.
    """
    some = [utterances[row] for row in answered.rows]
    speakers = _speakers(answered, utterances)
    known = _by_group(answered, speakers, speakers)
    classes = len(answered.task.classes)
    ranked = sorted(
        (
            (facts["uar"], name, facts["utterances"])
            for name, facts in known.items()
            if _classes_of(answered, speakers, name) >= classes * _SHARE_OF_CLASSES
        )
    )
    ends = [{"speaker": n, "uar": score, "utterances": count} for score, n, count in ranked]
    return {
        "method": answered.method,
        "by_gender": _by_group(answered, [u.gender for u in some], speakers),
        "by_corpus": _by_group(answered, [u.corpus for u in some], speakers),
        "worst_speaker": ends[0] if ends else None,
        "best_speaker": ends[-1] if ends else None,
    }


def calibration_of(answered: HeldOut) -> dict:
    """A temperature for the task, see :func:`pnn_keras.calibration.calibrate`.

    A fold's answers of all repeats are held out together.

    Args:
        answered: the answers.
    """
    repeats, count = answered.fold.shape
    # An utterance may be in another fold in another repeat; it stays with that of the first.
    fold = np.tile(answered.fold[0], repeats)
    probabilities = answered.probabilities.reshape(repeats * count, -1)
    found = calibrate(probabilities, np.tile(answered.targets, repeats), fold)
    return {**found, "method": answered.method}


def read_answers(
    path: str | os.PathLike, classes: Mapping[str, Sequence[str]]
) -> tuple[list[HeldOut], list[Utterance]]:
    """Answers that :func:`write_answers` wrote, and the utterances that they are of.

    Args:
        path: the file.
        classes: the classes of each task, in order.

    Returns:
        The answers, whose ``rows`` are numbers of the utterances that follow;
        these know corpus, name, speaker and sex, and have no audio.
    """
    import pandas as pd

    table = pd.read_parquet(path)
    table = table.astype(object).where(table.notna(), None)
    facts = ["corpus", "id", "speaker", "gender"]
    known = table[facts].drop_duplicates(["corpus", "id"]).reset_index(drop=True)
    numbers = {key: i for i, key in enumerate(zip(known.corpus, known.id, strict=True))}
    utterances = [
        # A speaker is stored with the corpus before the name: EmoDB/03.
        Utterance(corpus, name, Path(), speaker=s and s.removeprefix(f"{corpus}/"), gender=sex)
        for corpus, name, s, sex in known.itertuples(index=False)
    ]
    answers = [
        _read_one(task, classes[task], method, lines, numbers)
        for (task, method), lines in table.groupby(["task", "method"], sort=False)
    ]
    return answers, utterances


def _read_one(name: str, classes: Sequence[str], method: str, lines, numbers: Mapping) -> HeldOut:
    repeats = lines["repeat"].nunique()
    label, _, corpus = name.partition("@")
    rows = [numbers[key] for key in zip(lines["corpus"], lines["id"], strict=True)]
    count = len(rows) // repeats  # every repeat has the same utterances in the same order
    place = {found: number for number, found in enumerate(classes)}
    return HeldOut(
        Task(label, tuple(classes), corpus or None),
        method,
        np.array(rows[:count]),
        np.array([place[found] for found in lines["class"][:count]]),
        np.stack(list(lines["probabilities"])).reshape(repeats, count, -1),
        lines["fold"].to_numpy(int).reshape(repeats, count),
    )


def write_answers(
    path: str | os.PathLike, answers: Sequence[HeldOut], utterances: Sequence[Utterance]
) -> None:
    """Writes answers as a parquet table, one line per method, repeat and utterance.

    Columns: ``task``, ``method``, ``repeat``, ``fold``, ``corpus``, ``id``,
    ``speaker``, ``gender``, ``class`` (the true one) and ``probabilities`` (one
    per class, in the task's order).

    Args:
        path: the file.
        answers: what was answered.
        utterances: all utterances.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.concat_tables(pa.table(_lines(each, utterances)) for each in answers)
    write_whole(Path(path), lambda part: pq.write_table(table, part, compression="zstd"))


def _lines(answered: HeldOut, utterances: Sequence[Utterance]) -> Mapping:
    import pyarrow as pa

    repeats, count = answered.fold.shape
    some = [utterances[row] for row in answered.rows] * repeats
    flat = answered.probabilities.reshape(repeats * count, -1)
    classes = answered.task.classes
    return {
        "task": [answered.task.name] * len(some),
        "method": [answered.method] * len(some),
        "repeat": np.repeat(np.arange(repeats, dtype=np.int32), count),
        "fold": answered.fold.ravel().astype(np.int32),
        "corpus": [u.corpus for u in some],
        "id": [u.id for u in some],
        "speaker": pa.array([u.speaker_id for u in some], pa.string()),
        "gender": pa.array([u.gender for u in some], pa.string()),
        "class": [classes[target] for target in answered.targets] * repeats,
        "probabilities": pa.array(list(flat), pa.list_(pa.float32())),
    }


def _speakers(answered: HeldOut, utterances: Sequence[Utterance]) -> list[str | None]:
    return [utterances[row].speaker_id for row in answered.rows]


def _by_group(answered: HeldOut, groups: Sequence, speakers: Sequence) -> dict[str, dict]:
    """The UAR of each group's utterances over the classes that it has, averaged over repeats."""
    count = len(answered.task.classes)
    found = {}
    for name in sorted({group for group in groups if group is not None}):
        own = np.array([group == name for group in groups])
        scores = [
            uar(confusion_matrix(answered.targets[own], guessed[own], count))
            for guessed in answered.predictions
        ]
        found[name] = {
            "uar": float(np.mean(scores)),
            "utterances": int(own.sum()),
            "speakers": len({s for s, is_own in zip(speakers, own, strict=True) if is_own}),
        }
    return found


def _classes_of(answered: HeldOut, speakers: Sequence, name: str) -> int:
    own = np.array([speaker == name for speaker in speakers])
    return len(np.unique(answered.targets[own]))

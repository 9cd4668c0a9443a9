"""Answers on test rows, each once a repeat, and what they are worth: known answers."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pnn_keras.corpus import Utterance
from pnn_keras.held_out import (
    calibration_of,
    groups_of,
    held_out,
    interval_of,
    read_answers,
    write_answers,
)
from pnn_keras.protocol import Fold
from pnn_keras.task import Task

TASK = Task("emotion", ("angry", "sad"))
#: Two women and two men of two corpora, an angry and a sad utterance each.
VOICES = [("A", "1", "female"), ("A", "2", "male"), ("B", "1", "female"), ("B", "2", "male")]
UTTERANCES = [
    Utterance(corpus, f"{speaker}-{n}", Path("x"), speaker=speaker, gender=sex)
    for corpus, speaker, sex in VOICES
    for n in range(2)
]
TARGETS = np.array([0, 1] * 4)
#: Answers are right but for those to the second speaker's sad one and both of the fourth's.
WRONG = [3, 6, 7]


def folds(*tests):
    everyone = np.arange(8)
    return [Fold(np.setdiff1d(everyone, t), np.array([], int), np.array(t, int)) for t in tests]


def answered(repeats=1):
    right = np.full((8, 2), 0.25)
    right[np.arange(8), np.where(np.isin(np.arange(8), WRONG), 1 - TARGETS, TARGETS)] = 0.75
    answers = np.full((2 * repeats, 8, 2), 0.5)
    halves = folds([0, 1, 2, 3], [4, 5, 6, 7]) * repeats
    for member, fold in enumerate(halves):
        answers[member, fold.test] = right[fold.test]
    return held_out(TASK, "prognet", TARGETS, answers, halves, repeats)


def test_each_utterance_has_the_answer_of_the_fold_that_held_it_out():
    found = answered(repeats=2)
    assert found.probabilities.shape == (2, 8, 2)
    assert found.fold.tolist() == [[0] * 4 + [1] * 4] * 2
    wrong = np.flatnonzero(found.predictions[1] != found.targets)
    assert wrong.tolist() == WRONG


@pytest.mark.parametrize("tests", [([0, 1], [1, 2]), ([0, 1], [])])
def test_rows_that_are_not_tested_once_each_are_not_pooled(tests):
    divisions = folds(*tests) + folds([0, 1], [2, 3])
    assert held_out(TASK, "dnn", TARGETS, np.zeros((4, 8, 2)), divisions, 2) is None


def test_groups_have_the_recall_of_their_own_utterances():
    found = groups_of(answered(), UTTERANCES)
    assert found["by_gender"] == {
        "female": {"uar": 1.0, "utterances": 4, "speakers": 2},
        "male": {"uar": 0.25, "utterances": 4, "speakers": 2},
    }
    assert {name: facts["uar"] for name, facts in found["by_corpus"].items()} == {
        "A": 0.75,
        "B": 0.5,
    }


def test_the_worst_speaker_is_named():
    found = groups_of(answered(), UTTERANCES)
    assert found["worst_speaker"] == {"speaker": "B/2", "uar": 0.0, "utterances": 2}
    assert found["best_speaker"]["uar"] == 1.0


def test_an_interval_is_over_speakers_where_they_are_known():
    found = interval_of(answered(), UTTERANCES)
    assert found["speakers"] == 4 and found["low"] < 5 / 8 < found["high"]
    unknown = [Utterance(u.corpus, u.id, u.path) for u in UTTERANCES]
    assert interval_of(answered(), unknown)["speakers"] is None
    assert groups_of(answered(), unknown)["worst_speaker"] is None


def test_calibration_counts_the_answers_of_all_repeats():
    found = calibration_of(answered(repeats=2))
    assert found["utterances"] == 16 and found["method"] == "prognet"
    # .75 sure, right in 5 of 8: at the best temperature p / (1 - p) is 5 / 3.
    assert found["fitted"] == pytest.approx(np.log(3) / np.log(5 / 3), rel=1e-3)
    assert found["ece_before"] == pytest.approx(0.125)


def test_answers_are_read_as_they_were_written(tmp_path):
    both = [answered(repeats=2), dataclasses.replace(answered(repeats=2), method="dnn")]
    write_answers(tmp_path / "a.parquet", both, UTTERANCES)
    found, utterances = read_answers(tmp_path / "a.parquet", {"emotion": TASK.classes})
    assert [each.method for each in found] == ["prognet", "dnn"]
    assert groups_of(found[0], utterances) == groups_of(both[0], UTTERANCES)
    assert calibration_of(found[0]) == calibration_of(both[0])
    assert interval_of(found[1], utterances) == interval_of(both[1], UTTERANCES)


def test_utterances_without_a_speaker_are_read_so(tmp_path):
    unknown = [Utterance(u.corpus, u.id, u.path) for u in UTTERANCES]
    write_answers(tmp_path / "a.parquet", [answered()], unknown)
    _, utterances = read_answers(tmp_path / "a.parquet", {"emotion": TASK.classes})
    assert {(u.speaker, u.gender) for u in utterances} == {(None, None)}


def test_everyone_is_ranked_in_a_task_that_a_speaker_has_one_class_of():
    gender = dataclasses.replace(
        answered(), task=Task("gender", ("female", "male")), targets=np.array([0, 0, 1, 1] * 2)
    )
    assert groups_of(gender, UTTERANCES)["worst_speaker"] == {
        "speaker": "A/2",
        "uar": 0.0,
        "utterances": 2,
    }

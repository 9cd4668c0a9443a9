"""Scores and comparisons of studies whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pnn_keras.experiments import MethodResult, StudyResult
from pnn_keras.experiments.analysis import analyse, fold_uars

#: Ten speakers with two clips of each of two classes.
SPEAKERS, PER = 10, 4
TARGETS = np.array([0, 1, 0, 1] * SPEAKERS)
WHO = np.repeat([f"made/s{i}" for i in range(SPEAKERS)], PER).astype(object)


def result(method, right, source="", repeats=2, **options):
    """A method that is right on the first ``right`` clips of every speaker."""
    correct = np.tile(np.arange(PER) < right, SPEAKERS)
    predictions = np.where(correct, TARGETS, 1 - TARGETS)
    fold = np.repeat(np.arange(5), 2 * PER)
    given = {
        "predictions": np.stack([predictions] * repeats),
        "probabilities": np.stack([np.eye(2, dtype=np.float32)[predictions]] * repeats),
        "fold": np.stack([fold] * repeats),
        "parameters": 10,
        "best_epoch": np.full((repeats, 5), 7),
        "traced": None,
        "forgetting": None,
        "seconds": 1.0,
    }
    return MethodResult(method, source, **{**given, **options})


def study(*methods, disjoint=True, repeats=2, **options):
    given = {
        "name": "emotion, made",
        "target": "emotion@made",
        "classes": ("angry", "sad"),
        "protocol": {
            "name": "speaker-5-fold",
            "speaker_disjoint": disjoint,
            "repeats": repeats,
            "folds": 5,
        },
        "transductive": False,
        "training_parts": 0,
        "targets": TARGETS,
        "corpora": np.array(["made"] * len(TARGETS), object),
        "ids": np.array([f"{i}.wav" for i in range(len(TARGETS))], object),
        "speakers": WHO,
        "genders": np.repeat(["female", "male"] * 5, PER).astype(object),
        "train_rows": np.full((repeats, 5), 24),
        "missing": (),
    }
    return StudyResult(**{**given, **options}, methods=methods)


def analysed(*methods, **options):
    return analyse(study(*methods, **options), draws=200)


def test_the_headline_is_the_pooled_uar_of_a_repeat_averaged():
    half = result("dnn", 2)
    better = result("dnn", 4)
    mixed = result("dnn", 2, predictions=np.stack([half.predictions[0], better.predictions[0]]))
    score = analysed(mixed).score("dnn")
    assert score.by_repeat.tolist() == [0.5, 1.0] and score.uar == 0.75


def test_recalls_confusion_genders_and_speakers_are_those_of_the_answers():
    score = analysed(result("dnn", 3)).score("dnn")
    # The fourth clip of every speaker, of class 1, is taken for class 0.
    assert score.recalls.tolist() == [1.0, 0.5]
    assert score.confusion.tolist() == [[40, 0], [20, 20]]
    assert score.by_gender == {"female": 0.75, "male": 0.75}
    assert set(score.by_speaker.values()) == {0.75} and len(score.by_speaker) == SPEAKERS
    assert (score.folds_mean, score.folds_sd, score.absent) == (0.75, 0.0, 0)
    assert score.best_epoch == 7


def test_ten_speakers_are_few():
    assert "few" in analysed(result("dnn", 3)).score("dnn").interval.warning


def test_a_class_that_a_fold_lacks_is_counted_and_left_out():
    targets = TARGETS.copy()
    targets[:8] = 0  # the first fold has no class 1
    one = study(result("dnn", 4, predictions=np.stack([targets] * 2)), targets=targets)
    score = analyse(one, draws=50).score("dnn")
    assert score.absent == 2 and score.folds_mean == 1.0


def test_a_single_fold_has_no_spread():
    single = result("dnn", 3, repeats=1, fold=np.zeros((1, 40), int), best_epoch=np.ones((1, 1)))
    protocol = {"name": "official", "speaker_disjoint": True, "repeats": 1, "folds": 1}
    one = study(single, protocol=protocol, train_rows=np.full((1, 1), 24), repeats=1)
    assert math.isnan(analyse(one, draws=50).score("dnn").folds_sd)


def test_over_new_speakers_the_sign_flips_of_speakers_count():
    done = analysed(result("dnn", 2), result("prognet", 3, "gender"))
    compared = done.comparison("prognet", "gender")
    # Ten speakers, all better: 2 of 2 ** 10 sign patterns are as extreme.
    assert compared.primary.name.startswith("sign-flip")
    assert compared.primary.p == pytest.approx(2 / 2**10)
    assert compared.difference == pytest.approx(0.25)
    assert len(compared.others) == 3


def test_over_known_speakers_the_corrected_test_over_folds_counts():
    done = analysed(result("dnn", 2), result("prognet", 3, "gender"), disjoint=False)
    assert done.comparison("prognet", "gender").primary.name.startswith("corrected repeated")


def test_equal_methods_do_not_differ():
    compared = analysed(result("dnn", 3), result("prognet", 3, "g")).comparison("prognet", "g")
    assert compared.primary.p == 1 and not compared.marked
    assert (compared.interval.low, compared.interval.high) == (0, 0)


def test_holm_corrects_over_all_comparisons_with_scratch():
    done = analysed(
        result("dnn", 2), result("ptft", 3, "a"), result("ptft", 3, "b"), result("ptft", 2, "c")
    )
    adjusted = [done.comparison("ptft", source).adjusted for source in "abc"]
    assert adjusted == pytest.approx([3 * 2 / 2**10, 3 * 2 / 2**10, 1])
    assert done.comparison("ptft", "a").marked


def test_prognet_is_held_against_its_controls_of_the_same_source():
    done = analysed(
        result("dnn", 2),
        result("dnn-large", 2, "a"),
        result("prognet", 3, "a"),
        result("prognet-random", 3, "a"),
        result("prognet", 3, "b"),
    )
    pairs = {(c.method, c.source, c.other) for c in done.comparisons if c.other != "dnn"}
    assert pairs == {
        ("prognet", "a", "dnn-large"),
        ("prognet", "a", "prognet-random"),
        ("prognet", "b", "dnn-large"),  # of as many sources
    }
    assert done.comparison("prognet", "a", "prognet-random").primary.p == 1


def test_unknown_speakers_make_the_folds_the_unit():
    unknown = np.array([None] * len(TARGETS), object)
    done = analysed(result("dnn", 2), result("prognet", 3, "g"), speakers=unknown)
    assert not done.comparison("prognet", "g").primary.name.startswith("sign-flip")
    assert done.score("dnn").by_speaker == {}


def test_forgetting_is_the_source_s_uar_before_less_after():
    before = np.zeros((2, 5, 2, 2), int)
    before[..., 0, 0] = before[..., 1, 1] = 4
    after = before.copy()
    after[..., 1, 1], after[..., 1, 0] = 2, 2
    facts = {"task": "gender@made", "role": "test", "classes": ["f", "m"], "before": before}
    none, some = np.zeros((2, 5), int), np.full((2, 5), 2)
    done = analysed(
        result("ptft", 3, "g", forgetting={**facts, "after": after, "changed": some}),
        result("prognet", 3, "g", forgetting={**facts, "after": before, "changed": none}),
        result("ptft-output", 3, "g", forgetting={**facts, "after": before, "changed": some}),
    )
    lost, kept, swapped = done.forgetting
    assert (lost.before, lost.after, lost.lost) == (1.0, 0.75, 0.25) and not lost.unchanged
    assert kept.lost == 0 and kept.unchanged
    assert swapped.lost == 0 and not swapped.unchanged  # as many right, but others


def test_the_test_over_speakers_is_of_the_headline_difference():
    # One speaker has a rare class alone, whose own UAR would outweigh its one utterance.
    targets = np.array([0, 1] * 20 + [1])
    speakers = np.array([f"s{i // 8}" for i in range(40)] + ["s5"], object)
    own = np.where(np.arange(41) % 8 == 3, 1 - targets, targets)
    other = np.where(np.arange(41) == 40, targets, np.where(np.arange(41) % 8 < 4, 0, targets))
    facts = {
        "targets": targets,
        "speakers": speakers,
        "corpora": np.array(["made"] * 41, object),
        "ids": np.array([str(i) for i in range(41)], object),
        "genders": np.array(["female"] * 41, object),
    }
    both = [
        result(name, 2, source, predictions=np.stack([p] * 2), fold=np.zeros((2, 41), int))
        for name, source, p in (("dnn", "", other), ("prognet", "g", own))
    ]
    found = analysed(*both, **facts).comparison("prognet", "g")
    assert found.primary.difference == pytest.approx(found.difference)
    assert found.effect.difference == pytest.approx(found.difference)


def test_an_interval_of_a_speaker_target_takes_utterances():
    done = analysed(result("dnn", 2), target="speaker@made", disjoint=False)
    assert done.score("dnn").interval.speakers is None


def test_prognet_is_held_against_plain_classifiers_whatever_its_source():
    done = analysed(result("svm", 2), result("dnn", 2), result("prognet", 3, "a"))
    assert done.comparison("prognet", "a", "svm").difference == 0.25


def test_folds_have_their_own_uar():
    one = study(result("dnn", 3))
    assert fold_uars(one, one.methods[0]).tolist() == [[0.75] * 5] * 2

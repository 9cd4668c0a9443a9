"""What a report says in words: each rule on a run with known answers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from run_made import make_run

from pnn_keras.experiments import Study, read_run
from pnn_keras.experiments.analysis import analyse
from pnn_keras.report.caveats import fold_words
from pnn_keras.report.run_tables import role_counts
from pnn_keras.report.words import run_words, study_words

THREE = ("dnn", "ptft", "prognet")
ALL = (
    "logistic-regression",
    "dnn",
    "dnn-large",
    "ptft",
    "prognet",
    "prognet-random",
    "prognet-shuffled",
)
GAIN = {"prognet": [7, 8], "ptft": 5}


@pytest.fixture
def said(tmp_path):
    """What is said of a run with these scores."""

    def words(
        right=None, methods=("dnn", "ptft", "prognet"), protocol="speaker-5-fold", **options
    ):
        studies = [Study("emotion@made", ("gender@made",), methods, protocol)]
        run = read_run(make_run(tmp_path, right, studies=studies, **options))
        return " ".join([*run_words(run), *study_words(analyse(run.studies[0]))])

    return words


def test_a_gain_after_correction_is_told_with_its_numbers(said):
    expected = (
        "Better than the DNN after Holm's correction: ProgNet from gender@made (+0.250 "
        "[+0.220, +0.280], p (Holm) = 0.004)."
    )
    assert expected in said(GAIN)


def test_beside_a_gain_over_speakers_stands_the_p_over_folds(tmp_path):
    run = read_run(make_run(tmp_path, {"prognet": [7, 8, 9]}))
    expected = "p (Holm) = 0.004; over folds p < 0.001)."
    assert expected in " ".join(study_words(analyse(run.studies[0])))


def test_a_loss_after_correction_is_told(said):
    found = said({"prognet": [3, 2], "ptft": 5})
    assert "Worse than the DNN after Holm's correction: ProgNet from gender@made" in found
    assert "Better" not in found


def test_no_difference_is_not_called_equality(said):
    found = said({"prognet": [5, 6, 5, 4], "ptft": 5})
    assert "Not shown to differ from the DNN: PT/FT from gender@made; ProgNet from" in found
    assert "That does not show that they are equal" in found
    assert "The gain of" not in found


def test_a_gain_beyond_every_control_is_due_to_what_the_source_learned(said):
    found = said(GAIN, ALL)
    assert "it is due, at least in part, to what the source learned" in found


@pytest.mark.parametrize(
    ("control", "named"),
    [
        ("dnn-large", "DNN, as many weights as ProgNet"),
        ("prognet-random", "ProgNet, random column in place of gender@made"),
        ("prognet-shuffled", "ProgNet, shuffled labels in place of gender@made"),
    ],
)
def test_a_gain_that_a_control_reaches_is_not_shown_to_be_due_to_the_source(said, control, named):
    found = said({**GAIN, control: [7, 8]}, ALL)
    assert "The gain of ProgNet from gender@made is not shown to be due to what" in found
    assert f"it is not shown to be more than that of {named} (0.000 [0.000, 0.000]" in found
    assert "at least in part" not in found


def test_a_gain_without_controls_is_not_shown_to_be_due_to_the_source(said):
    found = said(GAIN)
    assert "is not shown to be due to what the source learned: there is no result of" in found


def test_controls_that_no_test_could_mark_are_told(said):
    # Seven controls and seven speakers: .016 at best becomes more than .05.
    found = said(GAIN, ALL, speakers=7)
    of_controls = found.split("can reach in the comparisons with controls is ")[1]
    assert of_controls.startswith("0.016, where all speakers point the same way; after Holm's")
    assert "hardly any of these differences could have been marked" in of_controls


def test_methods_and_controls_that_are_not_named_are_counted(said):
    found = said({}, ALL)
    assert "ProgNet from gender@made; 4 other methods and controls" in found


def test_a_plain_classifier_that_does_better_is_named(said):
    found = said({"logistic-regression": [9, 8]}, ALL)
    assert "A plain classifier does better than the DNN: Logistic regression (+0.350" in found


def test_a_plain_classifier_that_does_no_better_is_not_named(said):
    assert "A plain classifier" not in said({"logistic-regression": 5}, ALL)


def test_a_network_at_chance_is_told(said):
    assert "The DNN is not shown to be better than chance" in said({"dnn": [3, 4, 3]})


def test_a_network_above_chance_is_not_said_to_be_at_chance(said):
    assert "better than chance" not in said({"dnn": 5})


def test_without_a_network_from_scratch_no_gain_can_be_told(said):
    assert "There is no network from scratch here" in said(methods=("prognet",))


def test_speaker_dependent_scores_say_nothing_about_new_speakers(said):
    found = said(protocol="paper-10-fold")
    assert "These scores say nothing about new speakers" in found


def test_speaker_disjoint_scores_are_not_called_dependent(said):
    found = said()
    assert "Speaker-dependent" not in found and "Transductive" not in found


def test_transductive_scaling_is_told(said):
    assert "Transductive: features were scaled with the test utterances' own" in said(
        scaling="corpus"
    )


def test_few_speakers_and_the_smallest_p_are_told(said):
    found = said(GAIN)
    assert "10 speakers are few: percentile intervals over so few are too narrow" in found
    assert "can reach in the comparisons with the DNN is 0.002, where all speakers point" in found
    assert "after Holm's correction over 2 it is 0.004 at best." in found


def test_too_few_speakers_for_any_mark_are_told(said):
    found = said(GAIN, speakers=5)
    assert "comparisons with the DNN is 0.062" in found
    assert "hardly any of these differences could have been marked, however large" in found


def test_enough_speakers_are_not_called_few(said):
    assert "are few" not in said(GAIN, speakers=30)


def test_one_repeat_is_told(said):
    assert "One repeat:" in said()


def test_over_new_speakers_p_is_said_to_be_of_the_models_as_trained(said):
    found = said(repeats=2)
    assert "are of the models as trained here, not of the methods trained anew" in found
    assert "The p over folds beside them in tables asks about the methods" in found


def test_over_known_speakers_no_test_over_speakers_is_spoken_of(said):
    assert "models as trained here" not in said(protocol="paper-10-fold")


SPLIT = [Study("emotion", ("gender",), THREE, "cross-corpus:other>made")]


def single_split(folder, right, unknown=False, disjoint=True):
    """A study of one split whose two repeats test the same rows."""
    run = read_run(make_run(folder, right, studies=SPLIT, corpora=("made", "other"), repeats=2))
    (study,) = run.studies
    nobody = np.full(len(study.speakers), None)
    protocol = {**study.protocol, "speaker_disjoint": disjoint}
    speakers = nobody if unknown else study.speakers
    return dataclasses.replace(study, protocol=protocol, speakers=speakers)


def test_one_split_is_tested_over_speakers_for_these_models_alone(tmp_path):
    found = " ".join(study_words(analyse(single_split(tmp_path, GAIN))))
    assert "Better than the DNN after Holm's correction: ProgNet from gender" in found
    assert "the more speakers shared a model; and here all of them do." in found
    assert "over folds p" not in found


@pytest.mark.parametrize("change", [{"unknown": True}, {"disjoint": False}])
def test_one_split_has_no_test_over_folds(tmp_path, change):
    analysis = analyse(single_split(tmp_path, GAIN, **change))
    tests = [test for c in analysis.comparisons for test in (c.primary, *c.others)]
    assert all(np.isnan(test.p) and np.isnan(test.statistic) for test in tests)
    found = " ".join(study_words(analysis))
    assert (
        "There is no test of whether these differ from the DNN, since every repeat tests" in found
    )
    assert "Better" not in found and "Not shown to differ" not in found


def test_a_test_that_points_the_other_way_than_the_headline_marks_nothing(tmp_path):
    run = read_run(make_run(tmp_path, GAIN, repeats=2))
    analysis = analyse(run.studies[0])
    turned = [
        dataclasses.replace(c, difference=-c.difference) if c.method == "prognet" else c
        for c in analysis.comparisons
    ]
    one = next(c for c in turned if (c.method, c.other) == ("prognet", "dnn"))
    assert one.contrary and one.adjusted < 0.05 and not one.marked
    found = " ".join(study_words(dataclasses.replace(analysis, comparisons=tuple(turned))))
    assert "Worse" not in found and "Better" not in found
    assert (
        "ProgNet from gender@made is not marked, although its p after Holm's correction" in found
    )
    assert "own differences (+0.250), which points the other way than the difference" in found


def test_two_repeats_are_not_called_one(said):
    assert "One repeat:" not in said(repeats=2)


def test_what_is_missing_is_listed(said):
    found = said(unfinished=[(0, "prognet", "gender@made"), (0, "ptft", "gender@made")])
    assert "1 of 3 parts (a method's answers on some folds) are there; 2 of 3 results" in found
    assert "Not finished: PT/FT from gender@made; ProgNet from gender@made." in found


def test_synthetic_audio_is_told(said):
    assert "Synthetic audio (made): nobody spoke it" in said(synthetic=True)


def test_natural_audio_is_not_called_synthetic(said):
    assert "Synthetic" not in said()


def test_forgetting_is_told(said):
    found = said(forgotten=2)
    kept = "Exactly nothing of gender@made (test rows) was forgotten by ProgNet from gender@made."
    changed = (
        "Answers on gender@made (test rows) changed with PT/FT from gender@made (1.000 to 0.900)"
    )
    assert kept in found and changed in found


def test_a_speaker_recogniser_is_excused(tmp_path):
    studies = [Study("speaker@made", ("gender@made",), ("dnn", "prognet"), "paper-10-fold")]
    run = read_run(make_run(tmp_path, studies=studies))
    said = " ".join(study_words(analyse(run.studies[0])))
    assert "A speaker recogniser can be scored in no other way." in said


RESCALED = ("dnn", "dnn-large", "prognet-rescaled", "prognet-random-rescaled")


@pytest.mark.parametrize(
    ("random", "expected"),
    [
        (
            5,
            "The gain of ProgNet, chain rescaled from mine is more than that of a network",
        ),
        (8, "it is not shown to be more than that of ProgNet, random column rescaled in place of"),
    ],
)
def test_a_rescaled_chain_is_held_against_rescaled_random_columns(tmp_path, random, expected):
    right = {"prognet-rescaled": [7, 8], "prognet-random-rescaled": random}
    studies = [Study("emotion@made", (), RESCALED, from_model="mine")]
    run = read_run(make_run(tmp_path, right, studies=studies))
    assert expected in " ".join(study_words(analyse(run.studies[0])))


def test_unknown_speakers_are_told(tmp_path):
    study = read_run(make_run(tmp_path)).studies[0]
    nobody = dataclasses.replace(study, speakers=np.full(len(study.speakers), None))
    said = " ".join(study_words(analyse(nobody)))
    assert "Some speakers are not known: intervals are over utterances" in said


def test_speakers_that_may_have_been_heard_are_not_said_to_have_been(tmp_path):
    study = read_run(make_run(tmp_path)).studies[0]
    nobody = np.full(len(study.speakers), None)
    protocol = {**study.protocol, "speaker_disjoint": False}
    unknown = dataclasses.replace(study, speakers=nobody, protocol=protocol)
    said = " ".join(study_words(analyse(unknown)))
    assert "test speakers may have been heard in training" in said
    assert "test speakers were heard" not in said


def test_a_marked_loss_of_a_method_of_any_kind_is_told(said):
    found = said({"prognet-random": [3, 2]}, ALL)
    assert "Worse than the DNN after Holm's correction: ProgNet, random column" in found


def test_a_plain_classifier_with_the_highest_uar_is_told_though_nothing_is_marked(said):
    found = said({"logistic-regression": [5, 6, 5, 5]}, ALL)  # 3 of 10 speakers have a tenth more
    assert "The highest UAR is that of a plain classifier (Logistic regression, 0.530)" in found
    assert "does better" not in found


def test_without_an_interval_the_score_itself_is_held_against_chance(tmp_path):
    run = read_run(make_run(tmp_path, {"dnn": 3}, speakers=10))
    (study,) = run.studies
    alone = dataclasses.replace(study, speakers=np.full(len(study.speakers), "made/s0", object))
    found = " ".join(study_words(analyse(alone)))
    assert "The DNN is not shown to be better than chance (0.300, chance 0.333)" in found
    assert "Not shown to be better than chance: PT/FT" not in found


def test_several_studies_are_said_to_be_corrected_one_by_one(tmp_path):
    studies = [
        Study("emotion@made", ("gender@made",), THREE),
        Study("gender@made", ("emotion@made",), THREE),
    ]
    run = read_run(make_run(tmp_path, studies=studies))
    assert "Holm's correction is made in each of the 2 studies" in " ".join(run_words(run))


def test_what_is_not_shown_to_differ_is_named_whichever_way_the_folds_point(tmp_path):
    run = read_run(make_run(tmp_path, {"prognet": [5, 6, 5, 4]}))
    analysis = analyse(run.studies[0])
    turned = [
        dataclasses.replace(c, difference=-c.difference - 0.001) for c in analysis.comparisons
    ]
    assert any(c.contrary for c in turned if c.method == "prognet")
    found = " ".join(study_words(dataclasses.replace(analysis, comparisons=tuple(turned))))
    assert "Not shown to differ from the DNN: PT/FT from gender@made; ProgNet from" in found


def test_every_method_at_chance_is_told(said):
    found = said({"ptft": [3, 4, 3]})
    assert "Not shown to be better than chance: PT/FT from gender@made." in found
    assert "The DNN is not shown" not in found


def test_one_answer_to_everything_is_told(tmp_path):
    run = read_run(make_run(tmp_path))
    (study,) = run.studies
    dnn, ptft, prognet = study.methods
    ptft = dataclasses.replace(ptft, predictions=np.zeros_like(ptft.predictions))
    made = dataclasses.replace(study, methods=(dnn, ptft, prognet))
    assert "PT/FT from gender@made (one answer to everything)" in " ".join(
        study_words(analyse(made))
    )


def test_a_run_of_which_nothing_is_finished_is_not_said_to_be_followed_by_anything(tmp_path):
    names = [(0, "dnn", ""), (0, "prognet", "gender@made"), (0, "ptft", "gender@made")]
    found = " ".join(run_words(read_run(make_run(tmp_path, unfinished=names))))
    assert "0 of 3 parts" in found and "What follows" not in found


def test_intervals_of_a_speaker_target_are_said_to_be_over_utterances(tmp_path):
    study = Study("speaker@made", ("gender@made",), THREE, "paper-10-fold")
    run = read_run(make_run(tmp_path, studies=[study]))
    found = " ".join(study_words(analyse(run.studies[0])))
    assert "Intervals are over utterances: the speakers are the classes here." in found
    assert "are few" not in found


def test_draws_that_lack_a_class_are_told(tmp_path):
    studies = [Study("gender@made", ("emotion@made",), THREE, "paper-10-fold")]
    run = read_run(make_run(tmp_path, studies=studies, speakers=4))
    found = " ".join(study_words(analyse(run.studies[0])))
    # Four draws of two women and two men are all of one sex in 2 of 16.
    assert "draws of speakers some class was absent" in found


def test_test_speakers_of_a_sex_that_nobody_trained_on_are_told(tmp_path):
    run = read_run(make_run(tmp_path))
    (study,) = run.studies
    counts = [c for c in role_counts(run, study) if (c.role, c.sex) != ("train", "male")]
    tested = {(c.repeat, c.fold) for c in counts if (c.role, c.sex) == ("test", "male")}
    expected = f"In {len(tested)} of 5 folds no training row is of a test speaker's sex"
    assert expected in " ".join(fold_words(study, counts))
    assert fold_words(study, role_counts(run, study)) == []

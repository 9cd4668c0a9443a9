"""What tables say of themselves: which test, over what, whose voices, how many of each class."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from run_made import make_run

from pnn_keras.experiments import Study, read_run
from pnn_keras.experiments.analysis import analyse, fold_uars
from pnn_keras.report.run_tables import corpora_table, protocols_table, settings_table
from pnn_keras.report.study_tables import (
    all_tests_table,
    controls_table,
    forgetting_table,
    scores_table,
    study_tables,
)

METHODS = ("dnn", "ptft", "prognet")
RIGHT = {"dnn": 5, "ptft": [5, 6], "prognet": [7, 8, 9]}


@pytest.fixture(scope="module")
def disjoint(tmp_path_factory):
    studies = [Study("emotion@made", ("speaker@made", "gender@made"), METHODS)]
    return read_run(make_run(tmp_path_factory.mktemp("disjoint"), RIGHT, studies=studies))


@pytest.fixture(scope="module")
def dependent(tmp_path_factory):
    studies = [
        Study("emotion@made", ("gender@made",), METHODS, "paper-10-fold"),
        Study("speaker@made", ("gender@made",), METHODS, "paper-10-fold"),
    ]
    return read_run(make_run(tmp_path_factory.mktemp("dependent"), RIGHT, studies=studies))


def note(run, number=0, **changes):
    """The note below the main table of a study, changed."""
    study = dataclasses.replace(run.studies[number], **changes)
    return scores_table(analyse(study, draws=50), run.experiment).notes[0]


def nobody(run):
    return np.full(len(run.studies[0].speakers), None)


def test_over_new_speakers_p_is_of_the_models_as_trained(disjoint):
    found = note(disjoint)
    assert "p: two-sided sign-flip test, exact, of that difference: each speaker's two" in found
    assert "for the models as trained here; p (Holm)" in found


def test_over_folds_p_is_of_the_folds_own_differences(dependent):
    found = note(dependent)
    assert "test (df = 9), of the mean of the folds' own differences." in found
    assert "where the interval asks about other test speakers" in found


def test_where_speakers_are_the_classes_both_are_of_the_same_speakers(dependent):
    found = note(dependent, number=1)
    assert "50 bootstrap draws of utterances" in found
    assert "the interval asks about other utterances of the same speakers" in found


def test_unknown_speakers_of_a_disjoint_protocol_leave_the_test_to_the_folds(disjoint):
    found = note(disjoint, speakers=nobody(disjoint))
    assert "of the mean of the folds' own differences, since some speakers are not known" in found
    assert "same speakers" not in found and "deviations over folds" in found


def test_the_interval_is_said_to_be_of_percentiles_over_drawn_speakers(disjoint):
    expected = (
        "in brackets the 95 % percentile interval over 50 bootstrap draws of 10 speakers, the "
        "trained models held fixed"
    )
    assert expected in note(disjoint)


def test_what_a_test_over_folds_is_of_stands_in_its_file(dependent):
    study = dependent.studies[0]
    analysis, (dnn, _, prognet) = analyse(study, draws=50), study.methods
    table = all_tests_table(analysis)
    place = [column.title for column in table.columns].index("Mean difference")
    found = [row[place].values[0] for row in table.rows if row[1].shown == "ProgNet"][0]
    assert found == pytest.approx((fold_uars(study, prognet) - fold_uars(study, dnn)).mean())
    pooled = analysis.comparison("prognet", "gender@made").difference
    assert abs(found - pooled) > 0.001


def test_p_over_folds_stands_beside_p_over_speakers(disjoint, dependent):
    for run, there in ((disjoint, True), (dependent, False)):
        analysis = analyse(run.studies[0], draws=50)
        for table in (scores_table(analysis, run.experiment), controls_table(analysis)):
            titles = [column.title for column in table.columns]
            assert ("p (folds)" in titles) == there
            assert all(len(row) == len(titles) for row in table.rows)
            assert ("p (folds): corrected" in table.notes[0]) == there
    analysis = analyse(disjoint.studies[0], draws=50)
    table = scores_table(analysis, disjoint.experiment)
    place = [column.title for column in table.columns].index("p (folds)")
    found = {row[1].shown: row[place].values[0] for row in table.rows}
    assert found["ProgNet"] == analysis.comparison("prognet", "gender@made").others[0].p
    assert found["DNN"] is None


@pytest.mark.parametrize(
    ("facts", "voices"),
    [
        ({"speaker_disjoint": True}, "speaker-disjoint"),
        ({"speaker_disjoint": False}, "speaker-dependent"),
        ({"speaker_disjoint": None}, "speaker-disjoint"),
        ({"speaker_disjoint": None, "role": "stop"}, "speakers not recorded"),
        ({"speaker_disjoint": True, "role": "stop"}, "speaker-disjoint"),
        ({"speaker_disjoint": True, "task": "speaker@made"}, "speaker-dependent"),
    ],
)
def test_the_voices_that_a_source_was_asked_about_are_those_recorded(disjoint, facts, voices):
    study = disjoint.studies[0]
    result = study.method("prognet", "gender@made")
    told = dataclasses.replace(result, forgetting={**result.forgetting, **facts})
    (found,) = analyse(dataclasses.replace(study, methods=(told,)), draws=50).forgetting
    assert found.voices == voices


def test_without_controls_no_table_says_where_a_gain_comes_from(disjoint):
    (found,) = controls_table(analyse(disjoint.studies[0], draws=50)).notes
    assert found.startswith("This study asks no network as large and no random or shuffled column")


def test_a_speaker_recogniser_is_stamped_speaker_dependent_though_the_target_is_not(disjoint):
    table = forgetting_table(analyse(disjoint.studies[0], draws=50))
    found = {row[2].shown: row[3].shown for row in table.rows}
    assert found == {
        "speaker@made": "test rows, speaker-dependent",
        "gender@made": "test rows, speaker-disjoint",
    }
    assert "disjoint" not in table.caption.split("made, speaker-5-fold")[1]


def test_the_rows_that_a_source_was_asked_about_are_counted(disjoint):
    table = forgetting_table(analyse(disjoint.studies[0], draws=50))
    place = [column.title for column in table.columns].index("Rows")
    counted = {row[2].shown: row[place].shown for row in table.rows}
    # Five folds, in each of which ten rows of each class are asked about.
    assert counted == {"speaker@made": "500", "gender@made": "100"}


def test_tables_of_what_is_left_of_sources_keep_their_own_stamp(disjoint):
    tables = study_tables(analyse(disjoint.studies[0], draws=50), disjoint.experiment)
    stamps = {table.name.rsplit("-", 1)[1]: table.stamp for table in tables}
    assert stamps["forgetting"] == "not transductive"
    assert stamps["scores"] == "speaker-disjoint, not transductive"


def test_utterances_of_each_class_are_counted(dependent):
    found = [row[4].shown for row in protocols_table(dependent).rows]
    speakers = ", ".join(f"made/s{number} 30" for number in range(10))
    assert found == ["angry 100, happy 100, sad 100", speakers]


def test_of_many_speakers_the_fewest_and_most_utterances_are_told(tmp_path):
    study = Study("speaker@made", (), ("dnn",), "paper-10-fold")
    run = read_run(make_run(tmp_path, studies=[study], speakers=13))
    assert protocols_table(run).rows[0][4].shown == "30 to 30"


def test_settings_name_the_front_end_as_it_was_recorded_and_plain_classifiers(tmp_path):
    methods = ("svm", "dnn")
    folder = make_run(tmp_path, studies=[Study("emotion@made", (), methods)])
    record = json.loads((folder / "run.json").read_text())
    record["frontend"] = {"name": "egemaps", "version": "1", "feature_set": "eGeMAPSv02"}
    (folder / "run.json").write_text(json.dumps(record))
    found = {row[0].shown: row[1].shown for row in settings_table(read_run(folder)).rows}
    assert found["front-end"] == "egemaps (version 1, feature_set eGeMAPSv02)"
    assert found["SVM, RBF"].startswith("RBF kernel, C = 1,")
    assert "Logistic regression" not in found


def test_a_corpus_has_the_digest_of_its_recordings_or_none_that_was_recorded(tmp_path):
    folder = make_run(tmp_path)
    record = json.loads((folder / "run.json").read_text())
    (corpus,) = record["corpora"]
    (row,) = corpora_table(read_run(folder)).rows
    assert row[-1].shown == corpus["digest"][:16]
    del corpus["digest"]
    (folder / "run.json").write_text(json.dumps(record))
    (row,) = corpora_table(read_run(folder)).rows
    assert row[-1].shown == "not recorded"

"""Experiments whose source is a trained chain: what is recorded, resumed, refused and reported."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
from chain_made import made_chain
from numbers_made import Registered, make_corpus
from run_made import make_run, stopping

from pnn_keras.base import open_base
from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError, UserError
from pnn_keras.experiments import (
    EXPERIMENTS,
    Experiment,
    Study,
    make_experiment,
    open_experiment,
    planning,
    read_experiment,
    read_run,
    run_experiment,
    running,
    show_experiment,
    write_experiment,
)
from pnn_keras.experiments.analysis import analyse
from pnn_keras.experiments.named import EVERY_METHOD
from pnn_keras.fold_files import open_protocol
from pnn_keras.report import course_figures
from pnn_keras.report.run_tables import extended_table, settings_table
from pnn_keras.report.table import as_csv
from pnn_keras.report.words import study_words
from pnn_keras.schedule import Settings
from pnn_keras.shape import Shape
from pnn_keras.zoo import load

pytestmark = pytest.mark.usefixtures("registered")

METHODS = ("logistic-regression", "dnn", "ptft", "prognet", "prognet-random")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """What the chain has heard: other people, other recordings."""
    return make_corpus(tmp_path_factory.mktemp("corpora"), "heard", speakers=3)


def save_chain(folder, heard):
    """Gender and emotion that hear three numbers, as if they had been trained on a corpus."""
    frontend = {"registered": Registered().config()}
    metadata = {
        "corpora": [{"name": heard.name}],
        "heard": {
            "speakers": sorted({u.speaker_id for u in heard}),
            "contents": sorted({u.content for u in heard}),
        },
    }
    made_chain(dimension=3, frontends=frontend).save_to_preset(folder, metadata)
    return folder


@pytest.fixture(scope="module")
def preset(tmp_path_factory, heard):
    return save_chain(tmp_path_factory.mktemp("presets") / "gender-emotion", heard)


def experiment(preset, **options):
    study = Study("emotion@made", (), METHODS, "paper-3-fold", 1, str(preset))
    given = {
        "name": "mine",
        "title": "What does it bring?",
        "corpora": ("made",),
        "studies": (study,),
        "frontend": "",
        "classes": "all",
        "settings": Settings(epochs=1),
        "shape": Shape(units=(4,)),
    }
    return Experiment(**{**given, **options})


def run(preset, corpora, out, **options):
    return run_experiment(experiment(preset, **options), corpora, out, progress=False, workers=1)


@pytest.fixture(scope="module")
def folder(preset, made, tmp_path_factory):
    return run(preset, [made], tmp_path_factory.mktemp("runs") / "run")


def test_the_chain_is_the_source_of_every_method_that_needs_one(folder):
    (study,) = read_run(folder).studies
    assert [(m.method, m.source) for m in study.methods] == [
        ("logistic-regression", ""),
        ("dnn", ""),
        ("ptft", "gender-emotion"),
        ("prognet", "gender-emotion"),
        ("prognet-random", "gender-emotion"),
    ]
    assert study.missing == () and (study.preset, study.training_parts) == ("gender-emotion", 1)


def test_the_run_records_the_chain_and_the_digest_of_its_weights(folder, preset):
    (extends,) = read_run(folder).record["extends"]
    described = json.loads((preset / "config.json").read_text())
    assert extends["sha256"] == described["weights"]["sha256"]
    assert (extends["model"], extends["tasks"]) == (str(preset), ["gender", "emotion"])
    assert (extends["corpora"], extends["heard_speakers"]) == (["heard"], 3)


def test_the_target_hears_what_the_chain_hears(folder):
    settings = as_csv(settings_table(read_run(folder)))
    assert "registered (version 1), that of the chain extended" in settings


def test_the_report_names_the_chain_and_whom_it_heard(folder, preset):
    table = as_csv(extended_table(read_run(folder)))
    for words in (str(preset), "gender, emotion", "heard", "3"):
        assert words in table


def test_answers_of_a_run_that_extends_the_same_chain_are_taken(folder, preset, made, tmp_path):
    said = []
    run_experiment(
        experiment(preset),
        [made],
        tmp_path / "again",
        progress=False,
        workers=1,
        reuse=[folder],
        on_part=lambda part, line: said.append(line),
    )
    assert said == [f"5 parts taken from {folder}"]


def test_answers_of_a_run_that_extends_other_weights_are_not_taken(folder, heard, made, tmp_path):
    other = save_chain(tmp_path / "gender-emotion", heard)  # its weights are drawn anew
    with pytest.raises(UserError, match="has answered nothing of what 'mine' asks"):
        run_experiment(
            experiment(other), [made], tmp_path / "again", progress=False, reuse=[folder]
        )


def test_scores_are_drawn_against_the_amount_of_training_data(tmp_path):
    studies = [
        Study("emotion@made", (), METHODS, "paper-10-fold", parts, "zoo/mine") for parts in (1, 4)
    ]
    run = read_run(make_run(tmp_path, studies=studies))
    analyses = [analyse(study) for study in run.studies]
    (drawing,) = course_figures.amounts(analyses, run.experiment, stopping(run))
    (axis,) = [axis for axis in drawing.figure.axes if axis.get_visible()]
    assert axis.get_title() == "from mine"
    assert [label.get_text() for label in axis.get_xticklabels()] == ["1\n30 + 30", "4\n120 + 30"]
    assert len(axis.containers) == len(METHODS)


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ({"prognet": 9, "dnn-large": 5}, "more than that of a network as large and of random"),
        ({"prognet": 9, "prognet-random": 9}, "not shown to be due to what the source learned"),
    ],
)
def test_a_gain_is_held_against_the_controls_that_a_chain_allows(right, words, tmp_path):
    methods = ("dnn", "dnn-large", "prognet", "prognet-random")
    study = Study("emotion@made", (), methods, "speaker-5-fold", from_model="mine")
    run = read_run(make_run(tmp_path, right, studies=[study], speakers=16))
    said = " ".join(study_words(analyse(run.studies[0])))
    assert words in said and "shuffled labels in place" not in said


def test_a_gain_of_a_rescaled_chain_is_held_against_random_columns_that_are_rescaled(tmp_path):
    methods = ("dnn", "dnn-large", "prognet-rescaled", "prognet-random-rescaled")
    study = Study("emotion@made", (), methods, "speaker-5-fold", from_model="mine")
    right = {"prognet-rescaled": 9, "prognet-random-rescaled": 9}
    run = read_run(make_run(tmp_path, right, studies=[study], speakers=16))
    said = " ".join(study_words(analyse(run.studies[0])))
    assert "not shown to be more than that of ProgNet, random column rescaled" in said


def test_a_run_goes_on_only_with_the_same_weights(folder, preset, made, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    assert run(preset, [made], copy) == copy  # nothing is left to compute
    record = json.loads((copy / "run.json").read_text())
    record["extends"][0]["sha256"] = "0" * 64
    (copy / "run.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="its weights have changed"):
        run(preset, [made], copy)


def test_a_run_that_was_written_before_chains_could_be_extended_is_the_same_run(tmp_path):
    asked = Experiment("old", "", ("A",), (Study("emotion", ("gender",)),))
    lines = write_experiment(asked).splitlines()
    older = [line for line in lines if not line.startswith("from_model")]
    assert len(older) == len(lines) - 1
    (tmp_path / "experiment.toml").write_text("\n".join(older) + "\n")
    running.check_folder(tmp_path, asked)
    assert read_experiment(tmp_path / "experiment.toml") == asked


# What is refused


def refused(preset, corpora, tmp_path, words):
    out = tmp_path / "run"
    with pytest.raises(ProtocolError, match=words):
        run(preset, corpora, out)
    assert not list(out.rglob("*.parquet"))


def called(corpus, name, speakers=""):
    """The same recordings as another corpus of other speakers."""
    renamed = tuple(
        dataclasses.replace(u, corpus=name, speaker=f"{speakers}{u.speaker}") for u in corpus
    )
    info = dataclasses.replace(corpus.info, name=name)
    return dataclasses.replace(corpus, info=info, utterances=renamed)


def test_speakers_that_the_chain_has_heard_are_refused(made, heard, tmp_path):
    preset = save_chain(tmp_path / "chain", called(heard, "made"))
    refused(preset, [made], tmp_path, r"has heard 3 of these speakers \(made/s0")


def test_recordings_that_the_chain_has_heard_are_refused_under_other_names(
    preset, heard, tmp_path
):
    mine = called(heard, "made", speakers="somebody ")
    refused(preset, [mine], tmp_path, "18 of these recordings, whatever they are called here")


def test_one_heard_recording_copied_among_others_is_refused(preset, made, heard, tmp_path):
    path = tmp_path / "mine.txt"
    shutil.copyfile(heard.utterances[0].path, path)
    more = Utterance("made", "mine.txt", path, "s99", "male", "angry")
    corpus = dataclasses.replace(made, utterances=(*made.utterances, more))
    refused(preset, [corpus], tmp_path, r"has heard 1 of these recordings.*made/mine.txt")


def test_another_corpus_that_no_study_tests_may_be_one_that_the_chain_has_heard(
    preset, made, heard, tmp_path
):
    bases = planning.open_bases(experiment(preset), [*made, *heard])
    assert list(bases) == [str(preset)]


def test_a_target_that_the_chain_answers_is_refused(made, heard, preset):
    asked = experiment(preset, studies=(Study("emotion", (), ("dnn",), from_model=str(preset)),))
    with pytest.raises(UserError, match="answers emotion already"):
        planning.open_bases(asked, made.utterances)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sources": ("gender",)}, "sources or from a trained chain. Received both: gender and P"),
        ({"methods": ("multitask", "dnn")}, "multitask learn the source's labels"),
        ({"methods": ("prognet-shuffled",)}, "prognet-shuffled learn the source's labels"),
    ],
)
def test_a_study_that_a_chain_cannot_serve_is_refused(options, words):
    with pytest.raises(UserError, match=words):
        Study(**{"target": "emotion", "methods": ("dnn",), "from_model": "P", **options})


def test_no_front_end_is_refused_where_no_chain_has_one():
    with pytest.raises(UserError, match="names no front-end"):
        Experiment("x", "", ("A",), (Study("gender", (), ("dnn",)),), frontend="")


def test_chains_of_different_front_ends_leave_the_choice_to_the_user(preset, heard, tmp_path):
    other = tmp_path / "other"
    frontend = {"maskable": {"name": "maskable", "version": "1", "number": 0}}
    made_chain(dimension=3, frontends=frontend).save_to_preset(other)
    bases = [open_base(model) for model in (preset, other)]
    with pytest.raises(UserError, match="hear different front-ends"):
        planning.frontend_of(bases)


# The named experiment


def amounts(count):
    made = make_experiment("extend-preset", ["A"], ["A"], "P", [count])
    return [(study.protocol, study.training_parts) for study in made.studies]


PAPER = [("paper-10-fold", parts) for parts in (1, 2, 4, 8)]


@pytest.mark.parametrize(
    ("speakers", "disjoint"),
    [
        (24, [("speaker-10-fold", parts) for parts in (1, 2, 4, 0)]),
        (10, [("speaker-10-fold", parts) for parts in (1, 2, 4, 0)]),
        (6, [("speaker-5-fold", 1), ("speaker-5-fold", 0)]),
        (4, []),
        (0, []),
    ],
)
def test_extending_is_asked_of_new_speakers_where_there_are_enough(speakers, disjoint):
    assert amounts(speakers) == disjoint + PAPER


def test_all_amounts_can_be_dealt_to_ten_speakers(made):
    (one,) = [make_experiment("extend-preset", ["made"], ["made"], "P", [10])]
    labelled = [u.emotion is not None for u in made]
    for study in one.studies[:4]:
        division = open_protocol(
            study.protocol, made.utterances, labelled, 1, 0, study.training_parts or None
        )
        assert division.speaker_disjoint and len(division.folds) == 10


def test_extending_compares_everything_that_a_chain_can_be_the_source_of():
    study = make_experiment("extend-preset", ["A"], ["A"], "P").studies[0]
    assert {"dnn", "dnn-large", "svm", "logistic-regression"} < set(study.methods)
    assert {"ptft", "ptft-output", "prognet", "prognet-adapter", "prognet-random"} < set(
        study.methods
    )
    assert {"prognet-rescaled", "prognet-random-rescaled"} < set(study.methods)
    assert {source for _, source in study.jobs} == {"", "P"}


def test_what_the_chain_does_not_answer_is_left_out_with_a_word(preset, made, tmp_path):
    study = Study("emotion@made", (), ("svm", "chain"), "paper-3-fold", 1, str(preset))
    with pytest.warns(UserWarning, match="answers no emotion as angry, neutral, sad. Left out of"):
        folder = run(preset, [made], tmp_path / "run", studies=(study,))
    (result,) = read_run(folder).studies
    assert [m.method for m in result.methods] == ["svm"] and result.missing == ()


def test_a_study_of_nothing_but_what_the_chain_does_not_answer_is_refused(preset, made, tmp_path):
    study = Study("emotion@made", (), ("chain",), "paper-3-fold", 1, str(preset))
    with pytest.raises(UserError, match="asks nothing else. Add a method that learns"):
        run(preset, [made], tmp_path / "run", studies=(study,))


def test_what_the_chain_says_itself_is_scored_beside_what_learns(preset, made, tmp_path):
    methods = ("svm", "chain", "chain-rescaled")
    study = Study("gender@made", (), methods, "paper-3-fold", 1, str(preset))
    folder = run(preset, [made], tmp_path / "run", studies=(study,))
    (result,) = read_run(folder).studies
    assert [m.method for m in result.methods] == list(methods) and result.missing == ()
    itself = result.method("chain", "gender-emotion")
    assert itself.parameters == 0 and itself.best_epoch is None
    features = np.array([u.path.read_text().split() for u in made], np.float32)
    expected = np.asarray(load(preset).answers_and_taps(features)[0]["gender"])
    np.testing.assert_allclose(itself.probabilities[0], expected, atol=1e-5)
    rescaled = result.method("chain-rescaled", "gender-emotion")
    assert not np.allclose(rescaled.probabilities[0], expected, atol=1e-3)


def test_rescaling_is_no_method_without_a_chain():
    assert not any("rescaled" in name for name in EVERY_METHOD)
    with pytest.raises(UserError, match="prognet-rescaled: there is no trained chain"):
        Study("emotion", ("gender",), ("dnn", "prognet-rescaled"))


def test_speakers_without_a_name_leave_only_the_paper_s_folds(made):
    nameless = tuple(dataclasses.replace(u, speaker=None) for u in made)
    corpus = dataclasses.replace(made, utterances=nameless)
    asked, _ = open_experiment("extend-preset", [corpus], from_model="P")
    assert {study.protocol for study in asked.studies} == {"paper-10-fold"}


def test_extending_needs_a_chain_and_nothing_else_takes_one():
    with pytest.raises(UserError, match="Name one: --from MODEL"):
        make_experiment("extend-preset", ["A"], ["A"])
    for name in set(EXPERIMENTS) - {"extend-preset"}:
        with pytest.raises(UserError, match="learns its own sources.*extend-preset"):
            make_experiment(name, ["A", "B"], ["A", "B"], "P")


def test_it_can_be_looked_at_without_a_chain():
    assert show_experiment("extend-preset").studies[0].from_model == "PRESET"


def test_another_chain_takes_the_place_of_that_of_a_file(made, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(write_experiment(experiment("P")))
    asked, _ = open_experiment(path, [made], from_model="Q")
    assert {study.from_model for study in asked.studies} == {"Q"}
    path.write_text(
        write_experiment(
            experiment("P", studies=(Study("gender", (), ("dnn",)),), frontend="registered")
        )
    )
    with pytest.raises(UserError, match="extends no trained chain"):
        open_experiment(path, [made], from_model="Q")

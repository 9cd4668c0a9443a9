"""Running an experiment: what is stored, what a kill leaves, what is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pyarrow.parquet
import pytest
import tensorflow as tf
from numbers_made import make_corpus

from pnn_keras.errors import UserError
from pnn_keras.experiments import (
    Experiment,
    Study,
    computing,
    planning,
    read_experiment,
    read_run,
    run_experiment,
    running,
    sharing,
)
from pnn_keras.experiments.pace import COSTS, SOURCE_COSTS, part_costs
from pnn_keras.experiments.sharing import units_of
from pnn_keras.material import load_material
from pnn_keras.nested import Tuning
from pnn_keras.protocol import read_folds
from pnn_keras.schedule import Settings
from pnn_keras.shape import Shape

pytestmark = pytest.mark.usefixtures("uncompiled", "registered")

METHODS = ("logistic-regression", "dnn", "ptft", "prognet")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpora"))


def experiment(**options):
    given = {
        "name": "mine",
        "title": "Does it run?",
        "corpora": ("made",),
        "studies": (Study("emotion@made", ("gender@made",), METHODS),),
        "frontend": "registered",
        "repeats": 2,
        "settings": Settings(epochs=2, learning_rate=0.02),
        "shape": Shape(units=(4, 3)),
    }
    return Experiment(**{**given, **options})


def run(corpus, out, made_of=None, **options):
    return run_experiment(
        made_of or experiment(), [corpus], out, progress=False, workers=1, **options
    )


@pytest.fixture(scope="module")
def lines():
    return []


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory, lines):
    out = tmp_path_factory.mktemp("runs") / "run"
    return run(made, out, on_part=lambda part, line: lines.append(line))


@pytest.fixture(scope="module")
def study(folder):
    return read_run(folder).studies[0]


def answers(folder):
    return {(m.method, m.source): m.probabilities for m in read_run(folder).studies[0].methods}


def same_answers(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=1e-4)


def test_what_was_asked_lies_in_the_folder_with_every_default(folder, made):
    assert read_experiment(folder / "experiment.toml") == experiment()


def test_versions_seeds_corpora_and_protocols_are_recorded(folder):
    record = read_run(folder).record
    assert set(record["versions"]) == {
        "pnn-keras",
        "tensorflow",
        "keras",
        "numpy",
        "scikit-learn",
    }
    assert record["seed"] == 0 and record["corpora"][0]["licence"] == "CC0"
    assert record["studies"][0]["protocol"]["stamp"] == "speaker-disjoint"


def test_the_folds_are_written_under_their_hash(folder, study, made):
    folds = read_folds(folder / "folds" / "000.csv", made.utterances)
    assert folds.hash == study.protocol["hash"]


def test_every_method_answers_every_utterance_once_a_repeat(study, made):
    names = [(m.method, m.source) for m in study.methods]
    assert names == [
        ("logistic-regression", ""),
        ("dnn", ""),
        ("ptft", "gender@made"),
        ("prognet", "gender@made"),
    ]
    assert list(study.ids) == [u.id for u in made.utterances]
    for method in study.methods:
        assert method.predictions.shape == (2, len(made))
        np.testing.assert_allclose(method.probabilities.sum(axis=-1), 1, atol=1e-5)


def test_each_utterance_belongs_to_the_fold_that_tests_it(folder, study, made):
    folds = read_folds(folder / "folds" / "000.csv", made.utterances).folds
    for number, fold in enumerate(folds):
        repeat, own = divmod(number, 5)
        assert np.flatnonzero(study.methods[1].fold[repeat] == own).tolist() == fold.test.tolist()


def test_a_progressive_chain_forgets_exactly_nothing(study):
    kept = study.method("prognet", "gender@made").forgetting
    lost = study.method("ptft", "gender@made").forgetting
    assert np.array_equal(kept["before"], kept["after"])
    assert kept["task"] == lost["task"] == "gender@made"
    assert not np.array_equal(lost["before"], lost["after"])


def test_progress_tells_no_time_until_a_network_was_fitted(lines):
    assert lines[0] == "1 of 4 parts: logistic-regression, folds 1-10"


def test_progress_counts_the_parts_and_tells_the_time_that_is_left(lines):
    assert lines[1].startswith("2 of 4 parts, about ")
    assert lines[-1].startswith("4 of 4 parts, about 0:00:00 left: prognet from gender@made")


def test_a_killed_run_goes_on_where_it_was(folder, made, tmp_path, monkeypatch):
    def kill(part, line):
        if part.method == "dnn":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(made, tmp_path / "run", on_part=kill)
    half = read_run(tmp_path / "run").studies[0]
    assert half.missing == (("ptft", "gender@made"), ("prognet", "gender@made"))
    done = []
    run(made, tmp_path / "run", on_part=lambda part, line: done.append(part.method))
    assert done == ["ptft", "prognet"]
    for name, values in answers(tmp_path / "run").items():
        assert np.array_equal(values, answers(folder)[name])


@pytest.fixture
def idle(monkeypatch):
    """The first process may compute nothing itself."""

    def refuse(*_):
        raise AssertionError("computed in the first process")

    monkeypatch.setattr(running, "PartComputer", refuse)


@pytest.mark.usefixtures("idle")
def test_several_processes_answer_as_one_does(folder, made, tmp_path):
    done = []
    shared = run(
        made, tmp_path / "run", processes=2, on_part=lambda part, line: done.append((part, line))
    )
    same_answers(answers(shared), answers(folder))
    assert sorted(part.method for part, _ in done) == sorted(METHODS)
    assert done[-1][1].startswith("4 of 4 parts, about 0:00:00 left")


@pytest.mark.usefixtures("idle")
def test_several_processes_compute_what_is_left_of_a_run(folder, made, tmp_path):
    shutil.copytree(folder, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "results" / "000" / "prognet")
    done = []
    run(made, tmp_path / "run", processes=2, on_part=lambda part, line: done.append(part.method))
    assert done == ["prognet"]
    same_answers(answers(tmp_path / "run"), answers(folder))


@pytest.mark.parametrize(
    ("cores", "memory", "units", "best"),
    [
        (4, 64 * 2**30, 9, 4),
        (4, 64 * 2**30, 3, 3),
        (4, 11 * 2**30, 9, 2),
        (4, 10 * 2**30, 9, 1),
        (4, 2 * 2**30, 9, 1),
        (4, None, 9, 4),
        (4, 64 * 2**30, 0, 1),
    ],
)
def test_as_many_processes_are_best_as_there_are_cores_memory_and_work_for(
    cores, memory, units, best, monkeypatch
):
    monkeypatch.setattr(sharing, "usable_cores", lambda: cores)
    monkeypatch.setattr(sharing, "usable_memory", lambda: memory)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    assert sharing.best_processes([[]] * units) == best


def test_one_process_is_best_on_a_graphics_card(monkeypatch):
    monkeypatch.setattr(sharing, "usable_cores", lambda: 4)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert sharing.best_processes([[], []]) == 1


def test_no_processes_are_refused(made, tmp_path):
    with pytest.raises(UserError, match="at least 1, or None. Received: 0"):
        run(made, tmp_path / "run", processes=0)


def test_parts_that_share_source_columns_stay_together_the_longest_first(made):
    methods = ("dnn", "ptft", "prognet", "prognet-random", "prognet-shuffled", "multitask")
    study = Study("emotion@made", ("gender@made", "speaker@made"), methods, "paper-10-fold")
    material = load_material([made], "registered", workers=1)
    planned = planning.plan(experiment(studies=(study,), repeats=3), material)
    units = units_of(planned, planned[0].parts)
    told = [([part.method for part in unit], unit[0].source) for unit in units]
    first, second = (told[i : i + 7] for i in (0, 7))
    fitting = ["ptft", "prognet", "prognet-shuffled"]
    assert first[:2] == [(fitting, "speaker@made"), (fitting, "gender@made")]
    assert sorted(first[2:]) == [
        (["dnn"], ""),
        (["multitask"], "gender@made"),
        (["multitask"], "speaker@made"),
        (["prognet-random"], "gender@made"),
        (["prognet-random"], "speaker@made"),
    ]
    assert first == second and len(units) == 14
    assert {part.members[0] for unit in units[:7] for part in unit} == {0}


def test_a_finished_run_is_not_computed_again(folder, made, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("computed again")

    monkeypatch.setattr(computing.Bench, "fit", refuse)
    assert run(made, folder) == folder


def test_the_part_that_fits_a_source_is_expected_to_take_longer(made):
    study = Study("emotion@made", ("gender@made",), ("dnn", "dnn-large", "ptft", "prognet"))
    material = load_material([made], "registered", workers=1)
    (planned,) = planning.plan(experiment(studies=(study,)), material)
    weights = {part.method: weight for part, weight in part_costs(planned).items()}
    rows = sum(len(fold.train) for fold in planned.division.folds)
    assert weights["dnn"] == rows
    assert weights["dnn-large"] == rows * COSTS["dnn-large"]
    assert weights["ptft"] == rows * (1 + SOURCE_COSTS["gender"])
    assert weights["prognet"] == rows * COSTS["prognet"]


def test_where_a_run_goes_on_the_first_part_that_is_left_fits_the_source(made):
    study = Study("emotion@made", ("gender@made",), ("dnn", "ptft", "prognet"))
    material = load_material([made], "registered", workers=1)
    (planned,) = planning.plan(experiment(studies=(study,)), material)
    _, ptft, prognet = planned.parts
    rows = sum(len(fold.train) for fold in planned.division.folds)
    weights = part_costs(planned, {ptft})
    assert weights[prognet] == rows * (COSTS["prognet"] + SOURCE_COSTS["gender"])
    assert weights[ptft] == rows


def test_no_half_written_file_is_left(folder):
    assert [path for path in folder.rglob("*") if ".part" in path.name] == []


def test_folds_in_small_groups_answer_as_all_at_once(folder, made, tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "MOST_MEMBERS", 3)
    grouped = run(made, tmp_path / "run")
    assert len(list((grouped / "results" / "000" / "dnn" / "no-source").iterdir())) == 4
    same_answers(answers(grouped), answers(folder))


def test_a_group_of_whole_repeats_does_not_cut_one(made, monkeypatch):
    monkeypatch.setattr(planning, "MOST_MEMBERS", 7)
    material = load_material([made], "registered", workers=1)
    (planned,) = planning.plan(experiment(), material)
    assert planned.groups == [list(range(5)), list(range(5, 10))]


def test_little_memory_makes_small_groups(made, monkeypatch):
    monkeypatch.setattr(planning, "MEMORY", 1)
    material = load_material([made], "registered", workers=1)
    (planned,) = planning.plan(experiment(), material)
    assert planned.groups == [[i] for i in range(10)]


def test_a_curve_notes_every_epoch(made, tmp_path):
    study = Study("emotion@made", (), ("dnn",))
    asked = experiment(studies=(study,), curves=True, repeats=1)
    (result,) = read_run(run(made, tmp_path / "run", asked)).studies[0].methods
    assert result.traced.shape == (2, 1, 5, 3, 3)
    assert result.traced.sum(axis=(1, 2, 3, 4)).tolist() == [60, 60]


def test_the_folder_of_another_request_is_refused(folder, made):
    with pytest.raises(UserError, match="holds another run: here 'repeats = 3'"):
        run(made, folder, experiment(repeats=3))


def test_a_run_of_an_earlier_version_goes_on_where_a_new_choice_has_its_default(
    folder, made, tmp_path
):
    earlier = tmp_path / "earlier"
    shutil.copytree(folder, earlier)
    spec = earlier / "experiment.toml"
    lines = spec.read_text().splitlines()
    fewer = [line for line in lines if not line.startswith(("augment", "dropout", "patience"))]
    assert len(fewer) == len(lines) - 3
    spec.write_text("\n".join(fewer))
    run(made, earlier)
    assert spec.read_text().splitlines() == lines


def test_each_fold_has_a_shape_of_its_own_where_it_searches(made, tmp_path):
    study = Study("emotion@made", ("gender@made",), ("prognet-tuned",))
    tuning = Tuning(
        widths=(4, 8),
        depths=(1,),
        source_widths=(3,),
        source_depths=(1,),
        reads=("below",),
        laterals=("dense",),
        dropouts=(0.0,),
        learning_rates=(0.02,),
        trials=2,
    )
    out = run(made, tmp_path / "run", experiment(studies=(study,), repeats=1, tuning=tuning))
    (path,) = (out / "results").rglob("0000-0004.parquet")
    facts = json.loads(pyarrow.parquet.read_schema(path).metadata[b"pnn_keras"])
    assert len(facts["chosen"]) == 5
    assert {tuple(chosen["units"]) for chosen in facts["chosen"]} <= {(4,), (8,)}
    assert read_run(out).studies[0].methods[0].probabilities.shape == (1, 60, 3)


def test_a_corpus_that_has_changed_is_refused(folder, made):
    fewer = dataclasses.replace(made, utterances=made.utterances[:-1])
    with pytest.raises(UserError, match="other recordings or labels"):
        run(fewer, folder)


def test_a_folder_of_something_else_is_refused(made, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="something else than a run"):
        run(made, tmp_path)


def test_two_corpora_of_one_name_are_refused(made, tmp_path):
    with pytest.raises(UserError, match="Twice here: made"):
        run_experiment(experiment(), [made, made], tmp_path / "run", progress=False)


def test_a_named_experiment_runs_on_any_corpus(made, tmp_path):
    changes = {"frontend": "registered", "epochs": 1, "repeats": 1, "classes": "all"}
    out = run_experiment(
        "forgetting", [made], tmp_path / "run", changes=changes, progress=False, workers=1
    )
    (study,) = read_run(out).studies
    assert study.target == "emotion@made" and study.missing == ()
    assert study.method("prognet", "speaker@made").forgetting["role"] == "stop"


def test_a_folder_that_is_no_run_is_not_read(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        read_run(tmp_path)


def test_a_damaged_part_is_named(folder, made, tmp_path):
    asked = experiment(studies=(Study("emotion@made", (), ("logistic-regression",)),))
    out = run(made, tmp_path / "run", asked)
    (part,) = (out / "results").rglob("0000-0009.parquet")
    part.write_bytes(b"damaged")
    with pytest.raises(UserError, match="0000-0009.parquet cannot be read"):
        read_run(out)

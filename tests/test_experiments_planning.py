"""What an experiment comes to on its corpora: what it may not name, what cannot be learned."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numbers_made import make_corpus

from pnn_keras import experiments
from pnn_keras.corpus import pool
from pnn_keras.errors import ProtocolError, UserError
from pnn_keras.experiments import (
    Experiment,
    Study,
    open_experiment,
    read_experiment,
    run_experiment,
)
from pnn_keras.experiments.planning import check_experiment, plan
from pnn_keras.experiments.store import Part
from pnn_keras.fold_files import open_protocol
from pnn_keras.material import load_material
from pnn_keras.schedule import Settings
from pnn_keras.shape import Shape

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpora"))


def experiment(study, **options):
    given = {
        "name": "mine",
        "title": "",
        "corpora": ("made",),
        "frontend": "registered",
        "settings": Settings(epochs=1),
        "shape": Shape(units=(3,)),
    }
    return Experiment(studies=(study,), **{**given, **options})


def study(*sources, target="emotion@made", methods=("prognet",), **options):
    return Study(target, sources, methods, **options)


def refusal(asked, corpora):
    with pytest.raises(UserError) as refused:
        check_experiment(asked, pool(corpora))
    return str(refused.value)


# The tasks


def test_a_target_under_another_name_is_not_its_own_source(made):
    words = refusal(experiment(study("emotion")), [made])
    assert "not its own source. Received: 'emotion' for 'emotion@made'" in words


def test_a_target_is_no_part_of_its_own_source_under_another_name(made):
    words = refusal(experiment(study("gender+emotion")), [made])
    assert "not its own source. Received: 'gender+emotion'" in words


def test_a_task_of_several_corpora_can_be_the_source_of_one_of_them(made, tmp_path):
    other = make_corpus(tmp_path, "other")
    check_experiment(experiment(study("emotion")), pool([made, other]))


@pytest.mark.parametrize("source", ["gender@made+gender@made", "gender+gender@made"])
def test_a_source_learns_no_task_twice(made, source):
    words = refusal(experiment(study(source)), [made])
    assert f"learns each task once. Received: {source!r}" in words


@pytest.mark.parametrize("again", ["gender@made", "gender"])
def test_no_source_is_listed_twice(made, again):
    words = refusal(experiment(study("gender@made", again)), [made])
    assert f"listed once. Received: 'gender@made' and {again!r}" in words


def test_the_same_tasks_in_another_order_are_another_source(made):
    check_experiment(experiment(study("gender+speaker", "speaker+gender")), made.utterances)


# The shape


@pytest.mark.parametrize(
    "shape", [Shape((4,), source_units={"gendr@made": (4,)}), Shape((4,), wiring={"a": "last"})]
)
def test_a_shape_that_names_no_source_is_refused(made, shape):
    words = refusal(experiment(study("gender@made"), shape=shape), [made])
    assert "which is no source here. Sources: gender@made" in words


def test_a_shape_may_name_a_source_of_any_study(made):
    shape = Shape((4,), source_units={"gender@made": (4,), "speaker@made": (5,)})
    first, second = study("gender@made"), study("speaker@made")
    asked = dataclasses.replace(experiment(first, shape=shape), studies=(first, second))
    assert len(plan(asked, load_material([made], "registered", workers=1))) == 2


# The folds


@pytest.mark.parametrize("protocol", ["speaker-5-fold", "leave-one-speaker-out"])
def test_new_speakers_are_no_class_of_a_speaker_recogniser(made, protocol):
    asked = experiment(study("gender@made", target="speaker@made", protocol=protocol))
    words = refusal(asked, [made])
    assert f"speaker@made, {protocol}: no fold tests a class that it has trained" in words
    assert "paper-10-fold" in words


def test_speakers_who_are_in_training_and_in_test_can_be_recognised(made):
    asked = study("gender@made", target="speaker@made", protocol="paper-3-fold")
    check_experiment(experiment(asked), made.utterances)


def test_damaged_recordings_that_are_byte_identical_are_no_leak_beforehand(tmp_path):
    damaged = make_corpus(tmp_path, damaged=[f"s{speaker}-0" for speaker in range(10)])
    asked = experiment(study("gender@made"))
    with pytest.raises(ProtocolError, match="Received: 1"):
        open_protocol("speaker-5-fold", damaged.utterances, np.ones(len(damaged), bool))
    check_experiment(asked, damaged.utterances)
    material = load_material([damaged], "registered", workers=1)
    assert len(plan(asked, material)) == 1


def test_no_file_is_read_to_check_an_experiment(made):
    gone = [dataclasses.replace(u, path=u.path / "gone") for u in made.utterances]
    check_experiment(experiment(study("gender@made", protocol="paper-5-fold")), gone)


def overlapping(folder, corpus):
    lines = [
        f"{u.id},{'test' if u.speaker in tested else 'train'},{fold}"
        for fold, tested in enumerate([("s0", "s1"), ("s1", "s2")], start=1)
        for u in corpus
    ]
    (folder / "mine.csv").write_text("\n".join(["file,role,fold", *lines]))


def test_folds_that_cannot_be_scored_are_refused_before_anything_is_heard(
    made, tmp_path, monkeypatch
):
    overlapping(tmp_path, made)
    asked = experiment(study(methods=("dnn",), protocol=f"folds:{tmp_path / 'mine.csv'}"))
    monkeypatch.setattr(experiments.running, "load_material", lambda *a, **k: pytest.fail("heard"))
    with pytest.raises(ProtocolError, match="s1-0.txt is tested in folds 1 and 2"):
        run_experiment(asked, [made], tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_fold_without_the_classes_is_named_with_them(made, tmp_path):
    lines = [f"{u.id},{1 if u.emotion == 'neutral' else i % 4 + 2}" for i, u in enumerate(made)]
    (tmp_path / "mine.csv").write_text("\n".join(["file,fold", *lines]))
    asked = study(methods=("dnn",), protocol=f"folds:{tmp_path / 'mine.csv'}")
    words = refusal(experiment(asked, classes=("angry", "sad")), [made])
    assert (
        "mine.csv: fold 1 has 20 recording(s), none of a class of the target: angry, sad" in words
    )


def test_a_fold_file_of_an_experiment_that_is_given_is_named_from_the_root(
    made, tmp_path, monkeypatch
):
    lines = [f"{u.id},{i % 4}" for i, u in enumerate(made)]
    (tmp_path / "mine.csv").write_text("\n".join(["file,fold", *lines]))
    monkeypatch.chdir(tmp_path)
    asked, _ = open_experiment(experiment(study("gender", protocol="folds:mine.csv")), [made])
    assert asked.studies[0].protocol == f"folds:{tmp_path / 'mine.csv'}"


@pytest.mark.usefixtures("uncompiled")
def test_a_run_of_a_fold_file_goes_on_from_another_folder(made, tmp_path, monkeypatch):
    lines = [f"{u.id},{i % 4}" for i, u in enumerate(made)]
    (tmp_path / "mine.csv").write_text("\n".join(["file,fold", *lines]))
    asked = "frontend = 'registered'\n[[studies]]\ntarget = 'emotion'\nprotocol = 'folds:mine.csv'"
    (tmp_path / "mine.toml").write_text(f"{asked}\nmethods = ['logistic-regression']\n")
    for place, name in ((tmp_path, "mine.toml"), (tmp_path / "run", "../mine.toml")):
        monkeypatch.chdir(place)
        out = run_experiment(name, [made], tmp_path / "run", progress=False, workers=1)
    stored = read_experiment(out / "experiment.toml")
    assert stored.studies[0].protocol == f"folds:{tmp_path / 'mine.csv'}"


# Where parts lie


def place(source):
    return Part(0, "prognet", source, (0, 4)).path.parent.name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("", "no-source"),
        ("speaker@EmoDB", "speaker_EmoDB"),
        ("speaker@EmoDB+gender@CREMA-D", "speaker_EmoDB+gender_CREMA-D"),
        ("my-chain_v1.2", "my-chain_v1.2"),
    ],
)
def test_plain_sources_lie_where_earlier_runs_have_them(source, name):
    assert place(source) == name


def test_sources_of_different_corpora_lie_in_different_places():
    corpora = ("x y", "x_y", "x:y", "x\ny", "x y+")
    assert len({place(f"gender@{corpus}") for corpus in corpora}) == len(corpora)


def test_a_source_that_is_written_out_lies_under_a_name_that_a_corpus_can_not_have():
    assert place(place("gender@x y").replace("_", "@", 1)) != place("gender@x y")


def test_a_part_lies_in_one_folder_whatever_its_source_is_called():
    assert len(Part(0, "prognet", "gender@../x", (0, 4)).path.parts) == 5


def test_one_network_as_large_as_prognets_of_two_sizes_is_refused(made):
    asked = study("gender@made", "speaker@made", methods=("dnn-large", "prognet"))
    shape = Shape(units=(8,), source_units={"gender@made": [4], "speaker@made": [16]})
    words = refusal(experiment(asked, shape=shape), [made])
    assert "gender@made with hidden layers [[4]] and speaker@made with [[16]]" in words
    alone = dataclasses.replace(asked, sources=("speaker@made",))
    check_experiment(experiment(alone, shape=Shape(source_units={"speaker@made": [16]})), made)

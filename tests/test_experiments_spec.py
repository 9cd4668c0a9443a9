"""What an experiment is: studies, jobs, named experiments, files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras.errors import UserError
from pnn_keras.experiments import (
    EXPERIMENTS,
    Experiment,
    Study,
    make_experiment,
    read_experiment,
    replaced,
    write_experiment,
)
from pnn_keras.experiments.named import EVERY_METHOD
from pnn_keras.methods import METHODS
from pnn_keras.nested import Tuning
from pnn_keras.schedule import Settings
from pnn_keras.shape import Shape

STUDY = Study("emotion@EmoDB", ("speaker@EmoDB", "gender@EmoDB"))


def experiment(**options):
    given = {"name": "mine", "title": "Why?", "corpora": ("EmoDB",), "studies": (STUDY,)}
    return Experiment(**{**given, **options})


def test_methods_without_a_source_are_learned_once():
    assert STUDY.jobs == [
        ("dnn", ""),
        ("ptft", "speaker@EmoDB"),
        ("prognet", "speaker@EmoDB"),
        ("ptft", "gender@EmoDB"),
        ("prognet", "gender@EmoDB"),
    ]


def test_a_larger_network_is_learned_once_for_sources_of_as_many_tasks():
    study = Study("emotion", ("speaker", "gender", "speaker+gender"), ("dnn-large", "prognet"))
    large = [source for method, source in study.jobs if method == "dnn-large"]
    assert large == ["speaker", "speaker+gender"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "mood"}, "speaker, gender, emotion"),
        ({"target": "emotion", "sources": ("mood",)}, "speaker, gender, emotion"),
        ({"target": "emotion", "sources": ("emotion",)}, "not its own source"),
        ({"target": "emotion", "sources": ("gender+emotion",)}, "not its own source"),
        ({"target": "emotion", "methods": ("magic",), "sources": ("gender",)}, "'magic'"),
        ({"target": "emotion", "methods": ("dnn", "prognet")}, "prognet need a source"),
        ({"target": "emotion", "methods": ()}, "at least one method"),
    ],
)
def test_a_study_that_cannot_work_is_refused(options, words):
    with pytest.raises(UserError, match=words):
        Study(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"classes": "mine"}, "paper or all"),
        ({"scaling": "room"}, "training, corpus, speaker"),
        ({"repeats": 0}, "at least 1"),
        ({"studies": ()}, "has no study"),
        ({"studies": (STUDY, STUDY)}, "Twice here: emotion@EmoDB, speaker-5-fold"),
        ({"scaling": "speaker"}, "refused for speaker and gender columns"),
    ],
)
def test_an_experiment_that_cannot_work_is_refused(options, words):
    with pytest.raises(UserError, match=words):
        experiment(**options)


def test_per_speaker_scaling_is_taken_where_only_emotion_is_learned():
    study = Study("emotion@A", ("emotion@B",))
    assert experiment(studies=(study,), scaling="speaker").transductive


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_named_experiment_is_read_as_it_was_written(name, tmp_path):
    model = "a/chain" if EXPERIMENTS[name].extends else ""
    made = make_experiment(name, ["A", "B"], ["a/A", "b/B"], model)
    path = tmp_path / "experiment.toml"
    path.write_text(write_experiment(made), encoding="utf-8")
    assert read_experiment(path) == made


text = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)


@given(title=text, name=text, seed=st.integers(0, 2**31), rate=st.floats(1e-9, 1))
def test_any_experiment_is_read_as_it_was_written(tmp_path_factory, title, name, seed, rate):
    made = experiment(
        name=name,
        title=title,
        classes=("angry", "sad"),
        augment=3,
        settings=Settings(seed=seed, learning_rate=rate, class_weights=False),
        shape=Shape((3, 2), source_units={"a@B": (5,)}, adapter_units=7, wiring={"a@B": "last"}),
    )
    path = tmp_path_factory.mktemp("toml") / "x.toml"
    path.write_text(write_experiment(made), encoding="utf-8")
    assert read_experiment(path) == made


def test_a_search_inside_each_fold_is_read_as_it_was_written(tmp_path):
    study = Study("emotion", ("gender",), ("dnn-tuned", "prognet-tuned"))
    made = experiment(studies=(study,), tuning=Tuning(widths=[8, 4], reads=["last"], trials=3))
    path = tmp_path / "experiment.toml"
    path.write_text(write_experiment(made), encoding="utf-8")
    assert read_experiment(path) == made


def test_the_defaults_of_a_search_inside_each_fold_are_spelled_out():
    study = Study("emotion", ("gender",), ("prognet-tuned",))
    written = write_experiment(experiment(studies=(study,)))
    assert "[tuning]" in written
    for line in ("trials = 10", "depths = [1, 2, 3, 4, 5]", 'reads = ["below", "last", "none"]'):
        assert line in written


def test_a_curve_of_a_search_inside_each_fold_is_refused():
    with pytest.raises(UserError, match="no curves"):
        experiment(studies=(Study("emotion", (), ("dnn-tuned",)),), curves=True)


def test_the_named_experiments_search_no_shape_inside_folds():
    assert not any("tuned" in name for name in EVERY_METHOD)
    missing = set(METHODS) - set(EVERY_METHOD)
    assert all(METHODS[name].nested or METHODS[name].needs_chain for name in missing)


def test_every_default_is_spelled_out():
    written = write_experiment(make_experiment("paper-table-2", ["A"], ["A"]))
    for line in (
        "batch_size = ",
        "patience = ",
        "class_weights = true",
        "seed = 0",
        "units = [256, 256, 256, 256]",
        "dropout = 0.5",
        'lateral = "dense"',
        'scaling = "corpus"',
        "repeats = 10",
        'frontend = "egemaps"',
        "augment = 0",
        'protocol = "paper-10-fold"',
    ):
        assert line in written


def test_what_a_file_leaves_out_has_its_default(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text('corpora = ["A"]\n[[studies]]\ntarget = "emotion"\nmethods = ["dnn"]\n')
    made = read_experiment(path)
    assert made == Experiment("short", "", ("A",), (Study("emotion", (), ("dnn",)),))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a = ", "no TOML"),
        ("colour = 1\n[[studies]]\ntarget = 'emotion'\nmethods = ['dnn']", "unknown colour"),
        ("[[studies]]\ntarget = 'emotion'\nmethods = ['dnn']\nodd = 1", "studies: unknown odd"),
        ("[settings]\nspeed = 1", "settings: unknown speed"),
        ("studies = 3", "headed"),
        ("[[studies]]\nmethods = ['dnn']", "target"),
    ],
)
def test_a_file_that_cannot_work_is_refused_by_name(tmp_path, content, words):
    path = tmp_path / "bad.toml"
    path.write_text(content)
    with pytest.raises(UserError, match=f"(?s)bad.toml.*{words}"):
        read_experiment(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_experiment(tmp_path / "none.toml")


def test_choices_are_changed_by_name_and_none_leaves_them():
    changed = replaced(experiment(), {"repeats": 3, "batch_size": 7, "scaling": None})
    assert (changed.repeats, changed.settings.batch_size, changed.scaling) == (3, 7, "training")
    assert changed.settings.epochs == Settings().epochs


def test_an_unknown_experiment_is_refused():
    with pytest.raises(UserError, match="paper-table-2.*Received: 'magic'"):
        make_experiment("magic", ["A"], ["A"])


def test_from_one_corpus_to_another_needs_two():
    with pytest.raises(UserError, match="at least 2 corpora"):
        make_experiment("paper-figure-4", ["A"], ["A"])


def test_the_papers_table_asks_every_method_from_both_sources():
    (study,) = make_experiment("paper-table-2", ["A"], ["A"]).studies
    assert study.protocol == "paper-10-fold"
    assert {method for method, _ in study.jobs} == set(EVERY_METHOD)
    assert study.sources == ("speaker@A", "gender@A")


def test_no_named_experiment_searches_shapes_unasked():
    for name, known in EXPERIMENTS.items():
        made = make_experiment(name, ["A", "B"], ["A", "B"], "a-preset" if known.extends else "")
        assert not any(study.nested for study in made.studies)


def test_a_curve_goes_on_to_the_last_epoch():
    made = make_experiment("paper-figure-3", ["A"], ["A"])
    assert made.curves and made.settings.patience == made.settings.epochs == 600


def test_the_learning_curve_takes_the_papers_amounts_both_ways():
    studies = make_experiment("paper-figure-4", ["A", "B"], ["A", "B"]).studies
    assert [(s.target, s.sources, s.training_parts) for s in studies] == [
        *[("emotion@B", ("emotion@A",), parts) for parts in (1, 2, 4, 8)],
        *[("emotion@A", ("emotion@B",), parts) for parts in (1, 2, 4, 8)],
    ]


def test_the_matrix_has_every_ordered_pair_within_and_emotion_between():
    studies = make_experiment("transfer-matrix", ["A", "B"], ["A", "B"]).studies
    pairs = {(source, study.target) for study in studies for source in study.sources}
    labels = ("speaker", "gender", "emotion")
    within = {(f"{s}@{c}", f"{t}@{c}") for c in "AB" for s in labels for t in labels if s != t}
    assert pairs == within | {("emotion@A", "emotion@B"), ("emotion@B", "emotion@A")}
    disjoint = {study.target: study.protocol for study in studies}
    # New speakers are no class of a speaker recogniser.
    assert disjoint["speaker@A"] == "paper-10-fold"
    assert {disjoint[t] for t in ("gender@A", "emotion@A")} == {"speaker-5-fold"}

"""What an experiment is: studies, jobs, named experiments, files."""

from __future__ import annotations

import dataclasses

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
from pnn_keras.experiments.toml_table import to_toml
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
        ({"name": "../mine"}, "no slash or colon"),
        ({"name": ".."}, "dot or space at its ends"),
        ({"name": "C:mine"}, "no slash or colon"),
        ({"name": ""}, "that of a folder"),
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


text = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)
in_names = st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/\\:")
names = st.text(in_names, min_size=1, max_size=20).filter(lambda n: n == n.strip(". "))


@given(title=text, name=names, seed=st.integers(0, 2**31), rate=st.floats(1e-9, 1))
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


@pytest.mark.parametrize("title", ["two\nlines", "bell\x07", "deleted\x7f", 'a "quoted\\ one"'])
def test_a_title_of_any_characters_is_read_as_it_was_written(title, tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(write_experiment(experiment(title=title)), encoding="utf-8")
    assert read_experiment(path).title == title


STUDY_LINES = "[[studies]]\ntarget = 'emotion'\nmethods = ['dnn']\n"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("repeats = '3'", 'repeats is a whole number. Received: "3"'),
        ("repeats = 1.5", "repeats is a whole number. Received: 1.5"),
        ("repeats = true", "repeats is a whole number. Received: true"),
        ("curves = 'false'", 'curves is true or false. Received: "false"'),
        ("title = 3", "title is a text in quotes. Received: 3"),
        ("corpora = 'EmoDB'", 'corpora is a list of texts in quotes. Received: "EmoDB". Write'),
        ("corpora = 'EmoDB'", 'Write: corpora = ["EmoDB"]'),
        ("classes = 3", "classes is a text in quotes or a list of texts in quotes. Received: 3"),
        ("settings = 3", "settings is a table, headed [settings]. Received: 3"),
        ("shape = 'wide'", "shape is a table, headed [shape]"),
        ("[settings]\nclass_weights = 'no'", "settings: class_weights is true or false"),
        ("[settings]\nepochs = 2.5", "settings: epochs is a whole number. Received: 2.5"),
        ("[settings]\nepochs = 0", "settings: epochs is positive. Received: 0"),
        ("[settings]\nbatch_size = 1.5", "batch_size is a whole number. Received: 1.5"),
        ("[settings]\nlearning_rate = inf", "learning_rate is a number. Received: inf"),
        ("[settings]\nseed = 'x'", 'seed is a whole number. Received: "x"'),
        ("[settings]\nseed = -1", "seed is not negative. Received: -1"),
        ("augment = -1", "augment is not negative. Received: -1"),
        (
            "[shape]\nunits = 8",
            "units is a list of whole numbers. Received: 8. Write: units = [8]",
        ),
        ("[shape]\nunits = []", "units are the widths of one or more hidden layers"),
        ("[shape]\nunits = [8, 0]", "Received: [8, 0]"),
        ("[shape]\nsource_units = 8", "or a table of lists of whole numbers. Received: 8"),
        ("[shape.source_units]\n'gender@A' = 8", "a table of lists of whole numbers"),
        ("[shape.source_units]\n'gender@A' = [0]", "Received: [0]"),
        ("[shape]\nwiring = 'last'", "wiring is a table of texts in quotes"),
        ("[shape]\ndropout = 1.5", "dropout is at least 0 and below 1. Received: 1.5"),
        ("[shape]\nlateral = 'foo'", "lateral is one of dense, adapter. Received: 'foo'"),
        ("[shape]\nadapter_units = 0", "adapter_units is positive, or left out. Received: 0"),
        ("[tuning]\ntrials = '3'", "tuning: trials is a whole number"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_name(tmp_path, lines, words):
    path = tmp_path / "bad.toml"
    path.write_text(f"{lines}\n{STUDY_LINES}")
    with pytest.raises(UserError) as refused:
        read_experiment(path)
    assert str(refused.value).startswith(str(path)) and words in str(refused.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("protocol = 5", "protocol is a text in quotes. Received: 5"),
        ("training_parts = 1.5", "training_parts is a whole number. Received: 1.5"),
        ("training_parts = -1", "training_parts is not negative. Received: -1"),
        ("sources = 'gender'", 'Received: "gender". Write: sources = ["gender"]'),
        ("sources = [1]", "sources is a list of texts in quotes. Received: [1]"),
    ],
)
def test_a_value_of_a_study_of_another_kind_is_refused_by_name(tmp_path, line, words):
    path = tmp_path / "bad.toml"
    path.write_text(STUDY_LINES + line)
    with pytest.raises(UserError) as refused:
        read_experiment(path)
    assert str(refused.value).startswith(f"{path}, studies: ") and words in str(refused.value)


def test_a_study_without_a_target_is_refused_in_plain_words(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("[[studies]]\nmethods = ['dnn']")
    with pytest.raises(UserError, match="studies: target is missing"):
        read_experiment(path)


json_like = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
NAMES = {
    None: ("name", "title", "corpora", "classes", "frontend", "augment", "repeats", "curves"),
    "settings": ("epochs", "batch_size", "learning_rate", "class_weights", "seed"),
    "shape": ("units", "dropout", "lateral", "adapter_units", "source_units", "wiring"),
    "tuning": ("depths", "widths", "dropouts", "trials"),
    "studies": ("target", "sources", "methods", "protocol", "training_parts", "from_model"),
}


@given(data=st.data())
def test_any_value_is_taken_or_refused_in_words(tmp_path_factory, data):
    table = data.draw(st.sampled_from(list(NAMES)))
    name = data.draw(st.sampled_from(NAMES[table]))
    line = f"{name} = {to_toml(data.draw(json_like))}"
    head = STUDY_LINES.replace(f"{name} = ", "#") if table == "studies" else ""
    content = {None: f"{line}\n{STUDY_LINES}", "studies": f"{head}{line}\n"}.get(
        table, f"[{table}]\n{line}\n{STUDY_LINES}"
    )
    path = tmp_path_factory.mktemp("toml") / "x.toml"
    path.write_text(content, encoding="utf-8")
    try:
        made = read_experiment(path)
    except UserError:
        return
    path.write_text(write_experiment(made), encoding="utf-8")
    # What a search inside folds tries is written where a method searches.
    written = (
        made
        if any(study.nested for study in made.studies)
        else dataclasses.replace(made, tuning=Tuning())
    )
    assert read_experiment(path) == written


@pytest.mark.parametrize("name", ["sources", "methods"])
def test_a_study_takes_no_bare_text_for_a_list(name):
    with pytest.raises(UserError, match=f"{name} is a list.* Received: 'gender'"):
        Study(**{"target": "emotion", name: "gender"})


def test_an_experiment_takes_no_bare_text_for_its_corpora():
    with pytest.raises(UserError, match="corpora is a list.* Received: 'EmoDB'"):
        experiment(corpora="EmoDB")


@pytest.mark.parametrize(
    ("given_as", "meant"),
    [
        ("folds:mine.csv", "folds:{0}/mine.csv"),
        ("folds:../there/mine.csv", "folds:{1}/there/mine.csv"),
        ("folds:/somewhere/mine.csv", "folds:/somewhere/mine.csv"),
        ("folds:train=a.csv,test=b/c.csv", "folds:train={0}/a.csv,test={0}/b/c.csv"),
        ("speaker-5-fold", "speaker-5-fold"),
    ],
)
def test_a_fold_file_is_looked_for_from_the_folder_of_the_experiment_file(
    tmp_path, given_as, meant
):
    folder = tmp_path / "asked"
    folder.mkdir()
    (folder / "x.toml").write_text(f"{STUDY_LINES}protocol = '{given_as}'\n")
    (study,) = read_experiment(folder / "x.toml").studies
    assert study.protocol == meant.format(folder, tmp_path)


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


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (0, "emotion@A, paper-10-fold"),
        (1, "emotion@A, paper-10-fold on 1 part"),
        (2, "emotion@A, paper-10-fold on 2 parts"),
    ],
)
def test_a_study_is_called_by_target_protocol_and_amount(parts, name):
    study = Study("emotion@A", ("gender@A",), ("dnn", "ptft"), "paper-10-fold", parts)
    assert study.name == name

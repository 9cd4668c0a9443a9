"""Answers of other runs: what is taken over, what is computed again, what is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
import warnings

import numpy as np
import pytest
from numbers_made import make_corpus

from pnn_keras.errors import UserError
from pnn_keras.experiments import Experiment, Study, read_run, run_experiment
from pnn_keras.experiments.store import Part, read_part, write_part
from pnn_keras.nested import Tuning
from pnn_keras.report.run_tables import settings_table
from pnn_keras.schedule import Settings
from pnn_keras.shape import Shape

pytestmark = pytest.mark.usefixtures("uncompiled", "registered")

METHODS = ("logistic-regression", "dnn", "ptft", "prognet", "prognet-shuffled")


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    return {name: make_corpus(folder, name) for name in ("one", "other")}


def question(corpus, methods=METHODS, **options):
    return Study(f"emotion@{corpus}", (f"gender@{corpus}",), methods, **options)


def asking(*studies, **options):
    given = {
        "name": "mine",
        "title": "Does it run?",
        "corpora": ("made",),
        "studies": studies,
        "frontend": "registered",
        "settings": Settings(epochs=2, learning_rate=0.02),
        "shape": Shape(units=(4, 3)),
    }
    return Experiment(**{**given, **options})


def run(asked, corpora, out, **options):
    return run_experiment(asked, list(corpora), out, progress=False, workers=1, **options)


@pytest.fixture(scope="module")
def alone(corpora, tmp_path_factory):
    """A run of each corpus by itself."""
    folder = tmp_path_factory.mktemp("runs")
    return {
        name: run(asking(question(name)), [corpus], folder / f"run-{name}")
        for name, corpus in corpora.items()
    }


def answers(folder, study=0):
    """The answers to each utterance, by method and source."""
    study = read_run(folder).studies[study]
    return {
        (m.method, m.source): dict(zip(study.ids, m.probabilities[0], strict=True))
        for m in study.methods
    }


def computed(asked, corpora, out, reuse):
    """The methods that a run with the answers of others has computed, and what it said of them."""
    parts, said = [], []

    def note(part, line):
        (said if part is None else parts).append(line if part is None else part.method)

    run(asked, corpora, out, reuse=reuse, on_part=note)
    return parts, said


def test_a_study_answers_the_same_whatever_else_its_run_asks(corpora, alone, tmp_path):
    both = run(asking(question("one"), question("other")), corpora.values(), tmp_path / "both")
    for number, name in enumerate(corpora):
        together, apart = answers(both, number), answers(alone[name])
        assert together.keys() == apart.keys()
        for job in together:
            assert together[job].keys() == apart[job].keys()
            for utterance in together[job]:
                np.testing.assert_allclose(
                    together[job][utterance], apart[job][utterance], atol=1e-5
                )


def test_runs_of_two_corpora_make_one_of_both(corpora, alone, tmp_path):
    asked = asking(question("other"), question("one"))
    both = [corpora["other"], corpora["one"]]
    parts, said = computed(asked, both, tmp_path / "both", alone.values())
    assert parts == []
    assert said == [f"5 parts taken from {folder}" for folder in alone.values()]
    for number, name in enumerate(("other", "one")):
        taken, theirs = answers(tmp_path / "both", number), answers(alone[name])
        assert taken.keys() == theirs.keys()
        for job in taken:
            assert taken[job].keys() == theirs[job].keys()
            for utterance in taken[job]:
                assert np.array_equal(taken[job][utterance], theirs[job][utterance])


def test_facts_beside_the_answers_are_taken_as_well(corpora, alone, tmp_path):
    asked = asking(question("other"), question("one"))
    run(asked, [corpora["other"], corpora["one"]], tmp_path / "both", reuse=alone.values())
    ours, theirs = (
        read_run(folder).studies[0].method("prognet", "gender@other")
        for folder in (tmp_path / "both", alone["other"])
    )
    assert np.array_equal(ours.best_epoch, theirs.best_epoch)
    assert np.array_equal(ours.forgetting["before"], theirs.forgetting["before"])
    assert (ours.seconds, ours.parameters) == (theirs.seconds, theirs.parameters)


def test_a_method_that_is_added_is_all_that_is_computed(corpora, alone, tmp_path):
    asked = asking(question("one", (*METHODS, "prognet-random")))
    parts, said = computed(asked, [corpora["one"]], tmp_path / "run", [alone["one"]])
    assert parts == ["prognet-random"]
    assert said == [f"5 parts taken from {alone['one']}"]


def test_of_an_unfinished_run_the_finished_parts_are_taken(corpora, alone, tmp_path):
    half = tmp_path / "half"
    shutil.copytree(alone["one"], half)
    shutil.rmtree(half / "results" / "000" / "ptft")
    parts, _ = computed(asking(question("one")), [corpora["one"]], tmp_path / "run", [half])
    assert parts == ["ptft"]


def test_what_a_run_has_finished_itself_stays(corpora, alone, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(alone["one"], again)
    parts, said = computed(asking(question("one")), [corpora["one"]], again, [alone["one"]])
    assert parts == [] and said == [f"0 parts taken from {alone['one']}"]


def test_the_report_names_the_runs_that_answers_come_from(corpora, alone, tmp_path):
    asked = asking(question("one"))
    first = run(asked, [corpora["one"]], tmp_path / "first", reuse=[alone["one"]])
    second = run(asked, [corpora["one"]], tmp_path / "second", reuse=[first])
    for folder in (first, second):
        table = settings_table(read_run(folder))
        (row,) = [row for row in table.rows if "taken" in str(row[0])]
        assert "run-one" in str(row[1])
    assert not any("taken" in str(row) for row in settings_table(read_run(alone["one"])).rows)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scaling": "corpus"}, "scaling: training, here corpus"),
        ({"settings": Settings(epochs=3, learning_rate=0.02)}, "epochs: 2, here 3"),
        ({"shape": Shape(units=(5, 3))}, r"units: \[4, 3\], here \[5, 3\]"),
        ({"curves": True}, "curves: False, here True"),
    ],
)
def test_a_run_made_in_another_way_is_refused(corpora, alone, tmp_path, options, words):
    asked = asking(question("one"), **options)
    with pytest.raises(UserError, match=f"made in another way.*{words}.*--reuse"):
        run(asked, [corpora["one"]], tmp_path / "run", reuse=[alone["one"]])


def test_a_run_of_other_versions_is_refused(corpora, alone, tmp_path):
    older = tmp_path / "older"
    shutil.copytree(alone["one"], older)
    record = (older / "run.json").read_text()
    (older / "run.json").write_text(record.replace('"tensorflow": "', '"tensorflow": "1.'))
    shutil.rmtree(older / "results")  # refused before anything else is read or extracted
    (older / "results" / "000").mkdir(parents=True)
    shutil.copy(alone["one"] / "results" / "000" / "utterances.parquet", older / "results" / "000")
    with pytest.raises(UserError, match="tensorflow: 1."):
        run(asking(question("one")), [corpora["one"]], tmp_path / "run", reuse=[older])


@pytest.mark.parametrize(
    ("study", "options"),
    [
        (Study("gender@one", (), ("dnn",)), {}),
        (question("one", protocol="speaker-4-fold"), {}),
        (question("one"), {"repeats": 2}),
        (question("one"), {"classes": ("angry", "sad")}),
        (Study("emotion@one", ("speaker@one",), ("ptft",)), {}),
    ],
    ids=["target", "protocol", "repeats", "classes", "source"],
)
def test_a_run_that_answers_nothing_of_what_is_asked_is_refused(
    corpora, alone, tmp_path, study, options
):
    with pytest.raises(UserError, match="has answered nothing of what 'mine' asks"):
        run(asking(study, **options), [corpora["one"]], tmp_path / "run", reuse=[alone["one"]])


def test_a_corpus_with_other_recordings_is_refused(corpora, alone, tmp_path):
    fewer = dataclasses.replace(corpora["one"], utterances=corpora["one"].utterances[:-1])
    with pytest.raises(UserError, match="one, clips: 60, here 59"):
        run(asking(question("one")), [fewer], tmp_path / "run", reuse=[alone["one"]])


def changed(folder, alone, change):
    """A copy of a run whose record was changed."""
    shutil.copytree(alone, folder)
    record = json.loads((folder / "run.json").read_text())
    change(record)
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def relabelled(corpus):
    first, *others = corpus.utterances
    other = "sad" if first.emotion != "sad" else "angry"
    return dataclasses.replace(
        corpus, utterances=(dataclasses.replace(first, emotion=other), *others)
    )


def test_a_corpus_with_other_labels_is_refused(corpora, alone, tmp_path):
    with pytest.raises(UserError, match="one, digest: .*--reuse"):
        run(
            asking(question("one")),
            [relabelled(corpora["one"])],
            tmp_path / "run",
            reuse=[alone["one"]],
        )


def test_a_corpus_with_other_audio_is_refused(alone, tmp_path):
    corpus = make_corpus(tmp_path, "one")
    path = corpus.utterances[0].path
    path.write_text(path.read_text().replace(".", ".1", 1))
    with pytest.raises(UserError, match="one, digest: "):
        run(asking(question("one")), [corpus], tmp_path / "run", reuse=[alone["one"]])


def copied(folder, alone, change=None):
    """A copy of a run, its record changed, and the bytes of every file in it."""
    changed(folder, alone, change or (lambda record: None))
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def renamed(corpus):
    first, *others = corpus.utterances
    return dataclasses.replace(corpus, utterances=(dataclasses.replace(first, id="new"), *others))


def shortened(corpus):
    return dataclasses.replace(corpus, utterances=corpus.utterances[:-1])


@pytest.mark.parametrize("change", [relabelled, renamed, shortened])
def test_a_run_refused_on_other_data_is_left_as_it_was(corpora, alone, tmp_path, change):
    again = tmp_path / "again"
    before = copied(again, alone["one"])
    with pytest.raises(UserError, match="(other recordings or labels|are not those).*--out"):
        run(asking(question("one")), [change(corpora["one"])], again)
    assert {path: path.read_bytes() for path in again.rglob("*") if path.is_file()} == before


def test_a_run_does_not_go_on_with_another_front_end(corpora, alone, tmp_path):
    def other_table(record):
        record["frontend"]["table"] = "6d276b70"

    again = tmp_path / "again"
    before = copied(again, alone["one"], other_table)
    with pytest.raises(UserError, match="another front-end.*6d276b70.*--out"):
        run(asking(question("one")), [corpora["one"]], again)
    assert {path: path.read_bytes() for path in again.rglob("*") if path.is_file()} == before


def test_a_run_that_goes_on_with_other_versions_says_so(corpora, alone, tmp_path):
    def older(record):
        record["versions"]["numpy"] = "1.0"

    again = tmp_path / "again"
    copied(again, alone["one"], older)
    next(again.rglob("logistic-regression/*/*.parquet")).unlink()
    with pytest.warns(UserWarning, match="numpy 1.0, now .*its report says so"):
        run(asking(question("one")), [corpora["one"]], again)
    record = json.loads((again / "run.json").read_text())
    (went_on,) = record["went_on"]
    assert record["versions"]["numpy"] == "1.0" and went_on["versions"]["numpy"] == np.__version__
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        run(asking(question("one")), [corpora["one"]], again)
    assert len(json.loads((again / "run.json").read_text())["went_on"]) == 1
    shown = {name.shown: value.shown for name, value in settings_table(read_run(again)).rows}
    assert shown["numpy"] == f"1.0, then {np.__version__}"


def test_a_finished_run_does_not_go_on_with_other_versions(corpora, alone, tmp_path):
    def older(record):
        record["versions"]["numpy"] = "1.0"

    again = tmp_path / "again"
    before = copied(again, alone["one"], older)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        run(asking(question("one")), [corpora["one"]], again)
    assert {path: path.read_bytes() for path in again.rglob("*") if path.is_file()} == before


def test_answers_without_a_record_are_not_trusted(corpora, alone, tmp_path):
    again = tmp_path / "again"
    copied(again, alone["one"])
    (again / "run.json").unlink()
    with pytest.raises(UserError, match="holds answers, but no run.json"):
        run(asking(question("one")), [corpora["one"]], again)


def test_tables_that_a_killed_run_left_without_a_record_are_written_anew(corpora, alone, tmp_path):
    again = tmp_path / "again"
    before = copied(again, alone["one"])
    table = next(again.rglob("utterances.parquet"))
    for path in [again / "run.json", *(p for p in again.rglob("*-*.parquet"))]:
        path.unlink()
    table.write_bytes(b"of another run")
    run(asking(question("one")), [corpora["one"]], again)
    assert table.read_bytes() == before[table]


def test_a_run_that_went_on_with_other_versions_is_not_taken_over(corpora, alone, tmp_path):
    def newer(record):
        record["went_on"] = [{"created": "", "versions": {**record["versions"], "keras": "99"}}]

    other = changed(tmp_path / "other", alone["one"], newer)
    with pytest.raises(UserError, match="keras: 99, here"):
        run(asking(question("one")), [corpora["one"]], tmp_path / "run", reuse=[other])


def test_another_front_end_is_refused_whatever_it_is_called(corpora, alone, tmp_path):
    def newer(record):
        record["frontend"]["version"] = "2"

    other = changed(tmp_path / "other", alone["one"], newer)
    with pytest.raises(UserError, match="frontend: .*'version': '2'"):
        run(asking(question("one")), [corpora["one"]], tmp_path / "run", reuse=[other])


def test_a_source_of_other_classes_is_learned_again(tmp_path):
    corpora = [
        make_corpus(tmp_path, "two", emotions=("angry", "sad")),
        make_corpus(tmp_path, "three"),
    ]
    study = Study("emotion@two", ("emotion@three",), ("dnn", "ptft"))
    few = run(asking(study, classes=("angry", "sad")), corpora, tmp_path / "few")
    parts, _ = computed(asking(study, classes="all"), corpora, tmp_path / "all", [few])
    assert parts == ["ptft"]
    older = changed(tmp_path / "older", few, lambda record: record["studies"][0].pop("tasks"))
    parts, _ = computed(asking(study, classes="all"), corpora, tmp_path / "again", [older])
    assert parts == ["ptft"]


def test_what_was_recorded_before_is_compared_where_more_is_not_known(corpora, alone, tmp_path):
    def less(record):
        del record["frontend"], record["versions"]["scikit-learn"]
        record["studies"][0].pop("tasks")
        record["corpora"][0].pop("digest")

    older = changed(tmp_path / "older", alone["one"], less)
    parts, _ = computed(asking(question("one")), [corpora["one"]], tmp_path / "run", [older])
    assert parts == []
    fewer = dataclasses.replace(corpora["one"], utterances=corpora["one"].utterances[:-1])
    with pytest.raises(UserError, match="one, clips: 60, here 59"):
        run(asking(question("one")), [fewer], tmp_path / "fewer", reuse=[older])


@pytest.mark.parametrize("order", [("one", "other"), ("other", "one"), ("one",)])
def test_a_pooled_target_is_learned_again_beside_other_corpora(corpora, tmp_path, order):
    study = Study("emotion", (), ("dnn",), "cross-corpus:one>other")
    if len(order) == 1:  # the third is neither trained on nor tested
        third = make_corpus(tmp_path, "third")
        asked = [corpora["one"], corpora["other"], third]
    else:
        asked = [corpora[name] for name in order]
    first = run(asking(study), asked, tmp_path / "first")
    both = [corpora["one"], corpora["other"]]
    if order == ("one", "other"):
        parts, _ = computed(asking(study), both, tmp_path / "run", [first])
        assert parts == []
        return
    with pytest.raises(UserError, match="has answered nothing"):
        run(asking(study), both, tmp_path / "run", reuse=[first])


@pytest.mark.parametrize("lost", ["versions", "corpora"])
def test_a_damaged_record_is_named(corpora, alone, tmp_path, lost):
    damaged = changed(tmp_path / "damaged", alone["one"], lambda record: record.pop(lost))
    with pytest.raises(UserError, match=f"damaged is damaged: KeyError.'{lost}'.*--reuse"):
        run(asking(question("one")), [corpora["one"]], tmp_path / "run", reuse=[damaged])


def test_a_part_that_answers_what_is_no_utterance_is_named(corpora, alone, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(alone["one"], damaged)
    part = Part(0, "dnn", "", tuple(range(5)))
    result = read_part(damaged, part)
    write_part(damaged, part, dataclasses.replace(result, row=result.row + 1000))
    with pytest.raises(UserError, match="dnn.* answers rows that are no utterances: 1000"):
        run(asking(question("one")), [corpora["one"]], tmp_path / "run", reuse=[damaged])


def test_a_source_of_every_corpus_is_learned_again_beside_another_corpus(corpora, tmp_path):
    study = Study("emotion@one", ("gender",), ("dnn", "ptft"))
    small = run(asking(study), [corpora["one"]], tmp_path / "small")
    parts, _ = computed(asking(study), corpora.values(), tmp_path / "both", [small])
    assert parts == ["ptft"]
    parts, _ = computed(asking(study), [corpora["one"]], tmp_path / "again", [small])
    assert parts == []


def test_a_search_of_other_shapes_is_made_again(corpora, tmp_path):
    tuning = Tuning(
        widths=(4, 8),
        depths=(1,),
        reads=("below",),
        laterals=("dense",),
        dropouts=(0.0,),
        learning_rates=(0.02,),
        trials=2,
    )
    study = Study("emotion@one", (), ("logistic-regression", "dnn-tuned"))
    first = run(asking(study, tuning=tuning), [corpora["one"]], tmp_path / "first")
    narrower = dataclasses.replace(tuning, widths=(4,))
    asked = asking(study, tuning=narrower)
    parts, _ = computed(asked, [corpora["one"]], tmp_path / "run", [first])
    assert parts == ["dnn-tuned"]


def test_a_folder_that_is_no_run_is_refused(corpora, tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        run(asking(question("one")), [corpora["one"]], tmp_path / "run", reuse=[tmp_path])

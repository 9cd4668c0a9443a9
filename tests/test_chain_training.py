"""Training chains end to end, on small made corpora and a front-end of three numbers."""

from __future__ import annotations

import collections
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from compiling_made import compiling
from numbers_made import QUICK, REGISTERED, FileNumbers, Registered, make_corpus

from pnn_keras import chain_scoring, frontends
from pnn_keras.chain_training import train
from pnn_keras.errors import AudioError, UserError
from pnn_keras.evaluation import evaluate
from pnn_keras.export import export_chain
from pnn_keras.schedule import Settings

pytestmark = pytest.mark.usefixtures("uncompiled", "undrawn")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpora"), "other", speakers=6)


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Where the chain of emotion beside gender is saved."""
    return tmp_path_factory.mktemp("saved") / "chain"


@pytest.fixture(scope="module")
def chain(made, logs, saved):
    """Emotion beside gender."""
    return train(
        "emotion",
        source="gender",
        corpus=made,
        frontend=FileNumbers(),
        out=saved,
        tensorboard=logs,
        command="pnn-keras train emotion",
        **QUICK,
    )


def weights_of(chain):
    return [np.asarray(weight).copy() for weight in chain.weights]


def test_the_chain_answers_source_and_target(chain):
    answers = chain(np.zeros((2, 3), "float32"))
    assert {name: tuple(a.shape) for name, a in answers.items()} == {
        "gender": (2, 2),
        "emotion": (2, 3),
    }


def test_the_target_reads_the_source(chain):
    assert list(chain.column("emotion").sources) == ["gender"]


def test_a_trained_chain_is_frozen(chain):
    assert chain.trainable_variables == []


def test_the_metadata_are_complete(chain):
    assert set(chain.metadata) == {
        "target",
        "method",
        "sources",
        "corpora",
        "frontend",
        "augment",
        "protocol",
        "protocols",
        "scores",
        "groups",
        "calibration",
        "epochs",
        "settings",
        "heard",
        "notes",
        "skipped",
        "versions",
        "created",
        "command",
    }


def test_the_metadata_can_be_written_as_json(chain):
    assert json.loads(json.dumps(chain.metadata, allow_nan=False)) == chain.metadata


def test_the_metadata_say_what_was_asked(chain):
    metadata = chain.metadata
    assert (metadata["target"], metadata["method"], metadata["sources"]) == (
        "emotion",
        "prognet",
        ["gender"],
    )
    assert metadata["protocol"]["name"] == "speaker-5-fold"
    assert metadata["protocol"]["speaker_disjoint"] and not metadata["protocol"]["transductive"]
    assert metadata["command"] == "pnn-keras train emotion"


def test_the_metadata_name_everyone_heard(chain, made):
    assert chain.metadata["heard"]["speakers"] == sorted({u.speaker_id for u in made})
    assert chain.metadata["heard"]["contents"] == sorted({u.content for u in made})


def test_every_utterance_is_scored_once_beside_a_network_from_scratch(chain, made):
    scores = chain.metadata["scores"]["emotion"]
    assert set(scores) == {"prognet", "dnn"}
    for score in scores.values():
        assert np.sum(score["confusion"]) == score["utterances"] == len(made)
        assert len(score["best_epochs"]) == 5


def test_a_score_has_an_interval_over_speakers(chain, made):
    score = chain.metadata["scores"]["emotion"]["prognet"]
    assert score["interval"]["low"] <= score["uar"] <= score["interval"]["high"]
    assert score["interval"]["speakers"] == len({u.speaker for u in made})


def test_scores_are_told_by_sex_and_corpus(chain, made):
    groups = chain.metadata["groups"]["emotion"]
    assert groups["method"] == "prognet"
    counts = {name: facts["utterances"] for name, facts in groups["by_gender"].items()}
    assert counts == collections.Counter(u.gender for u in made)
    assert (
        groups["by_corpus"]["made"]["uar"] == chain.metadata["scores"]["emotion"]["prognet"]["uar"]
    )


def test_the_chain_takes_the_temperature_of_the_held_out_answers(chain):
    calibration = chain.metadata["calibration"]
    assert any(record["temperature"] != 1 for record in calibration.values())
    for task in ("gender", "emotion"):
        temperature = chain.metadata["calibration"][task]["temperature"]
        assert chain.column(task).temperature == temperature


def test_the_answers_behind_the_scores_are_kept(chain, made, saved):
    table = pd.read_parquet(saved / "answers.parquet")
    assert set(zip(table.task, table.method, strict=True)) == {
        ("gender", "column"),
        ("emotion", "prognet"),
        ("emotion", "dnn"),
    }
    own = table[(table.task == "emotion") & (table.method == "prognet")]
    assert sorted(own.id) == sorted(u.id for u in made)
    classes = list(chain.column("emotion").task.classes)
    guessed = [classes[int(np.argmax(p))] for p in own.probabilities]
    recalls = [
        np.mean([g == c for g, c in zip(guessed, own["class"], strict=True) if c == name])
        for name in classes
    ]
    assert np.mean(recalls) == pytest.approx(chain.metadata["scores"]["emotion"]["prognet"]["uar"])


def test_a_chain_is_saved_where_no_answers_can_be_pooled(made, tmp_path, monkeypatch):
    monkeypatch.setattr(chain_scoring, "held_out", lambda *_: None)
    chain = train("gender", corpus=made, frontend=FileNumbers(), out=tmp_path / "a", **QUICK)
    assert chain.metadata["scores"]["gender"]["dnn"]["uar"] >= 0
    assert chain.metadata["calibration"] == {}
    assert (tmp_path / "a" / "README.md").is_file()
    assert not (tmp_path / "a" / "answers.parquet").exists()


def test_more_methods_are_scored_on_the_same_folds(made):
    chain = train(
        "emotion",
        source=["speaker", "gender"],
        corpus=made,
        frontend=FileNumbers(),
        compare=["svm", "ptft"],
        **QUICK,
    )
    scores = chain.metadata["scores"]
    assert list(scores["emotion"]) == ["prognet", "dnn", "svm", "ptft"]
    assert list(scores["gender"]) == ["column", "svm", "dnn", "ptft"]
    assert list(scores["speaker"]) == ["column"]


def test_a_method_that_needs_a_source_is_refused_without(made, no_fit):
    with pytest.raises(UserError, match="ptft need a source"):
        train("emotion", corpus=made, frontend=FileNumbers(), compare=["svm", "ptft"], **QUICK)


def test_the_source_is_scored_on_the_targets_test_rows(chain, made):
    score = chain.metadata["scores"]["gender"]["column"]
    assert (score["role"], score["utterances"]) == ("test", len(made))


def test_each_column_is_fitted_for_the_median_of_its_folds_epochs(chain):
    epochs = chain.metadata["epochs"]
    chosen = chain.metadata["scores"]["emotion"]["prognet"]["best_epochs"]
    assert set(epochs) == {"gender", "emotion"} and epochs["emotion"] == int(np.median(chosen))


def test_logs_for_tensorboard_are_written_for_the_mean_and_every_fold(chain, logs):
    runs = {path.parent.relative_to(logs) for path in logs.rglob("events.out.tfevents.*")}
    folds = [f"fold-{i:02d}" for i in range(1, 6)]
    fits = ["gender", "gender-with-stop-rows", "emotion-prognet", "emotion-dnn"]
    expected = {Path(fit) / run for fit in fits for run in ["mean", *folds]}
    assert runs == expected | {Path("gender-all-rows/mean"), Path("emotion-all-rows/mean")}


def test_the_same_seed_gives_the_same_chain_and_scores(chain, made):
    again = train("emotion", source="gender", corpus=made, frontend=FileNumbers(), **QUICK)
    assert again.metadata["scores"] == chain.metadata["scores"]
    for one, two in zip(weights_of(chain), weights_of(again), strict=True):
        assert np.array_equal(one, two)


def test_without_a_source_there_is_one_column_and_one_method(made):
    chain = train("gender", corpus=made, frontend=FileNumbers(), **QUICK)
    assert len(chain.columns) == 1
    assert set(chain.metadata["scores"]["gender"]) == {chain.metadata["method"]} == {"dnn"}


def test_what_is_there_to_learn_is_learned(made):
    settings = Settings(epochs=40, learning_rate=0.05)
    with compiling(True):  # for so many epochs it takes less time
        chain = train(
            "gender", corpus=made, frontend=FileNumbers(), **{**QUICK, "settings": settings}
        )
    assert chain.metadata["scores"]["gender"]["dnn"]["uar"] > 0.9


def test_a_speaker_source_is_scored_on_stop_rows_of_its_own(made):
    chain = train("emotion", source="speaker", corpus=made, frontend=FileNumbers(), **QUICK)
    score = chain.metadata["scores"]["speaker"]["column"]
    # 6 training speakers in each of 5 folds, one of each speaker's six clips stops.
    assert (score["role"], np.sum(score["confusion"])) == ("stop", 30)


def test_emotion_goes_from_one_corpus_to_another(made, other):
    chain = train(
        "emotion@made",
        source="emotion@other",
        corpus=[made, other],
        frontend=FileNumbers(),
        **QUICK,
    )
    scores = chain.metadata["scores"]
    assert [task.name for task in chain.tasks] == ["emotion@other", "emotion@made"]
    assert scores["emotion@made"]["prognet"]["utterances"] == len(made)
    assert scores["emotion@other"]["column"]["role"] == "stop"
    assert [corpus["name"] for corpus in chain.metadata["corpora"]] == ["made", "other"]


def test_unusable_recordings_are_left_out_and_named(tmp_path):
    corpus = make_corpus(tmp_path, damaged=["s3-1"])
    chain = train("gender", corpus=corpus, frontend=FileNumbers(), **QUICK)
    assert chain.metadata["skipped"] == [["s3-1.txt", "this file is damaged"]]
    assert chain.metadata["scores"]["gender"]["dnn"]["utterances"] == len(corpus) - 1


def test_one_unusable_recording_ends_a_strict_run(tmp_path):
    corpus = make_corpus(tmp_path, damaged=["s3-1"])
    with pytest.raises(AudioError, match="s3-1.txt: this file is damaged"):
        train("gender", corpus=corpus, frontend=FileNumbers(), strict=True, **QUICK)


def test_scaling_on_the_whole_corpus_is_stamped_transductive(made):
    chain = train("gender", corpus=made, frontend=FileNumbers(), scaling="corpus", **QUICK)
    assert chain.metadata["protocol"]["transductive"]


# Extending a chain


@pytest.fixture(scope="module")
def by_speaker(made):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frontends, "KNOWN", {**frontends.KNOWN, **REGISTERED})
        yield train("emotion", corpus=made, frontend=Registered(), scaling="speaker", **QUICK)


def test_scaling_per_speaker_is_stamped_transductive(by_speaker):
    assert by_speaker.metadata["protocol"]["transductive"]


def test_a_column_scaled_per_speaker_hears_each_speaker_around_zero(by_speaker, made):
    column = by_speaker.columns[0]
    assert column.frontend.startswith("registered_") and column.frontend.endswith("_by_speaker")
    # Every speaker's features have mean 0, so that what is constant in a speaker (sex) is gone.
    np.testing.assert_allclose(column.scaler.mean, 0, atol=1e-6)


def test_a_chain_scaled_per_speaker_hears_no_single_clip(by_speaker, made):
    with pytest.raises(UserError, match="one clip has no speaker statistics"):
        by_speaker.predict_audio([made.utterances[0].path])


def test_a_chain_scaled_per_speaker_hears_many_clips_of_known_speakers(by_speaker, made):
    few = made.utterances[:12]
    answers = by_speaker.predict_audio(
        [utterance.path for utterance in few], speakers=[u.speaker for u in few]
    )
    result = evaluate(by_speaker, made, allow_heard=True)
    assert len(answers) == 12 and result["tasks"]["emotion"]["utterances"] == len(made)


def test_a_chain_scaled_per_speaker_is_not_exported(by_speaker, tmp_path):
    with pytest.raises(UserError, match="one clip at a time"):
        export_chain(by_speaker, tmp_path, name="chain")


def test_reading_a_column_that_is_not_there_is_refused(made):
    with pytest.raises(UserError, match="No earlier column is called speaker"):
        train(
            "emotion",
            source="gender",
            reads=["speaker"],
            corpus=made,
            frontend=FileNumbers(),
            **QUICK,
        )


def test_each_source_has_widths_and_a_reading_of_its_own(made):
    chain = train(
        "emotion",
        source=["speaker", "gender"],
        corpus=made,
        frontend=FileNumbers(),
        protocol="paper-3-fold",
        source_units={"speaker": (3,), "gender": (6, 2)},
        wiring={"speaker": "none", "gender": "last"},
        **{**QUICK, "settings": Settings(epochs=1)},
    )
    speaker, gender, emotion = chain.columns
    assert (speaker.units, gender.units, emotion.units) == ([3], [6, 2], [5, 4])
    assert list(gender.sources) == ["speaker"]
    assert emotion.wiring == {"gender": (None, 1, 1)}
    assert set(chain.metadata["scores"]["emotion"]) == {"prognet", "dnn"}


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"wiring": {"gender": "above"}}, "below, last, none"),
        ({"wiring": {"speaker": "last"}}, "no source here"),
        ({"source_units": {"speaker": (3,)}}, "no source here"),
    ],
)
def test_a_shape_of_what_is_no_source_is_refused(shape, message, made):
    options = {"source": "gender", "corpus": made, "frontend": FileNumbers(), **QUICK}
    with pytest.raises(UserError, match=message):
        train("emotion", **options, **shape)


# Requests that are refused before anything is done


@pytest.mark.usefixtures("no_fit")
class TestRefusedAtOnce:
    """Nothing is extracted or trained for a request that cannot work."""

    def test_an_existing_output_folder(self, made, tmp_path):
        with pytest.raises(UserError, match="exists already. Name another folder"):
            train("emotion", corpus=made, out=tmp_path, **QUICK)

    def test_an_output_folder_below_a_file(self, made, tmp_path):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(UserError, match="file is no folder"):
            train("emotion", corpus=made, out=tmp_path / "file" / "made", **QUICK)

    @pytest.mark.parametrize("source", ["emotion", ["gender", "gender"]])
    def test_a_task_twice(self, made, source):
        with pytest.raises(UserError, match="Twice here: (emotion|gender)"):
            train("emotion", source=source, corpus=made, **QUICK)

    @pytest.mark.parametrize(("target", "source"), [("gender", []), ("emotion", ["speaker"])])
    def test_scaling_per_speaker_of_what_looks_for_speakers(self, made, target, source):
        with pytest.raises(UserError, match="refused for speaker and gender columns"):
            train(target, source=source, corpus=made, scaling="speaker", **QUICK)

    def test_an_unknown_scaling(self, made):
        with pytest.raises(UserError, match="training, corpus, speaker. Received: 'all'"):
            train("emotion", corpus=made, scaling="all", **QUICK)

    def test_an_unknown_task(self, made):
        with pytest.raises(UserError, match="A task is one of"):
            train("age", corpus=made, **QUICK)

    def test_no_corpus(self):
        with pytest.raises(UserError, match="At least one corpus"):
            train("emotion", corpus=[], **QUICK)

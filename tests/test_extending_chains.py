"""Chains that extend a trained one: what they keep, are compared with, and whom they heard."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from compiling_made import compiling
from numbers_made import QUICK, REGISTERED, FileNumbers, Registered, make_corpus

from pnn_keras import frontends
from pnn_keras.chain_training import train
from pnn_keras.corpus import Corpus
from pnn_keras.errors import ProtocolError, UserError
from pnn_keras.evaluation import evaluate
from pnn_keras.schedule import Settings
from pnn_keras.zoo import load

pytestmark = pytest.mark.usefixtures("uncompiled", "undrawn")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpora"), "other", speakers=6)


@pytest.fixture(scope="module")
def chain(made):
    """Emotion beside gender."""
    return train("emotion", source="gender", corpus=made, frontend=FileNumbers(), **QUICK)


def test_extending_a_chain_leaves_earlier_answers_bit_identical(made, other, registered):
    base = train("gender", corpus=made, frontend=Registered(), **QUICK)
    rows = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
    before = np.asarray(base(rows)["gender"])
    chain = train("emotion", corpus=other, from_model=base, **QUICK)
    assert np.array_equal(np.asarray(chain(rows)["gender"]), before)
    assert list(chain.column("emotion").sources) == ["gender"]
    assert chain.metadata["sources"] == ["gender"]
    assert set(chain.metadata["scores"]) == {"gender", "emotion"}
    assert chain.metadata["heard"]["speakers"] == sorted({u.speaker_id for u in [*made, *other]})


@pytest.fixture(scope="module")
def extended(chain, other):
    """The chain of gender and emotion with a second emotion, of another corpus."""
    with pytest.warns(UserWarning, match="the new column is called emotion@other"):
        return train("emotion", corpus=other, from_model=chain, frontend=FileNumbers(), **QUICK)


def test_a_front_end_that_only_the_caller_knows_extends_its_chain(extended):
    assert FileNumbers.name not in frontends.KNOWN
    assert len(extended.columns) == 3


def test_a_target_that_the_given_chain_answers_is_named_after_its_corpus(extended):
    assert [task.name for task in extended.tasks] == ["gender", "emotion", "emotion@other"]
    assert list(extended.column("emotion@other").sources) == ["gender", "emotion"]


def test_an_extended_chain_is_scored_beside_scratch_and_fine_tuning(extended, other):
    scores = extended.metadata["scores"]["emotion@other"]
    assert list(scores) == ["prognet", "ptft", "dnn"]
    assert extended.metadata["method"] == "prognet"
    assert {score["utterances"] for score in scores.values()} == {len(other)}


def test_an_extended_chain_says_what_it_extends(extended, tmp_path):
    extends = extended.metadata["extends"]
    assert extends["columns"] == ["gender", "emotion"] and extends["heard_speakers"] == 10
    extended.save_to_preset(tmp_path / "extended")
    card = (tmp_path / "extended" / "README.md").read_text()
    assert "| pre-trained, fine-tuned |" in card
    assert "Extends a chain of gender, emotion" in card


@pytest.fixture(scope="module")
def adapted(chain, other):
    """The same with the scaling of the other corpus."""
    with compiling(True), pytest.warns(UserWarning, match="is called emotion@other"):
        return train(
            "emotion",
            corpus=other,
            from_model=chain,
            adapt=True,
            compare=["prognet-rescaled", "prognet-random", "prognet-random-rescaled"],
            frontend=FileNumbers(),
            **{**QUICK, "settings": Settings(epochs=30, learning_rate=0.05)},
        )


def test_adapting_gives_the_columns_of_the_given_chain_the_scaling_of_the_new_rows(
    adapted, chain, other
):
    rows = np.array([u.path.read_text().split() for u in other], np.float32)
    for own, theirs in zip(adapted.columns[:2], chain.columns, strict=True):
        np.testing.assert_allclose(own.scaler.mean, rows.mean(axis=0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(own.scaler.deviation, rows.std(axis=0), rtol=1e-5)
        assert not np.allclose(theirs.scaler.mean, own.scaler.mean, atol=1e-3)
        for layer, given in zip(own.layers, theirs.layers, strict=True):
            for weight, was in zip(layer.weights, given.weights, strict=True):
                assert np.array_equal(weight, was)


def test_the_scores_of_an_adapted_chain_are_those_of_rescaling_in_each_fold(adapted):
    scores = adapted.metadata["scores"]["emotion@other"]
    assert scores["prognet"]["confusion"] != scores["prognet-random-rescaled"]["confusion"]
    assert scores["prognet"] == scores["prognet-rescaled"]
    assert scores["prognet-random"] == scores["prognet-random-rescaled"]


def test_an_adapted_chain_keeps_no_score_of_columns_that_are_scaled_anew(adapted, extended):
    for name in ("scores", "protocols", "calibration", "groups"):
        assert set(adapted.metadata[name]) == {"emotion@other"}, name
    assert {"gender", "emotion", "emotion@other"} == set(extended.metadata["scores"])


def test_an_adapted_chain_says_so_on_its_card(adapted, tmp_path):
    assert adapted.metadata["extends"]["adapted"] is True
    adapted.save_to_preset(tmp_path / "adapted")
    card = (tmp_path / "adapted" / "README.md").read_text()
    assert "their scaling is that of the rows learned from here" in card


def test_there_is_nothing_to_adapt_without_a_chain(made):
    for options in ({"adapt": True}, {"compare": ["prognet-rescaled"]}):
        with pytest.raises(UserError, match=r"trained chain to re\w+\. Received: none.*--from"):
            train("emotion", source="gender", corpus=made, frontend=FileNumbers(), **options)


def test_a_chain_is_not_asked_for_new_sources(made, other):
    base = train("emotion", corpus=made, frontend=FileNumbers(), **QUICK)
    chain = train(
        "emotion@other",
        source=["speaker", "gender"],
        corpus=other,
        from_model=base,
        compare=["chain", "svm"],
        frontend=FileNumbers(),
        **QUICK,
    )
    scores = chain.metadata["scores"]
    assert "chain" in scores["emotion@other"]
    assert "svm" in scores["gender"] and "chain" not in scores["gender"]


def test_what_reads_a_chain_alone_is_not_compared_where_there_are_sources(made, other):
    base = train("emotion", corpus=made, frontend=FileNumbers(), **QUICK)
    with pytest.raises(UserError, match="prognet-rescaled read the chain given alone"):
        train(
            "emotion@other",
            source="gender",
            corpus=other,
            from_model=base,
            compare=["prognet-rescaled"],
            frontend=FileNumbers(),
            **QUICK,
        )


def test_a_chain_is_not_asked_for_what_it_does_not_answer(made, other):
    base = train("gender", corpus=made, frontend=FileNumbers(), **QUICK)
    with pytest.raises(UserError, match="answers no emotion as angry, .*--compare chain"):
        train(
            "emotion",
            corpus=other,
            from_model=base,
            compare=["chain"],
            frontend=FileNumbers(),
            **QUICK,
        )


def test_a_chain_that_extends_one_without_a_record_of_whom_it_heard_has_none(chain, made, other):
    base = type(chain).from_config({**chain.get_config(), "metadata": {}})
    base.set_weights(chain.get_weights())
    with pytest.warns(UserWarning, match="no record of whom the chain given has heard"):
        extended = train(
            "speaker",
            corpus=other,
            from_model=base,
            frontend=FileNumbers(),
            protocol="paper-10-fold",
            **QUICK,
        )
    assert extended.metadata["heard"]["incomplete"] is True
    assert evaluate_gender(extended, made)["held_out"] == "unknown"


def evaluate_gender(chain, corpus):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frontends, "KNOWN", {**frontends.KNOWN, "numbers": REGISTERED["registered"]})
        return evaluate(chain, corpus, task="gender")


# A chain built on a preset has heard what the preset has heard


@pytest.fixture(scope="module")
def built(made, other, tmp_path_factory):
    """A preset that heard one corpus, and a chain saved that was built on it with another."""
    folder = tmp_path_factory.mktemp("chains")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frontends, "KNOWN", {**frontends.KNOWN, **REGISTERED})
        train("gender", corpus=made, frontend=Registered(), out=folder / "base", **QUICK)
        train("emotion", corpus=other, from_model=folder / "base", out=folder / "chain", **QUICK)
        return load(folder / "chain")


def test_a_saved_chain_is_extended_from_its_folder(built):
    assert [task.name for task in built.tasks] == ["gender", "emotion"]


def renamed(corpus):
    """The same recordings as another corpus, of speakers with other names."""
    utterances = [
        dataclasses.replace(u, corpus="copy", speaker=f"voice {u.speaker}") for u in corpus
    ]
    return Corpus(dataclasses.replace(corpus.info, name="copy"), corpus.folder, tuple(utterances))


def test_built_chain_is_not_evaluated_on_what_the_preset_heard(built, made, other):
    for corpus in (made, other):
        with pytest.raises(UserError, match=f"{len(corpus)} of the .* {corpus.name}.*s0"):
            evaluate(built, corpus)


def test_built_chain_is_not_evaluated_on_a_copy_under_another_name(built, made):
    with pytest.raises(UserError, match=f"{len(made)} of the .* of copy.*copy/voice s0"):
        evaluate(built, renamed(made))


@pytest.mark.usefixtures("registered")
def test_built_chain_is_not_trained_on_what_the_preset_heard(built, made):
    target = {"target": "speaker", "from_model": built, **QUICK}
    with pytest.raises(ProtocolError, match="heard 10 of these speakers.*made/s0"):
        train(corpus=made, protocol="paper-10-fold", **target)
    with pytest.raises(ProtocolError, match="whatever they are called here.*copy/s0"):
        train(corpus=renamed(made), protocol="paper-10-fold", **target)


@pytest.mark.usefixtures("registered")
def test_built_chain_is_evaluated_on_a_third_corpus(built, tmp_path):
    third = make_corpus(tmp_path, "strangers", speakers=4)
    assert evaluate(built, third)["held_out"] == "held out"


# Requests that are refused before anything is done


@pytest.mark.usefixtures("no_fit")
class TestRefusedAtOnce:
    """Nothing is extracted or trained for a chain that cannot be extended so."""

    def test_a_source_that_the_given_chain_answers(self, other, chain):
        with pytest.raises(UserError, match="answers gender already.* leave out that source"):
            train("speaker", source="gender", corpus=other, from_model=chain, **QUICK)

    def test_speakers_that_the_given_chain_has_heard(self, made, chain):
        with pytest.raises(ProtocolError, match=r"has heard 10 of these speakers.*made/s0"):
            train("speaker", corpus=made, from_model=chain, **QUICK)

    def test_recordings_that_the_given_chain_has_heard_under_another_name(self, made, chain):
        renamed = tuple(
            dataclasses.replace(u, corpus="mine", speaker=f"somebody {u.speaker}") for u in made
        )
        info = dataclasses.replace(made.info, name="mine")
        corpus = dataclasses.replace(made, info=info, utterances=renamed)
        with pytest.raises(ProtocolError, match="60 of these recordings, whatever"):
            train("speaker", corpus=corpus, from_model=chain, **QUICK)

    def test_a_target_over_several_corpora_that_the_given_chain_answers(self, made, other, chain):
        with pytest.raises(UserError, match="--target gender@other or gender@made"):
            train("gender", corpus=[other, made], from_model=chain, **QUICK)

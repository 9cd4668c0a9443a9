"""A trained chain that is extended: opened, named beside, and never scored on whom it heard."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil

import numpy as np
import pytest
from chain_made import made_chain
from numbers_made import FileNumbers, make_corpus

from pnn_keras import Chain
from pnn_keras.base import (
    Base,
    base_sources,
    check_scaling,
    open_base,
    own_name,
    refuse_heard,
)
from pnn_keras.corpus import Utterance
from pnn_keras.errors import PresetError, ProtocolError, UserError
from pnn_keras.evaluation import is_recorded
from pnn_keras.material import load_material
from pnn_keras.speaker_scaling import is_marked

FRONTENDS = {"frontends": {"features": {"name": "egemaps"}}}


@pytest.fixture
def heard(tmp_path):
    """A corpus, and a chain that has heard all of it."""
    corpus = make_corpus(tmp_path, "heard", speakers=4)
    metadata = {
        "heard": {
            "speakers": sorted({u.speaker_id for u in corpus}),
            "contents": sorted({u.content for u in corpus}),
        }
    }
    return corpus, Base(made_chain(metadata=metadata, **FRONTENDS))


def copies(corpus, folder, names):
    """Every recording under another file, corpus, speaker and name."""
    folder.mkdir()
    made = []
    for utterance, name in zip(corpus, names, strict=True):
        path = folder / name
        shutil.copyfile(utterance.path, path)
        made.append(Utterance("mine", name, path, f"somebody {name}", emotion=utterance.emotion))
    return made


def test_speakers_of_the_same_name_in_the_same_corpus_are_refused(heard, tmp_path):
    corpus, base = heard
    others = [dataclasses.replace(u, path=tmp_path / "not there") for u in corpus]
    with pytest.raises(ProtocolError, match=r"4 of these speakers \(heard/s0, .*NAME=FOLDER"):
        refuse_heard(base, others)


def test_the_same_recordings_under_other_names_are_refused(heard, tmp_path):
    corpus, base = heard
    renamed = copies(corpus, tmp_path / "mine", [f"{i}.wav" for i in range(len(corpus))])
    with pytest.raises(ProtocolError, match="24 of these recordings, whatever they are called"):
        refuse_heard(base, renamed)


def test_one_heard_recording_among_others_is_refused(heard, tmp_path):
    corpus, base = heard
    (same,) = copies(corpus.utterances[:1], tmp_path / "mine", ["a.wav"])
    fresh = make_corpus(tmp_path, "another")
    with pytest.raises(ProtocolError, match=r"1 of these recordings.*mine/a.wav"):
        refuse_heard(base, [*fresh, same])


def test_a_segment_of_a_heard_recording_is_refused(heard, tmp_path):
    corpus, base = heard
    (same,) = copies(corpus.utterances[:1], tmp_path / "mine", ["a.wav"])
    with pytest.raises(ProtocolError, match="1 of these recordings"):
        refuse_heard(base, [dataclasses.replace(same, start=0.5, end=1.0)])


def test_others_are_taken(heard, tmp_path):
    refuse_heard(heard[1], make_corpus(tmp_path, "another"))


def test_a_file_that_is_missing_is_no_heard_one(heard, tmp_path):
    refuse_heard(heard[1], [Utterance("mine", "a.wav", tmp_path / "a.wav", "x")])


@pytest.mark.parametrize("metadata", [{}, {"heard": {"speakers": ["A/1"], "incomplete": True}}])
def test_without_a_whole_record_of_whom_it_heard_there_is_a_warning(metadata, tmp_path):
    base = Base(made_chain(metadata=metadata))
    assert not is_recorded(base.chain)
    with pytest.warns(UserWarning, match="no record of whom the chain given has heard"):
        refuse_heard(base, [Utterance("mine", "a.wav", tmp_path / "a.wav", "x")])


@pytest.mark.parametrize("scaling", ["corpus", "speaker"])
def test_a_chain_that_hears_by_speaker_is_extended_only_where_the_stamp_says_so(scaling):
    base = Base(made_chain(frontends={"features": {"name": "egemaps", "standardised": "speaker"}}))
    assert is_marked(base.frontends["features"])
    with pytest.raises(UserError, match="gender, emotion of the chain given .*--scaling speaker"):
        check_scaling(base, "training")
    check_scaling(base, scaling)
    check_scaling(Base(made_chain(**FRONTENDS)), "training")


# Names of new columns


def corpora_called(tmp_path, *names):
    return [make_corpus(tmp_path / name, name, speakers=1, each=3) for name in names]


@pytest.mark.parametrize(
    ("target", "corpora", "name"),
    [
        ("speaker", ["mine"], "speaker"),
        ("emotion", ["mine"], "emotion@mine"),
        ("gender", ["mine"], "gender@mine"),
        ("emotion@mine", ["mine", "other"], "emotion@mine"),
    ],
)
def test_a_target_that_is_answered_already_is_named_after_its_corpus(
    target, corpora, name, tmp_path
):
    assert own_name(target, Base(made_chain()), corpora_called(tmp_path, *corpora)) == name


def test_without_a_chain_to_extend_a_target_is_called_what_it_is(tmp_path):
    assert own_name("emotion", None, corpora_called(tmp_path, "mine")) == "emotion"


def test_several_corpora_leave_the_name_to_the_user(tmp_path):
    with pytest.raises(UserError, match="--target emotion@one or emotion@two"):
        own_name("emotion", Base(made_chain()), corpora_called(tmp_path, "one", "two"))


def test_a_name_that_is_taken_twice_needs_another_corpus_name(tmp_path):
    chain = made_chain()
    emotion = chain.column("emotion").task
    chain.add_column(dataclasses.replace(emotion, corpus="mine"), units=[4])
    for target in ("emotion", "emotion@mine"):
        with pytest.raises(UserError, match="Give the corpus another name: --corpus NAME=FOLDER"):
            own_name(target, Base(chain), corpora_called(tmp_path / target, "mine"))


# Opening


def test_a_base_is_known_by_the_digest_of_its_weights(tmp_path):
    made_chain(**FRONTENDS).save_to_preset(tmp_path / "mine", {"corpora": [{"name": "A"}]})
    base = open_base(tmp_path / "mine")
    weights = (tmp_path / "mine" / "model.weights.h5").read_bytes()
    described = base.describe()
    assert base.sha256 == described["sha256"] == hashlib.sha256(weights).hexdigest()
    assert (described["tasks"], described["corpora"]) == (["gender", "emotion"], ["A"])
    assert described["heard_speakers"] is None
    assert described["frontend"] == {"name": "egemaps"}


def test_a_keras_file_is_known_by_its_own_digest(tmp_path):
    made_chain(**FRONTENDS).save(tmp_path / "mine.keras")
    expected = hashlib.sha256((tmp_path / "mine.keras").read_bytes()).hexdigest()
    assert open_base(tmp_path / "mine.keras").sha256 == expected


@pytest.mark.parametrize(
    ("chain", "words"),
    [(Chain(), "no column"), (made_chain(), "does not say which front-end its input features is")],
    ids=["empty", "deaf"],
)
def test_a_chain_that_cannot_be_extended_is_refused(chain, words):
    with pytest.raises(UserError, match=words):
        open_base(chain)


def test_a_model_that_is_not_there_is_refused():
    with pytest.raises(PresetError, match="no preset 'none-such'"):
        open_base("none-such")


def test_the_sources_are_what_the_chain_itself_says(tmp_path):
    frontend = FileNumbers()
    material = load_material([make_corpus(tmp_path)], frontend, workers=1)
    chain = made_chain(dimension=3, frontends={material.hears: frontend.config()})
    sources = base_sources(Base(chain), material)
    _, expected = chain.answers_and_taps(material.features[material.hears])
    assert list(sources.widths) == ["gender", "emotion"]
    for name, taps in expected.items():
        for own, theirs in zip(sources.taps[name], taps, strict=True):
            np.testing.assert_allclose(own, theirs, atol=1e-6)

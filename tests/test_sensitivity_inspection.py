"""A chain looked into on a corpus: whom it may be asked of, and what is said of it."""

from __future__ import annotations

import json

import pytest
from audio_made import tone, write
from chain_made import EMOTION, GENDER, made_chain, scatter_weights
from inspection_made import connection, inspected, inspection
from numbers_made import REGISTERED, make_corpus

from pnn_keras import Chain, Task, frontends, inspect_chain
from pnn_keras.corpus import Corpus, CorpusInfo, Utterance
from pnn_keras.errors import UserError
from pnn_keras.foreign_column import ForeignColumn
from pnn_keras.sensitivity import sensitivity_words

INFO = CorpusInfo("Made", "Nobody, 2020", "CC0", "", ("angry", "happy", "sad"), "", "")

HEARING = {"frontends": {"moments": {"name": "moments"}}}


@pytest.fixture(autouse=True)
def moments(monkeypatch):
    """A front-end of three numbers that needs no openSMILE."""
    monkeypatch.setitem(frontends.KNOWN, "moments", ("audio_made", "Moments"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Twelve utterances of four speakers; one has an emotion that the chain does not know."""
    folder = tmp_path_factory.mktemp("corpus")
    emotions = ["angry", "happy", "sad"] * 3 + ["angry", "happy", "bored"]
    return Corpus(
        INFO,
        folder,
        tuple(
            Utterance(
                "Made",
                f"{number}",
                write(folder / f"{number}.wav", tone(level=0.1 + 0.07 * number)),
                speaker=str(number % 4),
                gender=("female", "male")[number % 2],
                emotion=emotion,
            )
            for number, emotion in enumerate(emotions)
        ),
    )


def hearing_chain(**options) -> Chain:
    return made_chain(dimension=3, **HEARING, **options)


@pytest.fixture(scope="module")
def result(corpus):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(frontends.KNOWN, "moments", ("audio_made", "Moments"))
        return inspect_chain(hearing_chain(), corpus)


def test_only_what_reads_a_source_is_looked_at(result):
    assert list(result["tasks"]) == ["emotion"]
    assert result["skipped_tasks"] == {"gender": "it reads no other column"}


def test_only_utterances_of_the_task_count(result):
    emotion = result["tasks"]["emotion"]
    assert emotion["utterances"] == 11
    assert emotion["left_out"] == {"bored": 1}
    assert emotion["chance"] == pytest.approx(1 / 3)


def test_every_layer_that_reads_is_listed_with_what_it_reads(result):
    found = [
        (each["layer_name"], each["column"], each["reads"], each["units"])
        for each in result["tasks"]["emotion"]["connections"]
    ]
    assert found == [
        ("hidden 2", "emotion", "hidden 1", 8),
        ("hidden 2", "gender", "hidden 1", 8),
        ("output", "emotion", "hidden 2", 8),
        ("output", "gender", "hidden 2", 8),
    ]


def test_the_result_is_plain_json(result):
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_same_question_has_the_same_answer(result, corpus):
    assert inspect_chain(hearing_chain(), corpus) == result


def test_the_score_is_that_of_the_evaluation(result, corpus):
    from pnn_keras.evaluation import evaluate

    evaluated = evaluate(hearing_chain(), corpus)["tasks"]["emotion"]
    assert result["tasks"]["emotion"]["uar"] == pytest.approx(evaluated["uar"])


def test_heard_speakers_are_refused_by_name(corpus):
    chain = hearing_chain(metadata={"heard": {"speakers": ["Made/1"]}})
    with pytest.raises(UserError, match="3 of the 12 .*Made/1"):
        inspect_chain(chain, corpus)


def test_heard_speakers_are_marked_on_request_or_left_out(corpus):
    chain = hearing_chain(metadata={"heard": {"speakers": ["Made/1"]}})
    assert inspect_chain(chain, corpus, allow_heard=True)["held_out"] == "not held out"
    without = inspect_chain(chain, corpus, unheard_only=True)
    assert (without["held_out"], without["left_out_as_heard"]) == ("held out", 3)


def test_a_chain_without_a_record_is_not_called_held_out(result):
    assert result["held_out"] == "unknown"


def test_a_chain_whose_columns_read_none_is_refused_before_it_hears_anything(corpus, monkeypatch):
    from pnn_keras import evaluation

    monkeypatch.setattr(evaluation, "hear", None)
    chain = Chain(**HEARING)
    chain.add_column(GENDER, dimension=3, frontend="moments", units=[4])
    chain.add_column(EMOTION, units=[4], reads=[])
    with pytest.raises(UserError, match="Every column of the chain reads no other column"):
        inspect_chain(chain, corpus)
    with pytest.raises(UserError, match="The column of gender reads no other column"):
        inspect_chain(hearing_chain(), corpus, task="gender")


def test_targets_without_labels_are_refused_with_the_reason(corpus):
    silent = Corpus(
        INFO,
        corpus.folder,
        tuple(Utterance("Made", u.id, u.path, gender=u.gender) for u in corpus),
    )
    with pytest.raises(UserError, match="emotion: no utterance is labelled with emotion"):
        inspect_chain(hearing_chain(), silent)


def test_speakers_need_not_be_known(corpus):
    nameless = Corpus(
        INFO,
        corpus.folder,
        tuple(Utterance("Made", u.id, u.path, emotion=u.emotion) for u in corpus),
    )
    interval = inspect_chain(hearing_chain(), nameless)["tasks"]["emotion"]["interval"]
    assert "utterances" in interval["warning"]


def test_a_foreign_column_s_layers_keep_their_names(corpus):
    import keras

    dense = keras.layers.Dense(6, activation="relu", name="inner")
    model = keras.Sequential([keras.Input((3,)), dense])
    theirs = ForeignColumn(model, taps=["inner"], name="theirs", frontend="moments")
    chain = Chain([theirs], **HEARING)
    chain.add_column(EMOTION, units=[8], seed=3)
    (_, lateral) = inspect_chain(chain, corpus)["tasks"]["emotion"]["connections"]
    assert (lateral["column"], lateral["reads"], lateral["units"]) == ("theirs", "inner", 6)


def test_tasks_of_one_corpus_are_called_by_their_name(corpus):
    chain = Chain(**HEARING)
    source = Task("gender", ("female", "male"), corpus="Made")
    chain.add_column(source, dimension=3, frontend="moments", units=[4], seed=1)
    chain.add_column(Task("emotion", ("angry", "happy", "sad"), corpus="EmoDB"), units=[4])
    scatter_weights(chain)
    (found,) = inspect_chain(chain, corpus)["tasks"].items()
    assert found[0] == "emotion@EmoDB"
    assert [each["column"] for each in found[1]["connections"]] == ["emotion@EmoDB", "gender@Made"]


@pytest.fixture
def shifted(monkeypatch, tmp_path):
    """A corpus whose features are numbers, and the same with other means and deviations."""
    monkeypatch.setattr(frontends, "KNOWN", {**frontends.KNOWN, **REGISTERED})
    corpora = [make_corpus(tmp_path / name) for name in ("here", "there")]
    for utterance in corpora[1]:
        numbers = [8 * float(text) + 64 for text in utterance.path.read_text().split()]
        utterance.path.write_text(" ".join(map(str, numbers)))
    return corpora


def chain_of_numbers() -> Chain:
    emotion = Task("emotion", ("angry", "neutral", "sad"))
    return made_chain(3, emotion, frontends={"registered": {"name": "registered"}})


def shares(result, measure: str) -> list[float]:
    return [each[measure] for each in result["tasks"]["emotion"]["connections"]]


def test_adapted_to_recordings_a_chain_does_not_see_their_shift_and_scale(shifted):
    here, there = (inspect_chain(chain_of_numbers(), each, adapt=True) for each in shifted)
    assert here["transductive"] and there["transductive"]
    assert shares(there, "afs") == pytest.approx(shares(here, "afs"), abs=1e-3)
    assert shares(there, "aps") == pytest.approx(shares(here, "aps"), abs=0.02)
    assert here["tasks"]["emotion"]["uar"] == there["tasks"]["emotion"]["uar"]


def test_without_adapting_a_shift_changes_the_shares(shifted):
    here, there = (inspect_chain(chain_of_numbers(), each) for each in shifted)
    assert not here["transductive"]
    assert shares(there, "afs") != pytest.approx(shares(here, "afs"), abs=1e-2)


def words_of(**facts) -> str:
    return " ".join(sensitivity_words(inspection({"emotion": inspected(**facts)})))


def test_the_score_that_halves_is_said():
    assert "UAR of emotion here: 0.500 [0.400, 0.600], chance 0.250, 120" in words_of()


def test_a_score_that_may_be_chance_is_a_warning():
    assert "do not read much into APS" in words_of(low=0.2)
    assert "do not read much into APS" not in words_of(low=0.4)


def test_a_score_that_is_not_above_chance_has_no_aps():
    assert "there is no APS" in words_of(uar=0.25)


def test_layers_in_which_the_measures_disagree_are_named():
    assert "depends on most in: output." in words_of()
    agreed = [connection(1, "emotion", 0.6, 0.9), connection(1, "gender", 0.4, 0.1)]
    assert "different columns" not in words_of(connections=agreed)


def test_scaling_by_the_recordings_themselves_is_said():
    adapted = " ".join(sensitivity_words(inspection(transductive=True)))
    assert "not of one that scales as in training" in adapted
    assert "transductive" not in words_of()


def test_undefined_shares_do_not_disagree():
    undefined = [connection(1, "emotion", 0.6, None), connection(1, "gender", 0.4, None)]
    assert "different columns" not in words_of(connections=undefined)


def test_a_share_is_never_sold_as_a_gain():
    assert "not whether they are the better for it" in words_of()

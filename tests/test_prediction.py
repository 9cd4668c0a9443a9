"""Answers for recordings, and scores on a corpus."""

import numpy as np
import pytest
from audio_made import tone, write
from chain_made import answers, made_chain, two_ears_chain

from pnn_keras import Task, frontends
from pnn_keras.corpus import Corpus, CorpusInfo, Utterance
from pnn_keras.errors import AudioError, CorpusError, UserError
from pnn_keras.evaluation import evaluate
from pnn_keras.prediction import predict_audio

INFO = CorpusInfo("Made", "Nobody, 2020", "CC0", "", ("angry", "happy", "sad"), "", "")


@pytest.fixture(autouse=True)
def moments(monkeypatch):
    """A front-end of three numbers that needs no openSMILE."""
    monkeypatch.setitem(frontends.KNOWN, "moments", ("audio_made", "Moments"))


@pytest.fixture(scope="module")
def chain():
    return hearing_chain()


def hearing_chain(**options):
    return made_chain(dimension=3, frontends={"moments": {"name": "moments"}}, **options)


@pytest.fixture
def files(tmp_path):
    return [write(tmp_path / f"{level}.wav", tone(level=level)) for level in (0.2, 0.5, 0.8)]


def numbers(found):
    """The probabilities of all tasks; a larger batch may round the last digit differently."""
    return [value for task in found.values() for value in task["probabilities"].values()]


@pytest.fixture
def corpus(files):
    """Three utterances: a woman's joy and rage, a man's boredom."""
    labels = (("1", "female", "joy"), ("1", "female", "angry"), ("2", "male", "bored"))
    return Corpus(
        INFO,
        files[0].parent,
        tuple(
            Utterance("Made", path.name, path, speaker=speaker, gender=gender, emotion=emotion)
            for path, (speaker, gender, emotion) in zip(files, labels, strict=True)
        ),
    )


def test_every_task_is_answered_with_the_probabilities_of_the_chain(chain, files):
    signal = tone(level=0.5)
    features = np.array([[signal.mean(), signal.std(), signal.max()]], "float32")
    expected = answers(chain, features)
    (found,) = predict_audio(chain, files[1])
    assert list(found) == ["gender", "emotion"]
    for task in chain.tasks:
        probabilities = found[task.name]["probabilities"]
        assert list(probabilities) == list(task.classes)
        assert list(probabilities.values()) == pytest.approx(expected[task.name][0], abs=1e-4)
        assert found[task.name]["label"] == max(probabilities, key=probabilities.get)


def test_many_files_are_answered_in_order(chain, files):
    for together, path in zip(predict_audio(chain, files), files, strict=True):
        assert numbers(together) == pytest.approx(numbers(predict_audio(chain, str(path))[0]))


def test_same_file_twice_is_answered_twice(chain, files):
    assert len(predict_audio(chain, [files[0], files[0]])) == 2


def test_array_is_answered_like_its_file(chain, files):
    (heard,) = predict_audio(chain, tone(level=0.5), sampling_rate=16000)
    (read,) = predict_audio(chain, files[1])
    assert numbers(heard) == pytest.approx(numbers(read), abs=1e-4)


def test_integers_are_answered_like_floats(chain):
    signal = np.round(tone() * 32768).astype(np.int16)
    found = predict_audio(chain, [signal, signal / 32768], sampling_rate=16000)
    assert numbers(found[0]) == pytest.approx(numbers(found[1]))


def test_chain_answers_as_its_method(chain, files):
    assert chain.predict_audio(files[0]) == predict_audio(chain, files[0])


def test_strict_run_ends_at_a_missing_file(chain, files):
    with pytest.raises(AudioError, match="nowhere.wav.*No such file"):
        predict_audio(chain, [files[0], "nowhere.wav"])


def test_bad_file_is_reported_among_good_ones(chain, files):
    silent = write(files[0].parent / "silent.wav", tone(level=0))
    found = predict_audio(chain, [files[0], silent, files[1]], strict=False)
    assert [list(entry) for entry in found] == [
        ["gender", "emotion"],
        ["error"],
        ["gender", "emotion"],
    ]
    assert found[1]["error"].startswith("The recording is silent")
    assert numbers(found[2]) == pytest.approx(numbers(predict_audio(chain, files[1])[0]))


def test_only_bad_files_are_all_reported(chain, files):
    silent = write(files[0].parent / "silent.wav", tone(level=0))
    found = predict_audio(chain, ["nowhere.wav", silent], strict=False)
    assert "No such file" in found[0]["error"] and "silent" in found[1]["error"]


def test_bad_array_is_reported(chain):
    bad = np.full(16000, np.nan)
    found = predict_audio(chain, [bad, tone()], sampling_rate=16000, strict=False)
    assert "NaN" in found[0]["error"] and "emotion" in found[1]


@pytest.mark.parametrize(
    ("audio", "sampling_rate", "message"),
    [
        ([], None, "no recording"),
        (tone(), None, "need their sampling rate"),
        ("a.wav", 16000, "has its own sampling rate"),
        (["a.wav", tone()], None, "all paths or all arrays"),
        ([0.1, 0.2], 16000, "a path or an array"),
    ],
)
def test_impossible_request_is_named(chain, audio, sampling_rate, message):
    with pytest.raises(UserError, match=message):
        predict_audio(chain, audio, sampling_rate)


def test_two_channels_are_refused(chain):
    with pytest.raises(AudioError, match="one channel"):
        predict_audio(chain, np.stack([tone(), tone()]), sampling_rate=16000)


def test_chain_without_front_end_says_so(files):
    with pytest.raises(UserError, match="does not say how its input 'features' comes"):
        predict_audio(made_chain(), files)


def test_front_end_of_another_size_is_named(files):
    chain = made_chain(frontends={"moments": {"name": "moments"}})
    with pytest.raises(UserError, match="takes 5 features of 'moments'. Received: 3"):
        predict_audio(chain, files)


@pytest.fixture
def two_ears(files):
    chain = two_ears_chain(hearing="moments")
    table = files[0].parent / "vectors.npz"
    np.savez(table, files=[files[0].name, files[1].name], vectors=np.eye(2, 4))
    return chain, table


def test_table_of_embeddings_is_heard_beside_audio(two_ears, files):
    chain, table = two_ears
    found = predict_audio(chain, files[:2], tables={"embeddings": table})
    assert [list(entry) for entry in found] == [["gender", "emotion"]] * 2


def test_file_that_the_table_lacks_is_reported(two_ears, files):
    chain, table = two_ears
    found = predict_audio(chain, files, tables={"embeddings": table}, strict=False)
    assert "error" not in found[1] and "no row" in found[2]["error"]
    with pytest.raises(CorpusError, match="no row"):
        predict_audio(chain, files, tables={"embeddings": table})


def test_missing_table_is_asked_for(two_ears, files):
    with pytest.raises(UserError, match="embeddings"):
        predict_audio(two_ears[0], files)


def test_table_for_nothing_is_refused(chain, files):
    with pytest.raises(UserError, match="hears moments. Received: a table for embeddings"):
        predict_audio(chain, files, tables={"embeddings": "x.npz"})


def fixed_answers(chain, gender, emotion):
    """Makes the chain give the same answer to everything."""
    for column, favourite in zip(chain.columns, (gender, emotion), strict=True):
        output = column.layers[-1]
        output.bias.assign([100.0 * (name == favourite) for name in column.task.classes])
    return chain


def test_scores_are_those_counted_by_hand(corpus):
    scores = evaluate(fixed_answers(hearing_chain(), "female", "happy"), corpus)["tasks"]
    assert scores["gender"]["uar"] == 0.5
    assert scores["gender"]["confusion"] == [[2, 0], [1, 0]]
    assert scores["emotion"]["recalls"] == {"angry": 0.0, "happy": 1.0, "sad": None}
    assert scores["emotion"]["uar"] == 0.5
    assert scores["emotion"]["absent"] == ["sad"]


def test_labels_that_were_mapped_and_left_out_are_listed(corpus, chain):
    emotion = evaluate(chain, corpus)["tasks"]["emotion"]
    assert emotion["mapped"] == {"joy": "happy"}
    assert emotion["left_out"] == {"bored": 1}
    assert emotion["utterances"] == 2


def test_merges_count_a_label_as_another(corpus, chain):
    emotion = evaluate(chain, corpus, merges={"bored": "sad"})["tasks"]["emotion"]
    assert emotion["mapped"] == {"bored": "sad", "joy": "happy"}


def test_task_of_one_corpus_is_scored_on_another(corpus):
    chain = hearing_chain(emotion=Task("emotion", ("angry", "happy"), corpus="EmoDB"))
    assert evaluate(chain, corpus)["tasks"]["emotion@EmoDB"]["utterances"] == 2


def test_one_task_can_be_asked_for(corpus, chain):
    assert list(evaluate(chain, corpus, task="gender")["tasks"]) == ["gender"]


def test_task_without_labels_is_skipped_with_the_reason(corpus, chain):
    silent = Corpus(
        INFO,
        corpus.folder,
        tuple(Utterance("Made", u.id, u.path, gender=u.gender) for u in corpus),
    )
    result = evaluate(chain, silent)
    assert result["skipped_tasks"] == {"emotion": "no utterance is labelled with emotion"}


def test_corpus_without_any_class_is_refused(corpus, chain):
    bored = Corpus(
        INFO, corpus.folder, (Utterance("Made", "x", corpus.utterances[0].path, emotion="bored"),)
    )
    with pytest.raises(UserError, match="Nothing in Made can be scored.*labels: bored"):
        evaluate(chain, bored)


def test_heard_speaker_is_refused_by_name(corpus):
    chain = hearing_chain(metadata={"heard": {"speakers": ["Made/1"]}})
    with pytest.raises(UserError, match="2 of the 3 .*Made/1.*unheard_only.*allow_heard"):
        evaluate(chain, corpus)


def test_heard_recording_is_refused_whatever_its_speaker_is_called(corpus):
    content = corpus.utterances[2].content
    chain = hearing_chain(metadata={"heard": {"speakers": ["Other/9"], "contents": [content]}})
    with pytest.raises(UserError, match="1 of the 3 utterances.*Made/2"):
        evaluate(chain, corpus)


def test_other_recordings_of_a_speaker_heard_under_another_name_are_left_out_too(corpus):
    content = corpus.utterances[0].content
    chain = hearing_chain(metadata={"heard": {"speakers": ["Other/9"], "contents": [content]}})
    result = evaluate(chain, corpus, unheard_only=True)
    same = [u for u in corpus if u.speaker == corpus.utterances[0].speaker]
    assert result["left_out_as_heard"] == len(same) == 2


def test_heard_speakers_can_be_left_out(corpus):
    chain = hearing_chain(metadata={"heard": {"speakers": ["Made/1"]}})
    result = evaluate(chain, corpus, unheard_only=True)
    assert result["held_out"] == "held out" and result["left_out_as_heard"] == 2
    assert result["tasks"]["gender"]["utterances"] == 1


def test_score_on_heard_speakers_is_marked(corpus):
    chain = hearing_chain(metadata={"heard": {"speakers": ["Made/1"]}})
    assert evaluate(chain, corpus, allow_heard=True)["held_out"] == "not held out"


def test_score_on_new_speakers_is_held_out(corpus):
    chain = hearing_chain(metadata={"heard": {"speakers": ["Other/1"]}})
    assert evaluate(chain, corpus)["held_out"] == "held out"


def test_chain_without_a_record_is_not_called_held_out(corpus, chain):
    assert evaluate(chain, corpus)["held_out"] == "unknown"


def test_chain_that_records_a_part_is_not_called_held_out(corpus):
    heard = {"speakers": ["Other/1"], "incomplete": True}
    assert evaluate(hearing_chain(metadata={"heard": heard}), corpus)["held_out"] == "unknown"


def test_failing_recording_is_reported_and_left_out(corpus, chain):
    write(corpus.utterances[0].path, tone(level=0))
    result = evaluate(chain, corpus)
    assert result["failures"][0][0] == "0.2.wav" and "silent" in result["failures"][0][1]
    assert result["tasks"]["gender"]["utterances"] == 2


def test_contrary_options_are_refused(corpus, chain):
    with pytest.raises(UserError, match="either scored or left out"):
        evaluate(chain, corpus, allow_heard=True, unheard_only=True)

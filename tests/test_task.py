from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras import Task, Utterance
from pnn_keras.errors import CorpusError, UserError
from pnn_keras.task import MERGES, PAPER_CLASSES, SYNONYMS, make_task, parse_task


def clips(*emotions, corpus="A", **labels):
    return [
        Utterance(corpus, str(i), Path(f"{i}.wav"), emotion=emotion, **labels)
        for i, emotion in enumerate(emotions)
    ]


# Names


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("speaker", ("speaker", None)),
        ("gender", ("gender", None)),
        ("emotion@EmoDB", ("emotion", "EmoDB")),
        ("emotion@a@b", ("emotion", "a@b")),
    ],
)
def test_parse_task(spec, expected):
    assert parse_task(spec) == expected


@pytest.mark.parametrize("spec", ["", "age", "Emotion", "@EmoDB", " emotion"])
def test_refuses_an_unknown_label(spec):
    with pytest.raises(UserError, match="A task is one of speaker, gender, emotion. Received"):
        parse_task(spec)


def test_refuses_an_empty_corpus():
    with pytest.raises(UserError, match="LABEL@CORPUS, e.g. emotion@EmoDB. Received: 'emotion@'"):
        parse_task("emotion@")


@given(st.sampled_from(["speaker", "gender", "emotion"]), st.none() | st.text(min_size=1))
def test_name_parses_to_what_it_was_made_of(label, corpus):
    assert parse_task(Task(label, ("a", "b"), corpus).name) == (label, corpus)


# Task


def test_refuses_a_class_listed_twice():
    with pytest.raises(UserError, match="A class is listed once. Received: sad, sad"):
        Task("emotion", ("sad", "sad"))


@pytest.mark.parametrize("classes", [(), ("sad",)])
def test_refuses_fewer_than_two_classes(classes):
    with pytest.raises(UserError, match="'emotion@A' needs at least two classes"):
        Task("emotion", classes, "A")


def test_classes_given_as_a_list_make_the_same_task():
    one, other = Task("gender", ["female", "male"]), Task("gender", ("female", "male"))
    assert one == other and hash(one) == hash(other)


def test_targets_are_class_numbers_and_minus_one():
    task = Task("emotion", ("sad", "happy"), merged=(("excited", "happy"),))
    targets = task.targets(clips("happy", "sad", "bored", None, "excited"))
    assert targets.tolist() == [1, 0, -1, -1, 1] and targets.dtype == np.int64


def test_task_of_a_corpus_has_no_class_for_another():
    task = Task("emotion", ("sad", "happy"), corpus="A")
    assert [task.value(u) for u in clips("sad", corpus="B") + clips("sad")] == [None, "sad"]


def test_speakers_of_two_corpora_are_two_classes():
    utterances = clips("sad", speaker="01") + clips("sad", corpus="B", speaker="01")
    task = make_task("speaker", utterances)
    assert task.classes == ("A/01", "B/01")
    assert task.targets(utterances).tolist() == [0, 1]


words = st.text(min_size=1, max_size=6)


@given(
    st.lists(words, min_size=2, max_size=5, unique=True),
    st.none() | words,
    st.lists(st.tuples(words, words), max_size=3),
)
def test_config_makes_an_equal_task(classes, corpus, merged):
    task = Task("emotion", tuple(classes), corpus, tuple(merged))
    assert Task.from_config(task.to_config()) == task


# Classes read off the utterances


def test_one_corpus_keeps_its_own_classes():
    task = make_task("emotion", clips("joy", "excited", "calm", "neutral", None))
    assert task == Task("emotion", ("calm", "excited", "joy", "neutral"))


def test_several_corpora_share_the_classes_that_each_holds():
    utterances = clips("happy", "sad", "bored") + clips("joy", "sadness", "calm", corpus="B")
    task = make_task("emotion", utterances)
    assert task.classes == ("happy", "sad")
    assert task.merged == (("joy", "happy"), ("sadness", "sad"))


def test_genders_of_several_corpora_are_pooled():
    """TESS has women only, SAVEE men only."""
    utterances = clips("sad", gender="female") + clips("sad", corpus="B", gender="male")
    assert make_task("gender", utterances).classes == ("female", "male")


def test_task_of_a_corpus_looks_at_that_corpus_only():
    utterances = clips("happy", "sad") + clips("angry", "bored", corpus="B")
    assert make_task("emotion@B", utterances) == Task("emotion", ("angry", "bored"), "B")


def test_papers_classes_merge_excitement_and_drop_the_rest():
    found = clips("angry", "happy", "excited", "neutral", "sad", "frustrated")
    task = make_task("emotion", found, classes=PAPER_CLASSES)
    assert task.classes == ("angry", "happy", "neutral", "sad")
    assert task.targets(found).tolist() == [0, 1, 1, 2, 3, -1]


def test_calm_counts_as_neutral_unless_it_is_a_class():
    found = clips("calm", "neutral", "sad")
    assert make_task("emotion", found, ["neutral", "sad"]).targets(found).tolist() == [0, 0, 1]
    three = make_task("emotion", found, ["calm", "neutral", "sad"])
    assert three.targets(found).tolist() == [0, 1, 2]


def test_a_synonym_is_merged_on():
    found = clips("excitement", "sad")
    assert make_task("emotion", found, ["happy", "sad"]).merged == (("excitement", "happy"),)


def test_merges_can_be_switched_off():
    found = clips("excited", "happy", "sad")
    task = make_task("emotion", found, ["happy", "sad"], merges={})
    assert task.targets(found).tolist() == [-1, 0, 1]


def test_merges_of_ones_own():
    found = clips("bored", "calm", "sad")
    task = make_task("emotion", found, ["calm", "sad"], merges={"bored": "calm"})
    assert task.targets(found).tolist() == [0, 0, 1]


def test_merges_are_heard_without_classes():
    found = clips("calm", "neutral", "sad")
    task = make_task("emotion", found, merges={"calm": "neutral"})
    assert task.classes == ("neutral", "sad") and task.targets(found).tolist() == [0, 0, 1]


def test_merges_are_heard_over_several_corpora():
    found = clips("excited", "sad") + clips("joy", "sad", corpus="B")
    task = make_task("emotion", found, merges={"excited": "happy"})
    assert task.classes == ("happy", "sad") and task.targets(found).tolist() == [0, 1, 0, 1]


def test_classes_keep_the_order_asked_for():
    assert make_task("emotion", clips("a", "b", "c"), ["c", "a"]).classes == ("c", "a")


@given(st.lists(st.sampled_from(sorted({*SYNONYMS, *SYNONYMS.values(), *MERGES})), min_size=1))
def test_every_label_counts_as_one_class_or_none(emotions):
    found = clips(*emotions, "angry", "sad")
    task = make_task("emotion", found, ["angry", "sad"])
    for utterance, target in zip(found, task.targets(found), strict=True):
        expected = SYNONYMS.get(utterance.emotion, utterance.emotion)
        assert (task.classes[target] if target >= 0 else None) == (
            expected if expected in task.classes else None
        )


# Refusals


def test_refuses_a_corpus_that_is_not_given():
    with pytest.raises(UserError, match="not given. Given: A. Add it with --corpus"):
        make_task("emotion@B", clips("sad", "happy"))


def test_refuses_a_class_that_nobody_has():
    with pytest.raises(UserError, match="of the class angry. Classes here: happy, sad"):
        make_task("emotion", clips("sad", "happy"), ["angry", "sad"])


@pytest.mark.parametrize("options", [{"classes": ["female", "male"]}, {"merges": {}}])
def test_refuses_to_choose_classes_of_gender(options):
    with pytest.raises(UserError, match="for emotion only. Received: 'gender'"):
        make_task("gender", clips("sad", gender="male"), **options)


def test_refuses_a_label_that_nobody_has():
    with pytest.raises(CorpusError, match="No utterance has a gender label"):
        make_task("gender", clips("sad", "happy"))


def test_refuses_a_single_class():
    with pytest.raises(UserError, match="at least two classes to tell apart. Received: sad"):
        make_task("emotion", clips("sad", "sad"))


def test_refuses_corpora_without_a_common_class():
    with pytest.raises(UserError, match="at least two classes to tell apart. Received: none"):
        make_task("emotion", clips("sad") + clips("happy", corpus="B"))

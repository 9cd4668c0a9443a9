"""The one place that refuses leaks: planted ones are found, clean folds pass."""

from __future__ import annotations

import numpy as np
import pytest
from utterances_made import clip, fold

from pnn_keras.errors import ProtocolError
from pnn_keras.protocol import Fold, Identities, check_hearing, speakers_apart

UTTERANCES = [clip(f"s{i // 2}", i, content="same" if i in (0, 9) else None) for i in range(10)]
TARGET = Fold(np.array([2, 3]), np.array([4, 5]), np.array([6, 7, 8, 9]))


@pytest.mark.parametrize(
    "leaking, message",
    [
        (fold(train=[2, 6]), r"source column would hear 1 utterance\(s\) of the target's test"),
        (fold(train=[2, 4]), r"utterance\(s\) of the target's stop"),
        (fold(train=[2], stop=[7]), r"utterance\(s\) of the target's test"),
        (fold(train=[2], stop=[5]), r"utterance\(s\) of the target's stop"),
        (fold(train=[0]), r"recording\(s\) of the target's test"),
        (fold(train=[2], stop=[0]), r"recording\(s\) of the target's test"),
    ],
)
@pytest.mark.parametrize("disjoint", [False, True])
def test_a_source_that_hears_a_kept_utterance_or_recording_is_refused(leaking, message, disjoint):
    with pytest.raises(ProtocolError, match=message):
        check_hearing(leaking, TARGET, UTTERANCES, disjoint)


@pytest.mark.parametrize(
    "leaking", [fold(train=[8]), fold(stop=[8]), fold(train=[5]), fold(stop=[5])]
)
def test_a_source_that_hears_a_kept_speaker_is_refused_in_a_disjoint_protocol(leaking):
    target = fold(train=[2, 3], stop=[4], test=[6, 7, 9])
    check_hearing(leaking, target, UTTERANCES, speaker_disjoint=False)
    with pytest.raises(ProtocolError, match=r"1 speaker\(s\).* e.g. made/s[24]"):
        check_hearing(leaking, target, UTTERANCES, speaker_disjoint=True)


@pytest.mark.parametrize(
    "leaking", [fold([2], [3], [2]), fold([2], [2], [4]), fold([2], [4], [4]), fold([0], [2], [9])]
)
def test_a_target_whose_roles_overlap_is_refused(leaking):
    with pytest.raises(ProtocolError, match="A target column would hear"):
        check_hearing(leaking, leaking, UTTERANCES, speaker_disjoint=False)


@pytest.mark.parametrize("disjoint", [False, True])
def test_clean_folds_pass(disjoint):
    check_hearing(TARGET, TARGET, UTTERANCES, disjoint)
    check_hearing(fold([2], [3]), TARGET, UTTERANCES, disjoint)


def test_the_same_name_in_another_corpus_is_another_speaker():
    utterances = [*UTTERANCES, clip("s3", 0, corpus="other")]
    check_hearing(fold(train=[10]), TARGET, utterances, speaker_disjoint=True)


# Unknown speakers

STRANGERS = [
    *(clip("s1", i) for i in range(4)),
    clip(None, 4),
    clip(None, 5, corpus="other"),
    clip(None, 6, corpus="other"),
]


@pytest.mark.parametrize(
    "leaking, kept",
    [(fold(train=[4]), fold([0], [0], [1])), (fold(stop=[0]), fold([0], [1], [4]))],
)
def test_an_unknown_speaker_may_be_any_of_its_corpus(leaking, kept):
    check_hearing(leaking, kept, STRANGERS, speaker_disjoint=False)
    strangers = [*STRANGERS]
    strangers[0] = clip("s0", 0)
    with pytest.raises(ProtocolError, match="utterances of made of which some have no speaker"):
        check_hearing(leaking, kept, strangers, speaker_disjoint=True)


def test_two_unknown_speakers_of_one_corpus_may_be_the_same():
    with pytest.raises(ProtocolError, match="utterances of other of which some have no speaker"):
        check_hearing(fold([5]), fold([0], [1], [6]), STRANGERS, speaker_disjoint=True)


def test_an_unknown_speaker_of_another_corpus_is_somebody_else():
    check_hearing(fold([5]), fold([0], [1], [4]), STRANGERS, speaker_disjoint=True)


@pytest.mark.parametrize(
    "division, apart",
    [
        (fold([2], [4], [6]), True),
        (fold([2], [4], [5]), False),
        (fold([2], [3], [6]), False),
        (fold([4], [6], [5]), False),
    ],
)
def test_speakers_are_apart_if_none_has_two_roles(division, apart):
    assert speakers_apart([fold([2], [4], [6]), division], UTTERANCES) is apart


def test_speakers_are_not_apart_where_they_are_unknown():
    assert not speakers_apart([fold([0], [5], [4])], STRANGERS)
    assert speakers_apart([fold([0], [5], [7])], [*STRANGERS, clip("s1", 1, corpus="third")])


# Many folds


@pytest.mark.parametrize("disjoint", [False, True])
def test_a_leak_is_found_after_many_clean_folds(disjoint):
    known = Identities(UTTERANCES)
    for _ in range(3):
        check_hearing(fold([2], [3]), TARGET, known, disjoint)
    with pytest.raises(ProtocolError, match=r"recording\(s\) of the target's test"):
        check_hearing(fold([0], [3]), TARGET, known, disjoint)


def test_each_utterance_is_looked_at_once_however_many_folds_are_checked():
    class Counting(list):
        looked = 0

        def __getitem__(self, i):
            self.looked += 1
            return super().__getitem__(i)

    utterances = Counting(UTTERANCES)
    known = Identities(utterances)
    for _ in range(5):
        check_hearing(TARGET, TARGET, known, speaker_disjoint=True)
    kinds = 3  # names, recordings and speakers
    assert utterances.looked == kinds * 8

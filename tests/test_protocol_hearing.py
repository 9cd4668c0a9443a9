"""The one place that refuses leaks: planted ones are found, clean folds pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from utterances_made import clip, fold, segment

from pnn_keras.corpus import Utterance
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


# One recording in several places


@pytest.mark.parametrize(
    "one, other",
    [
        ((0.0, 2.0), (0.001, 2.001)),
        ((0.0, 2.0), (1.9, 4.0)),
        ((0.0, None), (2.0, 5.0)),
        ((2.0, 5.0), (1.0, None)),
        ((1.0, 9.0), (2.0, 3.0)),
    ],
)
@pytest.mark.parametrize("heard, kept", [(0, 1), (1, 0)])
def test_a_segment_that_overlaps_with_a_tested_one_is_refused(one, other, heard, kept):
    utterances = [segment(0, *one), segment(1, *other, "s1"), clip("s2", 2)]
    division = fold([heard], [2], [kept])
    with pytest.raises(ProtocolError, match="1 of the target's test rows, e.g. of made/s"):
        check_hearing(division, division, utterances, speaker_disjoint=False)


def test_a_whole_file_of_which_a_segment_is_heard_is_refused():
    whole = clip("s1", 1, content="dialogue")
    division = fold([0], [2], [1])
    with pytest.raises(ProtocolError, match="segments of one file that overlap by more than 0.05"):
        check_hearing(division, division, [segment(0, 2.0, 3.0), whole, clip("s2", 2)], False)


@pytest.mark.parametrize(
    "one, other, files",
    [
        ((0.0, 2.0), (2.0, 4.0), ("d", "d")),
        ((0.0, 2.0), (1.95, 4.0), ("d", "d")),
        ((0.0, 2.0), (0.0, 2.0), ("d", "e")),
        ((0.0, 2.0), (3.0, None), ("d", "d")),
    ],
)
def test_segments_that_do_not_overlap_are_different_recordings(one, other, files):
    utterances = [
        segment(0, *one, file=files[0]),
        segment(1, *other, "s1", file=files[1]),
        clip("s2", 2),
    ]
    division = fold([0], [2], [1])
    check_hearing(division, division, utterances, speaker_disjoint=True)


def test_a_recording_attributed_to_two_speakers_makes_them_one_though_it_has_no_role():
    copied = [
        clip("s1", 0),
        clip("other", 0, content="one"),
        clip("s2", 1),
        clip("s1", 9, content="one", emotion=None, corpus="copy"),
        clip("s1", 1, corpus="copy"),
    ]
    division = fold(train=[4], stop=[2], test=[1])
    check_hearing(division, division, copied, speaker_disjoint=False)
    with pytest.raises(ProtocolError, match=r"1 speaker\(s\) of the target's test.*made/other"):
        check_hearing(division, division, copied, speaker_disjoint=True)
    assert not speakers_apart([division], copied)


def test_speakers_are_one_by_way_of_a_third():
    copied = [
        *(clip(name, 0) for name in "abx"),
        clip("a", 1, content="first"),
        clip("c", 1, content="first"),
        clip("c", 2, content="second"),
        clip("b", 2, content="second"),
    ]
    assert not speakers_apart([fold([0], [2], [1])], copied)


def test_an_unknown_speaker_of_a_recording_makes_nobody_one():
    copied = [
        clip("a", 0, content="first"),
        clip(None, 1, content="first", corpus="other"),
        clip(None, 2, content="second", corpus="other"),
        clip("b", 3, content="second"),
        clip("c", 4),
    ]
    assert speakers_apart([fold([0], [4], [3])], copied)


def test_files_that_cannot_be_read_are_no_recording_of_others():
    absent = [Utterance("made", name, Path(f"no/{name}"), name) for name in "ab"]
    assert speakers_apart([fold([0], [2], [1])], [*absent, clip("c", 0)])

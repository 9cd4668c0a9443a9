"""Numbers of folds and of the parts that train, for learning curves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from utterances_made import clips, everyone, roles

from pnn_keras.errors import ProtocolError
from pnn_keras.protocol import make_protocol

#: Protocols of a chosen number of folds, and how many parts train in the full one.
COUNTED = [
    ("paper-10-fold", 8),
    ("paper-6-fold", 4),
    ("speaker-10-fold", 7),
    ("speaker-5-fold", 3),
]


def make(name, utterances=None, **options):
    utterances = utterances or clips()
    return make_protocol(name, utterances, everyone(utterances), **options)


@pytest.mark.parametrize("count", [3, 4, 12])
def test_the_paper_s_protocol_takes_other_numbers_of_folds(count):
    folds = make(f"paper-{count}-fold").folds
    sizes = [[len(rows) for rows in roles(fold).values()] for fold in folds]
    part = 120 // count
    assert sizes == [[120 - 2 * part, part, part]] * count


def test_other_numbers_of_the_paper_s_folds_are_stamped_speaker_dependent_and_keep_their_name():
    protocol = make("paper-4-fold")
    assert (protocol.name, protocol.stamp) == ("paper-4-fold", "speaker-dependent")


@pytest.mark.parametrize("kind", ["paper", "speaker"])
def test_two_folds_are_refused(kind):
    with pytest.raises(ProtocolError, match=f"at least three folds.*Received: '{kind}-2-fold'"):
        make(f"{kind}-2-fold")


def test_fewer_recordings_than_folds_are_refused():
    with pytest.raises(ProtocolError, match="paper-4-fold needs at least 4 recordings"):
        make("paper-4-fold", clips(women=1, men=0, each=3))


@pytest.mark.parametrize("name, most", COUNTED)
def test_fewer_training_parts_leave_stop_and_test_rows_as_they_are(name, most):
    full, few = make(name, repeats=2), make(name, repeats=2, training_parts=1)
    for one, other in zip(full.folds, few.folds, strict=True):
        assert np.array_equal(one.stop, other.stop) and np.array_equal(one.test, other.test)
        assert len(other.train) < len(one.train)


@pytest.mark.parametrize("name, most", COUNTED)
def test_fewer_training_parts_are_among_more(name, most):
    numbers = [n for n in (1, 2, 4, 8) if n <= most] + [None]
    for folds in zip(*(make(name, training_parts=n).folds for n in numbers), strict=True):
        for fewer, more in zip(folds, folds[1:], strict=False):
            assert np.isin(fewer.train, more.train).all()


@pytest.mark.parametrize("name", ["paper-10-fold", "speaker-10-fold", "speaker-5-fold"])
@pytest.mark.parametrize("number", [1, 2])
def test_each_utterance_trains_equally_often(name, number):
    trained = Counter(i for fold in make(name, training_parts=number).folds for i in fold.train)
    assert trained == dict.fromkeys(range(120), number)


def test_one_training_part_is_of_the_test_speaker_s_sex_in_some_folds_and_of_the_other_in_some():
    # Five women and five men take turns, so that the next part is always of the other sex.
    utterances = clips(women=5, men=5)
    alike = [
        utterances[fold.train[0]].gender == utterances[fold.test[0]].gender
        for fold in make("speaker-10-fold", utterances, training_parts=1).folds
    ]
    assert Counter(alike) == {True: 4, False: 6}


def test_the_paper_s_training_parts_are_tenths():
    for number in (1, 2, 4, 8):
        folds = make("paper-10-fold", training_parts=number).folds
        assert [len(fold.train) for fold in folds] == [12 * number] * 10


@pytest.mark.parametrize("name, most", COUNTED)
def test_all_training_parts_are_the_full_protocol(name, most):
    assert make(name, training_parts=most).hash == make(name).hash


@pytest.mark.parametrize("name, most", COUNTED)
def test_more_training_parts_than_there_are_are_refused(name, most):
    with pytest.raises(ProtocolError, match=f"at most {most}: .* Received: {most + 1}"):
        make(name, training_parts=most + 1)


def test_each_number_of_training_parts_has_its_hash_and_is_recorded():
    made = [make("paper-10-fold", training_parts=n) for n in (1, 2, 4, None)]
    assert len({protocol.hash for protocol in made}) == 4
    assert [protocol.training_parts for protocol in made] == [1, 2, 4, None]


def test_no_training_part_is_refused():
    with pytest.raises(ProtocolError, match="at least 1. Received: 0"):
        make("paper-10-fold", training_parts=0)


@pytest.mark.parametrize("name", ["leave-one-speaker-out", "official", "cross-corpus:made>made"])
def test_training_parts_need_a_number_of_folds(name):
    with pytest.raises(ProtocolError, match=f"training_parts needs .* Received: {name}"):
        make(name, training_parts=1)

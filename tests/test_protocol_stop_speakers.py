"""Two speakers at least decide when training stops, where speakers are kept apart."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from utterances_made import clip, clips, everyone

from pnn_keras.errors import ProtocolError
from pnn_keras.fold_files import open_protocol
from pnn_keras.protocol import (
    folds_from_parts,
    folds_from_roles,
    make_protocol,
    protocol_from_folds,
)

MESSAGE = r"stop on 1 speaker\(s\), so that one voice .* at least 2 speakers"


def by_speaker(utterances, each=1):
    """The rows of ``each`` speakers after another."""
    names = sorted({u.speaker for u in utterances})
    return [
        [i for i, u in enumerate(utterances) if u.speaker in names[n : n + each]]
        for n in range(0, len(names), each)
    ]


def speakers_of(utterances, rows):
    return sorted({utterances[i].speaker for i in rows})


def test_two_speakers_stop_where_each_part_has_one():
    utterances = clips(women=3, men=3, each=2)
    folds = folds_from_parts(by_speaker(utterances), utterances=utterances)
    assert [speakers_of(utterances, fold.stop) for fold in folds] == [
        ["f1", "f2"],
        ["f2", "m0"],
        ["m0", "m1"],
        ["m1", "m2"],
        ["f0", "m2"],
        ["f0", "f1"],
    ]
    assert protocol_from_folds("mine", folds, utterances).speakers["train"] == (3, 3)


def test_one_part_stops_where_it_has_two_speakers():
    utterances = clips(women=3, men=3, each=2)
    parts = by_speaker(utterances, 2)
    folds = folds_from_parts(parts, utterances=utterances)
    assert [fold.stop.tolist() for fold in folds] == [parts[1], parts[2], parts[0]]


def test_one_part_stops_where_parts_share_speakers():
    utterances = clips(women=1, men=0, each=4)
    parts = [[0], [1], [2], [3]]
    folds = folds_from_parts(parts, utterances=utterances)
    assert [fold.stop.tolist() for fold in folds] == [[1], [2], [3], [0]]


@given(sizes=st.lists(st.integers(1, 3), min_size=3, max_size=8))
def test_somebody_is_left_to_train_whatever_stops(sizes):
    utterances = [clip(f"s{p}-{s}", 0) for p, size in enumerate(sizes) for s in range(size)]
    parts = np.split(np.arange(len(utterances)), np.cumsum(sizes)[:-1])
    for fold in folds_from_parts(parts, utterances=utterances):
        assert len(fold.train) and (len(fold.stop) >= 2 or len(parts) == 3)
        assert len(fold.train) + len(fold.stop) + len(fold.test) == len(utterances)


def test_training_parts_follow_those_that_stop():
    utterances = clips(women=3, men=1, each=2)
    parts = by_speaker(utterances)
    fold = folds_from_parts(parts, 1, utterances)[0]
    assert speakers_of(utterances, fold.train) == ["m0"]
    with pytest.raises(ProtocolError, match="at most 1: of 4 parts one tests and 2 stop"):
        folds_from_parts(parts, 2, utterances)


def test_a_fold_file_of_one_speaker_a_fold_stops_on_two(tmp_path):
    utterances = clips(women=3, men=2, each=2)
    names = sorted({u.speaker for u in utterances})
    rows = [f"{u.id},{names.index(u.speaker)}" for u in utterances]
    path = tmp_path / "folds.csv"
    path.write_text("\n".join(["file,fold", *rows]) + "\n")
    made = open_protocol(f"folds:{path}", utterances, everyone(utterances))
    assert made.stamp == "speaker-disjoint" and made.speakers["stop"] == (2, 2)


def given_roles(utterances, **speakers):
    return {
        role: [i for i, u in enumerate(utterances) if u.speaker in names]
        for role, names in speakers.items()
    }


def test_a_single_stop_speaker_of_given_roles_is_warned_of():
    utterances = clips(women=4, men=0, each=2)
    roles = given_roles(utterances, train=["f0", "f1"], stop=["f2"], test=["f3"])
    with pytest.warns(UserWarning, match=MESSAGE):
        protocol_from_folds("mine", folds_from_roles([roles], utterances), utterances)


def test_a_single_dev_speaker_of_an_official_split_is_warned_of():
    split = {"f0": "train", "f1": "train", "f2": "dev", "f3": "test"}
    utterances = [clip(name, i, split=split[name]) for name in split for i in range(2)]
    with pytest.warns(UserWarning, match="official: .*" + MESSAGE):
        make_protocol("official", utterances, everyone(utterances))


@pytest.mark.parametrize(
    "roles",
    [
        {"train": ["f0", "f1"], "stop": ["f2", "f3"], "test": ["m0"]},
        {"train": ["f0", "f1", "f2", "f3"], "test": ["m0"]},
    ],
)
def test_two_stop_speakers_are_enough(roles):
    utterances = clips(women=4, men=1, each=2)
    folds = folds_from_roles([given_roles(utterances, **roles)], utterances)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        protocol_from_folds("mine", folds, utterances)


def test_speaker_dependent_folds_may_stop_on_anybody():
    utterances = clips(women=1, men=0, each=3)
    folds = folds_from_roles([{"train": [0], "stop": [1], "test": [2]}], utterances)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        protocol_from_folds("mine", folds, utterances)


@pytest.mark.parametrize("name", ["speaker-4-fold", "leave-one-speaker-out", "paper-3-fold"])
def test_protocols_by_name_are_not_warned_of(name):
    utterances = clips(women=2, men=2, each=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_protocol(name, utterances, everyone(utterances))

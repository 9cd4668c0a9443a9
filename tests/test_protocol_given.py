"""Folds that somebody else made, written, and read back."""

from __future__ import annotations

import csv
import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from utterances_made import clip, clips, everyone, roles

from pnn_keras.errors import ProtocolError
from pnn_keras.protocol import (
    folds_from_parts,
    folds_from_roles,
    make_protocol,
    protocol_from_folds,
    read_folds,
    write_folds,
)

# Parts


def as_lists(folds):
    return [[rows.tolist() for rows in roles(fold).values()] for fold in folds]


def test_one_part_tests_the_next_stops_and_the_rest_trains_in_rotation():
    assert as_lists(folds_from_parts([[5, 0], [1], [2], [3, 4]])) == [
        [[2, 3, 4], [1], [0, 5]],
        [[0, 3, 4, 5], [2], [1]],
        [[0, 1, 5], [3, 4], [2]],
        [[1, 2], [0, 5], [3, 4]],
    ]


def test_fewer_parts_train_from_the_stop_part_on():
    folds = folds_from_parts([[0], [1], [2], [3], [4]], training_parts=2)
    assert [fold.train.tolist() for fold in folds] == [[2, 3], [3, 4], [0, 4], [0, 1], [1, 2]]


@pytest.mark.parametrize(
    "parts, message",
    [
        ([[0], [1]], "at least 3 parts.* Received: 2"),
        ([[0], [], [2]], "Part 1 has no row. Expected: at least one"),
        ([[0, 1], [2], [1]], "1 rows in several parts, e.g. row 1"),
        ([[0, 0], [1], [2]], "Part 0 has 1 rows twice"),
        ([[0], [-1], [2]], "Part 1 has row numbers that are no whole numbers from 0"),
        ([[0], [1.5], [2]], "Part 1 has row numbers that are no whole numbers from 0"),
        ([[0], [[1]], [2]], "Part 1 is a list"),
    ],
)
def test_parts_that_are_no_division_are_refused(parts, message):
    with pytest.raises(ProtocolError, match=message):
        folds_from_parts(parts)


@pytest.mark.parametrize("number, message", [(0, "at least 1"), (2, "at most 1")])
def test_training_parts_of_given_parts_are_checked(number, message):
    with pytest.raises(ProtocolError, match=message):
        folds_from_parts([[0], [1], [2]], training_parts=number)


# Roles


def test_given_roles_become_folds_of_sorted_rows():
    given = [{"test": [3], "train": [2, 0], "stop": [1]}, {"train": [1], "stop": [0], "test": [2]}]
    assert as_lists(folds_from_roles(given, clips())) == [[[0, 2], [1], [3]], [[1], [0], [2]]]


def test_stop_speakers_leave_the_given_training_rows_where_no_stop_rows_are_given():
    utterances = clips(each=2)
    (fold,) = folds_from_roles([{"train": range(4, 20), "test": range(4)}], utterances)
    assert fold.heard.tolist() == list(range(4, 20))
    stopping = {(utterances[i].speaker, utterances[i].gender) for i in fold.stop}
    assert sorted(sex for _, sex in stopping) == ["female", "male"]
    assert not {name for name, _ in stopping} & {utterances[i].speaker for i in fold.train}


@pytest.mark.parametrize(
    "assigned, message",
    [
        ({"train": [0]}, "needs the roles train and test.* Received: train"),
        ({"train": [0], "dev": [1], "test": [2]}, "Received: train, dev, test"),
        ({"train": [0], "stop": [], "test": [2]}, "Fold 0's stop has no row"),
        ({"train": [0], "stop": [1], "test": [120]}, "row 120 of 120 utterances"),
    ],
)
def test_roles_that_make_no_fold_are_refused(assigned, message):
    with pytest.raises(ProtocolError, match=message):
        folds_from_roles([assigned], clips())


# Their protocol


def speaker_parts(utterances, count):
    names = sorted({u.speaker for u in utterances})
    return [
        [i for i, u in enumerate(utterances) if u.speaker in names[part::count]]
        for part in range(count)
    ]


def test_parts_of_speakers_are_found_to_be_speaker_disjoint():
    utterances = clips()
    folds = folds_from_parts(speaker_parts(utterances, 5))
    protocol = protocol_from_folds("of my own", folds, utterances)
    assert (protocol.name, protocol.stamp, protocol.repeats) == (
        "of my own",
        "speaker-disjoint",
        1,
    )


def test_parts_across_speakers_are_found_to_be_speaker_dependent():
    utterances = clips()
    folds = folds_from_parts([range(i, 120, 5) for i in range(5)])
    assert protocol_from_folds("mine", folds, utterances).stamp == "speaker-dependent"


def test_the_folds_of_a_protocol_by_name_have_its_hash_when_they_are_given():
    utterances = clips()
    named = make_protocol("speaker-5-fold", utterances, everyone(utterances), repeats=2)
    assert protocol_from_folds("x", named.folds, utterances, repeats=2).hash == named.hash


@pytest.mark.parametrize("repeats", [0, 2])
def test_folds_that_make_up_no_repeats_are_refused(repeats):
    folds = folds_from_parts([[0], [1], [2]])
    with pytest.raises(ProtocolError, match=f"each of {repeats} repeat.*Received: 3 folds"):
        protocol_from_folds("mine", folds, clips(), repeats=repeats)


def test_a_fold_with_an_empty_role_is_refused():
    (fold, *_) = folds_from_parts([[0], [1], [2]])
    empty = type(fold)(fold.train, fold.stop[:0], fold.test)
    with pytest.raises(ProtocolError, match="Fold 1 has no stop rows"):
        protocol_from_folds("mine", [fold, empty], clips())


def test_an_utterance_that_two_folds_of_a_repeat_test_is_named():
    utterances = clips()
    given = [{"train": [0], "stop": [1], "test": tested} for tested in ([2, 3], [4], [3, 5])]
    words = f"made/{utterances[3].id} in folds 0 and 2 .*, 1 utterances in all"
    with pytest.raises(ProtocolError, match=words):
        protocol_from_folds("mine", folds_from_roles(given, utterances), utterances)


def test_repeats_that_test_other_utterances_are_refused():
    utterances = clips()
    given = [{"train": [0], "stop": [1], "test": tested} for tested in ([2, 3], [2, 4])]
    folds = folds_from_roles(given, utterances)
    words = f"repeat 1 does not test made/{utterances[3].id}, which repeat 0 tests"
    with pytest.raises(ProtocolError, match=words):
        protocol_from_folds("mine", folds, utterances, repeats=2)


def test_the_record_of_a_protocol_is_json():
    utterances = clips()
    protocol = make_protocol(
        "paper-10-fold", utterances, everyone(utterances), repeats=2, seed=3, training_parts=4
    )
    assert json.loads(json.dumps(protocol.describe())) == {
        "name": "paper-10-fold",
        "stamp": "speaker-dependent",
        "speaker_disjoint": False,
        "folds": 10,
        "repeats": 2,
        "seed": 3,
        "training_parts": 4,
        "speakers": {"train": [10, 10], "stop": [10, 10], "test": [10, 10]},
        "hash": protocol.hash,
    }


def test_the_record_counts_the_fewest_and_most_speakers_of_each_role():
    utterances = clips(6, 5)
    protocol = make_protocol("speaker-5-fold", utterances, everyone(utterances))
    assert protocol.describe()["speakers"] == {"train": [6, 7], "stop": [2, 3], "test": [2, 3]}


def test_unknown_speakers_are_not_counted():
    utterances = [clip(None, i) for i in range(12)]
    protocol = make_protocol("paper-3-fold", utterances, everyone(utterances))
    assert protocol.describe()["speakers"] == {"train": [0, 0], "stop": [0, 0], "test": [0, 0]}


# Files


def written(tmp_path, name="speaker-5-fold", **options):
    utterances = clips(each=4)
    protocol = make_protocol(name, utterances, everyone(utterances), **options)
    path = tmp_path / "folds.csv"
    write_folds(protocol, utterances, path)
    return utterances, protocol, path


def test_the_file_of_folds_starts_with_the_hash_and_names_every_role(tmp_path):
    utterances, protocol, path = written(tmp_path, repeats=2)
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# ") and protocol.hash in first
    rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["repeat", "fold", "role", "corpus", "id"]
    tested = [r["id"] for r in rows if (r["repeat"], r["fold"], r["role"]) == ("1", "2", "test")]
    assert tested == sorted(utterances[i].id for i in protocol.folds[7].test)


@pytest.mark.parametrize("name", ["speaker-5-fold", "paper-10-fold", "leave-one-speaker-out"])
@settings(max_examples=10, deadline=None)
@given(order=st.integers(0, 99), repeats=st.integers(1, 3))
def test_folds_come_back_whatever_the_order_of_the_utterances(
    tmp_path_factory, name, order, repeats
):
    tmp_path = tmp_path_factory.mktemp("folds")
    utterances, protocol, path = written(tmp_path, name, repeats=repeats, seed=order)
    others = [*utterances, clip("z", 0, corpus="other")]
    random.Random(order).shuffle(others)
    back = read_folds(path, others)
    assert back.describe() == protocol.describe()
    for one, other in zip(protocol.folds, back.folds, strict=True):
        for rows, again in zip(roles(one).values(), roles(other).values(), strict=True):
            assert {utterances[i].id for i in rows} == {others[i].id for i in again}
            assert np.array_equal(again, np.sort(again))


def test_names_with_commas_quotes_and_line_breaks_come_back(tmp_path):
    utterances = [clip(f's,"\n{i}', i, corpus="a,b") for i in range(6)]
    protocol = make_protocol("paper-3-fold", utterances, everyone(utterances))
    write_folds(protocol, utterances, tmp_path / "folds.csv")
    assert read_folds(tmp_path / "folds.csv", utterances).hash == protocol.hash


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_fold_without_one_of_its_rows_is_refused(tmp_path):
    utterances, _, path = written(tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines[:2], *lines[3:]]), encoding="utf-8")
    with pytest.raises(ProtocolError, match="not those that were written: their hash is"):
        read_folds(path, utterances)


def test_another_hash_in_the_file_is_refused(tmp_path):
    utterances, protocol, path = written(tmp_path)
    edit(path, protocol.hash, protocol.hash[::-1])
    with pytest.raises(ProtocolError, match=f"hash is {protocol.hash}. Expected"):
        read_folds(path, utterances)


def test_a_claim_of_disjoint_speakers_that_is_not_true_is_refused(tmp_path):
    utterances, _, path = written(tmp_path, "paper-10-fold")
    edit(path, '"speaker_disjoint": false', '"speaker_disjoint": true')
    with pytest.raises(ProtocolError, match=r"would hear \d+ speaker"):
        read_folds(path, utterances)


def test_an_utterance_of_the_file_that_is_not_there_is_named(tmp_path):
    utterances, _, path = written(tmp_path)
    with pytest.raises(ProtocolError, match="1 utterances of .* not there, e.g. made/f0-3.wav"):
        read_folds(path, [u for u in utterances if u.id != "f0-3.wav"])


def test_two_utterances_of_one_name_are_refused(tmp_path):
    utterances, _, path = written(tmp_path)
    with pytest.raises(ProtocolError, match="41 utterances of 40 names"):
        read_folds(path, [*utterances, utterances[0]])


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("# pnn-keras folds: {", "# {", "not the two first lines"),
        ("# pnn-keras folds: {", "# pnn-keras folds: ", "cannot be read"),
        ("repeat,fold,", "fold,repeat,", "not the two first lines"),
        ('"repeats": 1', '"repeats": "one"', "lacks repeats"),
        ("0,0,test", "0,0,tested", r"Line \d+ of .* cannot be read"),
        ("0,1,train", "0,-1,train", r"Line \d+ of .* cannot be read"),
        ("0,1,train,made", "0,1,train", r"Line \d+ of .* cannot be read"),
    ],
)
def test_a_damaged_file_of_folds_is_refused(tmp_path, old, new, message):
    utterances, _, path = written(tmp_path)
    edit(path, old, new)
    with pytest.raises(ProtocolError, match=message):
        read_folds(path, utterances)


def test_a_missing_file_of_folds_is_refused(tmp_path):
    with pytest.raises(ProtocolError, match="cannot be read.*Expected a file of"):
        read_folds(tmp_path / "nothing.csv", clips())

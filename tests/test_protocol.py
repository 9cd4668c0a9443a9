"""Protocols: who is in which fold, and that nothing leaks into stop and test rows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from utterances_made import clip, clips, everyone, roles, same_content, shared

from pnn_keras.errors import ProtocolError
from pnn_keras.protocol import Fold, make_protocol

DISJOINT = ("speaker-5-fold", "leave-one-speaker-out")
ALL = (*DISJOINT, "paper-10-fold")


@st.composite
def corpora(draw):
    """Utterances of 6 to 14 speakers, some recordings given twice, some without a label."""
    utterances = []
    for number in range(draw(st.integers(6, 14))):
        gender = draw(st.sampled_from(["female", "male", None]))
        for i in range(draw(st.integers(2, 6))):
            utterances.append(clip(f"s{number}", i, gender))
    for _ in range(draw(st.integers(0, 3))):
        first, second = draw(st.tuples(*[st.sampled_from(utterances)] * 2))
        same_content(first, second)
    labelled = np.array(
        draw(
            st.lists(
                st.sampled_from([True] * 9 + [False]),
                min_size=len(utterances),
                max_size=len(utterances),
            )
        )
    )
    return utterances, labelled


def try_protocol(name, utterances, labelled, **options):
    """The protocol; an example with too few groups of speakers is another test's business."""
    try:
        return make_protocol(name, utterances, labelled, **options)
    except ProtocolError:
        assume(False)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(made=corpora(), seed=st.integers(0, 5))
def test_each_labelled_utterance_has_one_role_in_every_fold(name, made, seed):
    utterances, labelled = made
    for fold in try_protocol(name, utterances, labelled, seed=seed).folds:
        rows = np.concatenate(list(roles(fold).values()))
        assert sorted(rows) == np.flatnonzero(labelled).tolist()


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(made=corpora(), repeats=st.integers(1, 3))
def test_each_labelled_utterance_is_tested_once_per_repeat(name, made, repeats):
    utterances, labelled = made
    folds = try_protocol(name, utterances, labelled, repeats=repeats).folds
    per_repeat = len(folds) // repeats
    for repeat in range(repeats):
        part = folds[repeat * per_repeat : (repeat + 1) * per_repeat]
        tested = np.concatenate([fold.test for fold in part])
        assert sorted(tested) == np.flatnonzero(labelled).tolist()


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(made=corpora(), seed=st.integers(0, 5))
def test_byte_identical_recordings_share_a_role(name, made, seed):
    utterances, labelled = made
    for fold in try_protocol(name, utterances, labelled, seed=seed).folds:
        assert not shared(fold, lambda i: utterances[i].content)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=25, deadline=None)
@given(made=corpora())
def test_every_role_has_rows_in_every_fold(name, made):
    for fold in try_protocol(name, *made).folds:
        assert all(len(rows) for rows in roles(fold).values())


@pytest.mark.parametrize("name", DISJOINT)
@settings(max_examples=25, deadline=None)
@given(made=corpora(), seed=st.integers(0, 5))
def test_no_speaker_has_two_roles_in_a_disjoint_protocol(name, made, seed):
    utterances, labelled = made
    for fold in try_protocol(name, utterances, labelled, seed=seed).folds:
        assert not shared(fold, lambda i: utterances[i].speaker_id)


@pytest.mark.parametrize("name", DISJOINT)
@settings(max_examples=25, deadline=None)
@given(made=corpora(), seed=st.integers(0, 5))
def test_at_least_two_speakers_stop(name, made, seed):
    utterances, labelled = made
    for fold in try_protocol(name, utterances, labelled, seed=seed).folds:
        assert len({utterances[i].speaker for i in fold.stop}) >= 2


@settings(max_examples=40, deadline=None)
@given(
    women=st.integers(0, 12),
    men=st.integers(0, 12),
    count=st.integers(3, 8),
    seed=st.integers(0, 9),
)
def test_men_and_women_are_dealt_evenly(women, men, count, seed):
    utterances = clips(women, men, each=1)
    folds = try_protocol(
        f"speaker-{count}-fold", utterances, everyone(utterances), seed=seed
    ).folds
    tested = [Counter(utterances[i].gender for i in fold.test) for fold in folds]
    for numbers in (
        [c["female"] for c in tested],
        [c["male"] for c in tested],
        [c.total() for c in tested],
    ):
        assert max(numbers) - min(numbers) <= 1


def test_speaker_5_fold_of_ten_speakers_tests_two_stops_two_trains_six():
    utterances = clips()
    for fold in make_protocol("speaker-5-fold", utterances, everyone(utterances)).folds:
        speakers = {r: {utterances[i].speaker for i in rows} for r, rows in roles(fold).items()}
        numbers = {role: len(names) for role, names in speakers.items()}
        assert numbers == {"test": 2, "stop": 2, "train": 6}


def test_leave_one_speaker_out_tests_each_speaker_alone():
    utterances = clips()
    folds = make_protocol("leave-one-speaker-out", utterances, everyone(utterances)).folds
    tested = [{utterances[i].speaker for i in fold.test} for fold in folds]
    assert sorted(map(sorted, tested)) == sorted([u] for u in {u.speaker for u in utterances})


def test_leave_one_speaker_out_stops_on_both_sexes():
    utterances = clips(women=4, men=4)
    for fold in make_protocol("leave-one-speaker-out", utterances, everyone(utterances)).folds:
        assert sorted({utterances[i].gender for i in fold.stop}) == ["female", "male"]


def test_leave_one_speaker_out_keeps_speakers_of_one_recording_together():
    utterances = clips(each=2)
    same_content(utterances[0], utterances[2])  # f0 and f1
    folds = make_protocol("leave-one-speaker-out", utterances, everyone(utterances)).folds
    assert len(folds) == 9
    assert {"f0", "f1"} in [{utterances[i].speaker for i in fold.test} for fold in folds]


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 37), min_size=1, max_size=6), seed=st.integers(0, 9))
def test_the_papers_folds_deal_every_speaker_evenly(sizes, seed):
    utterances = [clip(f"s{n}", i) for n, size in enumerate(sizes) for i in range(size)]
    assume(len(utterances) >= 10)
    folds = make_protocol("paper-10-fold", utterances, everyone(utterances), seed=seed).folds
    for speaker in {u.speaker for u in utterances}:
        tested = [sum(utterances[i].speaker == speaker for i in fold.test) for fold in folds]
        assert max(tested) - min(tested) <= 1


def test_the_paper_tests_one_part_stops_on_one_and_trains_on_eight():
    utterances = clips(women=2, men=2, each=25)
    folds = make_protocol("paper-10-fold", utterances, everyone(utterances)).folds
    assert [[len(rows) for rows in roles(fold).values()] for fold in folds] == [[80, 10, 10]] * 10


def test_the_papers_protocol_is_stamped_speaker_dependent():
    utterances = clips()
    assert make_protocol("paper-10-fold", utterances, everyone(utterances)).stamp == (
        "speaker-dependent"
    )


@pytest.mark.parametrize("name", DISJOINT)
def test_the_other_protocols_are_stamped_speaker_disjoint(name):
    utterances = clips()
    assert make_protocol(name, utterances, everyone(utterances)).stamp == "speaker-disjoint"


@pytest.mark.parametrize("name", ALL)
def test_the_same_request_gives_the_same_hash_and_folds(name):
    first, second = (make_protocol(name, made, everyone(made)) for made in (clips(), clips()))
    assert first.hash == second.hash
    for one, other in zip(first.folds, second.folds, strict=True):
        assert all(
            np.array_equal(one_rows, other_rows)
            for one_rows, other_rows in zip(
                roles(one).values(), roles(other).values(), strict=True
            )
        )


@pytest.mark.parametrize("name", ALL)
def test_another_seed_gives_another_hash(name):
    utterances = clips()
    hashes = {make_protocol(name, utterances, everyone(utterances), seed=s).hash for s in range(5)}
    assert len(hashes) == 5


def test_repeats_deal_the_folds_anew():
    utterances = clips()
    folds = make_protocol("speaker-5-fold", utterances, everyone(utterances), repeats=2).folds
    assert {tuple(f.test) for f in folds[:5]} != {tuple(f.test) for f in folds[5:]}


def test_heard_rows_are_those_that_train_and_stop():
    fold = Fold(np.array([0, 3]), np.array([1]), np.array([2]))
    assert fold.heard.tolist() == [0, 1, 3]


@pytest.mark.parametrize(
    "name", ["speaker-fold", "speaker-1-fold", "speaker-x-fold", "session-5-fold", "loso", ""]
)
def test_an_unknown_protocol_is_refused_with_the_names(name):
    utterances = clips()
    with pytest.raises(ProtocolError, match=r"speaker-5-fold.*paper-10-fold.*Received"):
        make_protocol(name, utterances, everyone(utterances))


@pytest.mark.parametrize("name", DISJOINT)
def test_a_single_speaker_is_refused_and_pointed_to_the_papers_protocol(name):
    utterances = clips(women=1, men=0)
    with pytest.raises(ProtocolError, match=r"needs at least \d speakers. Received: 1.*paper-10"):
        make_protocol(name, utterances, everyone(utterances))


@pytest.mark.parametrize("name", DISJOINT)
def test_an_unknown_speaker_is_refused_in_a_disjoint_protocol(name):
    utterances = [*clips(), clip(None, 0)]
    with pytest.raises(ProtocolError, match=r"1 utterances have no speaker, e.g. None-0.wav"):
        make_protocol(name, utterances, everyone(utterances))


def test_an_unknown_speaker_without_a_label_does_not_matter():
    utterances = [*clips(), clip(None, 0)]
    labelled = everyone(utterances)
    labelled[-1] = False
    make_protocol("speaker-5-fold", utterances, labelled)


def test_the_papers_protocol_takes_a_single_and_unknown_speaker():
    utterances = [clip(None, i) for i in range(20)]
    assert len(make_protocol("paper-10-fold", utterances, everyone(utterances)).folds) == 10


def test_two_folds_leave_nothing_to_stop_on():
    utterances = clips()
    with pytest.raises(ProtocolError, match="at least three folds"):
        make_protocol("speaker-2-fold", utterances, everyone(utterances))


def test_too_few_speakers_to_train_on_is_said():
    utterances = clips(women=2, men=2)
    with pytest.raises(ProtocolError, match="No speaker is left to train on"):
        make_protocol("speaker-3-fold", utterances, everyone(utterances))


def test_the_papers_protocol_needs_ten_recordings():
    utterances = clips(women=1, men=0, each=9)
    with pytest.raises(ProtocolError, match="at least 10 recordings. Received: 9"):
        make_protocol("paper-10-fold", utterances, everyone(utterances))


def test_a_recording_given_twice_does_not_make_a_tenth():
    utterances = clips(women=1, men=0, each=10)
    same_content(utterances[0], utterances[1])
    with pytest.raises(ProtocolError, match="at least 10 recordings. Received: 9"):
        make_protocol("paper-10-fold", utterances, everyone(utterances))


def test_no_repeat_is_refused():
    utterances = clips()
    with pytest.raises(ProtocolError, match="repeats is at least 1. Received: 0"):
        make_protocol("speaker-5-fold", utterances, everyone(utterances), repeats=0)


def test_three_women_and_three_men_train_on_both_sexes_in_every_fold():
    utterances = clips(women=3, men=3)
    for fold in make_protocol("speaker-5-fold", utterances, everyone(utterances)).folds:
        assert {utterances[i].gender for i in fold.train} == {"female", "male"}

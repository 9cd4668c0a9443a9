"""Sessions, official splits and other corpora: the data say who tests together."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
from corpora_made import make_iemocap
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from utterances_made import clip, clips, everyone, roles, same_content

from pnn_keras import open_corpus
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol import make_protocol


def with_fields(utterances, **fields):
    """The utterances with other fields, each made from the utterance and its number."""
    made = []
    for number, u in enumerate(utterances):
        made.append(dataclasses.replace(u, **{name: of(u, number) for name, of in fields.items()}))
        same_content(u, made[-1])
    return made


def dyads(sessions=5, each=4, corpus="made"):
    """As in IEMOCAP: in each session a woman and a man speak."""
    made = clips(sessions, sessions, each, corpus=corpus)
    return with_fields(made, session=lambda u, _: f"S{u.speaker[1:]}")


def split_by(names, utterances=None):
    """The ten speakers' clips, each speaker with the split of its place in ``names``."""
    return with_fields(
        utterances or clips(each=4), split=lambda u, i: names[(i // 4) % len(names)]
    )


def folds_of(name, utterances, **options):
    return make_protocol(name, utterances, everyone(utterances), **options).folds


def values(utterances, rows, field):
    return {getattr(utterances[i], field) for i in rows}


# leave-one-session-out


def test_a_session_s_speakers_test_together_one_session_stops_and_the_rest_trains():
    utterances = dyads()
    folds = folds_of("leave-one-session-out", utterances)
    assert sorted(s for f in folds for s in values(utterances, f.test, "session")) == [
        *("S0", "S1", "S2", "S3", "S4")
    ]
    for fold in folds:
        counts = {r: len(values(utterances, rows, "speaker")) for r, rows in roles(fold).items()}
        assert counts == {"train": 6, "stop": 2, "test": 2}


def test_sessions_of_different_speakers_are_stamped_speaker_disjoint():
    utterances = dyads()
    protocol = make_protocol("leave-one-session-out", utterances, everyone(utterances))
    assert protocol.stamp == "speaker-disjoint"


def test_sessions_of_unknown_speakers_are_stamped_speaker_dependent():
    utterances = with_fields(dyads(), speaker=lambda u, _: None)
    protocol = make_protocol("leave-one-session-out", utterances, everyone(utterances))
    assert (len(protocol.folds), protocol.stamp) == (5, "speaker-dependent")


def test_as_many_sessions_stop_as_hold_two_speakers():
    utterances = with_fields(clips(each=2), session=lambda u, _: u.speaker)
    for fold in folds_of("leave-one-session-out", utterances):
        assert len(values(utterances, fold.stop, "session")) == 2
        assert values(utterances, fold.stop, "gender") == {"female", "male"}


def test_sessions_that_share_a_recording_test_together():
    utterances = dyads()
    same_content(utterances[0], utterances[4])  # S0 and S1
    folds = folds_of("leave-one-session-out", utterances)
    assert len(folds) == 4
    assert {"S0", "S1"} in [values(utterances, fold.test, "session") for fold in folds]


def test_the_same_session_name_in_another_corpus_is_another_session():
    utterances = [*dyads(2), *dyads(2, corpus="other")]
    assert len(folds_of("leave-one-session-out", utterances)) == 4


def test_a_speaker_in_two_sessions_is_refused():
    utterances = with_fields(dyads(), session=lambda u, i: u.session if i else "S3")
    with pytest.raises(ProtocolError, match="1 speaker.* several sessions, e.g. made/f0"):
        folds_of("leave-one-session-out", utterances)


def test_an_unknown_session_is_refused():
    utterances = [*dyads(), clip("f9", 1)]
    with pytest.raises(ProtocolError, match="1 utterances have no session, e.g. f9-1.wav"):
        folds_of("leave-one-session-out", utterances)


def test_two_sessions_are_too_few():
    with pytest.raises(ProtocolError, match="at least 3 sessions.* Received: 2"):
        folds_of("leave-one-session-out", dyads(2))


def test_iemocap_is_left_out_session_by_session(tmp_path):
    utterances = open_corpus(make_iemocap(tmp_path / "IEMOCAP", sessions=(1, 2, 3))).utterances
    folds = folds_of("leave-one-session-out", utterances)
    assert sorted(sorted(values(utterances, f.test, "speaker")) for f in folds) == [
        ["Ses01F", "Ses01M"],
        ["Ses02F", "Ses02M"],
        ["Ses03F", "Ses03M"],
    ]


# official


@pytest.mark.parametrize(
    "names",
    [("train", "dev", "test"), ("Training", "validation", "TESTING"), ("train", "stop", "test")],
)
def test_the_official_split_is_one_fold_with_the_roles_of_its_parts(names):
    utterances = split_by(names)
    (fold,) = folds_of("official", utterances)
    assert [values(utterances, rows, "split") for rows in roles(fold).values()] == [
        {name} for name in names
    ]


def test_the_official_split_of_speakers_is_stamped_speaker_disjoint():
    utterances = split_by(["train", "dev", "test"])
    assert make_protocol("official", utterances, everyone(utterances)).speaker_disjoint


@pytest.mark.parametrize("between", [("train", "test"), ("train", "dev"), ("dev", "test")])
def test_an_official_split_with_a_speaker_in_two_parts_is_stamped_speaker_dependent(between):
    utterances = split_by(["train", "dev", "test"])
    rows = [next(i for i, u in enumerate(utterances) if u.split == part) for part in between]
    name = utterances[rows[0]].speaker
    mixed = with_fields(utterances, speaker=lambda u, i: name if i == rows[1] else u.speaker)
    assert not make_protocol("official", mixed, everyone(mixed)).speaker_disjoint


def test_an_official_split_with_unknown_speakers_is_stamped_speaker_dependent():
    utterances = split_by(["train", "dev", "test"])
    unknown = with_fields(utterances, speaker=lambda u, i: u.speaker if i else None)
    assert not make_protocol("official", unknown, everyone(unknown)).speaker_disjoint


def test_stop_speakers_leave_train_where_the_official_split_has_no_dev_part():
    utterances = split_by(["train", "train", "train", "train", "test"])
    (fold,) = folds_of("official", utterances)
    assert len(values(utterances, fold.train, "speaker")) == 6
    assert values(utterances, fold.stop, "gender") == {"female", "male"}
    assert len(values(utterances, fold.stop, "speaker")) == 2
    assert values(utterances, fold.heard, "split") == {"train"}


def test_repeats_of_the_official_split_change_only_who_stops():
    utterances = split_by(["train", "train", "train", "train", "test"])
    folds = folds_of("official", utterances, repeats=6)
    assert len({tuple(fold.test) for fold in folds}) == 1
    assert len({tuple(fold.heard) for fold in folds}) == 1
    assert len({tuple(fold.stop) for fold in folds}) > 1


def test_a_recording_in_two_official_parts_is_refused():
    utterances = split_by(["train", "dev", "test"])
    same_content(utterances[0], utterances[8])
    with pytest.raises(ProtocolError, match=r"1 recording\(s\) of the target's test rows"):
        folds_of("official", utterances)


@pytest.mark.parametrize("split", [None, "held-back"])
def test_an_utterance_without_a_known_split_is_refused(split):
    utterances = split_by(["train", "dev", "test"])
    utterances[7] = with_fields([utterances[7]], split=lambda u, _: split)[0]
    with pytest.raises(ProtocolError, match=f"1 utterances have no split .* with {split!r}"):
        folds_of("official", utterances)


@pytest.mark.parametrize("names", [("train", "dev"), ("dev", "test")])
def test_an_official_split_without_train_or_test_is_refused(names):
    with pytest.raises(ProtocolError, match="needs utterances of the splits train and test"):
        folds_of("official", split_by(names))


def test_two_speakers_are_too_few_to_take_stop_speakers_from():
    utterances = split_by(["train", "test", "test", "train"], clips(2, 2, each=4))
    with pytest.raises(ProtocolError, match="at least 3 speakers. Received: 2"):
        folds_of("official", utterances)


# cross-corpus


def three_corpora():
    return [u for corpus in "abc" for u in clips(each=2, corpus=corpus)]


@pytest.mark.parametrize("heard", ["a", "a+c", "c+a"])
def test_one_or_more_corpora_train_and_stop_and_all_of_another_tests(heard):
    utterances = three_corpora()
    (fold,) = folds_of(f"cross-corpus:{heard}>b", utterances)
    assert values(utterances, fold.heard, "corpus") == set(heard) - {"+"}
    assert fold.test.tolist() == [i for i, u in enumerate(utterances) if u.corpus == "b"]


def test_a_fifth_of_the_speakers_stops_as_many_women_as_men():
    utterances = clips(10, 10, each=2, corpus="a") + clips(each=2, corpus="b")
    (fold,) = folds_of("cross-corpus:a>b", utterances)
    stopping = {(utterances[i].speaker, utterances[i].gender) for i in fold.stop}
    assert Counter(sex for _, sex in stopping) == {"female": 2, "male": 2}
    assert not values(utterances, fold.stop, "speaker") & values(utterances, fold.train, "speaker")


@settings(max_examples=25, deadline=None)
@given(women=st.integers(0, 9), men=st.integers(0, 9), seed=st.integers(0, 9))
def test_the_sexes_stop_evenly_as_far_as_both_stay_in_training(women, men, seed):
    assume(women + men >= 3)
    utterances = clips(women, men, each=1, corpus="a") + clips(each=1, corpus="b")
    (fold,) = folds_of("cross-corpus:a>b", utterances, seed=seed)
    stop, train = (Counter(utterances[i].gender for i in r) for r in (fold.stop, fold.train))
    count = max(2, (women + men) // 5)
    assert stop.total() == count
    if min(women, men) > count // 2:
        assert abs(stop["female"] - stop["male"]) <= 1
    if women and men and women + men >= count + 2:
        assert set(train) == {"female", "male"}


def test_repeats_of_a_cross_corpus_protocol_change_only_who_stops():
    utterances = three_corpora()
    folds = folds_of("cross-corpus:a>b", utterances, repeats=6)
    assert len({(tuple(fold.heard), tuple(fold.test)) for fold in folds}) == 1
    assert len({tuple(fold.stop) for fold in folds}) > 1


def test_corpora_are_stamped_speaker_disjoint_even_if_the_tested_speakers_are_unknown():
    utterances = with_fields(
        three_corpora(), speaker=lambda u, _: None if u.corpus == "b" else u.speaker
    )
    protocol = make_protocol("cross-corpus:a>b", utterances, everyone(utterances))
    assert protocol.speaker_disjoint


def test_a_recording_in_both_corpora_is_refused():
    utterances = three_corpora()
    same_content(utterances[0], utterances[20])
    with pytest.raises(ProtocolError, match=r"1 recording\(s\) of the target's test rows"):
        folds_of("cross-corpus:a>b", utterances)


@pytest.mark.parametrize("name, missing", [("cross-corpus:a>x", "x"), ("cross-corpus:a+y>b", "y")])
def test_a_corpus_without_labelled_utterances_is_named(name, missing):
    with pytest.raises(ProtocolError, match=f"No utterance of {missing} .* Corpora: a, b, c"):
        folds_of(name, three_corpora())


def test_a_corpus_on_both_sides_is_refused():
    with pytest.raises(ProtocolError, match="Received: b on both sides"):
        folds_of("cross-corpus:a+b>b", three_corpora())


@pytest.mark.parametrize(
    "name",
    [
        "cross-corpus",
        "cross-corpus:a",
        "cross-corpus:>b",
        "cross-corpus:a+>b",
        "cross-corpus:a>b>c",
    ],
)
def test_a_cross_corpus_name_without_two_corpora_is_refused(name):
    with pytest.raises(ProtocolError, match="cross-corpus:A>B .*Received"):
        folds_of(name, three_corpora())


def test_unlabelled_utterances_of_the_tested_corpus_are_not_tested():
    utterances = three_corpora()
    labelled = np.array([u.speaker != "f0" for u in utterances])
    (fold,) = make_protocol("cross-corpus:a>b", utterances, labelled).folds
    assert "f0" not in values(utterances, fold.test, "speaker")

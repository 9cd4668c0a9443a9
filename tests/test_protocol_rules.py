"""Who may hear what: random corpora, every protocol, every source, checked by plain sets."""

from __future__ import annotations

import dataclasses
import itertools
import random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from utterances_made import (
    clip,
    clips,
    everyone,
    give_content,
    pooled_corpora,
    roles,
    same_content,
)

from pnn_keras.errors import ProtocolError, UserError
from pnn_keras.protocol import Fold, make_protocol, protocol_from_folds, source_folds
from pnn_keras.task import make_task

DEALT = (
    "speaker-3-fold",
    "speaker-5-fold",
    "leave-one-speaker-out",
    "leave-one-session-out",
    "paper-3-fold",
    "paper-10-fold",
)
#: Protocols that go by names alone, in whatever order utterances are given.
BY_NAME = ("leave-one-session-out", "paper-3-fold", "official", "cross-corpus:a>b")
ALL = (*DEALT, "official", "cross-corpus:a>b", "cross-corpus:a+c>b")
SOURCES = ("speaker", "gender", "gender@a", "speaker@c", "emotion@b", "emotion@c")

rough = settings(max_examples=25, deadline=None)


def try_protocol(name, utterances, labelled, **options):
    """The protocol; that a corpus does not allow it is another test's business."""
    if name.startswith("cross-corpus"):
        labelled = np.array([u.emotion is not None for u in utterances])
    try:
        return make_protocol(name, utterances, labelled, **options)
    except ProtocolError:
        assume(False)


def what(utterances, rows, disjoint):
    """All that nobody else may hear of these rows: names, recordings, perhaps speakers."""
    known = set()
    for u in (utterances[i] for i in rows):
        known |= {(u.corpus, u.id), u.content}
        known |= {("speaker", u.corpus, u.speaker)} if disjoint else set()
    return known


def unknown_in(utterances, rows):
    return {utterances[i].corpus for i in rows if utterances[i].speaker is None}


def corpora_of(utterances, rows):
    return {utterances[i].corpus for i in rows}


@pytest.mark.parametrize("name", ALL)
@rough
@given(made=pooled_corpora(), seed=st.integers(0, 5), repeats=st.integers(1, 2))
def test_no_role_hears_of_another(name, made, seed, repeats):
    protocol = try_protocol(name, *made, seed=seed, repeats=repeats)
    for fold in protocol.folds:
        for one, other in itertools.combinations(roles(fold).values(), 2):
            sets = [what(made[0], rows, protocol.speaker_disjoint) for rows in (one, other)]
            assert not sets[0] & sets[1]


@pytest.mark.parametrize("name", ALL)
@rough
@given(made=pooled_corpora(), seed=st.integers(0, 5))
def test_every_role_has_rows_in_every_fold(name, made, seed):
    for fold in try_protocol(name, *made, seed=seed).folds:
        assert all(rows.size for rows in roles(fold).values())


@pytest.mark.parametrize("name", DEALT)
@rough
@given(made=pooled_corpora(), seed=st.integers(0, 5), repeats=st.integers(1, 2))
def test_each_labelled_utterance_is_tested_once_per_repeat(name, made, seed, repeats):
    folds = try_protocol(name, *made, seed=seed, repeats=repeats).folds
    tested = np.concatenate([fold.test for fold in folds])
    assert sorted(tested) == np.repeat(np.flatnonzero(made[1]), repeats).tolist()


@pytest.mark.parametrize("name", ALL)
@rough
@given(made=pooled_corpora())
def test_only_labelled_utterances_have_a_role(name, made):
    utterances = made[0]
    for fold in try_protocol(name, *made).folds:
        assert all(utterances[i].emotion for i in np.concatenate(list(roles(fold).values())))


@pytest.mark.parametrize("name", ["leave-one-session-out", "official", "cross-corpus:a>b"])
@rough
@given(made=pooled_corpora(copies=0))
def test_the_stamp_is_found_out_from_the_speakers(name, made):
    utterances, _ = made
    protocol = try_protocol(name, *made)
    leaks = any(
        what(utterances, one, True) & what(utterances, other, True)
        or unknown_in(utterances, one) & corpora_of(utterances, other)
        or unknown_in(utterances, other) & corpora_of(utterances, one)
        for fold in protocol.folds
        for one, other in itertools.combinations(roles(fold).values(), 2)
    )
    assert protocol.speaker_disjoint is not leaks


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", ALL)
@settings(rough, max_examples=10)
@given(made=pooled_corpora(), seed=st.integers(0, 3))
def test_no_source_hears_of_stop_and_test_rows(name, source, made, seed):
    utterances, _ = made
    protocol = try_protocol(name, *made, seed=seed)
    try:
        task = make_task(source, utterances)
        folds = source_folds(task.label, utterances, task.targets(utterances), protocol, seed)
    except UserError:
        return  # refused: nothing is heard
    for column, target in zip(folds, protocol.folds, strict=True):
        kept = np.union1d(target.stop, target.test)
        sets = [what(utterances, rows, protocol.speaker_disjoint) for rows in (column.heard, kept)]
        assert not sets[0] & sets[1]
        if protocol.speaker_disjoint:
            unknown = unknown_in(utterances, column.heard)
            assert not unknown & corpora_of(utterances, kept)


@pytest.mark.parametrize("source", SOURCES)
def test_sources_of_well_kept_corpora_are_not_refused(source):
    utterances = [u for corpus in "abc" for u in clips(3, 3, each=4, corpus=corpus)]
    labelled = np.array([u.corpus == "a" for u in utterances])
    protocol = make_protocol("speaker-3-fold", utterances, labelled)
    task = make_task(source, utterances)
    assert len(source_folds(task.label, utterances, task.targets(utterances), protocol)) == 3


def test_a_source_is_another_corpus_s_rows_where_the_target_s_have_no_class_of_it():
    utterances = [*clips(corpus="a"), *clips(corpus="b")]
    labelled = np.array([u.corpus == "a" for u in utterances])
    protocol = make_protocol("speaker-5-fold", utterances, labelled)
    task = make_task("gender@b", utterances)
    folds = source_folds("gender", utterances, task.targets(utterances), protocol)
    for fold in folds:
        assert fold.heard.tolist() == np.flatnonzero(~labelled).tolist()
        assert fold.test.size == 0
        assert fold.stop.tolist() == folds[0].stop.tolist()


def test_a_source_of_the_tested_corpus_is_refused():
    utterances = [*clips(corpus="a"), *clips(corpus="b")]
    protocol = make_protocol("cross-corpus:a>b", utterances, everyone(utterances))
    task = make_task("gender@b", utterances)
    with pytest.raises(ProtocolError, match="source column would hear .* target's test rows"):
        source_folds("gender", utterances, task.targets(utterances), protocol)


# The order of utterances in memory


def shuffled(utterances, labelled, seed):
    order = random.Random(seed).sample(range(len(utterances)), len(utterances))
    return [utterances[i] for i in order], labelled[order]


@pytest.mark.parametrize("name", BY_NAME)
@rough
@given(made=pooled_corpora(), order=st.integers(0, 99))
def test_the_order_of_utterances_does_not_matter(name, made, order):
    first = try_protocol(name, *made, seed=1)
    assert try_protocol(name, *shuffled(*made, order), seed=1).hash == first.hash


@given(order=st.integers(0, 999))
def test_who_stops_of_an_official_split_does_not_depend_on_the_order(order):
    utterances = [
        dataclasses.replace(u, split="test" if u.speaker in ("f4", "m4") else "train")
        for u in clips(women=5, men=5, each=2)
    ]
    for made in utterances:
        give_content(made, made.id)
    # A woman and a man share a recording: of which sex are they together?
    same_content(utterances[0], utterances[11])
    first = make_protocol("official", utterances, everyone(utterances), seed=1)
    again = make_protocol("official", *shuffled(utterances, everyone(utterances), order), seed=1)
    assert again.hash == first.hash


@pytest.mark.parametrize("name", ["speaker-3-fold", "leave-one-speaker-out"])
@rough
@given(made=pooled_corpora(copies=0), order=st.integers(0, 99))
def test_the_order_does_not_matter_to_speakers_without_common_recordings(name, made, order):
    first = try_protocol(name, *made, seed=1)
    assert try_protocol(name, *shuffled(*made, order), seed=1).hash == first.hash


def test_ten_folds_of_the_paper_go_by_the_order_given():
    utterances = clips()
    hashes = {
        make_protocol("paper-10-fold", made, everyone(made)).hash
        for made in (utterances, utterances[::-1])
    }
    assert len(hashes) == 2


@pytest.mark.parametrize("count", [3, 10])
def test_the_paper_s_folds_of_a_sorted_corpus_go_by_name(count):
    # What an opened corpus gives: from these, any number of folds is dealt alike.
    utterances = sorted(clips(each=10), key=lambda u: u.id)
    folds = make_protocol(f"paper-{count}-fold", utterances, everyone(utterances)).folds
    generator = np.random.default_rng([0, 0])
    dealt = np.concatenate([10 * i + generator.permutation(10) for i in range(10)])
    for number, fold in enumerate(folds):
        assert fold.test.tolist() == sorted(dealt[number::count])


# Planted leaks

PAIRS = [("train", "stop"), ("train", "test"), ("stop", "test")]


def planted(kind, heard, kept):
    """A clean protocol, and its folds with a leak between two roles of the last one."""
    utterances = clips(3, 3, each=3)
    protocol = make_protocol("speaker-3-fold", utterances, everyone(utterances))
    last = roles(protocol.folds[-1])
    victim = utterances[last[kept][0]]
    row = last[kept][0]
    if kind != "utterance":
        speaker = victim.speaker if kind == "speaker" else "somebody else"
        content = victim.content if kind == "recording" else "heard nowhere else"
        utterances.append(clip(speaker, 99, victim.gender, content))
        row = len(utterances) - 1
    leaking = Fold(**{**last, heard: np.sort(np.append(last[heard], row))})
    return utterances, protocol, [*protocol.folds[:-1], leaking]


@pytest.mark.parametrize("kind", ["utterance", "recording", "speaker"])
@pytest.mark.parametrize("heard, kept", PAIRS)
def test_a_leak_planted_into_a_list_of_folds_is_refused(kind, heard, kept):
    utterances, clean, folds = planted(kind, heard, kept)
    protocol_from_folds("clean", clean.folds, utterances, speaker_disjoint=True)
    with pytest.raises(ProtocolError, match=rf"A target column .* 1 {kind}\(s\) of .*{kept} rows"):
        protocol_from_folds("planted", folds, utterances, speaker_disjoint=True)


@pytest.mark.parametrize("heard, kept", PAIRS)
def test_a_speaker_planted_into_folds_of_one_s_own_makes_them_speaker_dependent(heard, kept):
    utterances, clean, folds = planted("speaker", heard, kept)
    assert protocol_from_folds("clean", clean.folds, utterances).speaker_disjoint
    assert not protocol_from_folds("planted", folds, utterances).speaker_disjoint

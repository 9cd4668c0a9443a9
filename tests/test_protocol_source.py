"""What a source column may hear, stops on and is scored on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from utterances_made import clip, clips, everyone

from pnn_keras.errors import ProtocolError
from pnn_keras.protocol import make_protocol, source_fold
from pnn_keras.task import make_task


def source_of(label, utterances, fold, seed=0):
    targets = make_task(label, utterances).targets(utterances)
    return source_fold(label, utterances, targets, fold.train, fold.test, seed)


@pytest.mark.parametrize("label", ["speaker", "gender", "emotion"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 9), women=st.integers(5, 7), men=st.integers(5, 7))
def test_a_source_hears_no_stop_or_test_row_or_speaker(label, seed, women, men):
    utterances = clips(women, men, each=4)
    for fold in make_protocol("speaker-5-fold", utterances, everyone(utterances), seed=seed).folds:
        source = source_of(label, utterances, fold, seed)
        kept = {utterances[i].speaker for i in np.union1d(fold.stop, fold.test)}
        assert not kept & {utterances[i].speaker for i in source.heard}
        assert np.isin(source.heard, fold.train).all()


@pytest.mark.parametrize("label", ["speaker", "gender", "emotion"])
def test_a_source_stops_on_rows_that_it_does_not_train_on(label):
    utterances = clips()
    fold = make_protocol("speaker-5-fold", utterances, everyone(utterances)).folds[0]
    source = source_of(label, utterances, fold)
    assert len(source.stop)
    assert not np.intersect1d(source.stop, source.train).size
    assert source.heard.tolist() == fold.train.tolist()


def test_a_speaker_source_stops_on_an_eighth_of_each_speaker():
    utterances = clips(each=16)
    fold = make_protocol("speaker-5-fold", utterances, everyone(utterances)).folds[0]
    stopped = Counter(utterances[i].speaker for i in source_of("speaker", utterances, fold).stop)
    assert stopped == dict.fromkeys({utterances[i].speaker for i in fold.train}, 2)


def test_a_speaker_source_cannot_be_tested_on_unheard_speakers():
    utterances = clips()
    fold = make_protocol("speaker-5-fold", utterances, everyone(utterances)).folds[0]
    assert source_of("speaker", utterances, fold).test.size == 0


def test_a_gender_source_stops_on_speakers_of_both_sexes_that_it_does_not_train_on():
    utterances = clips()
    fold = make_protocol("speaker-5-fold", utterances, everyone(utterances)).folds[0]
    source = source_of("gender", utterances, fold)
    stopping, training = ({utterances[i].speaker for i in r} for r in (source.stop, source.train))
    assert len(stopping) == 2 and not stopping & training
    assert {utterances[i].gender for i in source.stop} == {"female", "male"}


def test_a_source_of_two_speakers_stops_on_a_share_of_each_class():
    utterances = clips(women=1, men=1, each=16)
    targets = make_task("gender", utterances).targets(utterances)
    source = source_fold("gender", utterances, targets, np.arange(32), np.arange(0))
    assert Counter(utterances[i].gender for i in source.stop) == {"female": 2, "male": 2}


def test_one_recording_under_two_labels_does_not_both_train_and_stop_a_source():
    utterances = [
        clip(None, i, emotion=("angry", "sad")[i % 2], content=f"c{i // 2}") for i in range(40)
    ]
    utterances += [clip(None, 100 + i, emotion=("angry", "sad")[i % 2]) for i in range(40)]
    targets = make_task("emotion", utterances).targets(utterances)
    source = source_fold("emotion", utterances, targets, np.arange(80), np.arange(0))
    contents = [{utterances[i].content for i in rows} for rows in (source.train, source.stop)]
    assert not contents[0] & contents[1]


def test_a_source_of_one_class_is_refused():
    utterances = clips(women=4, men=0)
    targets = np.zeros(len(utterances), np.int64)
    with pytest.raises(ProtocolError, match="'gender' needs .*more speakers, or .*more folds"):
        source_fold("gender", utterances, targets, np.arange(len(utterances)), np.arange(0))


def test_a_speaker_source_with_one_recording_each_is_refused():
    utterances = clips(women=3, men=3, each=1)
    rows = np.arange(len(utterances))
    with pytest.raises(ProtocolError, match="no rows to stop on.*more recordings"):
        source_fold("speaker", utterances, rows, rows, rows[:0])

"""Audio and labels for anyone's own model."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from audio_made import tone, utterance, write

import pnn_keras
from pnn_keras.corpora import open_corpus
from pnn_keras.errors import UserError
from pnn_keras.task import Task

EMOTIONS = ("sad", "angry", None, "happy")


@pytest.fixture
def corpus(tmp_path):
    """Four tones of unequal length at 8 kHz; one has no emotion."""
    utterances = []
    for i, emotion in enumerate(EMOTIONS):
        path = write(tmp_path / f"{i}.wav", tone(200, 0.2 + 0.1 * i, 8000), 8000)
        utterances.append(utterance(path, emotion=emotion, speaker="1", gender="female"))
    info = dataclasses.replace(open_corpus("synthetic").info, name="made")
    return pnn_keras.Corpus(info, tmp_path, tuple(utterances), ())


TASK = Task("emotion", ("angry", "happy", "sad"))


def test_elements_are_waveforms_and_class_numbers_in_the_order_of_the_corpus(corpus):
    elements = list(pnn_keras.audio_dataset(corpus, TASK, sampling_rate=8000))
    assert [int(label) for _, label in elements] == [2, 0, 1]
    assert [len(x["waveform"]) for x, _ in elements] == [1600, 2400, 4000]
    assert np.allclose(elements[0][0]["waveform"], tone(200, 0.2, 8000), atol=1e-4)


def test_waveforms_are_resampled(corpus):
    (waveform, _), *_ = pnn_keras.audio_dataset(corpus, TASK)
    assert waveform["waveform"].shape == (3200,)
    assert np.allclose(waveform["waveform"][800:2400], tone(200, 0.2)[800:2400], atol=1e-2)


def test_a_padded_batch_has_zeros_behind_the_shorter_waveforms(corpus):
    dataset = pnn_keras.audio_dataset(corpus, "emotion").padded_batch(3)
    batch, labels = next(iter(dataset))
    assert batch["waveform"].shape == (3, 8000) and labels.dtype == tf.int32
    assert not np.any(batch["waveform"][0, 3200:])


def test_a_recording_that_cannot_be_used_is_left_out_with_a_warning(corpus):
    write(corpus.utterances[1].path, np.zeros(8000), 8000)
    with pytest.warns(UserWarning, match="1.wav is left out: .*silent"):
        labels = [int(label) for _, label in pnn_keras.audio_dataset(corpus, TASK)]
    assert labels == [2, 1]


def test_with_strict_it_ends_the_reading(corpus):
    write(corpus.utterances[1].path, np.zeros(8000), 8000)
    with pytest.raises(tf.errors.OpError, match="1.wav: .*silent"):
        list(pnn_keras.audio_dataset(corpus, TASK, strict=True))


def test_a_model_of_ones_own_learns_from_it(corpus):
    import keras

    waveform = keras.Input((None,), name="waveform")
    frames = keras.layers.Reshape((-1, 1))(waveform)
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(4, 9)(frames))
    model = keras.Model({"waveform": waveform}, keras.layers.Dense(3)(pooled))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(loss=loss)
    history = model.fit(
        pnn_keras.audio_dataset(corpus, TASK).padded_batch(2), shuffle=False, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()


def test_a_task_that_no_utterance_has_is_refused(corpus):
    with pytest.raises(UserError, match="one of the classes bored, calm"):
        pnn_keras.audio_dataset(corpus, Task("emotion", ("bored", "calm")))


def test_a_sampling_rate_that_nobody_has_is_refused(corpus):
    with pytest.raises(UserError, match="between 4000 and 192000 Hz. Received: sampling_rate=100"):
        pnn_keras.audio_dataset(corpus, TASK, sampling_rate=100)

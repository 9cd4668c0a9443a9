"""A corpus's audio and labels as a ``tf.data.Dataset``, for anyone's own model."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pnn_keras import audio
from pnn_keras.corpus import Corpus, Utterance, pool
from pnn_keras.errors import AudioError, UserError
from pnn_keras.material import open_corpora
from pnn_keras.task import Task, make_task

if TYPE_CHECKING:
    import tensorflow as tf


def audio_dataset(
    corpus: str | Path | Corpus | Iterable[str | Path | Corpus],
    task: str | Task,
    *,
    sampling_rate: int = 16000,
    strict: bool = False,
) -> tf.data.Dataset:
    """The audio of a corpus and its labels.

    Each element is one utterance: ``({"waveform": waveform}, label)`` with the
    waveform float32 of shape ``(samples,)``, one channel, full scale at 1, at
    ``sampling_rate``; and the label int32 of shape ``()``, a number in
    ``task.classes``. Utterances come in the corpus's order; those without a
    class of the task are left out. Waveforms are of unequal length: batch them
    with ``padded_batch``, which pads with zeros.

    Nothing is divided into training and test here. To keep speakers apart,
    open a corpus of each part, or take the folds of
    :func:`pnn_keras.protocol.make_protocol`.

    Args:
        corpus: a corpus, its folder or its name; or several.
        task: the task, or its name; its classes are then those of the corpus
            (``pnn_keras.task.make_task``).
        sampling_rate: what all recordings are resampled to, in Hz.
        strict: whether a recording that cannot be used raises while the
            dataset is read; otherwise it is left out with a warning.

    Returns:
        The dataset.

    Raises:
        UserError: no utterance has a class of the task, or the sampling rate
            lies outside 4 to 192 kHz.

    Example:
        >>> import pnn_keras
        >>> dataset = pnn_keras.audio_dataset("synthetic", "gender")
        >>> batch, labels = next(iter(dataset.padded_batch(4)))
        >>> batch["waveform"].shape[0], labels.shape
        (4, TensorShape([4]))
    """
    lowest, highest = audio.SAMPLING_RATES
    if not lowest <= sampling_rate <= highest:
        raise UserError(
            f"A sampling rate lies between {lowest} and {highest} Hz. "
            f"Received: sampling_rate={sampling_rate}"
        )
    utterances = pool(open_corpora(corpus))
    task = make_task(task, utterances) if isinstance(task, str) else task
    targets = task.targets(utterances)
    labelled = [u for u, target in zip(utterances, targets, strict=True) if target >= 0]
    if not labelled:
        raise UserError(f"No utterance has one of the classes {', '.join(task.classes)}")
    import tensorflow as tf

    def read(number: int) -> np.ndarray:
        return _waveform(labelled[number], sampling_rate, strict)

    def element(number, label):
        waveform = tf.numpy_function(read, [number], tf.float32, stateful=False)
        return {"waveform": tf.ensure_shape(waveform, [None])}, label

    labels = targets[targets >= 0].astype(np.int32)
    dataset = tf.data.Dataset.from_tensor_slices((np.arange(len(labelled)), labels))
    dataset = dataset.map(element, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.filter(lambda features, label: tf.size(features["waveform"]) > 0)


def _waveform(utterance: Utterance, sampling_rate: int, strict: bool) -> np.ndarray:
    """One utterance's waveform; without ``strict`` an empty one if it cannot be used."""
    try:
        signal, own_rate = audio.read(utterance.path, utterance.start, utterance.end)
        audio.check(signal, own_rate)
    except AudioError as error:
        if strict:
            raise AudioError(f"{utterance.id}: {error}") from error
        warnings.warn(f"{utterance.id} is left out: {error}", stacklevel=2)
        return np.zeros(0, np.float32)
    return audio.resample(signal, own_rate, sampling_rate)

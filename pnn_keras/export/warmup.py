"""Warm-up requests: what a server asks a new version before it lets anyone else ask."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

#: Where TensorFlow Serving looks for them, below a version's folder.
WARMUP = "assets.extra/tf_serving_warmup_requests"

#: How many rows the requests have: the first call of each size is the slow one.
BATCHES = (1, 8)

_RATE = 16000  # Hz, of the clip that is sent


def write_warmup(version: Path, model: str, functions: Mapping) -> None:
    """Writes requests to every signature of a version, as TensorFlow Serving replays them.

    The file is a TFRecord of ``PredictionLog``. A server replays it while it
    loads the version, so that no client waits for the first pass.

    Args:
        version: the version's folder.
        model: the model's name.
        functions: concrete functions by the signature's name.
    """
    import tensorflow as tf

    path = version / WARMUP
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in _records(model, functions):
            writer.write(record.SerializeToString())


def _records(model: str, functions: Mapping) -> Iterator:
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    for signature, function in functions.items():
        specs = tf.nest.flatten(function.structured_input_signature)
        for batch in BATCHES:
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = model
            request.model_spec.signature_name = signature
            for spec in specs:
                values = _values(spec.name, spec.shape.as_list(), batch)
                request.inputs[spec.name].CopyFrom(tf.make_tensor_proto(values))
            yield log


def _values(name: str, shape: list, batch: int) -> np.ndarray:
    """What is sent to an input: a second of sound, or zeros as features."""
    clip = _clip()
    known = {
        "audio_bytes": lambda: np.array([_wav(clip)] * batch, dtype=object),
        "waveforms": lambda: np.tile(clip, (batch, 1)),
        "lengths": lambda: np.full(batch, len(clip), np.int32),
        "sampling_rates": lambda: np.full(batch, _RATE, np.int32),
    }
    if name in known:
        return known[name]()
    return np.zeros((batch, *shape[1:]), np.float32)


def _clip() -> np.ndarray:
    """A second of a voice-like sound, float32 ``(16000,)``: harmonics of 120 Hz."""
    seconds = np.arange(_RATE) / _RATE
    harmonics = [np.sin(2 * np.pi * 120 * k * seconds) / k for k in range(1, 20)]
    return (0.2 * np.sum(harmonics, axis=0)).astype(np.float32)


def _wav(signal: np.ndarray) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(_RATE)
        clip.writeframes((np.clip(signal, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()

"""Warm-up: the recorded requests of a version are played before it answers anyone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pnn_keras.export.warmup import WARMUP
from pnn_keras.serving.loading import Servable
from pnn_keras.serving.predicting import classify, multi_inference, predict_now, regress
from pnn_keras.serving.status import Code, StatusError, as_status, invalid

#: How many recorded requests a version may have.
MOST = 1000


def warm_up(servable: Servable, folder: Path) -> int:
    """Plays a version's recorded requests, a TFRecord of ``PredictionLog``.

    Args:
        servable: the version.
        folder: its folder.

    Returns:
        How many requests were played; 0 where none is recorded.

    Raises:
        StatusError: the records cannot be read, are too many, or one fails.
    """
    path = folder / WARMUP
    if not path.is_file():
        return 0
    played = 0
    for record in _records(path):
        played += 1
        if played > MOST:
            raise invalid(f"Number of warmup records exceeds the maximum ({MOST}) at {path}")
        _play(servable, record)
    return played


def _records(path: Path):
    import tensorflow as tf

    try:
        for record in tf.data.TFRecordDataset(str(path)):
            yield record.numpy()
    except tf.errors.OpError as error:
        raise as_status(error) from error


def _play(servable: Servable, record: bytes) -> None:
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    try:
        log = PredictionLog.FromString(record)
    except DecodeError as error:
        raise StatusError(Code.DATA_LOSS, f"Failed to parse warmup record: {error}") from error
    kind = log.WhichOneof("log_type")
    players: Mapping[str, Callable] = {
        "predict_log": predict_now,
        "classify_log": classify,
        "regress_log": regress,
        "multi_inference_log": multi_inference,
    }
    if kind not in players:
        raise StatusError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")
    players[kind](servable, getattr(log, kind).request)

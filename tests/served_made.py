"""Small SavedModels and a server in a thread, for tests of serving."""

import asyncio
import contextlib
import threading
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from pnn_keras.serving.config import Model
from pnn_keras.serving.server import Server
from pnn_keras.serving.settings import Settings


class Made(tf.Module):
    """A model with a signature of every kind; ``scale`` tells versions apart."""

    def __init__(self, scale: float = 0.5):
        super().__init__()
        self.scale = tf.Variable(scale, dtype=tf.float32)

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
    def line(self, x):
        return {"y": x * self.scale + 2.0}

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
    def two(self, x):
        return {"total": tf.reduce_sum(x, -1), "largest": tf.reduce_max(x, -1)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="audio_bytes")])
    def text(self, audio_bytes):
        return {
            "length": tf.strings.length(audio_bytes),
            "echo_bytes": audio_bytes,
            "word": tf.where(tf.strings.length(audio_bytes) > 3, "long", "short"),
        }

    @tf.function(
        input_signature=[
            tf.TensorSpec((None,), tf.int32, name="count"),
            tf.TensorSpec((None,), tf.bool, name="flag"),
        ]
    )
    def kinds(self, count, flag):
        return {"count": tf.where(flag, count, -count), "large": tf.cast(count, tf.int64) * 2**40}

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.float32, name="x")])
    def sums(self, x):
        """Any number of columns; fails on a negative value, in whatever row."""
        with tf.control_dependencies([tf.debugging.assert_non_negative(x, "negative")]):
            return {"sum": tf.reduce_sum(x, -1), "rows": tf.repeat(tf.shape(x)[0], tf.shape(x)[0])}

    @tf.function(input_signature=[tf.TensorSpec((None, 1), tf.float32, name="x")])
    def uneven(self, x):
        """An output that has other rows than the input."""
        return {"steps": tf.range(tf.shape(x)[0] + 2)}

    @tf.function(input_signature=[tf.TensorSpec((), tf.float32, name="x")])
    def scalar(self, x):
        return {"y": x * 2}


SIGNATURES = {
    "serving_default": "line",
    "two": "two",
    "audio_bytes": "text",
    "kinds": "kinds",
    "sums": "sums",
    "uneven": "uneven",
    "scalar": "scalar",
}


def save_made(base: Path, version: int = 1, scale: float = 0.5) -> Path:
    """Writes a version beside its final name, then moves it there, as exports should."""
    made = Made(scale)
    signatures = {key: getattr(made, name) for key, name in SIGNATURES.items()}
    part = base.with_name(f".{base.name}-{version}")
    tf.saved_model.save(made, str(part), signatures=signatures)
    base.mkdir(parents=True, exist_ok=True)
    return part.rename(base / str(version))


def save_examples(base: Path, version: int = 1) -> Path:
    """A model that classifies and regresses tf.Examples with a float feature ``x``."""
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        given = tf.compat.v1.placeholder(tf.string, [None], name="examples")
        x = tf.io.parse_example(given, {"x": tf.io.FixedLenFeature([1], tf.float32, [0.0])})["x"]
        scores = tf.concat([x, 1 - x], 1)
        classes = tf.broadcast_to(tf.constant(["up", "down"]), tf.shape(scores))
        v1 = tf.compat.v1.saved_model
        info = v1.build_tensor_info
        build = v1.signature_def_utils.build_signature_def
        signatures = {
            "serving_default": build(
                {"inputs": info(given)},
                {"classes": info(classes), "scores": info(scores)},
                "tensorflow/serving/classify",
            ),
            "value": build(
                {"inputs": info(given)}, {"outputs": info(x * 10)}, "tensorflow/serving/regress"
            ),
        }
        builder = v1.Builder(str(base / str(version)))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()
    return base / str(version)


@contextlib.contextmanager
def running(*models: Model, **settings):
    """A server in a thread, on ports that the system chose, with its loop."""
    settings = {"port": 0, "rest_port": 0, "version_poll": 0.1, **settings}
    server = Server(Settings(models=models, **settings))
    started, failed = threading.Event(), []
    loop = asyncio.new_event_loop()

    def work():
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(server.start())
        except BaseException as error:
            failed.append(error)
            started.set()
            return
        started.set()
        loop.run_forever()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert started.wait(60)
    if failed:
        raise failed[0]
    server.loop = loop
    server.url = f"http://127.0.0.1:{server.rest_port}"
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def model(base: Path, name: str = "made", **options) -> Model:
    return Model(name, base, **options)


def predict(signature="", name="made", version=None, label=None, **inputs):
    """A PredictRequest of arrays."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request


def row():
    return np.array([[1, 2, 5]], np.float32)

"""The client and the page against the development server, with exported chains and WAV files."""

import json

import numpy as np
import pytest
import tensorflow as tf
from browser_made import browsing
from chain_made import made_chain, rows
from served_made import model, running
from serving_made import clip

from pnn_keras import export_chain
from pnn_keras.serving import Client


class Counting(tf.Module):
    """Answers how long a WAV file is: the probability of ``long`` is its size over 64 kB."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="audio_bytes")])
    def answer(self, audio_bytes):
        size = tf.cast(tf.strings.length(audio_bytes), tf.float32) / 2**16
        is_wav = tf.strings.substr(audio_bytes, 0, 4) == b"RIFF"
        classes = tf.constant([["short", "long"]])
        return {
            "size_probabilities": tf.stack([1 - size, size], axis=1),
            "size_label": tf.where(size > 0.5, "long", "short"),
            "size_classes": tf.tile(classes, [tf.size(size), 1]),
            "valid": is_wav,
            "error": tf.where(is_wav, "", "not a WAV file"),
        }


@pytest.fixture(scope="module")
def chain():
    return made_chain()


@pytest.fixture(scope="module")
def server(tmp_path_factory, chain):
    folder = tmp_path_factory.mktemp("models")
    export_chain(chain, folder, name="features")
    counting = Counting()
    signatures = {"audio_bytes": counting.answer}
    tf.saved_model.save(counting, str(folder / "size" / "1"), signatures=signatures)
    models = [model(folder / name, name) for name in ("features", "size")]
    with running(*models) as server:
        yield server


@pytest.fixture(params=["http", "grpc"])
def url(request, server):
    if request.param == "http":
        return server.url
    return f"grpc://127.0.0.1:{server.port}"


def test_features_are_answered_as_the_chain_does(url, chain):
    with Client(url, model="features", batch_size=3) as client:
        answers = client.predict_features(rows())
    probabilities = np.array([list(row["emotion"]["probabilities"].values()) for row in answers])
    np.testing.assert_allclose(probabilities, chain(rows())["emotion"], atol=1e-6)


def test_wav_files_arrive_whole(url, tmp_path):
    path = clip(tmp_path / "a.wav", 0.25)
    with Client(url, model="size") as client:
        (answer,) = client.predict(path)
    assert answer["size"]["probabilities"]["long"] == path.stat().st_size / 2**16


def test_metadata_and_status_are_read(url):
    with Client(url, model="features") as client:
        inputs = client.metadata()["signatures"]["features"]["inputs"]
        assert inputs == {"features": {"dtype": "float32", "shape": [-1, 5]}}
        assert client.status() == [{"version": 1, "state": "AVAILABLE", "error": ""}]


def test_predict_asks_the_development_server(command, server, tmp_path):
    path = clip(tmp_path / "a.wav", 0.25)
    code, out, _ = command("predict", "--server", server.url, "size", path, "--json")
    assert code == 0
    assert json.loads(out)[0]["size"]["label"] == "short"


def test_the_server_shows_the_page(server, tmp_path):
    with browsing() as browser:
        browser.open(server.url + "/")
        browser.wait("!document.querySelector('#model').disabled")
        assert browser.evaluate("document.querySelector('#model').value") == "size"
        browser.choose(clip(tmp_path / "a.wav", 0.25))
        browser.wait("!document.querySelector('#answers').hidden")
        assert browser.accessible("table") == ["size short"]
        assert browser.complaints() == []

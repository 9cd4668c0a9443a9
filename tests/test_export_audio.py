"""SavedModels that hear audio: the answers of the chain, row by row, from WAV files."""

import io

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from audio_made import tone
from chain_made import made_chain

from pnn_keras.errors import UserError
from pnn_keras.export import export_chain
from pnn_keras.export.warmup import WARMUP
from pnn_keras.frontends.logmel import LogMel

FRONTEND = LogMel(band=(50, 5000), longest=5)

#: What the signatures are asked: signals of different length and rate.
SIGNALS = [
    (tone(150.0, seconds=0.6) + tone(1200.0, seconds=0.6, level=0.2), 16000),
    (tone(210.0, seconds=1.1, sampling_rate=44100, level=0.3), 44100),
    (tone(95.0, seconds=0.3, sampling_rate=8000), 8000),
]


@pytest.fixture(scope="module")
def chain():
    """A chain whose scalers fit the signals, or all of them would get one saturated answer."""
    chain = made_chain(
        dimension=FRONTEND.dimension, frontends={"logmel": FRONTEND.config()}, name="hearing"
    )
    features = np.stack([FRONTEND.extract(*signal) for signal in SIGNALS])
    for column in chain.columns:
        column.scaler.mean.assign(features.mean(axis=0))
        column.scaler.deviation.assign(features.std(axis=0) + 0.1)
    return chain


@pytest.fixture(scope="module")
def exported(chain, tmp_path_factory):
    return export_chain(chain, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(str(exported))


def wav(signal, sampling_rate, subtype="FLOAT"):
    """A WAV file's bytes."""
    file = io.BytesIO()
    soundfile.write(file, signal, sampling_rate, format="WAV", subtype=subtype)
    return file.getvalue()


def ask_bytes(loaded, files):
    answer = loaded.signatures["audio_bytes"](audio_bytes=tf.constant(files, tf.string))
    return {name: value.numpy() for name, value in answer.items()}


def ask_waveforms(loaded, signals):
    longest = max(len(signal) for signal, _ in signals)
    padded = [np.pad(signal, (0, longest - len(signal))) for signal, _ in signals]
    answer = loaded.signatures["audio"](
        waveforms=tf.constant(np.stack(padded), tf.float32),
        lengths=tf.constant([len(signal) for signal, _ in signals]),
        sampling_rates=tf.constant([rate for _, rate in signals]),
    )
    return {name: value.numpy() for name, value in answer.items()}


def expected(chain, task):
    """The chain's own answers for the signals."""
    return np.array(
        [
            list(chain.predict_audio(signal, rate)[0][task]["probabilities"].values())
            for signal, rate in SIGNALS
        ]
    )


@pytest.mark.parametrize("task", ["gender", "emotion"])
def test_the_chain_tells_the_signals_apart(chain, task):
    first, second, third = expected(chain, task)
    assert min(np.abs(first - second).max(), np.abs(second - third).max()) > 0.01


@pytest.mark.parametrize("task", ["gender", "emotion"])
def test_wav_files_get_the_chain_s_answers(chain, loaded, task):
    answer = ask_bytes(loaded, [wav(*signal) for signal in SIGNALS])
    assert answer["valid"].all()
    assert np.abs(answer[f"{task}_probabilities"] - expected(chain, task)).max() < 1e-5


@pytest.mark.parametrize("task", ["gender", "emotion"])
def test_padded_waveforms_get_the_chain_s_answers(chain, loaded, task):
    answer = ask_waveforms(loaded, SIGNALS)
    assert answer["valid"].all()
    assert np.abs(answer[f"{task}_probabilities"] - expected(chain, task)).max() < 1e-5


def test_a_bad_file_is_named_and_leaves_the_others_alone(chain, loaded):
    good = wav(*SIGNALS[0])
    bad = [b"", good[:30], wav(np.zeros(16000), 16000), wav(tone(seconds=6.0), 16000)]
    answer = ask_bytes(loaded, [good, *bad, good])
    assert answer["valid"].tolist() == [True, False, False, False, False, True]
    reasons = [reason.decode() for reason in answer["error"]]
    assert reasons[0] == reasons[-1] == ""
    assert "no WAV file" in reasons[1] and reasons[2] and "silent" in reasons[3]
    assert "5 s" in reasons[4]
    assert answer["emotion_label"][1:5].tolist() == [b""] * 4
    assert not answer["emotion_probabilities"][1:5].any()
    both = answer["emotion_probabilities"][[0, 5]]
    assert np.abs(both - expected(chain, "emotion")[0]).max() < 1e-5


def test_a_length_beyond_the_padding_is_named(loaded):
    answer = loaded.signatures["audio"](
        waveforms=tf.zeros((1, 100)),
        lengths=tf.constant([101]),
        sampling_rates=tf.constant([16000]),
    )
    assert not answer["valid"].numpy()[0]
    assert b"Received: 101" in answer["error"].numpy()[0]


def test_no_file_at_all_gives_no_row(loaded):
    answer = ask_bytes(loaded, [])
    assert answer["emotion_probabilities"].shape == (0, 3)


def test_real_clips_get_the_chain_s_answers(chain, loaded, data):
    files = sorted((data / "EmoDB" / "wav").glob("*.wav"))[::60]
    answer = ask_bytes(loaded, [file.read_bytes() for file in files])
    own = chain.predict_audio(files)
    for task in ("gender", "emotion"):
        probabilities = np.array([list(a[task]["probabilities"].values()) for a in own])
        assert np.abs(answer[f"{task}_probabilities"] - probabilities).max() < 1e-5


def test_the_first_dimension_of_everything_is_the_batch(loaded):
    for name in ("features", "audio_bytes", "audio", "serving_default"):
        function = loaded.signatures[name]
        specs = list(function.structured_input_signature[1].values())
        specs += list(function.structured_outputs.values())
        assert all(spec.shape.rank and spec.shape[0] is None for spec in specs)


def test_the_guide_says_how_to_send_a_file(exported):
    text = (exported / "README.md").read_text()
    assert '"signature_name": "audio_bytes", "instances": [{"b64": "%s"}]' in text
    assert "/v1/models/hearing:predict" in text
    assert "| `waveforms` | float32 | (batch, samples) |" in text


def test_a_front_end_that_gives_other_features_now_is_refused(tmp_path):
    chain = made_chain(dimension=7, frontends={"logmel": FRONTEND.config()}, name="old")
    with pytest.raises(UserError, match="takes 7 features of 'logmel', .* Train it again"):
        export_chain(chain, tmp_path)


def test_every_warm_up_request_is_answered(exported, loaded):
    from tensorflow_serving.apis import prediction_log_pb2

    records = tf.data.TFRecordDataset(str(exported / WARMUP))
    asked = []
    for record in records:
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(v)) for name, v in request.inputs.items()}
        answer = loaded.signatures[request.model_spec.signature_name](**inputs)
        assert answer["valid"].numpy().all() and request.model_spec.name == "hearing"
        asked.append((request.model_spec.signature_name, len(answer["valid"])))
    assert sorted(asked) == sorted(
        (signature, batch)
        for signature in ("serving_default", "features", "audio_bytes", "audio")
        for batch in (1, 8)
    )

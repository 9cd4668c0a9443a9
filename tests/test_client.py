"""A client asks a server: the same answers over REST and gRPC, and every failure by its name."""

import subprocess
import sys

import numpy as np
import pytest
from audio_made import tone, write
from serving_made import clip, closed_port

from pnn_keras import errors, frontends
from pnn_keras.serving import Client
from pnn_keras.serving.client_address import parse_address
from pnn_keras.serving.client_answers import read_answers
from pnn_keras.serving.client_audio import wav_bytes
from pnn_keras.serving.client_retry import ask_patiently

PROTOCOLS = ("rest", "grpc")


@pytest.fixture(params=PROTOCOLS)
def url(request, made):
    return getattr(made, request.param)


@pytest.fixture
def client(url):
    with Client(url, model="made") as client:
        yield client


def test_answers_have_the_form_of_predict_audio(client, tmp_path):
    (answer,) = client.predict(clip(tmp_path / "a.wav", 0.25))
    assert answer["level"] == {"label": "quiet", "probabilities": {"quiet": 0.75, "loud": 0.25}}


def test_an_embedding_is_a_list_of_numbers(client, tmp_path):
    (answer,) = client.predict(clip(tmp_path / "a.wav", 0.25))
    assert answer["speaker"] == {"embedding": [1.0, 1.0, 1.0]}


def test_a_probability_over_rest_is_the_float32_that_grpc_gives(made):
    rows = [[0.1, 0.0], [0.7, 0.0]]
    rest, grpc = (Client(getattr(made, p), model="made") for p in PROTOCOLS)
    assert rest.predict_features(rows) == grpc.predict_features(rows)


def test_typed_fields_are_read_like_raw_tensors(made, tmp_path):
    made.typed = True
    with Client(made.grpc, model="made") as client:
        (answer,) = client.predict(clip(tmp_path / "a.wav", 0.25))
    assert answer["level"]["probabilities"] == {"quiet": 0.75, "loud": 0.25}


def test_a_wav_file_goes_as_it_is(client, made, tmp_path):
    path = clip(tmp_path / "a.wav", 0.25, subtype="PCM_24")
    client.predict(path)
    assert made.asked[-1]["audio_bytes"][0] == path.read_bytes()


def test_another_format_is_decoded_first(client, tmp_path):
    path = write(tmp_path / "a.flac", np.full((16000, 2), 0.25))
    (answer,) = client.predict([path])
    assert answer["level"]["probabilities"]["loud"] == 0.25


@pytest.mark.parametrize(
    "signal",
    [np.full(1600, 0.25), np.full(1600, 8192, "int16"), np.full(1600, 2**29, "int32")],
    ids=["float", "int16", "int32"],
)
def test_signals_go_as_wav(client, signal):
    (answer,) = client.predict([signal], sampling_rate=16000)
    assert answer["level"]["probabilities"]["loud"] == 0.25


def test_int16_stays_int16():
    assert len(wav_bytes(np.zeros(1000, "int16"), 8000)) == 2000 + 44


def test_a_wav_in_a_coding_that_graphs_do_not_read_is_decoded(tmp_path):
    path = clip(tmp_path / "a.wav", 0.25, subtype="ULAW")
    assert wav_bytes(path, None) != path.read_bytes()


def test_a_bad_recording_spoils_no_other(client, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF\0\0\0\0WAVE")
    files = [clip(tmp_path / "a.wav", 0.25), broken, tmp_path / "none.wav"]
    files.append(clip(tmp_path / "b.wav", 0.75))
    answers = client.predict(files, strict=False)
    assert [row.get("level", {}).get("label") for row in answers] == ["quiet", None, None, "loud"]
    assert answers[1] == {"error": "not a WAV file"}
    assert "there is no such file" in answers[2]["error"]


@pytest.mark.parametrize("content", [b"RIFF\0\0\0\0WAVE", b"no audio"])
def test_strict_ends_at_a_bad_recording(client, tmp_path, content):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(content)
    with pytest.raises(errors.AudioError, match=r"broken\.wav"):
        client.predict([broken])


def test_batches_are_bounded_and_answers_keep_their_order(made, tmp_path):
    levels = [0.125, 0.25, 0.375, 0.5, 0.625]
    files = [clip(tmp_path / f"{level}.wav", level) for level in levels]
    with Client(made.rest, model="made", batch_size=2) as client:
        answers = client.predict(files)
    assert [row["level"]["probabilities"]["loud"] for row in answers] == levels
    assert [len(inputs["audio_bytes"]) for inputs in made.asked] == [2, 2, 1]


def test_batches_are_bounded_in_bytes(made, tmp_path):
    path = clip(tmp_path / "a.wav", 0.25)
    with Client(made.rest, model="made", batch_bytes=2 * path.stat().st_size) as client:
        client.predict([path] * 3)
    assert [len(inputs["audio_bytes"]) for inputs in made.asked] == [2, 1]


def test_features_are_answered(client):
    answers = client.predict_features(np.array([[0.25, 0], [0.75, 0]]))
    assert [row["level"]["label"] for row in answers] == ["quiet", "loud"]


@pytest.mark.parametrize("shape", [(2, 3), (2,)])
def test_features_of_another_shape_are_refused(client, made, shape):
    with pytest.raises(errors.UserError, match=r"shape \(rows, 2\)"):
        client.predict_features(np.zeros(shape))
    assert made.asked == []


def test_a_model_that_takes_no_features_says_what_it_has(url):
    with Client(url, model="other") as client:
        with pytest.raises(errors.UserError, match="other takes no features.*audio_bytes"):
            client.predict_features([[1.0, 2.0]])


def test_features_that_are_not_finite_are_refused(client):
    with pytest.raises(errors.UserError, match="NaN"):
        client.predict_features([[np.nan, 0]])


def test_where_a_model_takes_no_audio_features_are_extracted_here(url, monkeypatch, tmp_path):
    monkeypatch.setitem(frontends.KNOWN, "moments", ("audio_made", "Moments"))
    files = [clip(tmp_path / "a.wav", 0.25), tmp_path / "none.wav"]
    files.append(write(tmp_path / "b.wav", 0.125 + tone(level=0.5), subtype="FLOAT"))
    with Client(url, model="ears", frontend="moments") as client:
        constant, missing, waving = client.predict(files, strict=False)
    assert "silent" in constant["error"]
    assert "none.wav" in missing["error"]
    assert waving["level"]["probabilities"]["loud"] == pytest.approx(0.125, abs=1e-3)


def test_where_no_recording_has_features_every_row_says_why(url, monkeypatch, tmp_path):
    monkeypatch.setitem(frontends.KNOWN, "moments", ("audio_made", "Moments"))
    with Client(url, model="ears", frontend="moments") as client:
        answers = client.predict([tmp_path / "none.wav"], strict=False)
    assert "none.wav" in answers[0]["error"]


def test_a_front_end_of_another_dimension_is_named(url, recording):
    with Client(url, model="ears") as client:
        with pytest.raises(errors.UserError, match="takes 3 features.*88.*egemaps"):
            client.predict(recording)


def test_metadata_tell_signatures_in_words(client):
    metadata = client.metadata()
    assert (metadata["name"], metadata["version"]) == ("made", 1)
    features = metadata["signatures"]["features"]
    assert features["inputs"] == {"features": {"dtype": "float32", "shape": [-1, 2]}}
    assert features["outputs"]["valid"] == {"dtype": "bool", "shape": [-1]}


def test_status_tells_versions(client):
    assert client.status() == [{"version": 1, "state": "AVAILABLE", "error": ""}]


def test_metadata_are_asked_for_once(client, made, recording):
    client.predict(recording)
    client.predict(recording)
    assert made.metadata_asked == 1


def test_after_a_refusal_metadata_are_asked_for_again(client, made, recording):
    client.predict(recording)
    made.refusals = [("NOT_FOUND", "gone")]
    with pytest.raises(errors.NotFoundError):
        client.predict(recording)
    client.predict(recording)
    assert made.metadata_asked == 2


def test_the_only_model_needs_no_name(made, recording):
    with Client(made.rest) as client:
        assert "level" in client.predict(recording)[0]


def test_of_several_models_one_is_named(made):
    made.models = ["made", "ears"]
    with Client(made.rest) as client, pytest.raises(errors.UserError, match="made, ears"):
        client.status()


def test_over_grpc_the_model_is_named(made):
    with Client(made.grpc) as client, pytest.raises(errors.UserError, match="model='NAME'"):
        client.status()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_address_names_model_and_version(made, recording, protocol):
    address = getattr(made, protocol) + "/v1/models/made/versions/9"
    with Client(address) as client:
        with pytest.raises(errors.NotFoundError, match=r"Specific\(made, 9\)"):
            client.predict(recording)


@pytest.mark.parametrize("address", ["127.0.0.1:8501", "ftp://a", "grpc://a/b", "http://a:b", ""])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(errors.UserError, match="http://HOST:8501"):
        Client(address)


def test_an_address_that_names_a_model_takes_no_other():
    with pytest.raises(errors.UserError, match="names the model already"):
        Client("http://127.0.0.1:1/v1/models/a", model="b")


def test_a_version_and_a_label_exclude_each_other():
    with Client("http://127.0.0.1:1", model="a", version=1, label="stable") as client:
        with pytest.raises(errors.UserError, match="not by both"):
            client.status()


def test_names_are_percent_encoded_in_addresses():
    address = parse_address("https://host/below/v1/models/a%20b/labels/c%2Fd")
    assert (address.base, address.model, address.label) == ("https://host/below", "a b", "c/d")


def test_an_unavailable_server_is_asked_again(client, made, recording):
    client.metadata()
    made.refusals = [("UNAVAILABLE", "busy")] * 2
    assert "level" in client.predict(recording)[0]
    assert made.refusals == []


def test_a_server_that_stays_unavailable_is_given_up(url, made):
    made.refusals = [("UNAVAILABLE", "busy")] * 9
    with Client(url, model="made", retries=1) as client:
        with pytest.raises(errors.UnavailableError, match="busy"):
            client.status()
    assert len(made.refusals) == 7


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("INVALID_ARGUMENT", errors.InvalidArgumentError),
        ("NOT_FOUND", errors.NotFoundError),
        ("RESOURCE_EXHAUSTED", errors.ResourceExhaustedError),
    ],
)
def test_other_refusals_are_raised_at_once(client, made, status, error):
    made.refusals = [(status, "in the server's words"), (status, "never given")]
    with pytest.raises(error, match="in the server's words"):
        client.status()
    assert len(made.refusals) == 1


def test_a_slow_answer_comes_after_the_deadline(url, made, recording):
    made.delay = 1.0
    with Client(url, model="made") as client:
        client.metadata()
        client.deadline = 0.3
        with pytest.raises(errors.DeadlineExceededError, match=r"0\.\d+ s"):
            client.predict(recording)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_nobody_there_is_said_with_the_mend(scheme):
    address = f"{scheme}://127.0.0.1:{closed_port()}"
    with Client(address, model="made", retries=1) as client:
        with pytest.raises(errors.UnavailableError, match="pnn-keras serve MODEL"):
            client.status()


def test_what_is_no_model_server_is_said(made):
    with Client(made.rest + "/other", model="made") as client:
        with pytest.raises(errors.InternalError, match="text/html.*Check the address"):
            client.status()


def test_repetitions_wait_twice_as_long_each_time():
    waits = []

    def refuse(left):
        raise errors.UnavailableError("busy")

    with pytest.raises(errors.UnavailableError):
        ask_patiently(refuse, 60.0, 3, sleep=waits.append)
    assert [wait * 2**-i for i, wait in enumerate(waits)] == pytest.approx([0.075] * 3, abs=0.025)


def test_no_repetition_begins_after_the_deadline():
    asked = []

    def refuse(left):
        asked.append(left)
        raise errors.UnavailableError("busy")

    with pytest.raises(errors.UnavailableError):
        ask_patiently(refuse, 0.01, 5, sleep=lambda seconds: pytest.fail("waited"))
    assert len(asked) == 1


def test_outputs_of_another_model_keep_their_names():
    outputs = {"score": np.array([[1, 2]]), "valid": np.array([True])}
    assert read_answers(outputs) == [{"score": [1, 2]}]


@pytest.mark.parametrize("wrong", [{"retries": -1}, {"deadline": 0}, {"batch_size": 0}])
def test_settings_that_cannot_work_are_refused(wrong):
    with pytest.raises(errors.UserError, match="Received"):
        Client("http://127.0.0.1:1", **wrong)


def test_rest_needs_no_tensorflow(made, recording):
    code = (
        "import sys; from pnn_keras.serving import Client; "
        f"print(Client({made.rest!r}).predict({str(recording)!r})); "
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split()[-1] == "False", done.stderr

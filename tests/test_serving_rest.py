"""REST as TensorFlow Serving has it: forms, types, messages, codes."""

import base64
import gzip
import json
import math

import pytest
import requests
from served_made import model, running, save_examples, save_made

from pnn_keras.serving.metrics import Metrics
from pnn_keras.serving.status import Code, http_code


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_made(folder / "made")
    save_examples(folder / "examples")
    models = [
        model(folder / "made"),
        model(folder / "made", "two words"),
        model(folder / "examples", "examples"),
    ]
    with running(*models, most_bytes=1 << 20) as server:
        yield server


@pytest.fixture
def ask(server):
    def ask(body, path="/v1/models/made:predict"):
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        answer = requests.post(server.url + path, data=data, timeout=20)
        assert answer.headers["content-type"] == "application/json"
        return answer.status_code, answer.content

    return ask


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"instances": [[1, 2.0, 5]]}, b'{"predictions":[[2.5,3.0,4.5]]}'),
        ({"instances": [{"x": [0, 0, 0.4]}]}, b'{"predictions":[[2.0,2.0,2.2]]}'),
        ({"inputs": [[1, 2, 5]]}, b'{"outputs":[[2.5,3.0,4.5]]}'),
        ({"inputs": {"x": [[1, 2, 5]]}}, b'{"outputs":[[2.5,3.0,4.5]]}'),
        (
            {"signature_name": "two", "instances": [[1, 2, 5], [0, 0, 0]]},
            b'{"predictions":[{"largest":5.0,"total":8.0},{"largest":0.0,"total":0.0}]}',
        ),
        (
            {"signature_name": "two", "inputs": [[1, 2, 5]]},
            b'{"outputs":{"largest":[5.0],"total":[8.0]}}',
        ),
        (
            {"signature_name": "kinds", "instances": [{"count": 3, "flag": False}]},
            b'{"predictions":[{"count":-3,"large":3298534883328}]}',
        ),
        ({"signature_name": "scalar", "inputs": 1.5}, b'{"outputs":3.0}'),
        (
            '{"instances": [[NaN, Infinity, -Infinity]]}',
            b'{"predictions":[[NaN,Infinity,-Infinity]]}',
        ),
        ({"signature_name": "", "instances": [[0, 0, 0]]}, b'{"predictions":[[2.0,2.0,2.0]]}'),
    ],
    ids=repr,
)
def test_predict_answers_in_the_form_of_the_request(ask, body, answer):
    assert ask(body) == (200, answer)


def test_bytes_come_and_go_as_base64(ask):
    sent = base64.b64encode(b"RIFF\0\xff").decode()
    body = {"signature_name": "audio_bytes", "instances": [{"b64": sent}, "abc"]}
    code, answer = ask(body)
    assert code == 200
    first, second = json.loads(answer)["predictions"]
    assert first == {"echo_bytes": {"b64": sent}, "length": 6, "word": "long"}
    assert second == {"echo_bytes": {"b64": "YWJj"}, "length": 3, "word": "short"}


def test_named_bytes_in_a_row_object(ask):
    body = {"signature_name": "audio_bytes", "instances": [{"audio_bytes": {"b64": "AAAA"}}]}
    assert json.loads(ask(body)[1])["predictions"][0]["length"] == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "JSON Parse error: The document is empty"),
        ("{", "JSON Parse error: "),
        ('{"instances": NaN', "JSON Parse error: "),
        ("[1]", "JSON Value: [1] Is not object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": 1}, "Excepting 'instances' to be an list/array"),
        ({"instances": [1], "inputs": 1}, "only one of 'inputs' or 'instances' keys"),
        ({"signature_name": 1, "instances": [1]}, "'signature_name' key must be a string value."),
        (
            {"signature_name": "x", "instances": [1]},
            'Serving signature name: "x" not found in signature def',
        ),
        (
            {"instances": [["a", 1, 2]]},
            "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
            'JSON Value: "a" Type: String is not of expected type: float',
        ),
        ({"instances": [[1, 2, 3], [1, 2]]}, "Expecting tensor size: 3 but got: 2"),
        ({"instances": [[1, 2, 3], [[1], [2], [3]]]}, "Expecting shape [3] but got: [3,1]"),
        ({"instances": [[1, [2], 3]]}, "Encountered list at unexpected level: 1 expected < 1"),
        ({"instances": [[[1], 2, 3]]}, "JSON Value: 2 found at incorrect level"),
        ({"instances": [[1, 2]]}, "Input 'x' has shape [1,2] but [?,3] is expected"),
        ({"instances": [[True, 1, 2]]}, "JSON Value: true Type: True is not of expected type"),
        ({"instances": [[None, 1, 2]]}, "JSON Value: null Type: Null is not of expected type"),
        ({"instances": [[1e39, 1, 2]]}, "Cannot convert JSON value: 1e+39 to float without loss"),
        (
            {"instances": [[16777216, 1, 2]]},
            "Cannot convert JSON value: 16777216 to float without loss of precision.",
        ),
        ({"instances": [{"x": [1, 2, 3]}, [1, 2, 3]]}, "Expecting object but got list at item 1"),
        ({"instances": [[1, 2, 3], {"x": 1}]}, "Expecting value/list but got object at item 1"),
        ({"instances": [{"z": 1}]}, "JSON object: does not have named input: z"),
        ({"instances": [{}]}, "keys must be equal to: x"),
        ({"inputs": {"z": 1}}, "Missing named input: x in 'inputs' object."),
        ({"inputs": {"x": [[1, 2], [3]]}}, "Encountered list at unexpected size: 1 at level: 1"),
        ({"signature_name": "kinds", "inputs": [1]}, "multiple input tensors required"),
        ({"signature_name": "kinds", "instances": [1]}, "multiple input tensors required"),
        (
            {"signature_name": "kinds", "instances": [{"count": 1.0, "flag": True}]},
            "key: count of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: 1.0 "
            "Type: Number is not of expected type: int32",
        ),
        (
            {"signature_name": "kinds", "instances": [{"count": 2**31, "flag": True}]},
            "is not of expected type: int32",
        ),
        (
            {"signature_name": "kinds", "instances": [{"count": 1, "flag": 1}]},
            "is not of expected type: bool",
        ),
        (
            {"signature_name": "audio_bytes", "instances": [{"b64": "=="}, {"b64": "?"}]},
            "Unable to base64 decode",
        ),
        (
            {"signature_name": "audio_bytes", "inputs": [{"b64": "", "more": 1}]},
            "not formatted correctly for base64 data",
        ),
        ({"signature_name": "sums", "inputs": [[-1.0]]}, "negative"),
    ],
    ids=repr,
)
def test_a_wrong_request_is_400_and_says_why(ask, body, words):
    code, answer = ask(body)
    assert code == 400
    message = json.loads(answer)["error"]
    assert words in message


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("/v1/models/none:predict", 404, "Servable not found for request: Latest(none)"),
        (
            "/v1/models/made/versions/3:predict",
            404,
            "Servable not found for request: Specific(made, 3)",
        ),
        ("/v1/models/made/labels/x:predict", 400, "Unrecognized servable version label: x"),
        (
            f"/v1/models/made/versions/{2**63}:predict",
            400,
            f"Failed to convert version: {2**63} to numeric.",
        ),
        ("/v1/models/made/versions/1", 400, "Malformed request: POST /v1/models/made/versions/1"),
        ("/v1/models/made:guess", 400, "Malformed request: POST /v1/models/made:guess"),
        ("/v1/models/:predict", 400, "Malformed request: POST /v1/models/:predict"),
        (
            "/v1/models/made:predict?a=1",
            400,
            "Malformed request: POST /v1/models/made:predict?a=1",
        ),
    ],
)
def test_a_wrong_address_is_answered_as_tensorflow_serving_does(ask, path, code, message):
    assert ask({"instances": [[1, 2, 3]]}, path) == (
        code,
        json.dumps({"error": message}, separators=(",", ":")).encode(),
    )


@pytest.mark.parametrize(
    ("verb", "body", "code", "words"),
    [
        ("predict", {}, 404, "Servable not found for request: Latest(none)"),
        ("predict", {"inputs": 1, "instances": 1}, 404, "Servable not found"),
        ("predict", "{", 400, "JSON Parse error: "),
        ("predict", {"signature_name": 1}, 400, "'signature_name' key must be a string value."),
        ("classify", {}, 400, "key 'examples' is expected"),
        ("regress", {"examples": [{}]}, 404, "Servable not found for request: Latest(none)"),
    ],
    ids=repr,
)
def test_an_unknown_model_is_told_before_what_its_request_lacks(ask, verb, body, code, words):
    """Predict needs the model to read a body; classify and regress read it whole before."""
    got, answer = ask(body, f"/v1/models/none:{verb}")
    assert got == code
    assert words in json.loads(answer)["error"]


def test_an_unknown_signature_is_told_before_what_its_request_lacks(ask):
    code, answer = ask({"signature_name": "x"})
    assert code == 400
    assert json.loads(answer)["error"] == 'Serving signature name: "x" not found in signature def'


def test_names_are_percent_decoded(ask):
    code, _ = ask({"instances": [[1, 2, 3]]}, "/v1/models/two%20words/versions/1:predict")
    assert code == 200


def test_status(server):
    answer = requests.get(server.url + "/v1/models/made", timeout=5)
    assert answer.json() == {
        "model_version_status": [
            {
                "version": "1",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("/v1/models/none", 404, "Could not find any versions of model none"),
        ("/v1/models/made/versions/3", 404, "Could not find version 3 of model made"),
        ("/v1/models", 400, "Missing model name in request."),
        ("/v1/other", 400, "Malformed request: GET /v1/other"),
        ("/v1/models/made/metadata/x", 400, "Malformed request: GET /v1/models/made/metadata/x"),
        ("/v1/models/none/metadata", 404, "Servable not found for request: Latest(none)"),
    ],
)
def test_a_wrong_look_is_answered_as_tensorflow_serving_does(server, path, code, message):
    answer = requests.get(server.url + path, timeout=5)
    assert (answer.status_code, answer.json()) == (code, {"error": message})


def test_metadata(server):
    read = requests.get(server.url + "/v1/models/made/versions/1/metadata", timeout=5).json()
    assert read["model_spec"] == {"name": "made", "signature_name": "", "version": "1"}
    signatures = read["metadata"]["signature_def"]["signature_def"]
    line = signatures["serving_default"]
    assert line["method_name"] == "tensorflow/serving/predict"
    assert line["inputs"]["x"]["dtype"] == "DT_FLOAT"
    assert line["inputs"]["x"]["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}, {"size": "3", "name": ""}],
        "unknown_rank": False,
    }


def test_classify(ask):
    body = {"context": {"x": 0.25}, "examples": [{}, {"x": [0.5]}]}
    code, answer = ask(body, "/v1/models/examples:classify")
    assert (code, answer) == (
        200,
        b'{"results":[[["up",0.25],["down",0.75]],[["up",0.5],["down",0.5]]]}',
    )


def test_regress(ask):
    body = {"signature_name": "value", "examples": [{"x": 0.5}, {"x": 2.0}]}
    code, answer = ask(body, "/v1/models/examples/versions/1:regress")
    assert (code, answer) == (200, b'{"results":[5.0,20.0]}')


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "key 'examples' is expected"),
        ({"examples": {}}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"x": None}]}, "Feature: x has element with unexpected JSON type: Null"),
        ({"examples": [{"x": [1.0, "a"]}]}, "Unexpected element type in feature: x"),
        ({"examples": [{"x": 2**63}]}, "Only int64 is supported."),
        ({"examples": [{"x": 1e300}]}, "to float without loss of precision."),
        ({"signature_name": "value", "examples": [{"x": 1.0}]}, "tensorflow/serving/regress"),
        ({"signature_name": "none", "examples": [{"x": 1.0}]}, "No signature was found"),
    ],
    ids=repr,
)
def test_wrong_examples_are_400(ask, body, words):
    code, answer = ask(body, "/v1/models/examples:classify")
    assert code == 400
    assert words in json.loads(answer)["error"]


@pytest.mark.parametrize(
    ("code", "http"),
    [
        ("OK", 200),
        ("INVALID_ARGUMENT", 400),
        ("FAILED_PRECONDITION", 400),
        ("OUT_OF_RANGE", 400),
        ("UNAUTHENTICATED", 401),
        ("PERMISSION_DENIED", 403),
        ("NOT_FOUND", 404),
        ("ALREADY_EXISTS", 409),
        ("ABORTED", 409),
        ("RESOURCE_EXHAUSTED", 429),
        ("CANCELLED", 499),
        ("UNKNOWN", 500),
        ("INTERNAL", 500),
        ("DATA_LOSS", 500),
        ("UNIMPLEMENTED", 501),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
    ],
)
def test_each_status_has_its_code_over_http(code, http):
    assert http_code(Code[code]) == http


def test_latencies_are_in_microseconds():
    metrics = Metrics()
    metrics.count("voice", "Predict", "REST", "OK", seconds=0.0025)
    labels = 'model_name="voice",API="Predict",entrypoint="REST"'
    lines = metrics.text().splitlines()
    assert f":tensorflow:serving:request_latency_sum{{{labels}}} 2500" in lines
    assert f'request_latency_bucket{{{labels},le="1983.593"}} 0' in metrics.text()
    assert f'request_latency_bucket{{{labels},le="3570.467"}} 1' in metrics.text()


def test_a_body_over_the_limit_is_413(server):
    answer = requests.post(
        server.url + "/v1/models/made:predict", data=b" " * ((1 << 20) + 1), timeout=5
    )
    assert answer.status_code == 413
    assert "1048576 bytes" in answer.json()["error"]


def test_a_body_over_the_limit_is_413_without_a_length_too(server):
    answer = requests.post(
        server.url + "/v1/models/made:predict", data=(b" " * 65536 for _ in range(17)), timeout=5
    )
    assert answer.status_code == 413


def gzipped(server, content, encoding="gzip"):
    return requests.post(
        server.url + "/v1/models/made:predict",
        data=content,
        headers={"Content-Encoding": encoding},
        timeout=20,
    )


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
def test_a_gzipped_body_is_uncompressed(server, encoding):
    answer = gzipped(server, gzip.compress(b'{"instances": [[1, 2, 5]]}'), encoding)
    assert (answer.status_code, answer.json()) == (200, {"predictions": [[2.5, 3.0, 4.5]]})


WHOLE = gzip.compress(b'{"instances": [[1, 2, 5]]}')


@pytest.mark.parametrize(
    "content", [b'{"instances": [[1, 2, 5]]}', WHOLE[:-1], WHOLE[:20], WHOLE + b"x", b""], ids=len
)
def test_a_body_that_is_no_gzip_counts_as_empty(server, content):
    answer = gzipped(server, content)
    assert answer.status_code == 400
    assert answer.json() == {"error": "JSON Parse error: The document is empty"}


def test_a_gzipped_body_is_no_larger_than_another(server):
    assert gzipped(server, gzip.compress(b" " * (1 << 20))).status_code == 400
    answer = gzipped(server, gzip.compress(b" " * ((1 << 20) + 1)))
    assert answer.status_code == 413


def test_an_answer_is_never_compressed(server):
    answer = requests.post(
        server.url + "/v1/models/made:predict",
        json={"instances": [[1, 2, 5]] * 1000},
        headers={"Accept-Encoding": "gzip"},
        timeout=20,
    )
    assert "content-encoding" not in answer.headers
    assert len(answer.json()["predictions"]) == 1000


def cors(headers):
    return {name: value for name, value in headers.items() if name.startswith("access-control")}


def test_pages_of_other_sites_may_ask_only_where_that_is_allowed(server, tmp_path):
    origin = {"Origin": "https://example.org"}
    address = "/v1/models/made:predict"
    kept = requests.post(server.url + address, json={"inputs": 1}, headers=origin, timeout=5)
    assert cors(kept.headers) == {}
    save_made(tmp_path / "made")
    with running(model(tmp_path / "made"), cors=True) as free:
        answers = [
            requests.post(free.url + address, json={"instances": [[1, 2, 5]]}, timeout=5),
            requests.post(free.url + address, data="{", timeout=5),
            requests.options(free.url + address, headers=origin, timeout=5),
        ]
    assert [answer.status_code for answer in answers] == [200, 400, 200]
    for answer in answers:
        assert cors(answer.headers) == {
            "access-control-allow-origin": "*",
            "access-control-allow-methods": "POST, GET",
            "access-control-allow-headers": "Content-Type",
        }


@pytest.mark.parametrize(
    ("headers", "code"),
    [({"Origin": "http://localhost:3000"}, 200), ({"Origin": "null"}, 400), ({}, 400)],
    ids=repr,
)
def test_options_are_asked_for_by_browsers_alone(server, headers, code):
    answer = requests.options(server.url + "/v1/models/made", headers=headers, timeout=5)
    assert (answer.status_code, answer.content) == (code, b"")


def test_a_large_body_is_answered(ask):
    rows = [[0.5, 0.25, 1.0]] * 40_000
    code, answer = ask({"instances": rows})
    assert code == 200
    predictions = json.loads(answer)["predictions"]
    assert len(predictions) == 40_000
    assert predictions[-1] == [2.25, 2.125, 2.5]


def test_a_float_keeps_its_digits_and_no_more(ask):
    code, answer = ask({"signature_name": "scalar", "inputs": 0.1})
    assert answer == b'{"outputs":0.2}'
    code, answer = ask({"signature_name": "scalar", "inputs": 1 / 3})
    assert math.isclose(json.loads(answer)["outputs"], 2 / 3, rel_tol=1e-7)


def test_readiness_models_and_page(server):
    assert requests.get(server.url + "/readyz", timeout=5).json() == {"ready": True}
    listed = requests.get(server.url + "/models", timeout=5).json()["models"]
    assert [entry["name"] for entry in listed] == ["examples", "made", "two words"]
    assert listed[1]["versions"] == [{"version": "1", "state": "AVAILABLE"}]


def test_metrics(server, ask):
    ask({"instances": [[1, 2, 3]]})
    ask({"instances": [[1, 2, 3]]}, "/v1/models/nobody:predict")
    text = requests.get(server.url + "/monitoring/prometheus/metrics", timeout=5).text
    assert ':tensorflow:serving:request_count{model_name="made",status="OK"}' in text
    assert 'request_latency_count{model_name="made",API="Predict",entrypoint="REST"}' in text
    assert "nobody" not in text

"""Whatever a client sends, the server neither crashes nor calls it its own fault."""

import gzip
import json
import random
import socket

import grpc
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served_made import SIGNATURES, model, predict, row, running, save_made

from pnn_keras.serving.config import Batching
from pnn_keras.serving.http_body import uncompressed
from pnn_keras.serving.json_answers import write_error
from pnn_keras.serving.json_requests import find_signature, parse_predict
from pnn_keras.serving.loading import Servable
from pnn_keras.serving.status import Code, StatusError

GOOD = b'{"instances": [[1, 2, 5]]}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "made"
    save_made(folder)
    return folder


@pytest.fixture(scope="module")
def signatures(folder):
    servable = Servable("made", 1, folder / "1")
    yield servable.signatures
    servable.close()


@pytest.fixture(scope="module")
def server(folder):
    with running(model(folder), batching=Batching(split=True), most_bytes=1 << 20) as server:
        yield server


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([2**64, -(2**63), 1e308, 16777217])
    | st.builds(lambda text: {"b64": text}, st.text("AQgw=+/ _-é", max_size=8))
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["x", "b64", "count", "flag", "z"]), inner, max_size=3)
    ),
    max_leaves=12,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "signature_name": st.sampled_from([*SIGNATURES, "none", ""]) | VALUES,
        "instances": VALUES,
        "inputs": VALUES,
        "more": VALUES,
    },
)


def read(body, signatures):
    """What REST makes of a body: arrays that may be fed, or a status that blames the client."""
    try:
        parsed = parse_predict(body)
        signature = find_signature(signatures, parsed.signature_name)
        signature.checked(parsed.arrays(signature))
    except StatusError as error:
        assert error.code in (Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED)
        json.loads(write_error(error.message))


@given(body=BODIES)
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_json_is_read_or_refused(signatures, body):
    read(json.dumps(body).encode(), signatures)


@given(body=st.binary(max_size=60))
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_bytes_are_read_or_refused(signatures, body):
    read(body, signatures)


@given(cut=st.integers(0, 80), flipped=st.integers(0, 80), value=st.integers(0, 255))
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_damaged_request_is_read_or_refused(signatures, cut, flipped, value):
    body = bytearray(b'{"signature_name": "kinds", "instances": [{"count": 1, "flag": true}]}')
    if flipped < len(body):
        body[flipped] = value
    read(bytes(body[:cut]), signatures)


@given(flipped=st.integers(0, 60), value=st.integers(0, 255), cut=st.integers(0, 60))
@settings(max_examples=500, deadline=None)
def test_a_damaged_gzip_is_what_it_was_or_empty(flipped, value, cut):
    body = bytearray(gzip.compress(GOOD, mtime=0))
    if flipped < len(body):
        body[flipped] = value
    assert uncompressed(bytes(body[:cut]), 1000) in (GOOD, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"instances":' + b"[" * 100_000,
        b'{"instances": NaN, "a":' + b"[" * 100_000,
        b'{"instances": [' + b"9" * 5000 + b"]}",
        b'{"instances": [NaN, ' + b"9" * 5000 + b"]}",
        b'{"instances": [1e999999]}',
        b'{"instances": ["\xff\xfe"]}',
        b'{"instances": ["\\ud800"]}',
        b'{"instances": [NaN, "\\ud800"]}',
        b"\x00" * 100,
        b'{"signature_name": "' + b"x" * 100_000 + b'", "instances": [1]}',
    ],
    ids=range(11),
)
def test_hostile_json_is_refused(server, body):
    answer = requests.post(server.url + "/v1/models/made:predict", data=body, timeout=20)
    assert answer.status_code == 400
    assert len(answer.content) < 110_000
    assert ask(server).status_code == 200


def ask(server):
    return requests.post(server.url + "/v1/models/made:predict", data=GOOD, timeout=20)


@given(body=BODIES)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_body_is_the_servers_fault(server, session, body):
    answer = session.post(
        server.url + "/v1/models/made:predict", data=json.dumps(body), timeout=20
    )
    assert answer.status_code in (200, 400, 501)
    json.loads(answer.content)


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        yield session


@given(path=st.text(st.characters(codec="ascii", exclude_characters="\r\n\0 ?#"), max_size=30))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_path_is_the_servers_fault(server, path):
    with socket.create_connection(("127.0.0.1", server.rest_port), timeout=20) as client:
        client.sendall(f"GET /v1/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        code = int(client.makefile("rb").readline().split()[1])
    assert code in (200, 400, 404)


def raw(server, data):
    """Sends bytes, and leaves without an answer."""
    with socket.create_connection(("127.0.0.1", server.rest_port), timeout=20) as client:
        client.sendall(data)


def test_cut_connections_do_not_disturb_others(server):
    head = b"POST /v1/models/made:predict HTTP/1.1\r\nHost: x\r\nContent-Length: "
    whole = head + b"%d\r\n\r\n" % len(GOOD) + GOOD
    for length in range(0, len(whole), 3):
        raw(server, whole[:length])
    raw(server, head + b"-5\r\n\r\n")
    raw(server, head + b"99999999999999999999\r\n\r\n")
    raw(server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
    raw(server, b"GET / HTTP/9.9\r\n\r\n")
    raw(server, b"A" * 100_000)
    assert ask(server).json() == {"predictions": [[2.5, 3.0, 4.5]]}


def test_no_grpc_bytes_are_the_servers_fault(server):
    generator = random.Random(5)
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        for method in ("Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata"):
            call = channel.unary_unary(f"/tensorflow.serving.PredictionService/{method}")
            for _ in range(100):
                data = bytes(generator.choices(range(256), k=generator.randrange(40)))
                with pytest.raises(grpc.RpcError) as error:
                    call(data, timeout=20)
                assert error.value.code().name in ("INVALID_ARGUMENT", "NOT_FOUND")
    assert ask(server).status_code == 200


def test_damaged_requests_over_grpc_are_answered(server):
    generator = random.Random(6)
    whole = predict(x=row()).SerializeToString()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        for _ in range(500):
            data = bytearray(whole)
            for _ in range(generator.randrange(1, 4)):
                data[generator.randrange(len(data))] = generator.randrange(256)
            try:
                call(bytes(data), timeout=20)
            except grpc.RpcError as error:
                assert error.code().name in (
                    "INVALID_ARGUMENT",
                    "NOT_FOUND",
                    "FAILED_PRECONDITION",
                )
    assert ask(server).status_code == 200

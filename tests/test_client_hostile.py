"""Whatever a server answers, the client has an answer or says in its own words what was wrong."""

import socket
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras import errors
from pnn_keras.serving import Client
from pnn_keras.serving.client_address import Address, parse_address

NAMES = st.sampled_from(
    "outputs models name model_spec metadata signature_def model_version_status version state "
    "size_probabilities size_classes size_label voice_embedding valid error b64 inputs".split()
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)
COLUMNS = st.dictionaries(NAMES, st.lists(JSON, min_size=1, max_size=2), max_size=6)


def answering(answer, model="m"):
    """A client whose server answers the same to everything."""
    client = Client("http://127.0.0.1:1", model)
    client._transport._ask = lambda *request: answer
    return client


def asked(answer, rows):
    """What a client makes of an answer to a question of some rows."""
    client = answering(answer)
    inputs = {"features": {"dtype": "float32", "shape": [-1, 1]}}
    client._known = {"signatures": {"features": {"inputs": inputs, "outputs": {"a": {}, "b": {}}}}}
    return client.predict_features(np.zeros((rows, 1)))


@given(JSON)
def test_metadata_of_any_form_are_read_or_refused(answer):
    client = answering(answer)
    for ask in (client.metadata, client.status, lambda: answering(answer, None).status()):
        try:
            ask()
        except errors.PnnKerasError:
            pass


@given(JSON | st.fixed_dictionaries({"outputs": COLUMNS | JSON}))
def test_answers_of_any_form_are_read_or_refused(answer):
    try:
        assert len(asked(answer, rows=2)) == 2
    except errors.ServingError:
        pass


@pytest.mark.parametrize("row", [None, 1.5, "a", [None], ["a"], [[1.0]], [10**400]])
@pytest.mark.parametrize("name", ["voice_embedding", "size_probabilities"])
def test_rows_that_are_no_numbers_are_refused(row, name):
    rest = {"size_classes": [["small"]], "size_label": ["small"]} if "size" in name else {}
    with pytest.raises(errors.ServingError, match="http://127.0.0.1:1"):
        asked({"outputs": {name: [row], **rest}}, rows=1)


@given(st.text())
def test_addresses_of_any_form_are_read_or_refused(text):
    for url in (text, f"http://a/{text}", f"grpc://{text}"):
        try:
            assert isinstance(parse_address(url), Address)
        except errors.UserError as error:
            assert "http://HOST" in str(error)


@pytest.mark.parametrize(
    "content",
    [b"", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"\x00\xff" * 100],
    ids=["nothing", "no status", "cut off", "noise"],
)
def test_a_broken_connection_is_told(content):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(content)

        thread = threading.Thread(target=answer)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Client(address, "m", retries=0, deadline=5) as client:
            with pytest.raises(errors.ServingError, match=address):
                client.status()
        thread.join()

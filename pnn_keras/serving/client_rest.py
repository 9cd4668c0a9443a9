"""Asking a server over REST."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import numpy as np

from pnn_keras.serving.client_address import Address, Served
from pnn_keras.serving.client_errors import from_http, no_sense, nobody_there, too_late
from pnn_keras.serving.client_metadata import read_metadata, read_status


class RestTransport:
    """What a client asks of a server, over REST.

    Connections are kept open from one request to the next.

    Args:
        address: the server's address.
    """

    def __init__(self, address: Address):
        import requests

        self.server = address.base
        self._session = requests.Session()

    def predict(
        self,
        served: Served,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: list[str],
        seconds: float,
    ) -> dict[str, np.ndarray]:
        """Asks a signature of a model.

        Args:
            served: the model.
            signature: the signature's name.
            inputs: arrays by name; of bytes (dtype ``object``) or of numbers.
            outputs: the names of the signature's outputs.
            seconds: how long it may take.

        Returns:
            Arrays by name.

        Raises:
            ServingError: the server does not answer it.
        """
        columns = {name: _to_json(array) for name, array in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": columns}).encode()
        answer = self._ask("POST", f"{served.path}:predict", seconds, body)
        try:
            columns = answer["outputs"]
            # The name of a single output is left out.
            named = {outputs[0]: columns} if len(outputs) == 1 else dict(columns)
            return {name: _from_json(values) for name, values in named.items()}
        except (KeyError, TypeError, ValueError) as error:
            raise no_sense(self.server, f"{str(answer)[:80]}") from error

    def metadata(self, served: Served, seconds: float) -> dict:
        """The model's metadata, see :func:`read_metadata`."""
        return self._read(read_metadata, f"{served.path}/metadata", seconds)

    def status(self, served: Served, seconds: float) -> list[dict]:
        """The model's versions, see :func:`read_status`."""
        return self._read(read_status, served.path, seconds)

    def models(self, seconds: float) -> list[str]:
        """The names of all models; TensorFlow Serving itself has no such list."""

        def names(answer):
            return [model["name"] for model in answer["models"]]

        return self._read(names, "/models", seconds)

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def _read(self, read, path: str, seconds: float):
        answer = self._ask("GET", path, seconds)
        try:
            return read(answer)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise no_sense(self.server, str(answer)[:80]) from error

    def _ask(self, method: str, path: str, seconds: float, body: bytes | None = None):
        """The JSON that the server answers."""
        import requests

        try:
            response = self._session.request(
                method,
                self.server + path,
                data=body,
                timeout=seconds,
                headers={"Content-Type": "application/json"} if body else None,
            )
        except requests.Timeout as error:
            raise too_late(self.server, seconds) from error
        except requests.RequestException as error:
            raise nobody_there(self.server, _reason(error)) from error
        try:
            answer = response.json()
        except ValueError as error:
            if not response.ok:
                raise from_http(self.server, response.status_code, response.reason) from error
            kind = response.headers.get("Content-Type", "no content type")
            raise no_sense(self.server, kind) from error
        if not response.ok:
            said = answer.get("error", "") if isinstance(answer, dict) else ""
            raise from_http(self.server, response.status_code, str(said) or response.reason)
        return answer


def _to_json(array: np.ndarray):
    if array.dtype == object:
        return [{"b64": base64.b64encode(value).decode()} for value in array]
    return array.tolist()


def _from_json(values) -> np.ndarray:
    """A column of JSON as an array; bytes are ``{"b64": ...}``."""
    if isinstance(values, list) and values and isinstance(values[0], dict):
        return np.array([base64.b64decode(value["b64"]) for value in values], dtype=object)
    return np.asarray(values)


def _reason(error: BaseException | None) -> str:
    """The operating system's word behind an exception, such as "Connection refused"."""
    while error is not None:
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        error = error.__cause__ or error.__context__
    return ""

"""The REST surface below /v1/, as an ASGI application."""

from __future__ import annotations

import asyncio
import logging
import re
import urllib.parse
from collections.abc import Callable

from pnn_keras.serving import rest_examples
from pnn_keras.serving.core import Address, Core, Outcome
from pnn_keras.serving.http_body import Gone, TooLarge, read_body
from pnn_keras.serving.json_answers import write_error, write_predictions
from pnn_keras.serving.json_requests import Body, find_signature, parse_predict
from pnn_keras.serving.loading import Servable
from pnn_keras.serving.metadata import metadata_json, status_json
from pnn_keras.serving.predicting import Question
from pnn_keras.serving.status import Code, as_status, http_code, invalid

log = logging.getLogger("pnn_keras.serving")

_ASK = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?:(classify|regress|predict)",
    re.IGNORECASE | re.ASCII,
)
_LOOK = re.compile(
    r"/v1/models(?:/([^/:]+))?(?:/versions/(\d+)|/labels/([^/:]+))?(/metadata)?",
    re.IGNORECASE | re.ASCII,
)

#: Bodies from this size on are parsed in a thread, in bytes: nobody else waits for them.
_LARGE = 1 << 19

_JSON = (b"content-type", b"application/json")

#: What a body over the limit is answered with: HTTP has a code of its own for it.
_TOO_LARGE = 413

#: What lets pages of other sites ask, as TensorFlow Serving words it.
_CORS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, GET"),
    (b"access-control-allow-headers", b"Content-Type"),
)


class Rest:
    """Answers what comes below ``/v1/``.

    Args:
        core: the models.
        timeout: the longest time for a request, in seconds.
        most_bytes: the largest body.
        cors: whether pages of other sites may ask (cross-origin resource sharing).
    """

    def __init__(self, core: Core, timeout: float, most_bytes: int, cors: bool = False):
        self._core, self._timeout, self._most_bytes = core, timeout, most_bytes
        self._more_headers = _CORS if cors else ()

    async def __call__(self, scope, receive, send) -> None:
        """Answers one HTTP request."""
        try:
            body = await read_body(scope, receive, self._most_bytes)
        except Gone:
            return
        except TooLarge:
            message = f"Request body exceeds the limit of {self._most_bytes} bytes"
            close = (b"connection", b"close")
            return await self._send(send, _TOO_LARGE, write_error(message), _JSON, close)
        if scope["method"] == "OPTIONS":
            return await self._send(send, _preflight(scope), b"")
        try:
            code, content = 200, await self._answer(scope["method"], _path(scope), body)
        except Exception as error:
            status = as_status(error)
            if status.code is Code.INTERNAL:
                log.exception("A request failed")
            code, content = http_code(status.code), write_error(status.message)
        await self._send(send, code, content, _JSON)

    async def _send(self, send, code: int, content: bytes, *headers: tuple[bytes, bytes]) -> None:
        length = (b"content-length", str(len(content)).encode())
        headers = [*headers, length, *self._more_headers]
        await send({"type": "http.response.start", "status": code, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, method: str, path: str, body: bytes) -> bytes:
        if method == "POST" and (match := _ASK.fullmatch(path)):
            name, number, label, verb = match.groups()
            return await self._ask(_address(name, number, label), verb.lower(), body)
        if method == "GET" and (match := _LOOK.fullmatch(path)):
            name, number, label, metadata = match.groups()
            if name is None:
                raise invalid("Missing model name in request.")
            look = metadata_json if metadata else status_json
            return look(self._core.models, _address(name, number, label))
        raise invalid(f"Malformed request: {method} {path}")

    async def _ask(self, address: Address, verb: str, body: bytes) -> bytes:
        api = verb.capitalize()
        with self._core.counted(api, "REST", address.name) as outcome:
            async with asyncio.timeout(self._timeout):
                if verb == "predict":
                    return await self._predict(address, body, outcome)
                parse, function, write = rest_examples.VERBS[verb]
                request = await _aside(len(body), parse, body)
                result = await self._core.call(address, function, request, outcome)
                return write(result)

    async def _predict(self, address: Address, body: bytes, outcome: Outcome) -> bytes:
        parsed = await _aside(len(body), parse_predict, body)

        async def ask(servable: Servable) -> Question:
            return await _aside(len(body), _question, servable, parsed)

        outputs = await self._core.predict(address, ask, outcome)
        size = sum(array.nbytes for array in outputs.values())
        return await _aside(size, write_predictions, outputs, parsed.row)


def _question(servable: Servable, parsed: Body) -> Question:
    signature = find_signature(servable.signatures, parsed.signature_name)
    inputs = signature.checked(parsed.arrays(signature))
    return Question(signature, inputs, tuple(signature.outputs))


async def _aside(size: int, function: Callable, *arguments):
    """Calls a function, in a thread where it handles many bytes."""
    if size < _LARGE:
        return function(*arguments)
    return await asyncio.to_thread(function, *arguments)


def _preflight(scope) -> int:
    """The code for a browser that asks whether it may ask; only a browser names an origin."""
    origin = dict(scope["headers"]).get(b"origin", b"")
    return 200 if re.search(rb"https?://", origin) else http_code(Code.FAILED_PRECONDITION)


def _path(scope) -> str:
    """The path as it was sent, its query too: names in it are decoded one by one."""
    raw = scope.get("raw_path") or scope["path"].encode()
    if scope.get("query_string"):
        raw += b"?" + scope["query_string"]
    return raw.decode("ascii", "replace")


def _address(name: str, number: str | None, label: str | None) -> Address:
    if number is not None and int(number[:20]) >= 2**63:
        raise invalid(f"Failed to convert version: {number} to numeric.")
    return Address(
        urllib.parse.unquote(name),
        None if number is None else int(number),
        None if label is None else urllib.parse.unquote(label),
    )

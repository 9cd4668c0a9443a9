"""The body of an HTTP request: read whole, uncompressed, and not above a limit."""

from __future__ import annotations

import asyncio
import zlib

#: zlib's number for a stream with gzip's header and sum.
_GZIP = 16 + zlib.MAX_WBITS


class Gone(Exception):
    """The client left before its request was whole."""


class TooLarge(Exception):
    """The body is over the limit."""


async def read_body(scope, receive, most_bytes: int) -> bytes:
    """The body of an ASGI request, uncompressed where its ``Content-Encoding`` is gzip.

    As in TensorFlow Serving, a body that is not the gzip that it is said to be
    counts as an empty one.

    Args:
        scope: the request's head.
        receive: gives its parts.
        most_bytes: the largest body, both as it comes and uncompressed.

    Raises:
        Gone: the client left.
        TooLarge: the body is larger.
    """
    headers = dict(scope["headers"])
    if int(headers.get(b"content-length", 0)) > most_bytes:
        raise TooLarge
    body = await _received(receive, most_bytes)
    if b"gzip" not in headers.get(b"content-encoding", b""):
        return body
    # In a thread: how much work is in a few bytes shows only when it is done.
    return await asyncio.to_thread(uncompressed, body, most_bytes)


async def _received(receive, most_bytes: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most_bytes:
            raise TooLarge
        if not message.get("more_body"):
            return b"".join(parts) if len(parts) > 1 else parts[0]


def uncompressed(body: bytes, most_bytes: int) -> bytes:
    """What a gzip stream holds; nothing where it is none, or is damaged.

    Raises:
        TooLarge: it holds more than ``most_bytes``.

    Example:

    >>> import gzip
    >>> uncompressed(gzip.compress(b"{}"), most_bytes=2), uncompressed(b"{}", most_bytes=2)
    (b'{}', b'')
    """
    stream = zlib.decompressobj(_GZIP)
    try:
        content = stream.decompress(body, most_bytes + 1)
    except zlib.error:
        return b""
    if len(content) > most_bytes:
        raise TooLarge
    return content if stream.eof and not stream.unused_data else b""

"""What went wrong between a client and a server, in words and as one of our errors."""

from __future__ import annotations

from pnn_keras import errors
from pnn_keras.errors import ServingError
from pnn_keras.serving.client_address import GRPC_PORT, REST_PORT

#: The error behind each status of gRPC. Over REST, three of them are 400 alike, so that
#: they are one error here too: the same mistake is the same error with both protocols.
_OF_GRPC: dict[str, type[ServingError]] = {
    "INVALID_ARGUMENT": errors.InvalidArgumentError,
    "FAILED_PRECONDITION": errors.InvalidArgumentError,
    "OUT_OF_RANGE": errors.InvalidArgumentError,
    "NOT_FOUND": errors.NotFoundError,
    "UNAUTHENTICATED": errors.AccessError,
    "PERMISSION_DENIED": errors.AccessError,
    "RESOURCE_EXHAUSTED": errors.ResourceExhaustedError,
    "UNAVAILABLE": errors.UnavailableError,
    "DEADLINE_EXCEEDED": errors.DeadlineExceededError,
    "UNIMPLEMENTED": errors.UnimplementedError,
}

#: The status of gRPC behind each status of HTTP; 413 is what bodies that are too large get.
_OF_HTTP = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

#: What each error says around the server's own words, and what to do.
_WORDS: dict[type[ServingError], tuple[str, str]] = {
    errors.InvalidArgumentError: ("refuses the request", ""),
    errors.NotFoundError: ("has no such model", "Check the model's name and version"),
    errors.AccessError: ("refuses access", "Ask whoever runs it"),
    errors.ResourceExhaustedError: (
        "has no room for the request",
        "Send less at a time (batch_size, batch_bytes), or later",
    ),
    errors.UnavailableError: ("cannot answer now", "Ask again later"),
    errors.DeadlineExceededError: ("gave up", "Wait longer (deadline), or send less at a time"),
    errors.UnimplementedError: ("does not know this request", "Check that it serves models"),
    errors.InternalError: ("failed", "Its log says more"),
}


def from_grpc(server: str, status: str, message: str) -> ServingError:
    """The error behind a status of gRPC.

    Args:
        server: the server's address.
        status: the status's name, such as ``NOT_FOUND``.
        message: the server's own words.

    Example:
        >>> raise from_grpc("grpc://a:8500", "NOT_FOUND", "Could not find version 3 of model m")
        Traceback (most recent call last):
            ...
        pnn_keras.errors.NotFoundError: The server at grpc://a:8500 has no such model: Could not
        find version 3 of model m. Check the model's name and version
    """
    kind = _OF_GRPC.get(status, errors.InternalError)
    what, mend = _WORDS[kind]
    said = message.strip().rstrip(".")
    text = f"The server at {server} {what}" + (f": {said}" if said else "")
    return kind(f"{text}. {mend}" if mend else text)


def from_http(server: str, status: int, message: str) -> ServingError:
    """The error behind a status of HTTP; see :func:`from_grpc`.

    Example:
        >>> type(from_http("http://a:8501", 404, "")).__name__
        'NotFoundError'
    """
    return from_grpc(server, _OF_HTTP.get(status, "INTERNAL"), message)


def nobody_there(server: str, reason: str = "") -> errors.UnavailableError:
    """The error where no connection comes about, or it breaks."""
    why = f" ({reason})" if reason else ""
    return errors.UnavailableError(
        f"No server answers at {server}{why}. Start one (pnn-keras serve MODEL), or check the "
        f"address: REST is http://HOST:{REST_PORT}, gRPC is grpc://HOST:{GRPC_PORT}"
    )


def too_late(server: str, seconds: float) -> errors.DeadlineExceededError:
    """The error where no answer came within the deadline, in seconds."""
    return errors.DeadlineExceededError(
        f"The server at {server} gave no answer within {seconds:.3g} s. Wait longer (deadline), "
        "or send less at a time (batch_size)"
    )


def no_sense(server: str, received: str) -> errors.InternalError:
    """The error where what answers is no model server."""
    return errors.InternalError(
        f"A model server answers in TensorFlow Serving's form. Received from {server}: "
        f"{received}. Check the address"
    )

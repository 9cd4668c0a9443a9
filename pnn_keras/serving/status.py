"""Status codes, as gRPC numbers them, and what each is over HTTP."""

from __future__ import annotations

import enum

from pnn_keras.errors import PnnKerasError


class Code(enum.IntEnum):
    """The canonical status codes of gRPC, which TensorFlow's errors bear too."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


#: HTTP's code for each status; 500 for the rest.
_HTTP = {
    Code.OK: 200,
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.OUT_OF_RANGE: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.CANCELLED: 499,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}


def http_code(code: Code) -> int:
    """The HTTP status code that a status has in TensorFlow Serving.

    Example:

    >>> http_code(Code.NOT_FOUND), http_code(Code.DATA_LOSS)
    (404, 500)
    """
    return _HTTP.get(code, 500)


class StatusError(PnnKerasError):
    """A request that ends with a status other than OK.

    Attributes:
        code: the status, a :class:`Code`.
        message: what the client is told.
    """

    def __init__(self, code: Code, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> StatusError:
    """A client's mistake: INVALID_ARGUMENT, 400 over HTTP."""
    return StatusError(Code.INVALID_ARGUMENT, message)


def as_status(error: BaseException) -> StatusError:
    """Any exception as a status: TensorFlow's keep their code, others are INTERNAL.

    Example:

    >>> as_status(TimeoutError()).code.name, as_status(KeyError("x")).code.name
    ('DEADLINE_EXCEEDED', 'INTERNAL')
    """
    if isinstance(error, StatusError):
        return error
    if isinstance(error, TimeoutError):
        return StatusError(Code.DEADLINE_EXCEEDED, "Deadline exceeded")
    code = getattr(error, "error_code", None)
    if isinstance(code, int) and hasattr(error, "message"):
        known = code in Code.__members__.values()
        return StatusError(Code(code) if known else Code.UNKNOWN, str(error.message))
    return StatusError(Code.INTERNAL, f"{type(error).__name__}: {error}")

"""Where a model is served: the address of a server, and what it says of the model."""

from __future__ import annotations

import dataclasses
import re
from urllib.parse import quote, unquote, urlsplit

from pnn_keras.errors import UserError

#: Where TensorFlow Serving listens unless told otherwise.
GRPC_PORT, REST_PORT = 8500, 8501

_SECURE = {"http": False, "https": True, "grpc": False, "grpcs": True}

_MODEL = re.compile(
    r"(?P<prefix>.*?)(/v1/models/(?P<model>[^/]+)"
    r"(/versions/(?P<version>\d+)|/labels/(?P<label>[^/]+))?)?/*"
)


@dataclasses.dataclass(frozen=True)
class Served:
    """One served model: its name, and a version or a label where not just the newest is meant."""

    model: str
    version: int | None = None
    label: str | None = None

    def __post_init__(self):
        if self.version is not None and self.label is not None:
            raise UserError(
                "A served model is named by a version or by a label, not by both. "
                f"Received: version={self.version}, label={self.label!r}"
            )

    @property
    def path(self) -> str:
        """The path of the model over REST.

        Example:
            >>> Served("emotion", label="canary").path
            '/v1/models/emotion/labels/canary'
        """
        path = f"/v1/models/{quote(self.model, safe='')}"
        if self.version is not None:
            return f"{path}/versions/{self.version}"
        return path if self.label is None else f"{path}/labels/{quote(self.label, safe='')}"


@dataclasses.dataclass(frozen=True)
class Address:
    """The address of a server.

    Attributes:
        scheme: ``http``, ``https``, ``grpc`` or ``grpcs``.
        host: host and port.
        prefix: what comes before ``/v1/`` (over REST, behind a proxy).
        model: the model that it names, or None.
        version: the version that it names, or None.
        label: the label that it names, or None.
    """

    scheme: str
    host: str
    prefix: str = ""
    model: str | None = None
    version: int | None = None
    label: str | None = None

    @property
    def base(self) -> str:
        """The address without the model."""
        return f"{self.scheme}://{self.host}{self.prefix}"

    @property
    def is_grpc(self) -> bool:
        """Whether the server speaks gRPC, not REST."""
        return self.scheme.startswith("grpc")

    @property
    def is_secure(self) -> bool:
        """Whether the connection is encrypted."""
        return _SECURE[self.scheme]


def parse_address(url: str) -> Address:
    """Reads the address of a server, with or without a model.

    Args:
        url: ``http://HOST:PORT``, ``https://...``, ``grpc://HOST:PORT`` (the
            port is 8500 if left out) or ``grpcs://...``; behind it
            ``/v1/models/NAME`` may follow, and behind that ``/versions/NUMBER``
            or ``/labels/LABEL``.

    Returns:
        The address.

    Raises:
        UserError: ``url`` is anything else.

    Example:
        >>> parse_address("http://localhost:8501/v1/models/emotion/versions/3")
        Address(scheme='http', host='localhost:8501', prefix='', model='emotion', version=3,
        label=None)
        >>> parse_address("grpc://localhost").base
        'grpc://localhost:8500'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:  # a port that is no number, a bracket that is not closed
        raise _no_address(url) from error
    named = _MODEL.fullmatch(parts.path)
    if parts.scheme not in _SECURE or not host or parts.query or parts.fragment or not named:
        raise _no_address(url)
    is_grpc = parts.scheme.startswith("grpc")
    if is_grpc and (named["prefix"] or parts.username):
        raise _no_address(url)
    return Address(
        parts.scheme,
        f"{parts.netloc.rstrip(':')}:{GRPC_PORT}" if is_grpc and port is None else parts.netloc,
        named["prefix"],
        unquote(named["model"]) if named["model"] else None,
        int(named["version"]) if named["version"] else None,
        unquote(named["label"]) if named["label"] else None,
    )


def _no_address(url: str) -> UserError:
    return UserError(
        f"A server's address is http://HOST:{REST_PORT} or grpc://HOST:{GRPC_PORT}, and "
        f"/v1/models/NAME may follow. Received: {url!r}"
    )

"""Where a model lies that is not on this machine: an archive on a web server, or a model hub."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pnn_keras.errors import UserError

#: The forms in which a model is named, for error messages.
FORMS = (
    "A model is the name of a preset in the zoo, the path of a preset folder or of a .keras file, "
    "an archive at https://HOST/FILE#sha256=HEX, or hf://OWNER/NAME[@REVISION]"
)

# Two letters at least: one is a drive of Windows.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_SUM = re.compile(r"[0-9a-f]{64}")
_PACKED = re.compile(r"\.(zip|tar|tgz|tar\.gz)$", re.IGNORECASE)
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9][\w./-]*", re.ASCII)


@dataclasses.dataclass(frozen=True)
class WebAddress:
    """An archive on a web server.

    Args:
        url: its address.
        sha256: the archive's SHA-256, 64 hex digits in small letters.
    """

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """The archive's name without its ending, as a folder may be called."""
        file = unquote(urlsplit(self.url).path.rstrip("/").rpartition("/")[2])
        return folder_name(_PACKED.sub("", file))

    def __str__(self) -> str:
        return f"{self.url}#sha256={self.sha256}"


@dataclasses.dataclass(frozen=True)
class HubAddress:
    """A repository of models on a hub.

    Args:
        repository: ``OWNER/NAME``.
        revision: a branch, tag or commit of it; None means its main branch.
    """

    repository: str
    revision: str | None = None

    @property
    def name(self) -> str:
        """The repository's name without its owner."""
        return self.repository.rpartition("/")[2]

    def __str__(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")


def parse_address(text: str, sha256: str | None = None) -> WebAddress | HubAddress | None:
    """Where a model lies, if it is not on this machine; else None.

    Args:
        text: what a user names as a model.
        sha256: of an archive, where the address does not end with it.

    Raises:
        UserError: an address of another form, an archive without its SHA-256,
            or a SHA-256 of anything but an archive.

    Example:

    >>> parse_address("hf://someone/gender-emotion@v1")
    HubAddress(repository='someone/gender-emotion', revision='v1')
    >>> parse_address("https://example.org/a.zip#sha256=" + "0" * 64).name
    'a'
    >>> parse_address("gender-emotion-emodb") is None
    True
    """
    scheme = _SCHEME.match(text)
    kind = scheme[1].casefold() if scheme else None
    if kind in ("http", "https"):
        return _web(text, sha256)
    if sha256 is not None:
        raise UserError(f"sha256 is of an archive at https://. Received: {text!r} with sha256")
    if kind is None:
        return None
    if kind == "hf":
        return hub_address(text)
    raise UserError(f"{FORMS}. Received: {text}")


def hub_address(text: str) -> HubAddress:
    """A repository on a hub, from ``hf://OWNER/NAME`` or ``hf://OWNER/NAME@REVISION``.

    Raises:
        UserError: the text is of another form.

    Example:

    >>> str(hub_address("hf://someone/gender-emotion"))
    'hf://someone/gender-emotion'
    """
    repository, at, revision = text.partition("://")[2].partition("@")
    fits = _REPOSITORY.fullmatch(repository) and not re.search(r"\.\.|--", repository)
    if at:
        fits = fits and _REVISION.fullmatch(revision) and ".." not in revision
    if not (fits and text.casefold().startswith("hf://")):
        raise UserError(f"A model on a hub is hf://OWNER/NAME[@REVISION]. Received: {text!r}")
    return HubAddress(repository, revision or None)


def model_name(model: str | os.PathLike) -> str:
    """What a model is called: the last part of where it lies, without an archive's ending.

    Example:

    >>> model_name("export/models/gender-emotion"), model_name("chains/mine.keras")
    ('gender-emotion', 'mine')
    >>> model_name("hf://someone/theirs@v1")
    'theirs'
    """
    text = os.fspath(model)
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].casefold() in ("http", "https"):
        return WebAddress(text.partition("#")[0], "").name
    if scheme:
        return hub_address(text).name
    path = Path(os.path.abspath(text))
    return path.stem if path.suffix == ".keras" else path.name


def folder_name(text: str) -> str:
    """A text as the name of a visible folder on any system.

    Example:

    >>> folder_name("../x y.v2"), folder_name("")
    ('x_y.v2', 'preset')
    """
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII).lstrip("._-") or "preset"


def _web(text: str, sha256: str | None) -> WebAddress:
    url, _, fragment = text.partition("#")
    _check_url(url)
    stated = fragment.removeprefix("sha256=") if fragment else sha256
    if not stated:
        raise UserError(
            f"An archive is loaded with its SHA-256 alone: whoever keeps the server could put "
            f"another file there. Nothing was downloaded. Give the sum that its publisher states: "
            f"{url}#sha256=HEX, or in Python load({url!r}, sha256=HEX)"
        )
    stated = stated.casefold()
    if not _SUM.fullmatch(stated):
        raise UserError(f"A SHA-256 is 64 hex digits: #sha256=HEX. Received: {stated!r}")
    if sha256 is not None and sha256.casefold() != stated:
        raise UserError(f"Two SHA-256 are given for {url}: {stated} and {sha256}")
    return WebAddress(url, stated)


def _check_url(url: str) -> None:
    """Refuses what could not be asked for, or would be asked for in the open."""
    if not (url.isascii() and url.isprintable()) or " " in url:
        raise UserError(f"An address is ASCII, other characters as %XX. Received: {url!r}")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise UserError(f"{url} is no address of a web server: {error}") from error
    if not host or not parts.path.strip("/"):
        raise UserError(f"{FORMS}. Received: {url}")
    if parts.username is not None or parts.password is not None:
        raise UserError("An address holds no user name or password: it is shown and recorded")
    if parts.scheme.casefold() == "http" and not _is_this_machine(host):
        raise UserError(
            f"Models are loaded over https:// (http:// from this machine alone). Received: {url}"
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

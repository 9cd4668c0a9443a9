"""Downloading one file, with resume, and comparing it with what was published."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pnn_keras.errors import PnnKerasError, UserError

_CHUNK = 2**18
_TIMEOUT = 30.0
_TRIES = 5
_PAUSE = 1.0


@dataclasses.dataclass(frozen=True)
class Archive:
    """Where a corpus is published, and what is known of the file.

    Args:
        url: the official address.
        size: its size in bytes, or None if its publisher does not state it.
        md5: its MD5 in hex digits, or None.
        sha256: its SHA-256 in hex digits, or None.
    """

    url: str
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None

    @property
    def file(self) -> str:
        """The file's name: the last part of the address."""
        return self.url.rpartition("/")[2].partition("?")[0]


def verify(archive: Archive, path: Path) -> tuple[str, bool]:
    """Compares a downloaded file with the published size and sums.

    Args:
        archive: what was published.
        path: the file; removed if it is another one, so that the next call
            starts anew.

    Returns:
        Its SHA-256 in hex digits, and whether there was a sum to compare.

    Raises:
        PnnKerasError: size or sum differ.
    """
    sums = {"md5": hashlib.md5(usedforsecurity=False), "sha256": hashlib.sha256()}
    size = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            for digest in sums.values():
                digest.update(chunk)
    found = {"size": size, **{kind: digest.hexdigest() for kind, digest in sums.items()}}
    expected = {kind: getattr(archive, kind) for kind in found}
    for kind, value in expected.items():
        if value is not None and value != found[kind]:
            forget(path)
            raise PnnKerasError(
                f"{archive.url} is not the published file. Expected: {kind} {value}. Received: "
                f"{kind} {found[kind]}. It was removed; try again, and if this stays, compare "
                "with the page that it was published on."
            )
    return found["sha256"], bool(archive.md5 or archive.sha256)


def fetch(
    archive: Archive,
    part: Path,
    *,
    most_bytes: int | None = None,
    progress: bool = True,
    pause: float = _PAUSE,
) -> int:
    """Downloads a file, going on where an earlier call stopped.

    A redirection away from ``https://`` is not followed.

    Args:
        archive: what to download.
        part: the file to write; beside it the server's mark of this very
            version (ETag or date) is kept, without which nothing is resumed.
        most_bytes: the largest size, in bytes; None means any.
        progress: show a progress bar, on stderr.
        pause: seconds before the first retry; twice as long before each next.

    Returns:
        The size in bytes.

    Raises:
        UserError: too little space on the disk.
        PnnKerasError: the server refuses, the file is larger than
            ``most_bytes``, or the connection broke five times without a byte
            in between. ``part`` stays after the latter, for the next call.
    """
    with _bar(archive.file, progress) as show:
        failures = 0
        while True:
            before = _length(part)
            try:
                return _fetch_once(archive, part, most_bytes, show)
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise PnnKerasError(
                        f"{archive.url} cannot be downloaded: the server answers {error.code} "
                        f"{error.reason}"
                    ) from error
                reason: Exception = error
            except (OSError, http.client.HTTPException) as error:
                _refuse_disk_error(part, error)
                reason = error
            failures = 1 if _length(part) > before else failures + 1
            if failures >= _TRIES:
                raise PnnKerasError(
                    f"{archive.url}: the download broke off {_TRIES} times at {_length(part)} "
                    f"bytes ({reason}). Run the same command again to go on from there."
                ) from reason
            time.sleep(pause * 2 ** (failures - 1))


def forget(part: Path) -> None:
    """Removes a downloaded file and what is kept beside it."""
    part.unlink(missing_ok=True)
    _mark(part).unlink(missing_ok=True)


def _refuse_disk_error(part: Path, error: Exception) -> None:
    """Raises a UserError if it was the disk that failed, not the connection."""
    code = getattr(error, "errno", None)
    if getattr(error, "filename", None) is not None or code in (errno.ENOSPC, errno.EDQUOT):
        raise UserError(
            f"{part} cannot be written: {error.strerror}. Name another folder, or free some space "
            "and run the same command again to go on."
        ) from error


def _fetch_once(
    archive: Archive,
    part: Path,
    most_bytes: int | None,
    show: Callable[[int, int | None], None],
) -> int:
    mark = _mark(part)
    validator = _read_mark(mark)
    have = _length(part) if validator else 0
    headers = {"User-Agent": "pnn-keras", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    request = urllib.request.Request(archive.url, headers=headers)
    try:
        response = _OPENER.open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not have:
            raise
        total = error.headers.get("Content-Range", "").rpartition("/")[2]
        if total == str(have):
            return have
        forget(part)
        return _fetch_once(archive, part, most_bytes, show)
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0
        elif not _starts_at(response, have):
            forget(part)
            raise http.client.HTTPException("another part of the file came than was asked for")
        total = _total(response, have)
        _check_size(archive, part, total, most_bytes)
        _check_space(part, (total or archive.size or 0) - have)
        mark.write_text(_validator(response), encoding="utf-8")
        with open(part, "r+b" if have else "wb") as file:
            file.seek(have)
            show(have, total)
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                _check_size(archive, part, have, most_bytes)
                show(have, total)
    if total is not None and have < total:
        raise http.client.HTTPException(f"{have} of {total} bytes came")
    return have


class _Redirections(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but never from ``https://`` to what anyone can read or change."""

    def redirect_request(self, request, fp, code, msg, headers, newurl):
        if request.type == "https" and urlsplit(newurl).scheme != "https":
            raise PnnKerasError(
                f"{request.full_url} leads away from https://, to {newurl}. It was not followed"
            )
        return super().redirect_request(request, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_Redirections)


def _check_size(archive: Archive, part: Path, size: int | None, most_bytes: int | None) -> None:
    if most_bytes is not None and (size or 0) > most_bytes:
        forget(part)
        raise PnnKerasError(
            f"{archive.url} is larger than {most_bytes} bytes, so it was not downloaded"
        )


def _total(response, have: int) -> int | None:
    length = response.headers.get("Content-Length")
    return have + int(length) if length and length.isdigit() else None


def _starts_at(response, have: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _validator(response) -> str:
    """What tells this version of the file from a later one; a weak ETag does not."""
    etag = response.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified", "")


def _mark(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _read_mark(mark: Path) -> str:
    try:
        return mark.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _length(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def _check_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise UserError(
            f"The disk of {part.parent} is too full: {needed} bytes are needed, {free} are free. "
            "Free some space or name another folder."
        )


@contextlib.contextmanager
def _bar(title: str, progress: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar as a function of the bytes so far and of all bytes."""
    if not progress:
        yield lambda done, total: None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    # What a command answers goes to stdout, and may be read by a program.
    with bars.Progress(*columns, console=Console(stderr=True)) as display:
        task = display.add_task(title, total=None)
        yield lambda done, total: display.update(task, completed=done, total=total)

"""Downloading the corpora that are free for anybody, from their official addresses."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import http.client
import json
import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from pnn_keras.corpora import list_corpora, open_corpus
from pnn_keras.corpora.unpack import MOST_BYTES, unpack
from pnn_keras.corpus import CorpusInfo
from pnn_keras.errors import PnnKerasError, UserError

_CHUNK = 2**18
_TIMEOUT = 30.0
_TRIES = 5
_PAUSE = 1.0
RECORD = "download.json"


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


#: What can be downloaded without asking anybody. Sums are those that the
#: publisher gives (Zenodo's and OpenSLR's are MD5); EmoDB's site gives none.
#: Of LibriSpeech it is the subset dev-clean (40 speakers).
ARCHIVES: dict[str, Archive] = {
    "EmoDB": Archive("http://emodb.bilderbar.info/download/download.zip"),
    "RAVDESS": Archive(
        "https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip",
        size=208_468_073,
        md5="bc696df654c87fed845eb13823edef8a",
    ),
    "LibriSpeech": Archive(
        "https://www.openslr.org/resources/12/dev-clean.tar.gz",
        size=337_926_286,
        md5="42e2234ba48799c1f50f24a7926300a1",
    ),
}


@dataclasses.dataclass(frozen=True)
class Download:
    """A corpus that was downloaded and unpacked.

    Args:
        folder: where it lies.
        url: where it came from.
        size: the archive's size in bytes.
        sha256: the archive's SHA-256 in hex digits.
        checked: True if the archive agreed with a sum that its publisher gives.
        clips: number of utterances that the corpus holds.
    """

    folder: Path
    url: str
    size: int
    sha256: str
    checked: bool
    clips: int

    def __str__(self) -> str:
        trust = "agrees with the published sum" if self.checked else "no published sum to compare"
        return (
            f"{self.folder}: {self.clips} clips from {self.url} "
            f"({self.size} bytes, sha256 {self.sha256}, {trust})"
        )


def get(
    name: str, folder: str | os.PathLike, *, archive: Archive | None = None, progress: bool = True
) -> Download:
    """Downloads a corpus, checks it and unpacks it to ``folder/NAME``.

    An interrupted download goes on where it stopped, also in a later call, as
    long as the server still has the same file. Nothing stands under the final
    name before it is complete.

    Args:
        name: a corpus's name, in any case.
        folder: the folder to put it below (what PNN_KERAS_DATA names, say).
        archive: where to take it from; None for the official address.
        progress: show a progress bar.

    Returns:
        Where it lies and what came; the same is kept in ``download.json`` there.

    Raises:
        UserError: an unknown corpus, one that must be applied for (the message
            says where), a folder that exists already, or too little space.
        PnnKerasError: the server cannot be reached, the connection broke too
            often, or the file is not the published one.
    """
    info = _info(name)
    archive = archive or ARCHIVES.get(info.name)
    if archive is None:
        raise UserError(f"{info.name} is not downloaded by this command. {info.obtain}")
    target = Path(os.path.abspath(folder)) / info.name
    if target.exists():
        raise UserError(f"The folder {target} exists already. Remove it, or use it as it is.")
    _make(target.parent)
    part = target.parent / f".{info.name}-{archive.file}.part"
    size = fetch(archive, part, progress=progress)
    sha256, checked = verify(archive, part)
    with _scratch(target.parent, info.name) as scratch:
        unpack(part, scratch, most_bytes=min(MOST_BYTES, shutil.disk_usage(scratch).free))
        clips = len(open_corpus(f"{info.name}={scratch}"))
        download = Download(target, archive.url, size, sha256, checked, clips)
        record = {k: v for k, v in dataclasses.asdict(download).items() if k != "folder"}
        (scratch / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        scratch.rename(target)
    _forget(part)
    return download


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be made: {error.strerror}. Name another one."
        ) from error


def _info(name: str) -> CorpusInfo:
    known = {info.name.casefold(): info for info in list_corpora()}
    if name.casefold() not in known:
        raise UserError(
            f"No corpus is called {name!r}. Expected one of: "
            f"{', '.join(info.name for info in known.values())}"
        )
    return known[name.casefold()]


@contextlib.contextmanager
def _scratch(parent: Path, name: str) -> Iterator[Path]:
    """A new folder beside the final one, gone afterwards unless it was renamed."""
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
    # mkdtemp makes folders that only their owner may enter.
    scratch.chmod(0o777 & ~_umask())
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
            _forget(path)
            raise PnnKerasError(
                f"{archive.url} is not the published file. Expected: {kind} {value}. Received: "
                f"{kind} {found[kind]}. It was removed; try again, and if this stays, compare "
                "with the corpus's page."
            )
    return found["sha256"], bool(archive.md5 or archive.sha256)


def fetch(archive: Archive, part: Path, *, progress: bool = True, pause: float = _PAUSE) -> int:
    """Downloads a file, going on where an earlier call stopped.

    Args:
        archive: what to download.
        part: the file to write; beside it the server's mark of this very
            version (ETag or date) is kept, without which nothing is resumed.
        progress: show a progress bar.
        pause: seconds before the first retry; twice as long before each next.

    Returns:
        The size in bytes.

    Raises:
        UserError: too little space on the disk.
        PnnKerasError: the server refuses, or the connection broke five times
            without a byte in between. ``part`` stays, for the next call.
    """
    with _bar(archive.file, progress) as show:
        failures = 0
        while True:
            before = _length(part)
            try:
                return _fetch_once(archive, part, show)
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


def _refuse_disk_error(part: Path, error: Exception) -> None:
    """Raises a UserError if it was the disk that failed, not the connection."""
    code = getattr(error, "errno", None)
    if getattr(error, "filename", None) is not None or code in (errno.ENOSPC, errno.EDQUOT):
        raise UserError(
            f"{part} cannot be written: {error.strerror}. Name another folder, or free some space "
            "and run the same command again to go on."
        ) from error


def _fetch_once(archive: Archive, part: Path, show: Callable[[int, int | None], None]) -> int:
    mark = _mark(part)
    validator = _read_mark(mark)
    have = _length(part) if validator else 0
    headers = {"User-Agent": "pnn-keras", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    request = urllib.request.Request(archive.url, headers=headers)
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not have:
            raise
        total = error.headers.get("Content-Range", "").rpartition("/")[2]
        if total == str(have):
            return have
        _forget(part)
        return _fetch_once(archive, part, show)
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0
        elif not _starts_at(response, have):
            _forget(part)
            raise http.client.HTTPException("another part of the file came than was asked for")
        total = _total(response, have)
        _check_space(part, (total or archive.size or 0) - have)
        mark.write_text(_validator(response), encoding="utf-8")
        with open(part, "r+b" if have else "wb") as file:
            file.seek(have)
            show(have, total)
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                show(have, total)
    if total is not None and have < total:
        raise http.client.HTTPException(f"{have} of {total} bytes came")
    return have


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


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _mark(part).unlink(missing_ok=True)


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

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns) as display:
        task = display.add_task(title, total=None)
        yield lambda done, total: display.update(task, completed=done, total=total)

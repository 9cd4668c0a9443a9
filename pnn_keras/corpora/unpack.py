"""Unpacking an archive that nobody vouches for."""

from __future__ import annotations

import dataclasses
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from pnn_keras.errors import PnnKerasError

#: An archive may not unpack to more than this many bytes ...
MOST_BYTES = 64 * 2**30
#: ... nor hold more than this many files.
MOST_FILES = 1_000_000

_CHUNK = 2**20
# RuntimeError is how zipfile says "encrypted", NotImplementedError a compression it lacks.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
)


class ArchiveError(PnnKerasError):
    """An archive that is damaged or that tries to write where it should not."""


def unpack(archive: Path, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
    """Unpacks a zip or tar archive into a new folder.

    All names are judged before anything is written: absolute names, names that
    lead out of the folder, links, devices and repeated names are refused, and
    so is an archive that holds more than ``most_bytes``, whatever its headers
    say.

    Args:
        archive: a .zip, .tar.gz, .tgz or .tar file.
        folder: where to; made if it does not exist.
        most_bytes: the largest unpacked size, in bytes.

    Raises:
        ArchiveError: the archive is damaged, hostile, too large or of an
            unknown kind. What was written until then stays in ``folder``.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                _write(archive, folder, list(_zip_members(opened)), most_bytes)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as opened:
                _write(archive, folder, list(_tar_members(opened)), most_bytes)
        else:
            raise ArchiveError(f"An archive is a zip or tar file. Received: {archive}")
    except _DAMAGE as error:
        raise ArchiveError(f"The archive {archive} is damaged: {error}") from error


@dataclasses.dataclass(frozen=True)
class _Member:
    """One entry of an archive: its name, stated size, kind, and how to open it."""

    name: str
    size: int
    kind: str
    open: Callable[[], IO[bytes]]


def _zip_members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        mode = info.external_attr >> 16
        # The system that packed it need not be one that writes a file's type.
        plain = stat.S_IFMT(mode) in (0, stat.S_IFREG, stat.S_IFDIR)
        kind = "folder" if info.is_dir() else "file" if plain else "link or device"
        yield _Member(info.filename, info.file_size, kind, lambda info=info: archive.open(info))


def _tar_members(archive: tarfile.TarFile) -> Iterator[_Member]:
    for info in archive:
        kind = "folder" if info.isdir() else "file" if info.isfile() else "link or device"
        yield _Member(info.name, info.size, kind, lambda info=info: archive.extractfile(info))


def _write(archive: Path, folder: Path, members: list[_Member], most_bytes: int) -> None:
    _judge(archive, members, most_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    left = most_bytes
    for member in members:
        target = folder.joinpath(*_parts(member.name))
        if member.kind == "folder":
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, open(target, "xb") as sink:
            while chunk := source.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise ArchiveError(_too_large(archive, most_bytes))
                sink.write(chunk)


def _judge(archive: Path, members: list[_Member], most_bytes: int) -> None:
    if len(members) > MOST_FILES:
        raise ArchiveError(f"The archive {archive} holds more than {MOST_FILES} files")
    if sum(member.size for member in members) > most_bytes:
        raise ArchiveError(_too_large(archive, most_bytes))
    seen: set[str] = set()
    for member in members:
        reason = _fault(member)
        path = os.path.join(*_parts(member.name)) if reason is None else ""
        if reason is None and member.kind == "file" and path in seen:
            reason = "a name that occurs twice"
        if reason is not None:
            raise ArchiveError(
                f"The archive {archive} was not unpacked: it holds {reason}: {member.name!r}"
            )
        seen.add(path)


def _fault(member: _Member) -> str | None:
    name = member.name
    if member.kind not in ("file", "folder"):
        return "a link or device"
    if name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":"):
        return "an absolute name"
    if ".." in name.replace("\\", "/").split("/"):
        return "a name that leads out of the folder"
    if "\0" in name or "\\" in name or (member.kind == "file" and not _parts(name)):
        return "an impossible name"
    return None


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")] or ["."]


def _too_large(archive: Path, most_bytes: int) -> str:
    return f"The archive {archive} unpacks to more than {most_bytes} bytes and was not unpacked"

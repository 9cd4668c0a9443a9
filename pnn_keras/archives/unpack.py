"""Unpacking an archive that nobody vouches for."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import os
import stat
import struct
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
_GZIP = b"\x1f\x8b"
# What tar adds to a file: its header, the rest of its last block, and a long name's.
_TAR_OVERHEAD = 4096
#: How the files of a zip may be packed: the others can ask for gigabytes of memory.
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# RuntimeError is how zipfile says "encrypted", NotImplementedError a compression it lacks; the
# last ones come of lengths and texts that no packer writes.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    NotImplementedError,
    MemoryError,
    OverflowError,
    ValueError,
    struct.error,
)


class ArchiveError(PnnKerasError):
    """An archive that is damaged or that tries to write where it should not."""


def unpack(
    archive: Path, folder: Path, *, most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES
) -> None:
    """Unpacks a zip or tar archive into a new folder.

    All names are judged before anything is written: absolute names, names that
    lead out of the folder, links, devices and repeated names are refused, and
    so is an archive that holds more than ``most_files`` or ``most_bytes``,
    whatever its headers say.

    Args:
        archive: a .zip, .tar.gz, .tgz or .tar file.
        folder: where to; made if it does not exist.
        most_bytes: the largest unpacked size, in bytes.
        most_files: the largest number of files and folders.

    Raises:
        ArchiveError: the archive is damaged, hostile, too large or of an
            unknown kind. What was written until then stays in ``folder``.
    """
    most = _Most(archive, most_bytes, most_files)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                _write(folder, _zip_members(opened), most)
        else:
            with _open_tar(archive, most) as opened:
                _write(folder, _tar_members(opened), most)
    except _DAMAGE as error:
        raise ArchiveError(f"The archive {archive} is damaged: {error}") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise ArchiveError(
            f"The archive {archive} holds a file and a folder of one name: {error.filename}"
        ) from error


@dataclasses.dataclass(frozen=True)
class _Most:
    """How much an archive may unpack to."""

    archive: Path
    bytes: int
    files: int

    def check_bytes(self, size: int) -> None:
        if size > self.bytes:
            raise ArchiveError(
                f"The archive {self.archive} unpacks to more than {self.bytes} bytes and was not "
                "unpacked"
            )

    def check_files(self, count: int) -> None:
        if count > self.files:
            raise ArchiveError(f"The archive {self.archive} holds more than {self.files} files")


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
        kind = "folder" if info.filename.endswith("/") else "file" if plain else "link or device"
        if info.compress_type not in _ZIP_METHODS:
            kind = "file packed in another way than zip's usual one"
        yield _Member(info.filename, info.file_size, kind, lambda info=info: archive.open(info))


def _tar_members(archive: tarfile.TarFile) -> Iterator[_Member]:
    for info in archive:
        kind = "folder" if info.isdir() else "file" if info.isfile() else "link or device"
        yield _Member(info.name, info.size, kind, lambda info=info: archive.extractfile(info))


def _open_tar(archive: Path, most: _Most) -> tarfile.TarFile:
    """Opens a tar file.

    Its headers are read whole, however long they say they are, so a packed one
    is unpacked to nowhere first: what is small enough then is small enough.
    """
    with open(archive, "rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
    if packed:
        with gzip.open(archive) as file:
            for size in itertools.accumulate(map(len, iter(lambda: file.read(_CHUNK), b""))):
                most.check_bytes(size - _TAR_OVERHEAD * most.files)
    try:
        return tarfile.open(archive, "r:gz" if packed else "r:")
    except tarfile.ReadError as error:
        raise ArchiveError(
            f"An archive is a .zip, .tar or .tar.gz file. Received: {archive}, which is none"
        ) from error


def _write(folder: Path, members: Iterator[_Member], most: _Most) -> None:
    known = _judged(members, most)
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for member in known:
        target = folder.joinpath(*_parts(member.name))
        if member.kind == "folder":
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, open(target, "xb") as sink:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                most.check_bytes(written)
                sink.write(chunk)


def _judged(members: Iterator[_Member], most: _Most) -> list[_Member]:
    """The members, none of which is at fault, and not too many or too large."""
    known: list[_Member] = []
    stated = 0
    seen: set[str] = set()
    for member in members:
        known.append(member)
        stated += member.size
        most.check_files(len(known))
        most.check_bytes(stated)
        reason = _fault(member)
        path = os.path.join(*_parts(member.name)) if reason is None else ""
        if reason is None and member.kind == "file" and path in seen:
            reason = "a name that occurs twice"
        if reason is not None:
            raise ArchiveError(
                f"The archive {most.archive} was not unpacked: it holds {reason}: {member.name!r}"
            )
        seen.add(path)
    return known


def _fault(member: _Member) -> str | None:
    name = member.name
    if member.kind not in ("file", "folder"):
        return f"a {member.kind}"
    if name.startswith(("/", "\\")) or (len(name) > 1 and name[1] == ":"):
        return "an absolute name"
    if ".." in name.replace("\\", "/").split("/"):
        return "a name that leads out of the folder"
    if "\0" in name or "\\" in name or (member.kind == "file" and _parts(name) == ["."]):
        return "an impossible name"
    return None


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")] or ["."]

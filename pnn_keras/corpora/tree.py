"""What lies in a corpus folder: its audio files, and the names of everything else."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from pnn_keras.errors import CorpusError

#: The audio formats that a corpus may be stored in; the first two lose nothing.
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")

#: Endings of archives and of unfinished downloads.
_PACKED = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar", ".part", ".crdownload")

_POINTER = b"version https://git-lfs"
_LONGEST_POINTER = 200


@dataclasses.dataclass(frozen=True)
class AudioFile:
    """One audio file below a corpus folder.

    Args:
        id: its path relative to the corpus folder, with forward slashes.
        path: its absolute path.
        size: its size in bytes; None for a link that leads nowhere.
    """

    id: str
    path: Path
    size: int | None

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders of ``id`` and the file's name."""
        return tuple(self.id.split("/"))

    @property
    def stem(self) -> str:
        """The file's name without its ending: ``"03a01Fa"``."""
        return self.id.rpartition("/")[2].rpartition(".")[0]

    @property
    def fault(self) -> str | None:
        """Why there is no sound to be read from it, as far as its size tells."""
        if self.size is None:
            return "a link to a file that is not there"
        if self.size == 0:
            return "zero bytes"
        if self.size <= _LONGEST_POINTER and _starts_as_pointer(self.path):
            return "a Git LFS pointer instead of audio: run `git lfs pull` in the clone"
        return None


def _starts_as_pointer(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError:
        return False


@dataclasses.dataclass(frozen=True)
class Tree:
    """A corpus folder, walked once.

    Args:
        folder: the folder's absolute path.
        audio: its audio files, sorted by ``id``.
        others: all other files, as sorted relative paths with forward slashes.
        folders: all folders below it, likewise.
    """

    folder: Path
    audio: tuple[AudioFile, ...]
    others: tuple[str, ...]
    folders: tuple[str, ...]

    def find(self, name: str) -> Path | None:
        """The file called ``name`` (in any case) that lies nearest to the top.

        A user may name the audio folder instead of the corpus folder, so the
        folder above is looked at too.
        """
        wanted = name.casefold()
        found = [o for o in self.others if o.rpartition("/")[2].casefold() == wanted]
        if found:
            return self.folder / min(found, key=lambda o: (o.count("/"), o))
        for path in self.folder.parent.glob("*"):
            if path.name.casefold() == wanted and path.is_file():
                return path
        return None

    @property
    def packed(self) -> tuple[str, ...]:
        """The archives and unfinished downloads in it."""
        return tuple(o for o in self.others if o.casefold().endswith(_PACKED))


def scan(folder: str | os.PathLike) -> Tree:
    """Walks a folder, links included, leaving out hidden files and ``__MACOSX``.

    Args:
        folder: an existing folder.

    Returns:
        What lies in it.

    Raises:
        CorpusError: a folder in it cannot be read.
    """
    top = Path(os.path.abspath(folder))
    audio: list[AudioFile] = []
    others: list[str] = []
    folders: list[str] = []
    pending, seen = [""], {_identity(top)}
    while pending:
        prefix = pending.pop()
        for entry in _entries(top, prefix):
            name = prefix + entry.name
            if entry.is_dir():
                # A link may lead back to a folder above: walk each folder once.
                identity = _identity(entry.path)
                if identity not in seen:
                    seen.add(identity)
                    folders.append(name)
                    pending.append(name + "/")
            elif entry.name.casefold().endswith(AUDIO_SUFFIXES):
                audio.append(AudioFile(name, top / name, _size(entry)))
            else:
                others.append(name)
    audio.sort(key=lambda file: file.id)
    return Tree(top, tuple(audio), tuple(sorted(others)), tuple(sorted(folders)))


def _entries(top: Path, prefix: str) -> list[os.DirEntry]:
    try:
        with os.scandir(top / prefix) as entries:
            return [e for e in entries if not e.name.startswith(".") and e.name != "__MACOSX"]
    except OSError as error:
        raise CorpusError(
            f"A corpus folder must be readable. Received: {top / prefix} ({error.strerror})"
        ) from error


def _identity(path: str | Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _size(entry: os.DirEntry) -> int | None:
    try:
        return entry.stat().st_size
    except OSError:
        return None

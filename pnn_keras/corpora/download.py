"""Downloading the corpora that are free for anybody, from their official addresses."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pnn_keras.archives.download import Archive, fetch, forget, verify
from pnn_keras.archives.unpack import MOST_BYTES, unpack
from pnn_keras.corpora import list_corpora, open_corpus
from pnn_keras.corpus import CorpusInfo
from pnn_keras.errors import UserError

RECORD = "download.json"

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
    forget(part)
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

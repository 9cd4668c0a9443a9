"""Known speech corpora: recognised by their folders, read with their labels."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

from pnn_keras.corpora import (
    crema_d,
    emodb,
    emovo,
    iemocap,
    librispeech,
    msp_improv,
    nemo,
    ravdess,
    savee,
    tess,
    urdu,
)
from pnn_keras.corpora.loader import Loader, load, refuse_without_audio
from pnn_keras.corpora.rows import TABLE_SUFFIXES
from pnn_keras.corpora.table import LAYOUT, open_table
from pnn_keras.corpora.tree import Tree, scan
from pnn_keras.corpus import Corpus, CorpusInfo
from pnn_keras.errors import CorpusError

__all__ = ["list_corpora", "open_corpus"]

#: The environment variable that names the folder below which corpora lie.
DATA_VARIABLE = "PNN_KERAS_DATA"

LOADERS: tuple[Loader, ...] = (
    crema_d.LOADER,
    crema_d.PERCEIVED,
    emodb.LOADER,
    emovo.LOADER,
    iemocap.LOADER,
    librispeech.LOADER,
    msp_improv.LOADER,
    nemo.LOADER,
    ravdess.LOADER,
    savee.LOADER,
    tess.LOADER,
    urdu.LOADER,
)

_SYNTHETIC = "synthetic"
_SAMPLE = 500
_NAME = re.compile(r"[^\s@/\\=,#][^@/\\=,#]*")


def list_corpora() -> tuple[CorpusInfo, ...]:
    """What is known about each corpus that can be opened, sorted by name.

    Example:
        >>> [info.name for info in list_corpora()][:3]
        ['CREMA-D', 'CREMA-D-perceived', 'EmoDB']
    """
    return tuple(loader.info for loader in LOADERS)


def open_corpus(spec: str | os.PathLike, *, strict: bool = False) -> Corpus:
    """Opens a corpus: reads its labels and file names, not its audio.

    Args:
        spec: one of

            - a folder: which corpus it holds is recognised by its layout;
            - a table (.csv, .tsv, .parquet), see
              :func:`pnn_keras.corpora.table.open_table`;
            - ``NAME=FOLDER`` or ``NAME=TABLE``: opened by the loader of that
              name (``CREMA-D-perceived=CREMA-D/``), else recognised and called
              NAME, so that two copies of one corpus may be used together;
            - ``NAME``: the folder of that name, in any case, below the folder
              that the environment variable PNN_KERAS_DATA names;
            - ``"synthetic"``: speech synthesised on the spot.
        strict: refuse a corpus with files that cannot be used (zero bytes, a
            name of another form), instead of reporting them as skipped.

    Returns:
        The corpus: utterances sorted by ``id``, what was skipped and why, and
        warnings (an incomplete copy, byte-identical recordings with different
        labels).

    Raises:
        CorpusError: there is no such folder or table, it is empty, incomplete
            beyond use or of no known corpus, or ``strict`` and some file is
            unusable.

    Example:
        >>> open_corpus("no/such/folder")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        pnn_keras.errors.CorpusError: There is no folder or table no/such/folder. ...
    """
    text = os.fspath(spec)
    name, place = _split(text)
    if name is not None and not _NAME.fullmatch(name):
        raise CorpusError(
            f"A corpus name has none of the characters @ / \\ = , #. Received: {text!r}"
        )
    if place.casefold() == _SYNTHETIC:
        return _open_synthetic(name)
    loader = _named(name if name is not None else place)
    path = _find(place, loader)
    if path.is_file():
        return _open_file(path, name, strict)
    tree = scan(path)
    if loader is not None and (name is not None or loader.only_by_name):
        return load(loader, tree, strict=strict)
    return load(recognise(tree), tree, name=name, strict=strict)


def recognise(tree: Tree) -> Loader:
    """Which corpus a folder holds, by the names of its files.

    Args:
        tree: the folder.

    Returns:
        Its loader: the one that knows more than half of the audio files' names.

    Raises:
        CorpusError: the folder has no audio, several corpora, or none known.
    """
    loaders = [loader for loader in LOADERS if not loader.only_by_name]
    if not tree.audio:
        meant = _named(tree.folder.name)
        refuse_without_audio(tree, loaders if meant is None else [meant])
    # Some hundreds of names tell the corpus; the largest have hundreds of thousands.
    sample = tree.audio[:: max(1, len(tree.audio) // _SAMPLE)]
    known = {loader: sum(map(loader.knows, sample)) for loader in loaders}
    best = max(known, key=known.get)
    if 2 * known[best] > len(sample):
        return best
    several = [loader.info.name for loader in loaders if known[loader]]
    if len(several) > 1:
        raise CorpusError(
            f"The folder {tree.folder} holds files of several corpora: {', '.join(several)}. "
            "Name the folder of one of them."
        )
    raise CorpusError(_unknown(tree, loaders))


def _unknown(tree: Tree, loaders: list[Loader]) -> str:
    forms = "; ".join(f"{loader.info.name} ({loader.example})" for loader in loaders)
    tables = [o for o in tree.others if o.casefold().endswith(TABLE_SUFFIXES)]
    table = tables[0] if tables else "TABLE.csv"
    return (
        f"The folder {tree.folder} holds no corpus that is known by its file names. Received: "
        f"{len(tree.audio)} audio file(s), e.g. {tree.audio[0].id}. Expected one of: {forms}. "
        f"For a corpus of your own give a table instead: NAME={tree.folder / table} ({LAYOUT})"
    )


def _split(text: str) -> tuple[str | None, str]:
    """``NAME=PLACE`` in two, unless something of that whole name exists."""
    name, equals, place = text.partition("=")
    if not equals or os.path.exists(text):
        return None, text
    if not name.strip() or not place:
        raise CorpusError(f"A named corpus is given as NAME=FOLDER. Received: {text!r}")
    return name.strip(), place


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _named(name: str) -> Loader | None:
    wanted = _plain(name)
    return next((x for x in LOADERS if wanted and _plain(x.info.name) == wanted), None)


def _find(place: str, loader: Loader | None) -> Path:
    """The existing file or folder that is meant: as a path, else by name in the data folder."""
    path = Path(place).expanduser()
    if os.path.exists(path):
        return path
    data = os.environ.get(DATA_VARIABLE)
    bare = not any(separator in place for separator in ("/", "\\"))
    if bare and data and os.path.isdir(data):
        names = {_plain(place)}
        if loader is not None and loader.only_by_name:
            names.add(_plain(crema_d.INFO.name))
        for folder in sorted(Path(data).iterdir()):
            if folder.is_dir() and _plain(folder.name) in names:
                return folder
    raise CorpusError(_not_found(place, loader, data, bare))


def _not_found(place: str, loader: Loader | None, data: str | None, bare: bool) -> str:
    message = f"There is no folder or table {place}"
    if bare:
        below = f"nor below {DATA_VARIABLE}={data}" if data else f"and {DATA_VARIABLE} is not set"
        message += f", {below}"
    if loader is not None:
        return f"{message}. {loader.info.name}: {loader.info.obtain}"
    known = ", ".join(info.name for info in list_corpora())
    return (
        f"{message}. Expected a folder, NAME=FOLDER, a table, {_SYNTHETIC}, or one of {known} "
        f"below the folder that {DATA_VARIABLE} names."
    )


def _open_file(path: Path, name: str | None, strict: bool) -> Corpus:
    if path.suffix.casefold() not in TABLE_SUFFIXES:
        raise CorpusError(
            f"A corpus is a folder or a table ({', '.join(TABLE_SUFFIXES)}). Received the file "
            f"{path}. Unpack an archive and give its folder; put single recordings in a table."
        )
    return open_table(path, name=name, strict=strict)


def _open_synthetic(name: str | None) -> Corpus:
    from pnn_keras.corpora.synthetic import open_synthetic

    corpus = open_synthetic()
    return corpus if name is None else renamed(corpus, name)


def renamed(corpus: Corpus, name: str) -> Corpus:
    """The same corpus under another name, so that two copies can be told apart."""
    return dataclasses.replace(
        corpus,
        info=dataclasses.replace(corpus.info, name=name),
        utterances=tuple(dataclasses.replace(u, corpus=name) for u in corpus.utterances),
    )

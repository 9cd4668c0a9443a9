"""Corpora: those that are known, and those that will be heard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pnn_keras.corpus import Corpus, CorpusInfo
from pnn_keras.terminal.layout import new_table
from pnn_keras.terminal.writing import remark, show, warn, warn_of_failures, write


def announce(corpora: Sequence[Corpus]) -> None:
    """Says on stderr what will be heard, and what is to be known about it."""
    for corpus in corpora:
        speakers = len(corpus.classes("speaker"))
        heard = f"{len(corpus)} utterances of {speakers} speakers"
        remark("", "", f"{corpus.name}: {heard}")
        for warning in corpus.warnings:
            warn(warning)
        warn_of_failures([(skipped.id, skipped.reason) for skipped in corpus.skipped])


def show_corpora(infos: Iterable[CorpusInfo], free: Iterable[str]) -> None:
    """Prints the known corpora.

    Args:
        infos: what is known about each.
        free: the names of those that ``corpus get`` downloads.
    """
    free = set(free)
    table = new_table()
    table.add_column("corpus", no_wrap=True)
    for name in ("clips", "speakers"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("licence")
    table.add_column("get", no_wrap=True)
    for info in infos:
        counts = ["-" if n is None else f"{n:,}" for n in (info.clips, info.speakers)]
        way = "download" if info.name in free else "ask there"
        table.add_row(info.name, *counts, info.licence, way)
    show(table)
    write("  pnn-keras corpus get NAME downloads a corpus, or says where to ask for it.")

"""Segments that overlap: cut from one file, so that they share some of its sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable

import numpy as np

from pnn_keras.corpus import Utterance

#: Segments of one file that share more than this are one recording, in seconds. Turns that
#: follow each other often share some milliseconds, since their bounds are rounded.
OVERLAP = 0.05

#: A piece of a file: what tells the file, its start and its end in seconds (None: the file's).
Piece = tuple[Hashable, float, float | None]

_TICKS = 1_000_000  # a second
_BITS = 41  # ticks of 25 days: a longer file is cut off there
_LAST = (1 << _BITS) - 1


@dataclasses.dataclass(frozen=True, eq=False)
class Spans:
    """Where pieces begin and end, as whole numbers on one line on which file follows file.

    So that pieces of hundreds of thousands of utterances are compared by sorting.

    Args:
        begin: int64 ``(n,)``.
        end: int64 ``(n,)``.
    """

    begin: np.ndarray
    end: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Spans:
        return Spans(self.begin[rows], self.end[rows])

    @property
    def _long(self) -> np.ndarray:
        """Which of them are long enough to share more than OVERLAP with anything."""
        return self.end - self.begin > _ticks(OVERLAP)


def file_of(utterance: Utterance) -> Hashable:
    """What tells the file of an utterance: its bytes; its place where it cannot be read."""
    try:
        return utterance.file_content
    except OSError:
        return utterance.path


def spans(pieces: Iterable[Piece]) -> Spans:
    """Pieces of files as numbers that can be compared with each other.

    Args:
        pieces: the pieces, ``n`` of them.

    Returns:
        Their spans, ``(n,)``, in the same order.

    Example:
        >>> spans([("a.wav", 0.0, 2.0), ("b.wav", 0.0, 2.0)]).begin.tolist()
        [0, 2199023255552]
    """
    files: dict[Hashable, int] = {}
    begin, end = [], []
    for file, start, stop in pieces:
        base = files.setdefault(file, len(files)) << _BITS
        begin.append(base + _ticks(start))
        end.append(base + (_LAST if stop is None else _ticks(stop)))
    return Spans(np.array(begin, np.int64), np.array(end, np.int64))


def overlapping(first: Spans, second: Spans) -> np.ndarray:
    """Which of the second spans share more than OVERLAP with one of the first.

    Args:
        first: spans, ``(n_first,)``.
        second: spans that were numbered together with the first, ``(n_second,)``.

    Returns:
        Bool ``(n_second,)``.

    Example:
        >>> both = spans([("a", 0.0, 2.0), ("a", 1.9, 4.0), ("a", 2.0, 4.0), ("b", 0.0, None)])
        >>> overlapping(both[np.array([0])], both[np.array([1, 2, 3])]).tolist()
        [True, False, False]
    """
    least = _ticks(OVERLAP)
    kept = first[first._long]
    if not kept.begin.size:
        return np.zeros(second.begin.size, bool)
    order = np.argsort(kept.begin)
    begin, furthest = kept.begin[order], np.maximum.accumulate(kept.end[order])
    # Of those that begin early enough the one that ends last decides. A file's spans
    # end before the next file's begin, so that those of earlier files decide nothing.
    before = np.searchsorted(begin, second.end - least, side="left")
    reach = np.where(before > 0, furthest[before - 1], -1)
    return second._long & (reach - second.begin > least)


def chained(pieces: Spans) -> np.ndarray:
    """Which spans hang together, each sharing more than OVERLAP with another.

    Args:
        pieces: spans, ``(n,)``.

    Returns:
        For each the number of the first of those with which it hangs together, int64
        ``(n,)``.

    Example:
        >>> chained(spans([("a", 0.0, 2.0), ("a", 3.0, 4.0), ("a", 1.9, 2.5)])).tolist()
        [0, 1, 0]
    """
    rows = np.flatnonzero(pieces._long)
    order = rows[np.argsort(pieces.begin[rows])]
    begin, furthest = pieces.begin[order], np.maximum.accumulate(pieces.end[order])
    first = np.ones(len(order), bool)
    first[1:] = furthest[:-1] - begin[1:] <= _ticks(OVERLAP)
    labels = np.arange(pieces.begin.size)
    labels[order] = order[first][np.cumsum(first) - 1]
    return labels


def _ticks(seconds: float) -> int:
    return round(min(seconds, _LAST / _TICKS) * _TICKS)

"""Which utterance of a corpus each entry of a split means."""

from __future__ import annotations

import dataclasses
import itertools
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.split.entries import Entry, Split
from pnn_keras.split.spelling import (
    elsewhere,
    ends_alike,
    listed_together,
    stem,
    steps,
    table_of,
)

#: How far the bounds of a segment may be rounded, in seconds.
ROUNDING = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class Match:
    """Which utterances a split's entries mean.

    Args:
        rows: the number of each entry's utterance, -1 for none: int64
            ``(entries,)``.
        unmatched: the files of entries that are no utterance.
        ambiguous: the files of entries that may be several utterances, each
            with these utterances' ids; and, with a single id, files that may
            be the utterance that another entry names better.
    """

    rows: np.ndarray
    unmatched: tuple[str, ...] = ()
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...] = ()


def match(split: Split, utterances: Sequence[Utterance]) -> Match:
    """Finds the utterance that each entry of a split means.

    An entry means the utterance of the same relative path; else, of the
    utterances whose file has the same name (the ending, .wav or .flac, does
    not matter, nor does the case), the one that shares the most folders above
    it. Segments agree in their bounds to 10 ms; an entry that begins at 0 and is the
    only one of its file means the whole file where the corpus has no segments.

    Tables that were made on different machines spell one file in different
    ways. So entries of several paths mean one utterance where one path is the
    end of the other, or where no table (of a role and fold) lists two of them
    and they are equally near or begin in different places. Of others only the
    nearest means it.

    Example:
        >>> from pathlib import Path
        >>> clips = [Utterance("made", f"wav/{x}.flac", Path(f"/c/wav/{x}.flac")) for x in "ab"]
        >>> entries = (Entry("there/b.wav", "train"), Entry("there/z.wav", "test"))
        >>> found = match(Split("made", entries), clips)
        >>> found.rows.tolist(), found.unmatched
        ([1, -1], ('there/z.wav',))
    """
    by_stem: dict[str, list[int]] = defaultdict(list)
    for row, utterance in enumerate(utterances):
        by_stem[stem(utterance.path.name)].append(row)
    segments = defaultdict(set)
    for entry in split.entries:
        segments[entry.place].add((entry.start, entry.end))
    rows = np.full(len(split.entries), -1, dtype=np.int64)
    closeness: dict[int, tuple] = {}
    several: dict[str, tuple[str, ...]] = {}
    for number, entry in enumerate(split.entries):
        near, close = _nearest(entry, by_stem.get(stem(entry.place), ()), utterances)
        found = _segment(entry, near, utterances, alone=len(segments[entry.place]) == 1)
        if len(found) == 1:
            rows[number], closeness[number] = found[0], close
        elif found:
            several[entry.file] = tuple(utterances[row].id for row in found)
    for number in _contested(split.entries, rows, closeness):
        several[split.entries[number].file] = (utterances[rows[number]].id,)
        rows[number] = -1
    lost = {split.entries[i].file: None for i in np.flatnonzero(rows < 0)}
    unmatched = tuple(file for file in lost if file not in several)
    return Match(rows, unmatched, tuple(several.items()))


def roles(
    split: Split, utterances: Sequence[Utterance]
) -> dict[int | None, dict[str, np.ndarray]]:
    """The rows of each role, fold by fold.

    Args:
        split: the split; :meth:`Split.divisions` tells what its folds mean.
        utterances: the utterances that rows number.

    Returns:
        By fold (None for a split without folds) and role, sorted int64 ``(n,)``.
        Entries that match no utterance are in none.
    """
    rows = match(split, utterances).rows
    return {
        fold: {role: _rows(rows[numbers]) for role, numbers in division.items()}
        for fold, division in split.divisions().items()
    }


def parts(split: Split, utterances: Sequence[Utterance]) -> dict[int, np.ndarray]:
    """The rows of each part of a split that names folds but no roles.

    Returns:
        By fold, sorted int64 ``(n,)``.

    Raises:
        ProtocolError: the split gives roles.
    """
    if not split.fold_only:
        raise ProtocolError(
            f"Parts are those of a split that names folds only. Received: {split.name}, which "
            "gives roles. Use roles() instead"
        )
    rows = match(split, utterances).rows
    folds = np.array([-1 if e.fold is None else e.fold for e in split.entries])
    return {fold: _rows(rows[folds == fold]) for fold in split.folds}


def _rows(rows: np.ndarray) -> np.ndarray:
    return np.unique(rows[rows >= 0])


def _file_id(utterance: Utterance) -> str:
    segmented = utterance.start or utterance.end is not None
    return utterance.id.rpartition("#")[0] if segmented else utterance.id


def _nearest(
    entry: Entry, candidates: Iterable[int], utterances: Sequence[Utterance]
) -> tuple[list[int], tuple]:
    """The rows whose path is most like the entry's, and how alike they are."""
    best: tuple = ()
    rows: list[int] = []
    for row in candidates:
        close = _likeness(entry.place, utterances[row])
        if close > best:
            best, rows = close, []
        if close == best:
            rows.append(row)
    return rows, best


def _likeness(place: str, utterance: Utterance) -> tuple[bool, int, bool]:
    """Whether the relative path is the same; how many folders above are; whether the ending is."""
    there = [part.casefold() for part in reversed(place.split("/")[:-1])]
    here = [_composed(part).casefold() for part in reversed(utterance.path.parent.parts)]
    pairs = zip(there, here, strict=False)
    shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    ending = posixpath.splitext(place)[1].casefold() == utterance.path.suffix.casefold()
    return _composed(_file_id(utterance)) == place, shared, ending


def _composed(name: str) -> str:
    """A name whose accented letters are one character each, as :attr:`Entry.place` has them."""
    return unicodedata.normalize("NFC", name)


def _segment(
    entry: Entry, rows: list[int], utterances: Sequence[Utterance], alone: bool
) -> list[int]:
    """Of the rows in one file, or in files that are alike, those with the entry's bounds."""

    def bounded(row: int) -> bool:
        start, end = utterances[row].start, utterances[row].end
        if entry.end is None or end is None:
            same_end = entry.end is end
        else:
            same_end = abs(end - entry.end) <= ROUNDING
        return same_end and abs(start - entry.start) <= ROUNDING

    exact = [row for row in rows if bounded(row)]
    if exact:
        return exact
    whole = [row for row in rows if not utterances[row].start and utterances[row].end is None]
    if whole:
        return whole if entry.start == 0 and alone else []
    return rows if not entry.start and entry.end is None else []


def _contested(
    entries: Sequence[Entry], rows: np.ndarray, closeness: dict[int, tuple]
) -> list[int]:
    """Entries of different files that would be one utterance: all but the one that is nearest."""
    claims = defaultdict(lambda: defaultdict(list))
    for number in np.flatnonzero(rows >= 0):
        claims[int(rows[number])][steps(entries[number].place)].append(int(number))
    losers = []
    for claim in claims.values():
        places = list(claim.values())
        near = [max(closeness[number] for number in numbers) for numbers in places]
        if _one_file(entries, places, near):
            continue
        best = max(near)
        keep = near.index(best) if near.count(best) == 1 else None
        losers += [n for i, numbers in enumerate(places) if i != keep for n in numbers]
    return losers


def _one_file(entries: Sequence[Entry], places: list[list[int]], near: list[tuple]) -> bool:
    """Whether the entries of several places, so near to one utterance, can all mean it."""
    spelt = [entries[numbers[0]].place for numbers in places]
    longest = max(spelt, key=lambda place: len(steps(place)))
    if all(ends_alike(place, longest) for place in spelt):
        return True
    if listed_together({table_of(entries[n]) for n in numbers} for numbers in places):
        return False
    return all(
        a_near == b_near or ends_alike(a, b) or elsewhere(a, b)
        for (a, a_near), (b, b_near) in itertools.combinations(zip(spelt, near, strict=True), 2)
    )

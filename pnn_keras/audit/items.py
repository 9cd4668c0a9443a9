"""What a split puts into its roles, and who speaks what there: from the table or the corpus."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence

from pnn_keras.audit.speakers import name_speakers
from pnn_keras.corpora.overlapping import Piece, file_of
from pnn_keras.corpus import Utterance
from pnn_keras.split import Entry, Match, Split
from pnn_keras.split.spelling import one_place

#: The labels of an item that an audit compares.
LABELS = ("speaker", "gender", "emotion")


@dataclasses.dataclass(frozen=True)
class Item:
    """One recording in a role of a split.

    Args:
        key: what tells two recordings apart.
        name: the utterance's id, else the file as the split gives it.
        row: the number of the utterance, -1 if it is none of the corpus.
        speakers: who may speak it, see
            :func:`pnn_keras.audit.speakers.name_speakers`.
        gender, emotion, sentence: what is known of it, or None.
        piece: its file (by its bytes where the corpus has it), and its bounds.
    """

    key: Hashable
    name: str
    row: int = -1
    speakers: frozenset[str] = frozenset()
    gender: str | None = None
    emotion: str | None = None
    sentence: str | None = None
    piece: Piece = ("", 0.0, None)

    @property
    def speaker(self) -> str | None:
        """Who speaks it, or None if nobody or not one alone is known."""
        return next(iter(self.speakers)) if len(self.speakers) == 1 else None


def describe(
    split: Split, utterances: Sequence[Utterance] = (), match: Match | None = None
) -> list[Item]:
    """The item of each entry of a split.

    The corpus's word counts for speaker, gender and sentence, the table's
    where the corpus says nothing. For emotions it is the other way round where
    the table names them throughout, since these are the classes that were
    published. Files that are none of the corpus are one where their paths tell
    so, see :func:`pnn_keras.split.spelling.one_place`.

    Args:
        split: the split.
        utterances: the corpus's utterances.
        match: which of them the entries mean; None if there is no corpus.
    """
    own_classes = all(entry.emotion is not None for entry in split.entries)
    rows = [-1] * len(split.entries) if match is None else match.rows.tolist()
    standing = one_place(split.entries)
    speakers = name_speakers(split, utterances, rows)
    pieces = _pieces(split, utterances, rows, standing)
    return [
        _listed(entry, standing, voices, piece)
        if row < 0
        else _matched(entry, utterances[row], row, own_classes, voices, piece)
        for entry, row, voices, piece in zip(split.entries, rows, speakers, pieces, strict=True)
    ]


def _pieces(
    split: Split, utterances: Sequence[Utterance], rows: Sequence[int], standing: dict[str, str]
) -> list[Piece]:
    """Which part of which file each entry is.

    A file that the corpus has goes by its bytes, also for entries of the same
    place that are no utterance: a segment that the corpus does not have.
    """
    segmented = any(entry.start or entry.end is not None for entry in split.entries)
    if not segmented and not any(utterances[row].is_segment for row in rows if row >= 0):
        return [(entry.place, 0.0, None) for entry in split.entries]
    known: dict[str, Hashable] = {}
    for entry, row in zip(split.entries, rows, strict=True):
        if row >= 0:
            known.setdefault(entry.place, file_of(utterances[row]))
    found: list[Piece] = []
    for entry, row in zip(split.entries, rows, strict=True):
        place = standing.get(entry.place, entry.place)
        bounds = utterances[row] if row >= 0 else entry
        file = file_of(utterances[row]) if row >= 0 else known.get(entry.place, place)
        found.append((file, bounds.start, bounds.end))
    return found


def _listed(
    entry: Entry, standing: dict[str, str], speakers: frozenset[str], piece: Piece
) -> Item:
    place, *bounds = entry.key
    return Item(
        key=(standing.get(place, place), *bounds),
        name=entry.place,
        speakers=speakers,
        gender=entry.gender,
        emotion=entry.emotion,
        sentence=entry.sentence,
        piece=piece,
    )


def _matched(
    entry: Entry,
    utterance: Utterance,
    row: int,
    own_classes: bool,
    speakers: frozenset[str],
    piece: Piece,
) -> Item:
    emotions = (entry.emotion, utterance.emotion)
    return Item(
        key=row,
        name=utterance.id,
        row=row,
        speakers=speakers,
        gender=utterance.gender or entry.gender,
        emotion=emotions[0] if own_classes else emotions[1] or emotions[0],
        sentence=utterance.sentence or entry.sentence,
        piece=piece,
    )

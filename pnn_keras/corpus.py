"""Utterances and corpora: what was recorded, who spoke, and which labels it bears."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from pnn_keras.errors import CorpusError

#: The labels that an utterance can carry, in the order in which they are shown.
LABELS = ("speaker", "gender", "emotion")

#: The two values of the ``gender`` label.
GENDERS = ("female", "male")


@dataclasses.dataclass(frozen=True)
class Utterance:
    """One recording, or one segment of a recording: the unit that is scored.

    Args:
        corpus: name of the corpus it belongs to, e.g. ``"EmoDB"``.
        id: name unique within the corpus: the path relative to the corpus
            folder with forward slashes; a segment appends ``#start-end``.
        path: absolute path of the audio file.
        speaker: who speaks, as the corpus names them, or None if unknown.
        gender: ``"female"``, ``"male"`` or None if unknown.
        emotion: the emotion label of the corpus, or None if it has none.
        start: where the segment starts in the file, in seconds.
        end: where it ends, in seconds; None means the end of the file.
        session: recording session, where the corpus has sessions.
        sentence: what is said, as a code of the corpus (the same text has the
            same code), where the corpus tells.
        split: the role that the corpus itself assigns (``"train"``, ``"dev"``,
            ``"test"``), where it does.
        origin: what it was read from, whatever the corpus is called here: the
            citation of a published corpus, ``"table"`` for a table, None if
            unknown.
    """

    corpus: str
    id: str
    path: Path
    speaker: str | None = None
    gender: str | None = None
    emotion: str | None = None
    start: float = 0.0
    end: float | None = None
    session: str | None = None
    sentence: str | None = None
    split: str | None = None
    origin: str | None = dataclasses.field(default=None, compare=False, repr=False)

    @property
    def speaker_id(self) -> str | None:
        """The speaker's name, unique across corpora: ``"EmoDB/03"``."""
        return None if self.speaker is None else f"{self.corpus}/{self.speaker}"

    @property
    def content(self) -> str:
        """SHA-256 (64 hex digits) of the file's bytes and the segment's bounds.

        Byte-identical recordings have the same content wherever they lie, so
        this is what the feature store and the provenance of a preset go by.

        Raises:
            OSError: the file cannot be read.
        """
        return self._digests[0]

    @property
    def file_content(self) -> str:
        """SHA-256 (64 hex digits) of the file's bytes, whichever part of it is meant.

        Segments of one file share it: whether they overlap is told by
        :func:`pnn_keras.corpora.overlapping.overlapping`.

        Raises:
            OSError: the file cannot be read.
        """
        return self._digests[1]

    @functools.cached_property
    def _digests(self) -> tuple[str, str]:
        """The digests of the recording and of its whole file, in one reading."""
        with open(self.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        whole = digest.hexdigest()
        if self.is_segment:
            digest.update(f"#{self.start!r}-{self.end!r}".encode())
        return digest.hexdigest(), whole

    @property
    def is_segment(self) -> bool:
        """Whether it is a part of its file by its bounds."""
        return bool(self.start) or self.end is not None


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A file that a loader left out, and why."""

    id: str
    reason: str


@dataclasses.dataclass(frozen=True)
class CorpusInfo:
    """What is known about a corpus before its folder is opened.

    Args:
        name: the corpus's usual name, e.g. ``"RAVDESS"``.
        citation: the publication to cite.
        licence: name of its licence, as its publisher states it.
        homepage: where it is published.
        emotions: its emotion classes, in a fixed order.
        defects: known defects of the official release, one sentence each.
        layout: the folder layout that the loader expects, for error messages.
        clips: number of clips in the official release, or None.
        speakers: number of speakers in the official release, or None.
        obtain: how to get it: one sentence with an address.
        synthetic: True if nobody spoke any of it.
    """

    name: str
    citation: str
    licence: str
    homepage: str
    emotions: tuple[str, ...]
    layout: str
    obtain: str
    defects: tuple[str, ...] = ()
    clips: int | None = None
    speakers: int | None = None
    synthetic: bool = False


@dataclasses.dataclass(frozen=True)
class Corpus:
    """One version of a corpus: its utterances, and what was left out and why.

    Args:
        info: what is known about it.
        folder: where it lies.
        utterances: its utterances, sorted by ``id``.
        skipped: files that were left out, each with the reason.
        warnings: what a user should know, one sentence each (byte-identical
            recordings with different labels, say).
    """

    info: CorpusInfo
    folder: Path
    utterances: tuple[Utterance, ...]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.utterances:
            raise CorpusError(
                f"{self.name} at {self.folder} holds no usable utterance. "
                f"Expected: {self.info.layout}"
            )

    @property
    def name(self) -> str:
        """The corpus's name."""
        return self.info.name

    def __len__(self) -> int:
        return len(self.utterances)

    def __iter__(self):
        return iter(self.utterances)

    def classes(self, label: str) -> tuple[str, ...]:
        """The values that ``label`` takes in this corpus.

        Emotions come in the order of the corpus's own description (classes it
        does not name follow, sorted), all other values are sorted.

        Raises:
            CorpusError: ``label`` is none of ``speaker``, ``gender``, ``emotion``.
        """
        if label not in LABELS:
            raise CorpusError(f"A label is one of {', '.join(LABELS)}. Received: label={label!r}")
        present = {getattr(u, label) for u in self.utterances} - {None}
        known = [c for c in self.info.emotions if c in present] if label == "emotion" else []
        return (*known, *sorted(present.difference(known)))

    def filter(self, keep: Callable[[Utterance], bool]) -> Corpus:
        """The same corpus with only the utterances for which ``keep`` is true.

        Raises:
            CorpusError: nothing is left.
        """
        kept = tuple(u for u in self.utterances if keep(u))
        return dataclasses.replace(self, utterances=kept)


def pool(corpora: Iterable[Corpus]) -> tuple[Utterance, ...]:
    """All utterances of several corpora, corpus by corpus.

    Raises:
        CorpusError: two corpora have the same name, so that their speakers
            could not be told apart.
    """
    corpora = list(corpora)
    names = [corpus.name for corpus in corpora]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CorpusError(
            f"Each corpus may be given once. Received twice: {', '.join(twice)}. "
            "Name one of them differently: --corpus NAME=FOLDER"
        )
    return tuple(utterance for corpus in corpora for utterance in corpus)

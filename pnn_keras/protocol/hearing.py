"""Who may hear what: the one place that refuses leaks."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from pnn_keras.corpora.overlapping import OVERLAP, Spans, file_of, overlapping, spans
from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol.fold import Fold
from pnn_keras.protocol.sameness import Ties, speakers_of_one_recording

#: What two rows can have in common.
_KINDS = ("utterance", "recording", "speaker", "corpus")


class Identities:
    """Names, recordings and speakers of utterances as whole numbers.

    Speakers to whom one recording is attributed are one, in whatever corpora
    and whether or not that recording has a role: a copy of a corpus that is
    called otherwise has no new voices. So all utterances are read, once.

    A check of one fold compares a few arrays of numbers. Each utterance is
    numbered once, when it is first asked for, so that many folds cost little
    more than one: keep one of these where many folds are checked.

    Args:
        utterances: the utterances that rows number, ``n`` of them; they must
            not change afterwards.
    """

    def __init__(self, utterances: Sequence[Utterance]) -> None:
        self.utterances = utterances
        self._numbers: dict[str, dict] = {kind: {} for kind in _KINDS}
        self._codes = {kind: np.full(len(utterances), -1, np.int64) for kind in _KINDS}

    def shared(self, kind: str, first: np.ndarray, second: np.ndarray) -> list:
        """What rows have in common with other rows.

        Args:
            kind: ``"utterance"``, ``"recording"``, ``"speaker"`` or ``"corpus"``.
            first: int64 ``(n_first,)``, numbers of utterances.
            second: int64 ``(n_second,)``, others.

        Returns:
            The names, contents, speakers or corpora that are in both, speakers
            by their names in the second rows. Unknown speakers have nothing in
            common; see :meth:`unclear`.
        """
        mine, theirs = self._coded(kind, first), self._coded(kind, second)
        numbers = self._numbers[kind]
        present = np.zeros(len(numbers), bool)
        present[mine] = True
        if None in numbers:
            present[numbers[None]] = False
        both, where = np.unique(theirs, return_index=True)
        return [self._told(kind, self.utterances[row]) for row in second[where[present[both]]]]

    def overlapping(self, first: np.ndarray, second: np.ndarray) -> list[str]:
        """The segments that overlap with one of other rows, of the same file.

        Args:
            first: int64 ``(n_first,)``, numbers of utterances.
            second: int64 ``(n_second,)``, others.

        Returns:
            The names of those of the second rows that share more than
            :data:`pnn_keras.corpora.overlapping.OVERLAP` with a first one.
        """
        if self._spans is None:
            return []
        found = second[overlapping(self._spans[first], self._spans[second])]
        return [_name(self.utterances[row]) for row in found]

    def unclear(self, first: np.ndarray, second: np.ndarray) -> list[str]:
        """The corpora in which an unknown speaker may be in both sets of rows.

        Nobody knows who an unknown speaker is, so it may be any speaker of the
        same corpus.

        Args:
            first: int64 ``(n_first,)``, numbers of utterances.
            second: int64 ``(n_second,)``, others.
        """
        strangers = self._unknown(first), self._unknown(second)
        found: set[str] = set()
        if strangers[0].size:
            found.update(self.shared("corpus", strangers[0], second))
        if strangers[1].size:
            found.update(self.shared("corpus", first, strangers[1]))
        return sorted(found)

    def are_one(self, one: str, other: str) -> bool:
        """Whether two speakers, by corpus and name, are one: a recording is attributed to both."""
        return self._people.root(one) == self._people.root(other)

    def count_speakers(self, rows: np.ndarray) -> int:
        """How many known speakers the rows have."""
        codes = np.unique(self._coded("speaker", rows))
        return int(np.sum(codes != self._numbers["speaker"].get(None, -1)))

    def _unknown(self, rows: np.ndarray) -> np.ndarray:
        codes = self._coded("speaker", rows)
        return rows[codes == self._numbers["speaker"].get(None, -1)]

    def _coded(self, kind: str, rows: np.ndarray) -> np.ndarray:
        codes, numbers = self._codes[kind], self._numbers[kind]
        for row in rows[codes[rows] < 0]:
            codes[row] = numbers.setdefault(self._key(kind, self.utterances[row]), len(numbers))
        return codes[rows]

    def _key(self, kind: str, utterance: Utterance) -> object:
        """What two rows have in common if they have one such thing in common."""
        if kind == "utterance":
            return utterance.corpus, utterance.id
        if kind == "recording":
            return utterance.content
        if kind == "speaker":
            name = utterance.speaker_id
            return None if name is None else self._people.root(name)
        return utterance.corpus

    def _told(self, kind: str, utterance: Utterance) -> object:
        """What to call what two rows have in common."""
        return utterance.speaker_id if kind == "speaker" else self._key(kind, utterance)

    @functools.cached_property
    def _people(self) -> Ties:
        people = Ties()
        for names in speakers_of_one_recording(self.utterances):
            people.tie(names)
        return people

    @functools.cached_property
    def _spans(self) -> Spans | None:
        """Where each utterance lies in its file; None where all of them are whole files."""
        if not any(u.is_segment for u in self.utterances):
            return None
        return spans((file_of(u), u.start, u.end) for u in self.utterances)


def check_hearing(
    column: Fold,
    target: Fold,
    utterances: Sequence[Utterance] | Identities,
    speaker_disjoint: bool,
) -> None:
    """Refuses a column that hears what the target is tested or stopped on.

    The target's own column may train on its training rows and stop on its stop
    rows. Any other column, and the scaler, may hear neither its stop nor its
    test rows, nor a byte-identical recording, nor a segment that overlaps; in
    a speaker-disjoint protocol not even their speakers, and no unknown speaker
    of their corpora.

    A copy that was written anew (a lossless mirror in FLAC, say) has other
    bytes and counts as another recording: :func:`pnn_keras.audit.audit_split`
    compares the sound itself and finds it.

    Args:
        column: the rows of the column.
        target: the rows of the target in the same fold; the same object if
            the column is the target.
        utterances: the utterances that the rows number; where many folds are
            checked, their :class:`Identities`.
        speaker_disjoint: whether speakers must not be shared either.

    Raises:
        ProtocolError: naming what would leak.
    """
    known = utterances if isinstance(utterances, Identities) else Identities(utterances)
    own = column is target
    whose = "target" if own else "source"
    pairs = [(column.train, target.stop, "stop"), (column.train, target.test, "test")]
    pairs.append((column.stop, target.test, "test"))
    if not own:
        pairs.append((column.stop, target.stop, "stop"))
    kinds = ["utterance", "recording", *["speaker"] * speaker_disjoint]
    for heard, kept, role in pairs:
        for kind in kinds:
            shared = known.shared(kind, heard, kept)
            if shared:
                raise ProtocolError(
                    f"A {whose} column would hear {len(shared)} {kind}(s) of the target's "
                    f"{role} rows, e.g. {min(map(str, shared))}"
                )
        overlaps = known.overlapping(heard, kept)
        if overlaps:
            raise ProtocolError(
                f"A {whose} column would hear a part of {len(overlaps)} of the target's {role} "
                f"rows, e.g. of {min(overlaps)}: segments of one file that overlap by more than "
                f"{OVERLAP} s are one recording. Give them one role, or cut them apart"
            )
        unclear = known.unclear(heard, kept) if speaker_disjoint else []
        if unclear:
            raise ProtocolError(
                f"A {whose} column would hear utterances of {', '.join(unclear)} of which some "
                f"have no speaker: they may share speakers with the target's {role} rows. Add "
                "the speakers, or leave these utterances out"
            )


def speakers_apart(folds: Iterable[Fold], utterances: Sequence[Utterance] | Identities) -> bool:
    """Whether no speaker has two roles in any fold, as far as speakers are known.

    An unknown speaker may be any speaker of the same corpus; speakers of
    different corpora are different people, unless a recording says otherwise.

    Args:
        folds: the folds.
        utterances: the utterances that the rows number, or their identities.
    """
    known = utterances if isinstance(utterances, Identities) else Identities(utterances)
    return not any(
        known.shared("speaker", one, other) or known.unclear(one, other)
        for fold in folds
        for one, other in itertools.combinations(fold.roles.values(), 2)
    )


def _name(utterance: Utterance) -> str:
    return f"{utterance.corpus}/{utterance.id}"

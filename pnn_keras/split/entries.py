"""What a split says: entries with files, roles and folds."""

from __future__ import annotations

import dataclasses
import posixpath
import unicodedata
from collections import defaultdict

#: The roles that an entry of a split can have.
ROLES = ("train", "stop", "test")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of a split: a file, or a segment of it, and its role.

    Args:
        file: the file's name as the split gives it.
        role: ``"train"``, ``"stop"``, ``"test"`` or None.
        fold: the number of the fold, or None.
        start, end: the segment's bounds in seconds; None means the file's end.
        speaker, gender, emotion, sentence: as the split gives them, or None.
    """

    file: str
    role: str | None = None
    fold: int | None = None
    start: float = 0.0
    end: float | None = None
    speaker: str | None = None
    gender: str | None = None
    emotion: str | None = None
    sentence: str | None = None

    @property
    def place(self) -> str:
        r"""The file's name in one spelling: with slashes, accented letters as one character (NFC).

        Example:
            >>> Entry(".\\wav\\a.wav").place
            'wav/a.wav'
        """
        place = posixpath.normpath(self.file.replace("\\", "/"))
        return unicodedata.normalize("NFC", place)

    @property
    def key(self) -> tuple[str, float, float | None]:
        """What tells whether two entries are the same recording: file and bounds."""
        return self.place, self.start, self.end


@dataclasses.dataclass(frozen=True)
class Split:
    """A published split.

    Args:
        name: where it was read from.
        entries: its lines, in their order.
        warnings: what a user should know, one sentence each.
        left_out: what of it was not read, one sentence each.
    """

    name: str
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def fold_only(self) -> bool:
        """Whether it names folds but no roles: each fold is tested once."""
        return all(entry.role is None for entry in self.entries)

    @property
    def folds(self) -> tuple[int, ...]:
        """The numbers of its folds, sorted; empty if it is a single division."""
        return tuple(sorted({entry.fold for entry in self.entries} - {None}))

    def divisions(self) -> dict[int | None, dict[str, list[int]]]:
        """The numbers of the entries in each role, fold by fold.

        A split without folds is one division under the key None. Where only
        folds are named, fold k tests and all other folds train. An entry with
        a role but without a fold belongs to every fold.

        Example:
            >>> Split("two folds", (Entry("a.wav", fold=1), Entry("b.wav", fold=2))).divisions()
            {1: {'train': [1], 'test': [0]}, 2: {'train': [0], 'test': [1]}}
        """
        found: dict[int | None, dict[str, list[int]]] = {}
        for fold in self.folds or (None,):
            roles = defaultdict(list)
            for number, entry in enumerate(self.entries):
                role = entry.role
                if self.fold_only and entry.fold is not None:
                    role = "test" if entry.fold == fold else "train"
                elif entry.fold not in (fold, None):
                    continue
                if role is not None:
                    roles[role].append(number)
            found[fold] = {role: roles[role] for role in ROLES if role in roles}
        return found

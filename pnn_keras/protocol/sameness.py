"""Which rows are one recording, and which names are one speaker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from pnn_keras.corpora.overlapping import chained, spans
from pnn_keras.corpus import Utterance


class Ties:
    """Names that are tied together, pair by pair: those of one bundle have one root.

    Example:
        >>> ties = Ties()
        >>> ties.tie(["a", "b"])
        >>> ties.tie(["c", "b"])
        >>> ties.root("a"), ties.root("d")
        ('c', 'd')
    """

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, name: str) -> str:
        """The name that stands for all that it is tied to."""
        parent = self._parent
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    def tie(self, names: Iterable[str]) -> None:
        """Ties names together; the root of the first one stands for them."""
        first, *rest = names
        first = self.root(first)
        for name in rest:
            self._parent[self.root(name)] = first


def same_recordings(utterances: Sequence[Utterance], rows: np.ndarray) -> list[list[int]]:
    """The rows, those of one recording together.

    One recording are byte-identical ones, and segments of one file (of
    byte-identical files) that overlap, see
    :data:`pnn_keras.corpora.overlapping.OVERLAP`; also by way of a third that
    overlaps both.

    Returns:
        The rows of each recording, in the order of their first rows.

    Raises:
        OSError: a file cannot be read.
    """
    by_content = defaultdict(list)
    for i in rows:
        by_content[utterances[i].content].append(int(i))
    groups = list(by_content.values())
    firsts = [utterances[group[0]] for group in groups]
    if not any(u.is_segment for u in firsts):
        return groups
    labels = chained(spans((u.file_content, u.start, u.end) for u in firsts))
    overlapping = defaultdict(list)
    for label, group in zip(labels.tolist(), groups, strict=True):
        overlapping[label].extend(group)
    return list(overlapping.values())


def speakers_of_one_recording(utterances: Iterable[Utterance]) -> list[list[str]]:
    """The speakers, by corpus and name, to whom a byte-identical recording is attributed.

    Who speaks one recording is one person, whatever corpora and tables call
    them. Segments that merely overlap tell nothing: the one may be a question
    and the other its answer. Files that cannot be read tell nothing either.

    Args:
        utterances: all utterances, with a class of the target or without.

    Returns:
        The names for each recording that has several, in alphabetical order.
    """
    speakers: dict[str, list[str]] = {}
    for utterance in utterances:
        if utterance.speaker is None:
            continue
        try:
            speakers.setdefault(utterance.content, []).append(utterance.speaker_id)
        except OSError:
            continue
    # A set for each would take most of the time: hardly any recording is there twice.
    several = (sorted(set(names)) for names in speakers.values() if len(names) > 1)
    return sorted(names for names in several if len(names) > 1)

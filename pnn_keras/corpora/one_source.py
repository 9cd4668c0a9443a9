"""Corpora that may be parts of one: of one origin, with speakers of the same names."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence

from pnn_keras.corpus import Utterance

#: The origin of whatever a table lists, see :class:`pnn_keras.corpus.Utterance`.
TABLE = "table"

#: The licence of a corpus that was read from a table.
TABLE_LICENCE = "not stated by the table"

#: From so many names in common on, and this share of the fewer, two corpora may be one.
LEAST_NAMES, LEAST_SHARE = 2, 0.5

_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Voices:
    """The speakers of a corpus.

    Args:
        corpus: its name.
        origin: what it was read from, see :class:`pnn_keras.corpus.Utterance`.
        names: what it calls its speakers.
    """

    corpus: str
    origin: str | None
    names: frozenset[str]


def voices_of(utterances: Iterable[Utterance]) -> list[Voices]:
    """The speakers of each corpus among utterances, in the order of the corpora."""
    names: dict[str, set[str]] = {}
    origins: dict[str, str | None] = {}
    for utterance in utterances:
        if utterance.speaker is not None:
            names.setdefault(utterance.corpus, set()).add(utterance.speaker)
            origins[utterance.corpus] = utterance.origin
    return [Voices(corpus, origins[corpus], frozenset(own)) for corpus, own in names.items()]


def recorded_voices(metadata: Mapping) -> list[Voices]:
    """The speakers of each corpus that a chain has heard, as its metadata tell."""
    origins = {
        corpus["name"]: TABLE if corpus.get("licence") == TABLE_LICENCE else corpus.get("citation")
        for corpus in metadata.get("corpora") or []
        if "name" in corpus
    }
    names: dict[str, set[str]] = {}
    for speaker in (metadata.get("heard") or {}).get("speakers", ()):
        corpus, _, name = speaker.partition("/")
        names.setdefault(corpus, set()).add(name)
    return [Voices(corpus, origins.get(corpus), frozenset(own)) for corpus, own in names.items()]


def shared_names(one: Voices, other: Voices) -> list[str]:
    """The names of speakers that tell that two corpora may be one.

    Args:
        one: the speakers of a corpus.
        other: those of another.

    Returns:
        Their common names, sorted: two at least, and half of those of the
        smaller corpus, both corpora being tables or copies of one published
        corpus. Else none: numbers and letters are names in many corpora.

    Example:
        >>> train = Voices("train", TABLE, frozenset(["anna", "bert", "carl", "dora"]))
        >>> test = Voices("test", TABLE, frozenset(["anna", "bert", "emil"]))
        >>> shared_names(train, test)
        ['anna', 'bert']
    """
    common = sorted(one.names & other.names)
    fewer = min(len(one.names), len(other.names))
    alike = one.origin is not None and one.origin == other.origin and one.corpus != other.corpus
    enough = len(common) >= max(LEAST_NAMES, LEAST_SHARE * fewer)
    return common if alike and enough else []


def may_be_one(
    corpora: Sequence[Voices], others: Sequence[Voices] | None = None
) -> list[tuple[Voices, Voices, list[str]]]:
    """The pairs of corpora that may be one, with the names that tell it.

    Args:
        corpora: the speakers of some corpora.
        others: those to compare them with; None to compare each with each.
    """
    if others is None:
        pairs = itertools.combinations(corpora, 2)
    else:
        pairs = itertools.product(corpora, others)
    return [(one, other, names) for one, other in pairs if (names := shared_names(one, other))]


def told(one: Voices, other: Voices, names: Sequence[str]) -> str:
    """A sentence about two corpora that may be one, for a warning."""
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return (
        f"The corpora {one.corpus} and {other.corpus} have {len(names)} names of speakers in "
        f"common: {shown}. They count as different people. If they are the same, the scores are "
        "not of new voices: make one table of both, with a column split, and use it as one corpus"
    )

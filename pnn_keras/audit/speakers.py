"""What a split and a corpus call the speakers: one's names in terms of the other's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pnn_keras.corpus import Utterance
from pnn_keras.split import Split
from pnn_keras.split.spelling import table_of


def name_speakers(
    split: Split, utterances: Sequence[Utterance], rows: Sequence[int]
) -> list[frozenset[str]]:
    """Who may speak each entry of a split, by the corpus's names where these are known.

    An entry that is an utterance goes by the corpus. For one that is none, the
    split's own name is translated: what the corpus calls the speakers whom the
    same table calls so, else those whom any table calls so, for a table may
    number its speakers anew. A name that has no translation stays.

    Args:
        split: the split.
        utterances: the corpus's utterances.
        rows: the number of each entry's utterance, -1 for none.

    Returns:
        Of each entry the speakers that it may be of: none if nothing is
        known, several where the split gives one name to several.
    """
    by_table, anywhere = defaultdict(set), defaultdict(set)
    for entry, row in zip(split.entries, rows, strict=True):
        if row >= 0 and (speaker := utterances[row].speaker) is not None:
            by_table[table_of(entry), entry.speaker].add(speaker)
            anywhere[entry.speaker].add(speaker)
    found = []
    for entry, row in zip(split.entries, rows, strict=True):
        if row >= 0 and (speaker := utterances[row].speaker) is not None:
            found.append(frozenset({speaker}))
        elif entry.speaker is None:
            found.append(frozenset())
        else:
            known = by_table.get((table_of(entry), entry.speaker)) or anywhere.get(entry.speaker)
            found.append(frozenset(known or {entry.speaker}))
    return found

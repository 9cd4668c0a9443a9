"""Files of different roles that may be one: they bear one name but lie in different folders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from pnn_keras.audit.items import Item
from pnn_keras.audit.overlap import LEAKING_PAIRS
from pnn_keras.corpora.rows import plain_name
from pnn_keras.split import Split
from pnn_keras.split.spelling import stem, tail


def find_namesakes(split: Split, items: Sequence[Item]) -> list[dict[str, str]]:
    """Pairs of files that may be one file, of which one is tested and the other is not.

    Their names are alike, or their names and the two folders above, and no
    other file of either role is called so: names that occur again and again,
    such as 001.wav in each speaker's folder, tell nothing. Files that both lie
    in the corpus, or whose speakers are known and differ, are two.

    Args:
        split: the split.
        items: what its entries are, see :func:`pnn_keras.audit.items.describe`.

    Returns:
        Of each pair a dictionary with the file of each role.
    """
    found: dict[tuple, dict[str, str]] = {}
    for roles in split.divisions().values():
        for pair in LEAKING_PAIRS:
            first, second = pair.split("/")
            one, other = (_by_name(split, items, roles.get(r, ())) for r in (first, second))
            for a, b in ((one[name], other[name]) for name in one if name in other):
                if _may_be_one(items[a], items[b]):
                    files = {first: split.entries[a].file, second: split.entries[b].file}
                    found[tuple(files.items())] = files
    return list(found.values())


def _by_name(split: Split, items: Sequence[Item], numbers: Sequence[int]) -> dict[Hashable, int]:
    """The entries of a role by each name that only one of its files bears."""
    bearers: dict[Hashable, dict[Hashable, int]] = defaultdict(dict)
    for number in numbers:
        entry = split.entries[number]
        for name in (stem(entry.place), tail(entry.place)):
            if name is not None:
                bearers[name, entry.start, entry.end].setdefault(items[number].key, number)
    return {name: next(iter(files.values())) for name, files in bearers.items() if len(files) == 1}


def _may_be_one(one: Item, other: Item) -> bool:
    if one.key == other.key or (one.row >= 0 and other.row >= 0):
        return False
    if one.speaker is None or other.speaker is None:
        return True
    return plain_name(one.speaker) == plain_name(other.speaker)

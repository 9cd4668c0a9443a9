"""What two roles of one fold have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from pnn_keras.audit.items import Item
from pnn_keras.audit.recordings import Recording
from pnn_keras.corpora.overlapping import overlapping, spans
from pnn_keras.split import ROLES

#: The pairs of roles that are compared; what is tested comes last.
PAIRS = (("train", "test"), ("stop", "test"), ("train", "stop"))

#: The pairs in which something shared inflates the score.
LEAKING_PAIRS = ("train/test", "stop/test")

#: What two roles may share; all but sentences is a leak.
KINDS = ("files", "speakers", "identical", "near_identical", "overlapping", "sentences")
LEAKING_KINDS = KINDS[:-1]

Division = Mapping[str, Sequence[Item]]


def shared(division: Division, recordings: Sequence[Recording]) -> dict[str, dict[str, list]]:
    """What each two roles of a fold share.

    Args:
        division: the items of each role.
        recordings: the utterances that are one recording.

    Returns:
        By pair (``"train/test"``) and kind: the names of ``files`` in both,
        of ``speakers`` and ``sentences``; for ``identical`` and
        ``near_identical`` one dictionary a recording, with the names of its
        files in each of the two roles and its similarity; for ``overlapping``
        one dictionary a ``file``, with the names of its segments in each role
        that overlap with one in the other.
    """
    found = {}
    for first, second in PAIRS:
        if first not in division or second not in division:
            continue
        one, other = division[first], division[second]
        keys = {item.key for item in one} & {item.key for item in other}
        pair: dict[str, list] = {
            "files": sorted({item.name for item in one if item.key in keys}),
            "identical": [],
            "near_identical": [],
            "overlapping": _overlapping((first, one), (second, other)),
        }
        speakers = (set().union(*(i.speakers for i in items)) for items in (one, other))
        sentences = ({i.sentence for i in items} - {None} for items in (one, other))
        pair["speakers"] = sorted(set.intersection(*speakers))
        pair["sentences"] = sorted(set.intersection(*sentences))
        for recording in recordings:
            kind = "identical" if recording.identical else "near_identical"
            if (both := _in_both(recording, (first, one), (second, other))) is not None:
                pair[kind].append(both)
        found[f"{first}/{second}"] = {kind: pair[kind] for kind in KINDS}
    return found


def _in_both(
    recording: Recording, one: tuple[str, Sequence[Item]], other: tuple[str, Sequence[Item]]
) -> dict[str, Any] | None:
    """The files of a recording in two roles, unless it is only one file in both."""
    members = set(recording.rows)
    names = {role: {i.name for i in items if i.row in members} for role, items in (one, other)}
    a, b = names.values()
    if not a or not b or len(a | b) < 2:
        return None
    listed = {role: sorted(found) for role, found in names.items()}
    return {**listed, "similarity": recording.similarity}


def _overlapping(
    one: tuple[str, Sequence[Item]], other: tuple[str, Sequence[Item]]
) -> list[dict[str, Any]]:
    """The segments of each file that share some of its sound with one in the other role."""
    (first, ones), (second, others) = one, other
    if all(item.piece[1:] == (0.0, None) for item in (*ones, *others)):
        return []
    ours, theirs = (list({item.key: item for item in items}.values()) for items in (ones, others))
    placed = spans(item.piece for item in (*ours, *theirs))
    # What both roles have, itself or in a copy of the file, is told of otherwise.
    both = {item.piece for item in ours} & {item.piece for item in theirs}
    alone = np.array([item.piece not in both for item in (*ours, *theirs)])
    mine, yours = np.split(np.arange(len(alone)), [len(ours)])
    found: dict[Hashable, dict[str, Any]] = {}
    for role, items, own, against in ((first, ours, mine, yours), (second, theirs, yours, mine)):
        reached = overlapping(placed[against], placed[own]) & alone[own]
        reached |= overlapping(placed[against[alone[against]]], placed[own])
        for item in (items[number] for number in np.flatnonzero(reached)):
            listed = {"file": _file_name(item), first: [], second: []}
            found.setdefault(item.piece[0], listed)[role].append(_piece_name(item))
    return [
        {what: sorted(names) if what in (first, second) else names for what, names in file.items()}
        for file in found.values()
    ]


def _file_name(item: Item) -> str:
    """The name of the file of a segment."""
    segmented = item.row >= 0 and item.piece[1:] != (0.0, None)
    return item.name.rpartition("#")[0] if segmented else item.name


def _piece_name(item: Item) -> str:
    """The name of a segment, with its bounds where it has none of the corpus."""
    _, start, end = item.piece
    if item.row >= 0 or (start, end) == (0.0, None):
        return item.name
    return f"{item.name}#{start!r}-{'' if end is None else repr(end)}"


def balance(items: Sequence[Item]) -> dict[str, Any]:
    """How many files, speakers, sentences, and files of each class and gender a role has.

    A file that is listed twice counts once.
    """
    once = list({item.key: item for item in items}.values())
    return {
        "files": len(once),
        "speakers": len({item.speaker for item in once} - {None}),
        "sentences": len({item.sentence for item in once} - {None}),
        "emotion": _counted(item.emotion for item in once),
        "gender": _counted(item.gender for item in once),
    }


def _counted(values) -> dict[str, int]:
    counts = Counter(values)
    known = {value: counts[value] for value in sorted(counts.keys() - {None})}
    return known | ({"none": counts[None]} if counts[None] else {})


def total(folds: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, int]]]:
    """What is shared in all folds together.

    Args:
        folds: of each fold, a dictionary with ``shared`` as :func:`shared` gives it.

    Returns:
        By pair and kind: ``count``, how many different ones, and ``folds``, in
        how many folds.
    """
    summed: dict[str, dict[str, dict[str, int]]] = {}
    for pair in dict.fromkeys(pair for fold in folds for pair in fold["shared"]):
        found = [fold["shared"][pair] for fold in folds if pair in fold["shared"]]
        summed[pair] = {
            kind: {
                "count": len({_name(thing) for each in found for thing in each[kind]}),
                "folds": sum(1 for each in found if each[kind]),
            }
            for kind in KINDS
        }
    return summed


def _name(thing: str | dict[str, Any]) -> Any:
    if isinstance(thing, str):
        return thing
    if "file" in thing:
        return thing["file"]
    return tuple(sorted(name for role in ROLES for name in thing.get(role, ())))

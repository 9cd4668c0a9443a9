"""The audit of a published split: what its test has in common with its training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pnn_keras.audit import overlap
from pnn_keras.audit.items import LABELS, Item, describe
from pnn_keras.audit.namesakes import find_namesakes
from pnn_keras.audit.recordings import Recording, find_copies
from pnn_keras.audit.render import render
from pnn_keras.audit.rescore import rescore
from pnn_keras.audit.words import how_many, leaks, notes, unchecked
from pnn_keras.corpus import Corpus, Utterance
from pnn_keras.errors import CorpusError, ProtocolError
from pnn_keras.split import Entry, Match, Split, match

__all__ = ["audit_split", "render", "rescore"]


def audit_split(
    split: Split,
    corpus: Corpus | None = None,
    *,
    draws: int = 0,
    seed: int = 0,
    strict: bool = False,
) -> dict[str, Any]:
    """Looks for leaks in a published split.

    A leak is a speaker, a file or a recording (byte-identical, an altered
    copy, see :func:`pnn_keras.audit.recordings.find_copies`, or a segment that
    overlaps with another of the same file) that is tested and also trains or
    stops, in one fold. Sentences that roles share, and
    what training and stopping share, are noted but are no leak.

    Args:
        split: the split, see :func:`pnn_keras.split.read_split`.
        corpus: the corpus that it divides; None to check what the split's own
            columns tell.
        draws: how many speaker-disjoint splits to score beside the published
            one, see :func:`pnn_keras.audit.rescore.rescore`; 0 for none.
        seed: seed of these.
        strict: whether a recording of the split that cannot be heard ends the
            audit, instead of being reported under ``unheard``.

    Returns:
        A dictionary that ``json.dumps`` takes, with the keys

        - ``split`` and ``corpus`` (names), ``entries``, ``files`` (different ones);
        - ``leak`` (bool), ``leaks``, ``notes`` and ``unchecked`` (sentences);
        - ``total``: by pair of roles (``"train/test"``) and kind (``files``,
          ``speakers``, ``identical``, ``near_identical``, ``overlapping``,
          ``sentences``) the ``count`` and in how many ``folds``;
        - ``folds``: of each the number ``fold`` (None for a split without
          folds), ``shared`` (by pair and kind) and ``roles`` (by role
          ``files``, ``speakers``, ``sentences``, ``emotion``, ``gender``: counts);
        - ``label_conflicts``: ``files``, ``label``, ``values`` and ``why``;
        - ``unassigned``: ids of utterances in no role; ``unmatched``: files
          that are not in the corpus; ``ambiguous``: ``file`` and ``ids``;
          ``unheard``: ``id`` and ``reason``;
        - ``namesakes``: pairs of files that may be one, see
          :func:`pnn_keras.audit.namesakes.find_namesakes`;
        - ``rescore``: see there, or None.

    Raises:
        ProtocolError: no file of the split is in the corpus, scores are asked
            for without a corpus, or they cannot be had.
        CorpusError: with ``strict``, a recording cannot be heard.

    Example:
        >>> from pnn_keras.split import Entry
        >>> entries = (Entry("a.wav", "train", speaker="1"), Entry("b.wav", "test", speaker="1"))
        >>> audit_split(Split("made", entries))["leaks"]
        ['train/test: 1 speaker']
    """
    if draws and corpus is None:
        raise ProtocolError("Scores need features, so a corpus. Name it: --corpus FOLDER")
    utterances = () if corpus is None else corpus.utterances
    found = None if corpus is None else match(split, utterances)
    if found is not None and (found.rows < 0).all():
        raise ProtocolError(
            f"No file of {split.name} is in {corpus.name}. Received: {split.entries[0].file}, "
            f"..., and in the corpus: {utterances[0].id}, ... Name the corpus that was split"
        )
    items = describe(split, utterances, found)
    recordings, unheard = _recordings(utterances, found)
    if strict and unheard:
        _refuse(corpus, unheard)
    folds = [_fold(fold, roles, items, recordings) for fold, roles in split.divisions().items()]
    report: dict[str, Any] = {
        "split": split.name,
        "corpus": None if corpus is None else corpus.name,
        "entries": len(items),
        "files": len({item.key for item in items}),
        "total": overlap.total(folds),
        "folds": folds,
        "label_conflicts": _conflicts(split, items, recordings),
        "unassigned": _unassigned(split, items, utterances),
        "unmatched": [] if found is None else list(found.unmatched),
        "ambiguous": []
        if found is None
        else [{"file": file, "ids": list(ids)} for file, ids in found.ambiguous],
        "unheard": [{"id": id, "reason": reason} for id, reason in unheard],
        "namesakes": find_namesakes(split, items),
    }
    report["leaks"] = leaks(report)
    report["leak"] = bool(report["leaks"])
    report["notes"] = notes(report, split, items)
    report["unchecked"] = unchecked(report, split, items)
    report["rescore"] = rescore(split, corpus, draws=draws, seed=seed) if draws else None
    return report


def _refuse(corpus: Corpus, unheard: Sequence[tuple[str, str]]) -> None:
    id, reason = unheard[0]
    told = how_many(len(unheard), "recording of the split", "recordings of the split")
    raise CorpusError(
        f"{corpus.name}: {told} cannot be used, e.g. {id}: {reason.rstrip('.')}. "
        "Repair or remove what cannot be used, or audit without strict"
    )


def _recordings(
    utterances: Sequence[Utterance], found: Match | None
) -> tuple[list[Recording], list[tuple[str, str]]]:
    """The copies among the utterances that the split names, by their rows in the corpus."""
    if found is None:
        return [], []
    rows = sorted(set(found.rows.tolist()) - {-1})
    copies, unheard = find_copies([utterances[row] for row in rows])
    numbered = [
        Recording(tuple(rows[i] for i in copy.rows), copy.similarity, copy.identical)
        for copy in copies
    ]
    return numbered, unheard


def _fold(
    fold: int | None,
    roles: dict[str, list[int]],
    items: Sequence[Item],
    recordings: Sequence[Recording],
) -> dict[str, Any]:
    division = {role: [items[number] for number in numbers] for role, numbers in roles.items()}
    return {
        "fold": fold,
        "shared": overlap.shared(division, recordings),
        "roles": {role: overlap.balance(members) for role, members in division.items()},
    }


def _conflicts(
    split: Split, items: Sequence[Item], recordings: Sequence[Recording]
) -> list[dict[str, Any]]:
    """Labels that differ between entries of one file, or between copies of one recording."""
    by_key, by_row = defaultdict(list), defaultdict(list)
    for entry, item in zip(split.entries, items, strict=True):
        by_key[item.key].append((entry, item.name))
        by_row[item.row].append(item)
    found = []
    for listed in by_key.values():
        entries = [entry for entry, _ in listed]
        found += _differing(entries, [listed[0][1]], "listed with different labels")
    for recording in recordings:
        members = [item for row in recording.rows for item in by_row[row]]
        why = "identical audio" if recording.identical else "near-identical audio"
        found += _differing(members, sorted({item.name for item in members}), why)
    return found


def _differing(
    members: Sequence[Item | Entry], files: list[str], why: str
) -> list[dict[str, Any]]:
    """The labels of which the members have different values; a missing one differs from none."""
    values = {label: {getattr(member, label) for member in members} - {None} for label in LABELS}
    return [
        {"files": files, "label": label, "values": sorted(found), "why": why}
        for label, found in values.items()
        if len(found) > 1
    ]


def _unassigned(split: Split, items: Sequence[Item], utterances: Sequence[Utterance]) -> list[str]:
    roles = [numbers for division in split.divisions().values() for numbers in division.values()]
    assigned = {items[number].row for numbers in roles for number in numbers}
    return [u.id for row, u in enumerate(utterances) if row not in assigned]

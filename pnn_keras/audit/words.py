"""An audit's findings in sentences: leaks, notes, and what could not be checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pnn_keras.audit.items import Item
from pnn_keras.audit.overlap import KINDS, LEAKING_KINDS, LEAKING_PAIRS
from pnn_keras.split import Split

_SINGULAR = {
    "files": "file",
    "speakers": "speaker",
    "identical": "byte-identical recording",
    "near_identical": "altered copy of a recording",
    "sentences": "sentence",
}
_PLURAL = {
    **{kind: f"{name}s" for kind, name in _SINGULAR.items()},
    "near_identical": "altered copies of recordings",
}


def counted(kind: str, count: int) -> str:
    """A number of things that roles share.

    Example:
        >>> counted("speakers", 1), counted("near_identical", 2)
        ('1 speaker', '2 altered copies of recordings')
    """
    return f"{count} {(_SINGULAR if count == 1 else _PLURAL)[kind]}"


def leaks(report: dict[str, Any]) -> list[str]:
    """What leaks: a sentence for each pair of roles."""
    return _overlaps(report, lambda pair, kind: pair in LEAKING_PAIRS and kind in LEAKING_KINDS)


def notes(report: dict[str, Any], split: Split, items: Sequence[Item]) -> list[str]:
    """What a user should know beside the leaks."""
    return [
        *split.warnings,
        *_overlaps(
            report, lambda pair, kind: pair not in LEAKING_PAIRS or kind not in LEAKING_KINDS
        ),
        *_absences(report["folds"]),
        *_repeated(report, split, items),
        *_conflicting(report),
        *_left_out(report),
    ]


def unchecked(report: dict[str, Any], items: Sequence[Item]) -> list[str]:
    """What the audit could not check, and why."""
    found = []
    if report["corpus"] is None:
        found.append("Recordings: no corpus was given, so no audio was compared.")
    for label in ("speaker", "gender", "emotion", "sentence"):
        unknown = sum(1 for item in items if getattr(item, label) is None)
        if unknown == len(items):
            found.append(f"{label.title()}s: neither the split nor a corpus tells them.")
        elif unknown:
            found.append(f"{label.title()}s: unknown for {unknown} of {len(items)} entries.")
    for key, what in (
        ("unmatched", "not in the corpus"),
        ("ambiguous", "possibly several files of the corpus"),
        ("unheard", "without usable audio"),
    ):
        if report[key]:
            first = report[key][0]
            name = first if isinstance(first, str) else first.get("file", first.get("id"))
            found.append(f"Recordings: {len(report[key])} files are {what}, e.g. {name}.")
    return found


def _overlaps(report: dict[str, Any], chosen) -> list[str]:
    folds = len(report["folds"])
    sentences = []
    for pair, kinds in report["total"].items():
        told = [
            counted(kind, kinds[kind]["count"])
            + (f" (in {kinds[kind]['folds']} of {folds} folds)" if folds > 1 else "")
            for kind in KINDS
            if kinds[kind]["count"] and chosen(pair, kind)
        ]
        if told:
            sentences.append(f"{pair}: {', '.join(told)}")
    return sentences


def _absences(folds: Sequence[dict[str, Any]]) -> list[str]:
    """Classes and genders that a role lacks though the fold has them."""
    lacking: Counter[str] = Counter()
    for fold in folds:
        for label in ("emotion", "gender"):
            present = {value for role in fold["roles"].values() for value in role[label]}
            for role, counts in fold["roles"].items():
                for value in sorted(present - counts[label].keys() - {"none"}):
                    lacking[f"The {role} files have no {label} {value!r}"] += 1
    if len(folds) == 1:
        return [f"{sentence}." for sentence in lacking]
    return [f"{sentence} in {n} of {len(folds)} folds." for sentence, n in lacking.items()]


def _repeated(report: dict[str, Any], split: Split, items: Sequence[Item]) -> list[str]:
    listed = Counter(
        (entry.fold, entry.role, item.key)
        for entry, item in zip(split.entries, items, strict=True)
    )
    twice = sum(1 for count in listed.values() if count > 1)
    return [f"{twice} files are listed more than once in one role."] if twice else []


def _conflicting(report: dict[str, Any]) -> list[str]:
    conflicts = report["label_conflicts"]
    if not conflicts:
        return []
    first = conflicts[0]
    return [
        f"{len(conflicts)} recordings bear different labels, e.g. {' = '.join(first['files'])}: "
        f"{first['label']} {' or '.join(first['values'])} ({first['why']})."
    ]


def _left_out(report: dict[str, Any]) -> list[str]:
    if not report["unassigned"]:
        return []
    return [
        f"{len(report['unassigned'])} utterances of {report['corpus']} are in no role, e.g. "
        f"{report['unassigned'][0]}."
    ]

"""An audit's findings in sentences: leaks, notes, and what could not be checked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from pnn_keras.audit.items import Item
from pnn_keras.audit.overlap import KINDS, LEAKING_KINDS, LEAKING_PAIRS
from pnn_keras.corpora.rows import spelt_alike
from pnn_keras.split import Split

_SINGULAR = {
    "files": "file",
    "speakers": "speaker",
    "identical": "byte-identical recording",
    "near_identical": "altered copy of a recording",
    "overlapping": "file with overlapping segments",
    "sentences": "sentence",
}
_PLURAL = {
    **{kind: f"{name}s" for kind, name in _SINGULAR.items()},
    "near_identical": "altered copies of recordings",
    "overlapping": "files with overlapping segments",
}


def how_many(count: int, singular: str, plural: str) -> str:
    """A number and what follows it.

    Example:
        >>> how_many(1, "file is", "files are"), how_many(2, "file is", "files are")
        ('1 file is', '2 files are')
    """
    return f"{count} {singular if count == 1 else plural}"


def counted(kind: str, count: int) -> str:
    """A number of things that roles share.

    Example:
        >>> counted("speakers", 1), counted("near_identical", 2)
        ('1 speaker', '2 altered copies of recordings')
    """
    return how_many(count, _SINGULAR[kind], _PLURAL[kind])


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
        *_names(report, split, items),
        *_absences(report["folds"]),
        *_repeated(report, split, items),
        *_conflicting(report),
        *_left_out(report),
    ]


def unchecked(report: dict[str, Any], split: Split, items: Sequence[Item]) -> list[str]:
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
    return [
        *(f"Tables: {line}" for line in split.left_out),
        *found,
        *_spelt_alike(items),
        *_unheard(report),
        *_namesakes(report),
    ]


def _spelt_alike(items: Sequence[Item]) -> list[str]:
    """Names of speakers who may be one."""
    alike = spelt_alike(name for item in items for name in item.speakers)
    if not alike:
        return []
    return [
        "Speakers: names that differ in zeros or capitals alone count as different ones, e.g. "
        f"{' and '.join(alike[0])}. Spell them alike if they are one."
    ]


def _unheard(report: dict[str, Any]) -> list[str]:
    """Recordings that were not compared."""
    ambiguous = report["ambiguous"]
    several = [each["file"] for each in ambiguous if len(each["ids"]) > 1]
    taken = [each["file"] for each in ambiguous if len(each["ids"]) == 1]
    silent = [each["id"] for each in report["unheard"]]
    return [
        f"Recordings: {how_many(len(files), f'file {one}', f'files {many}')}, e.g. {files[0]}."
        for files, one, many in (
            (report["unmatched"], "is not in the corpus", "are not in the corpus"),
            (several, "is possibly several of the corpus", "are possibly several of the corpus"),
            (taken, *["may be one that another entry names better"] * 2),
            (silent, "is without usable audio", "are without usable audio"),
        )
        if files
    ]


def _namesakes(report: dict[str, Any]) -> list[str]:
    pairs = report["namesakes"]
    if not pairs:
        return []
    told = how_many(
        len(pairs), "pair of files in two roles has", "pairs of files in two roles have"
    )
    first = " and ".join(f"{role} {file}" for role, file in pairs[0].items())
    return [
        f"Files: {told} one name in different folders, e.g. {first}. "
        "Whether such two are one recording is not known."
    ]


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


def _names(report: dict[str, Any], split: Split, items: Sequence[Item]) -> list[str]:
    """Names of speakers that may mislead."""
    found = []
    called = defaultdict(set)
    for entry, item in zip(split.entries, items, strict=True):
        if entry.speaker is not None and item.row >= 0:
            called[entry.speaker] |= item.speakers
    several = [(name, sorted(speakers)) for name, speakers in called.items() if len(speakers) > 1]
    if several:
        name, speakers = several[0]
        found.append(
            f"The split calls several speakers of {report['corpus']} by one name, e.g. {name}: "
            f"{', '.join(speakers)}. The names of the corpus count."
        )
    return found


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
    return (
        [f"{how_many(twice, 'file is', 'files are')} listed more than once in one role."]
        if twice
        else []
    )


def _conflicting(report: dict[str, Any]) -> list[str]:
    conflicts = report["label_conflicts"]
    if not conflicts:
        return []
    first = conflicts[0]
    told = how_many(len(conflicts), "recording bears", "recordings bear")
    return [
        f"{told} different labels, e.g. {' = '.join(first['files'])}: "
        f"{first['label']} {' or '.join(first['values'])} ({first['why']})."
    ]


def _left_out(report: dict[str, Any]) -> list[str]:
    left = report["unassigned"]
    if not left:
        return []
    corpus = report["corpus"]
    told = how_many(len(left), f"utterance of {corpus} is", f"utterances of {corpus} are")
    return [f"{told} in no role, e.g. {left[0]}."]

"""A corpus at a glance: clips, hours, speakers, classes, defects."""

from __future__ import annotations

import collections
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pnn_keras import audio
from pnn_keras.corpus import GENDERS, LABELS, Corpus, Utterance
from pnn_keras.errors import AudioError

_UNKNOWN = "unknown"
_SHOWN = 10


def summarise(corpus: Corpus, *, strict: bool = False) -> dict[str, Any]:
    """Counts what a corpus holds, and decodes each of its recordings.

    Args:
        corpus: an open corpus.
        strict: fail at unreadable files instead of listing them.

    Returns:
        A dictionary that ``json.dumps`` takes, with the keys ``name``,
        ``folder``, ``synthetic``, ``clips``, ``seconds`` (s) and ``hours`` (h)
        of all readable clips, ``speakers`` (number by sex), ``classes`` (of
        each label: number of clips by class, ``"none"`` for clips without),
        ``sampling_rates`` (number of files by Hz), ``channels`` (number of
        files by channels), ``licence``, ``citation``, ``homepage``,
        ``defects``, ``warnings``, and lists of ``id`` and ``reason``:
        ``skipped``, ``unreadable``, ``unusable`` (decoded, but with nothing to
        hear: :func:`pnn_keras.audio.check`) and ``clipped``.

    Raises:
        AudioError: ``strict``, and some file cannot be read.
    """
    headers = {path: _header(path) for path in dict.fromkeys(u.path for u in corpus)}
    unreadable, seconds = [], 0.0
    for utterance in corpus:
        reason, duration = _duration(utterance, headers[utterance.path])
        seconds += duration
        if reason is not None:
            unreadable.append({"id": utterance.id, "reason": reason})
    if strict and unreadable:
        raise AudioError(
            f"{corpus.name}: {len(unreadable)} clip(s) cannot be read, the first is "
            f"{unreadable[0]['id']}: {unreadable[0]['reason']}. Repair or remove them."
        )
    broken = {problem["id"] for problem in unreadable}
    unusable, clipped = _heard([u for u in corpus if u.id not in broken])
    readable = [header for header in headers.values() if not isinstance(header, str)]
    info = corpus.info
    return {
        "name": corpus.name,
        "folder": str(corpus.folder),
        "synthetic": info.synthetic,
        "clips": len(corpus),
        "seconds": round(seconds, 3),
        "hours": round(seconds / 3600, 4),
        "speakers": _speakers(corpus),
        "classes": {label: _classes(corpus, label) for label in LABELS if label != "speaker"},
        "sampling_rates": _counted(header.samplerate for header in readable),
        "channels": _counted(header.channels for header in readable),
        "licence": info.licence,
        "citation": info.citation,
        "homepage": info.homepage,
        "defects": list(info.defects),
        "warnings": list(corpus.warnings),
        "skipped": [{"id": skip.id, "reason": skip.reason} for skip in corpus.skipped],
        "unreadable": unreadable,
        "unusable": unusable,
        "clipped": clipped,
    }


def _header(path: Path):
    """The header of an audio file, or the reason why it has none."""
    import soundfile

    try:
        return soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError) as error:
        return getattr(error, "error_string", None) or str(error)


def _heard(utterances: list[Utterance]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Which recordings have nothing to hear, and which are clipped."""
    with ThreadPoolExecutor() as pool:  # decoding leaves Python's lock alone
        found = list(pool.map(_fault, utterances))
    problems = [
        (usable, {"id": u.id, "reason": reason})
        for u, (usable, reason) in zip(utterances, found, strict=True)
        if reason
    ]
    return [p for usable, p in problems if not usable], [p for usable, p in problems if usable]


def _fault(utterance: Utterance) -> tuple[bool, str]:
    """Whether a recording can be used, and what is wrong with it."""
    try:
        samples, rate = audio.read_channels(utterance.path, utterance.start, utterance.end)
        audio.check(audio.mix(samples), rate)
    except AudioError as error:
        return False, str(error)
    return True, "; ".join(audio.defects(samples))


def _duration(utterance: Utterance, header) -> tuple[str | None, float]:
    """What is wrong with an utterance, if anything, and its duration in seconds."""
    if isinstance(header, str):
        return header, 0.0
    total = header.frames / header.samplerate
    if header.frames == 0:
        return "no samples", 0.0
    if utterance.start >= total:
        return f"starts at {utterance.start} s, after the end of the file at {total:.3f} s", 0.0
    end = total if utterance.end is None else min(utterance.end, total)
    return None, end - utterance.start


def _speakers(corpus: Corpus) -> dict[str, int]:
    """Number of speakers by sex; a speaker without a sex counts as unknown."""
    sexes: dict[str, str | None] = {}
    for utterance in corpus:
        if utterance.speaker is not None:
            sexes[utterance.speaker] = sexes.get(utterance.speaker) or utterance.gender
    counts = collections.Counter(sex or _UNKNOWN for sex in sexes.values())
    return {sex: counts[sex] for sex in (*GENDERS, _UNKNOWN) if sex in GENDERS or counts[sex]}


def _classes(corpus: Corpus, label: str) -> dict[str, int]:
    counts = collections.Counter(getattr(utterance, label) for utterance in corpus)
    classes = {name: counts[name] for name in corpus.classes(label)}
    return {**classes, "none": counts[None]} if counts[None] else classes


def _counted(values) -> dict[str, int]:
    return {str(value): count for value, count in sorted(collections.Counter(values).items())}


def render(summary: dict[str, Any]):
    """The summary as something that ``rich.print`` shows as a table.

    Args:
        summary: what :func:`summarise` returned.

    Returns:
        A ``rich.table.Table``.
    """
    from rich.table import Table
    from rich.text import Text

    title = summary["name"] + (" (synthetic speech)" if summary["synthetic"] else "")
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for row, text in _rows(summary):
        # File names may hold what rich would take for markup.
        table.add_row(row, Text(text))
    return table


def _rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("folder", summary["folder"]),
        ("clips", f"{summary['clips']} ({summary['hours']:.2f} hours)"),
        ("speakers", _listed(summary["speakers"])),
        *((label, _listed(counts)) for label, counts in summary["classes"].items()),
        ("sampling rates", _listed(summary["sampling_rates"], " Hz")),
        ("channels", _listed(summary["channels"])),
        ("licence", summary["licence"]),
        ("citation", summary["citation"]),
        ("homepage", summary["homepage"]),
        *(("known defect", defect) for defect in summary["defects"]),
        *(("warning", warning) for warning in summary["warnings"]),
        ("skipped", _problems(summary["skipped"])),
        ("unreadable", _problems(summary["unreadable"])),
        ("unusable", _problems(summary["unusable"])),
        ("clipped", _problems(summary["clipped"])),
    ]
    return [(row, text) for row, text in rows if text]


def _listed(counts: dict[str, int], unit: str = "") -> str:
    return ", ".join(f"{name}{unit}: {count}" for name, count in counts.items()) or "none"


def _problems(problems: list[dict[str, str]]) -> str:
    if not problems:
        return "none"
    lines = [f"{problem['id']}: {problem['reason']}" for problem in problems[:_SHOWN]]
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    return "\n".join([f"{len(problems)} file(s)", *lines, *more])

"""Whom a chain understands better and worse: by sex, by corpus, by speaker."""

from __future__ import annotations

from collections.abc import Mapping

from pnn_keras.card.markdown import number, section, table, text
from pnn_keras.card.scored import METHODS


def groups(metadata: Mapping) -> str:
    """A table for each task, and its worst and best speakers."""
    parts = [
        part
        for task, found in (metadata.get("groups") or {}).items()
        for part in _task(task, found or {})
    ]
    return section("Who is heard how well", *parts)


def _task(task: str, found: Mapping) -> list[str]:
    rows = [
        [kind, name, number(score.get("uar")), score.get("utterances", "-"), _speakers(score)]
        for kind, by_name in (("sex", found.get("by_gender")), ("corpus", found.get("by_corpus")))
        for name, score in (by_name or {}).items()
    ]
    lines = [_speaker(found.get(key), word) for key, word in _EXTREMES if found.get(key)]
    if not rows and not lines:
        return []
    by = f", {METHODS.get(found['method'], found['method'])}" if found.get("method") else ""
    parts = [f"### {text(task)}{text(by)}, same folds as above"]
    if rows:
        head = ["by", "group", "UAR", "utterances", "speakers"]
        parts.append(table(head, rows, right=(2, 3, 4)))
    gap = _gap(found.get("by_gender") or {})
    return [*parts, " ".join(filter(None, [gap, *lines]))] if gap or lines else parts


_EXTREMES = (("worst_speaker", "Worst"), ("best_speaker", "Best"))


def _speakers(score: Mapping) -> object:
    return score.get("speakers", "-")


def _speaker(score: Mapping, word: str) -> str:
    of = f" ({score['utterances']} utterances)" if score.get("utterances") is not None else ""
    return f"{word} speaker: {text(score.get('speaker'))}, UAR {number(score.get('uar'))}{of}."


def _gap(by_gender: Mapping[str, Mapping]) -> str:
    uars = {name: score.get("uar") for name, score in by_gender.items()}
    if len(uars) != 2 or None in uars.values():
        return ""
    (high, most), (low, least) = sorted(uars.items(), key=lambda item: -item[1])
    gap = number(most - least)
    return f"UAR is {gap} higher for {text(high)} than for {text(low)} speakers."

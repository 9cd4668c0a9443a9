"""The scores of each task, beside what was learned without sources and without networks."""

from __future__ import annotations

from collections.abc import Mapping

from pnn_keras.card.markdown import (
    NOT_SAID,
    bounds_of,
    count,
    folded,
    interval,
    number,
    section,
    table,
    text,
)
from pnn_keras.card.names import confusion_name
from pnn_keras.card.protocol import scored_by
from pnn_keras.card.scored import METHODS, best_plain, is_on_stop_rows, own_method, protocol_of
from pnn_keras.card.summary import MOST_CLASSES

_INTRODUCTION = (
    "UAR is the unweighted average recall. The scores are those of networks trained on the "
    "protocol's folds, each utterance answered by networks that were not trained on it; this "
    "chain was then trained the same way on all of the data, so that no score is its own."
)


def scores(metadata: Mapping, pictures: frozenset[str]) -> str:
    """A part for each task: every method's scores, recalls by class, the confusion matrix."""
    scored = metadata.get("scores") or {}
    if not scored:
        return section("Scores", f"{NOT_SAID.capitalize()}.")
    parts = [_task(metadata, task, methods or {}, pictures) for task, methods in scored.items()]
    return section("Scores", _INTRODUCTION, *parts)


def _task(metadata: Mapping, task: str, methods: Mapping, pictures: frozenset[str]) -> str:
    own = own_method(metadata, task)
    parts = [
        f"### {text(task)}",
        _scored_on(metadata, task),
        _table(methods),
        _intervals(methods),
        _beside(metadata, task),
        _recalls(methods),
        _confusion(task, own, methods.get(own) or {}, pictures),
    ]
    return "\n\n".join(filter(None, parts))


def _scored_on(metadata: Mapping, task: str) -> str:
    """Whose voices a score was taken on."""
    if not is_on_stop_rows(metadata, task):
        return scored_by(protocol_of(metadata, task))
    voices = ": other clips of the speakers that it was trained on" * task.startswith("speaker")
    return (
        f"Scored on its own stop rows{voices}. They chose when its training ended, so that the "
        "score flatters."
    )


def _table(methods: Mapping[str, Mapping]) -> str:
    rows = [
        [
            METHODS.get(method, method),
            number(score.get("uar")),
            interval(score),
            _folds(score),
            score.get("utterances", "-"),
        ]
        for method, score in methods.items()
    ]
    head = ["method", "UAR", "interval", "mean ± SD of folds", "utterances"]
    if not any(map(bounds_of, methods.values())):
        head, rows = head[:2] + head[3:], [row[:2] + row[3:] for row in rows]
    return table(head, rows, right=range(1, len(head)))


def _folds(score: Mapping) -> str:
    mean, deviation = score.get("uar_folds_mean"), score.get("uar_folds_sd")
    absent = score.get("absent") or 0
    missing = f" ({count(absent, 'absent class', 'absent classes')})" if absent else ""
    return "-" if mean is None else f"{number(mean)} ± {number(deviation)}{missing}"


def _intervals(methods: Mapping[str, Mapping]) -> str:
    """What the intervals are, and what to be wary of."""
    given = [score["interval"] for score in methods.values() if bounds_of(score)]
    if not given:
        return ""
    first = given[0]
    level = f"{100 * first['level']:g} % " if first.get("level") else ""
    over = f"{first['speakers']} speakers" if first.get("speakers") else "utterances"
    said = (
        f"Intervals: {level}bootstrap over {over}, each of one score by itself, so they do not "
        "tell whether two methods differ."
    )
    warnings = dict.fromkeys(text(i["warning"]) for i in given if i.get("warning"))
    return " ".join([said, *warnings])


def _beside(metadata: Mapping, task: str) -> str:
    """Says plainly where a reference without any network reaches as much."""
    methods = metadata["scores"][task]
    plain, own = best_plain(metadata, task), own_method(metadata, task)
    uar = (methods.get(own) or {}).get("uar")
    if plain is None or uar is None or plain[1]["uar"] < uar:
        return ""
    method, score = plain
    return (
        f"**A plain reference reaches as much or more:** {METHODS[method]} on the same features "
        f"and folds has {number(score['uar'])}, {METHODS[own]} {number(uar)}."
    )


def _recalls(methods: Mapping[str, Mapping]) -> str:
    classes = dict.fromkeys(c for score in methods.values() for c in score.get("recalls") or {})
    scored = {
        method: score["recalls"] for method, score in methods.items() if score.get("recalls")
    }
    if not classes:
        return ""
    if len(classes) > MOST_CLASSES:
        return "\n".join(_range(method, recalls) for method, recalls in scored.items())
    rows = [[name, *(number(r.get(name)) for r in scored.values())] for name in classes]
    head = ["recall of", *(METHODS.get(method, method) for method in scored)]
    return table(head, rows, right=range(1, len(head)))


def _range(method: str, recalls: Mapping[str, float | None]) -> str:
    known = {name: recall for name, recall in recalls.items() if recall is not None}
    if not known:
        return f"- {text(METHODS.get(method, method))}: no class has a recall"
    low, high = min(known, key=known.get), max(known, key=known.get)
    return (
        f"- Recalls of {text(METHODS.get(method, method))}: {number(known[low])} "
        f"({text(low)}) to {number(known[high])} ({text(high)}), {len(known)} classes"
    )


def _confusion(task: str, method: str | None, score: Mapping, pictures: frozenset[str]) -> str:
    if not (score.get("confusion") and score.get("classes")):
        return ""
    named = METHODS.get(method, method)
    picture = confusion_name(task)
    shown = ""
    if picture in pictures:
        shown = f"![Confusion matrix of {text(task)}, {named}: rows are true classes]({picture})"
    if len(score["classes"]) > MOST_CLASSES:
        return shown
    title = f"Confusion of {named} (rows: true class, columns: answer; utterances)"
    counts = _counts(score)
    return "\n\n".join([shown, folded(title, counts)] if shown else [f"{title}:", counts])


def _counts(score: Mapping) -> str:
    classes = list(score["classes"])
    rows = [
        [f"**{name}**", *counts] for name, counts in zip(classes, score["confusion"], strict=False)
    ]
    return table(["", *classes], rows, right=range(1, len(classes) + 1))

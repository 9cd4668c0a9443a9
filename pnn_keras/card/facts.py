"""A preset in a few facts: a row of the zoo's table, and what ``zoo list`` says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pnn_keras.card.licences import any_use, binding
from pnn_keras.card.markdown import bounds_of, listed, told
from pnn_keras.card.scored import best_plain, is_on_stop_rows, own_score, protocol_of


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """The score of a task on a corpus that was never heard.

    Args:
        corpus: its name.
        uar: UAR.
        adapted: UAR with scalers that were fitted on the corpus, or None.
        these: whether these weights were scored, else the recipe without that corpus.
    """

    corpus: str
    uar: float
    adapted: float | None
    these: bool


@dataclasses.dataclass(frozen=True)
class TaskFacts:
    """What one task of a preset is worth.

    Args:
        task: the task.
        classes: number of its classes, or None.
        uar: UAR on the test folds, or None.
        interval: its bounds, or None.
        speaker_disjoint: whether test speakers were new, or None.
        on_stop_rows: whether it was scored on the rows that ended its training.
        plain: the best reference without a network: its method and its UAR, or None.
        elsewhere: the scores on corpora that were never heard.
    """

    task: str
    classes: int | None
    uar: float | None
    interval: tuple[float, float] | None
    speaker_disjoint: bool | None
    on_stop_rows: bool
    plain: tuple[str, float] | None
    elsewhere: tuple[Elsewhere, ...]


@dataclasses.dataclass(frozen=True)
class Overview:
    """A preset in a few facts.

    Args:
        name: the preset.
        frontend: name of its front-end, or None.
        corpora: what it was trained on.
        any_use: whether it may be used for anything; None where that cannot be told.
        binding: what keeps it from that: names of corpora, or openSMILE.
        tasks: what each of its tasks is worth, in the chain's order.
        size: of its weights, in bytes, or None.
    """

    name: str
    frontend: str | None
    corpora: tuple[str, ...]
    any_use: bool | None
    binding: tuple[str, ...]
    tasks: tuple[TaskFacts, ...]
    size: int | None


def overview(name: str, metadata: Mapping, size: int | None = None) -> Overview:
    """A preset in a few facts, from what was recorded of it.

    Args:
        name: the preset.
        metadata: what was recorded.
        size: of its weights, in bytes, where it is known.

    Example:

    >>> score = {"uar": 0.75, "classes": ["female", "male"]}
    >>> metadata = {"scores": {"gender": {"column": score, "svm": {"uar": 0.5}}}}
    >>> facts = overview("mine", metadata).tasks[0]
    >>> facts.task, facts.classes, facts.uar, facts.plain
    ('gender', 2, 0.75, ('svm', 0.5))
    """
    metadata = told(metadata)
    names = [str(corpus.get("name")) for corpus in listed(metadata, "corpora")]
    return Overview(
        name=name,
        frontend=(metadata.get("frontend") or {}).get("name"),
        corpora=tuple(dict.fromkeys(names)),
        any_use=any_use(metadata),
        binding=tuple(binding(metadata)),
        tasks=tuple(_task(metadata, task) for task in _tasks(metadata)),
        size=size,
    )


def _tasks(metadata: Mapping) -> list[str]:
    """The chain's tasks: the sources, then the target."""
    named = [*(metadata.get("sources") or []), metadata.get("target")]
    return list(dict.fromkeys([*filter(None, named), *(metadata.get("scores") or {})]))


def _task(metadata: Mapping, task: str) -> TaskFacts:
    score = own_score(metadata, task)
    plain = best_plain(metadata, task)
    return TaskFacts(
        task=task,
        classes=len(score["classes"]) if score.get("classes") else None,
        uar=score.get("uar"),
        interval=bounds_of(score),
        speaker_disjoint=protocol_of(metadata, task).get("speaker_disjoint") if score else None,
        on_stop_rows=is_on_stop_rows(metadata, task),
        plain=None if plain is None else (plain[0], plain[1]["uar"]),
        elsewhere=tuple(
            Elsewhere(
                str(entry.get("corpus")),
                entry["uar"],
                (entry.get("adapted") or {}).get("uar"),
                entry.get("weights") == "these",
            )
            for entry in listed(metadata, "elsewhere")
            if entry.get("task") == task and entry.get("uar") is not None
        ),
    )

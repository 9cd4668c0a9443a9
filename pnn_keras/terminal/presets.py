"""Presets: the list of them, one laid out, and what was found out about one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from pnn_keras.card import (
    Overview,
    TaskFacts,
    elsewhere_in_words,
    overview,
    plain_in_words,
    size_in_words,
    uar_in_words,
    use_in_words,
)
from pnn_keras.preset import CARD, Preset
from pnn_keras.terminal.layout import facts, heading, new_table
from pnn_keras.terminal.scores import STAMPS, show_scores
from pnn_keras.terminal.writing import show, write

#: What a mark on a UAR elsewhere means.
_LEFT_OUT = "* the same recipe, trained without that corpus"
_ADAPTED = "in parentheses: adapted to that corpus's recordings (--adapt)"


def show_presets(presets: Iterable[Preset]) -> None:
    """Prints presets: of each what the README's table says.

    Args:
        presets: the presets, read and found whole.
    """
    for preset in map(_overview, presets):
        heading(preset.name)
        show(facts(_rows(preset)), "")
        _show_worth(preset.tasks)


def show_preset(preset: Preset) -> None:
    """Prints what a preset is: laid out on a terminal, else its card as it is.

    A Markdown table of the card can be too wide for a terminal.

    Args:
        preset: the preset, read and found whole.
    """
    metadata, card = preset.metadata, preset.folder / CARD
    if not sys.stdout.isatty():
        write(card.read_text(encoding="utf-8"))
        return
    few = _overview(preset)
    corpora = metadata.get("corpora") or []
    target = metadata.get("target")
    rows = _rows(few) | {
        "trained on": "; ".join(map(_corpus_line, corpora)) or "not recorded",
        "licence": metadata.get("licence"),
        "because": metadata.get("licence_note"),
        "cite": "; ".join(str(c["citation"]) for c in corpora if c.get("citation")),
        "made": metadata.get("created"),
        "command": metadata.get("command"),
        "card": card,
    }
    heading(str(metadata.get("title") or f"Chain for {target or 'tasks that are not recorded'}"))
    show(facts({name: value for name, value in rows.items() if value}))
    show("")
    _show_worth(few.tasks)
    if target in (metadata.get("scores") or {}):
        show_scores(metadata)


def _overview(preset: Preset) -> Overview:
    name = preset.folder.resolve().name
    return overview(name, preset.metadata, preset.weights.stat().st_size)


def _rows(preset: Overview) -> dict[str, object]:
    return {
        "trained on": ", ".join(preset.corpora) or "not recorded",
        "front-end": preset.frontend or "not recorded",
        "any use": use_in_words(preset),
        "size": size_in_words(preset.size),
    }


def _show_worth(tasks: Sequence[TaskFacts]) -> None:
    """Prints what each task is worth, a line each."""
    table = new_table()
    table.add_column("answers", no_wrap=True)
    table.add_column("classes", justify="right")
    table.add_column("UAR", overflow="fold")
    table.add_column("score is", no_wrap=True)
    for name in ("best plain reference", "UAR on corpora never heard"):
        table.add_column(name, overflow="fold")
    for task in tasks:
        table.add_row(
            task.task,
            "-" if task.classes is None else str(task.classes),
            uar_in_words(task),
            _stamp(task),
            plain_in_words(task),
            elsewhere_in_words(task),
        )
    show(table)
    everywhere = [score for task in tasks for score in task.elsewhere]
    if any(not score.these for score in everywhere):
        show(_LEFT_OUT)
    if any(score.adapted is not None for score in everywhere):
        show(_ADAPTED)


def _stamp(task: TaskFacts) -> str:
    if task.uar is None or (task.speaker_disjoint is None and not task.on_stop_rows):
        return "-"
    return "on its stop rows" if task.on_stop_rows else STAMPS[task.speaker_disjoint].split(":")[0]


def _corpus_line(corpus: Mapping) -> str:
    speakers, clips = corpus.get("speakers") or [], corpus.get("clips", "?")
    licence = corpus.get("licence", "licence not recorded")
    return f"{corpus.get('name')}: {clips} clips, {len(speakers)} speakers, {licence}"


def show_verified(found: Mapping) -> None:
    """Prints what was found out about a preset that is whole.

    Args:
        found: what :func:`pnn_keras.zoo.verify` gives.
    """
    rows = {name: found[name] for name in ("folder", "sha256", "bytes", "parameters")}
    rows |= {f"answers {task}": ", ".join(names) for task, names in found["tasks"].items()}
    rows["written by"] = ", ".join(f"{name} {v}" for name, v in found["versions"].items())
    heading(f"{found['name']} is whole and answers")
    show(facts(rows))

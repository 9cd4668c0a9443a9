"""Presets: the list of them, one laid out, and what was found out about one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from pnn_keras.terminal.layout import facts, heading, new_table, number
from pnn_keras.terminal.scores import STAMPS, show_scores
from pnn_keras.terminal.writing import show, write


def show_presets(presets: Mapping[str, Mapping]) -> None:
    """Prints the presets of the zoo.

    Args:
        presets: the metadata of each, by name.
    """
    table = new_table()
    table.add_column("preset", no_wrap=True)
    for name in ("answers", "trained on"):
        table.add_column(name, overflow="fold")
    table.add_column("UAR", justify="right")
    table.add_column("score is")
    for name, metadata in presets.items():
        target = metadata.get("target", "-")
        score = next(iter((metadata.get("scores") or {}).get(target, {}).values()), {})
        disjoint = (metadata.get("protocol") or {}).get("speaker_disjoint")
        corpora = ", ".join(str(corpus["name"]) for corpus in metadata.get("corpora") or [])
        stamp = "-" if disjoint is None else STAMPS[disjoint].partition(":")[0]
        tasks = ", ".join([*(metadata.get("sources") or []), target])
        table.add_row(name, tasks, corpora, number(score.get("uar")), stamp)
    show(table)


def show_preset(metadata: Mapping, card: Path) -> None:
    """Prints what a preset is: laid out on a terminal, else its card as it is.

    Args:
        metadata: what is recorded of the preset.
        card: the preset's README, a Markdown table of which can be too wide for a terminal.
    """
    if not sys.stdout.isatty():
        write(card.read_text(encoding="utf-8"))
        return
    corpora = metadata.get("corpora") or []
    target = metadata.get("target")
    rows = {"trained on": "; ".join(map(_corpus_line, corpora)) or "not recorded"}
    rows |= {
        "cite": "; ".join(str(c["citation"]) for c in corpora if c.get("citation")),
        "made": metadata.get("created"),
        "command": metadata.get("command"),
        "card": card,
    }
    heading(str(metadata.get("title") or f"Chain for {target or 'tasks that are not recorded'}"))
    show(facts({name: value for name, value in rows.items() if value}))
    if target in (metadata.get("scores") or {}):
        show_scores(metadata)


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

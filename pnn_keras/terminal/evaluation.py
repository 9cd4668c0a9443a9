"""The scores of a chain on a corpus, and whether it is new to the chain."""

from __future__ import annotations

from collections.abc import Mapping

from pnn_keras.terminal.layout import heading, indented
from pnn_keras.terminal.measures import MOST_CLASSES, SYNTHETIC, measures, show_confusion
from pnn_keras.terminal.writing import show, warn, warn_of_failures

#: Whether an evaluated corpus is new to the chain.
HELD_OUT = {
    "held out": "held out: the chain has heard neither its speakers nor its recordings",
    "not held out": "NOT held out: the chain has heard some of these speakers or recordings",
    "unknown": "unknown whether held out: the chain does not record whom it has heard",
}

#: What is said where features were scaled with ``--adapt``.
TRANSDUCTIVE = "transductive: scaled by these recordings themselves"


def show_evaluation(result: Mapping) -> None:
    """Prints the scores of a chain on a corpus.

    Args:
        result: what :func:`pnn_keras.evaluation.evaluate` gives.
    """
    warn_of_failures(result["failures"])
    for task, reason in result["skipped_tasks"].items():
        warn(f"{task} is not scored: {reason}")
    for task, score in result["tasks"].items():
        heading(f"{task} on {result['corpus']}")
        show(measures({"this chain": score}))
        show(*(indented(line) for line in _left_and_mapped(score)))
        show_confusion(score, task)
    show("", indented(HELD_OUT[result["held_out"]], warning=result["held_out"] != "held out"))
    if result.get("transductive"):
        show(indented(TRANSDUCTIVE, warning=True))
    if result["left_out_as_heard"]:
        count = result["left_out_as_heard"]
        show(indented(f"{count} utterances left out, since the chain has heard them"))
    if result["synthetic"]:
        show(indented(SYNTHETIC, warning=True))


def _left_and_mapped(score: Mapping) -> list[str]:
    """What was done to the corpus's labels to score them, a line each."""
    lines = []
    if score["absent"] and len(score["absent"]) <= MOST_CLASSES:
        lines.append(f"absent from the corpus, not in the UAR: {', '.join(score['absent'])}")
    if score["mapped"]:
        mapped = ", ".join(f"{label} as {name}" for label, name in score["mapped"].items())
        lines.append(f"counted: {mapped}")
    if score["left_out"]:
        left = ", ".join(f"{label} ({count})" for label, count in score["left_out"].items())
        lines.append(f"left out, no class of the chain: {left}")
    return lines

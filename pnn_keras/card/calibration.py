"""Whether a chain is as sure as it is right, before and after its temperature."""

from __future__ import annotations

from collections.abc import Mapping

from pnn_keras.card.markdown import number, section, table, text
from pnn_keras.card.names import calibration_name
from pnn_keras.card.scored import METHODS

_INTRODUCTION = (
    "ECE, the expected calibration error, is the mean distance between how sure answers are and "
    "how often they are right, over 15 bins of equal width; NLL is the mean negative logarithm "
    "of the true class's probability. The chain divides the logits of each task by its "
    "temperature, one number fitted on all out-of-fold answers; for *after*, the answers of each "
    "fold were divided by one fitted on the other folds' alone. Where that makes the true classes "
    "no likelier, the temperature is 1, and the answers stay as they were *before*."
)


def calibration(metadata: Mapping, pictures: frozenset[str]) -> str:
    """A line for each calibrated task, and a reliability picture."""
    found = {task: c for task, c in (metadata.get("calibration") or {}).items() if c}
    if not found:
        return section(
            "Calibration",
            "The probabilities were not calibrated: how sure an answer is need not be how often "
            "such answers are right.",
        )
    rows = [[f"`{task}`", *_row(measured)] for task, measured in found.items()]
    head = ["task", "method", "temperature", "ECE before", "ECE after", "NLL before", "NLL after"]
    shown = [
        f"![Reliability of {text(task)} before and after calibration]({calibration_name(task)})"
        for task in found
        if calibration_name(task) in pictures
    ]
    body = table([*head, "utterances"], rows, right=range(2, 8))
    return section("Calibration", _INTRODUCTION, body, *shown)


def _row(measured: Mapping) -> list:
    method = measured.get("method")
    return [
        METHODS.get(method, method) or "-",
        number(measured.get("temperature")),
        *(number(measured.get(f"{m}_{when}")) for m in ("ece", "nll") for when in _WHEN),
        measured.get("utterances", "-"),
    ]


_WHEN = ("before", "after")

"""Noting facts about a preset that is there already, on its card too."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pnn_keras.chain_training import ANSWERS
from pnn_keras.column import column_name
from pnn_keras.folder import write_whole
from pnn_keras.held_out import calibration_of, groups_of, interval_of, read_answers
from pnn_keras.preset import CONFIG, METADATA, plain, read_preset
from pnn_keras.zoo import rewrite_card


def redescribe(folder: str | os.PathLike, facts: Mapping | None = None) -> None:
    """Adds facts to a preset's metadata and writes its card anew; weights stay as they are.

    Args:
        folder: the preset.
        facts: what to add, or to put in place of what was there.

    Raises:
        PresetError: it is damaged.
    """
    folder = Path(folder)
    metadata = plain({**read_preset(folder).metadata, **(facts or {})})
    text = json.dumps(metadata, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(folder / METADATA, lambda part: part.write_text(text, encoding="utf-8"))
    rewrite_card(folder)


def recalibrate(folder: str | os.PathLike) -> None:
    """Gives a preset's columns the temperatures that its metadata record.

    Args:
        folder: the preset.
    """
    folder = Path(folder)
    preset = read_preset(folder)
    known = preset.metadata.get("calibration") or {}
    temperatures = {column_name(task): record["temperature"] for task, record in known.items()}
    described = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    for column in described["chain"]["config"]["columns"]:
        own = column["config"]
        own["temperature"] = temperatures.get(own["name"], 1.0)
    text = json.dumps(described, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(folder / CONFIG, lambda part: part.write_text(text, encoding="utf-8"))


def restated(folder: str | os.PathLike) -> dict:
    """Intervals, groups and calibration of a preset's scores, from the answers kept beside it.

    Args:
        folder: the preset.

    Returns:
        ``scores`` (with the intervals put in), ``groups`` and ``calibration``.
    """
    folder = Path(folder)
    metadata = read_preset(folder).metadata
    scores = {task: dict(by_method) for task, by_method in metadata["scores"].items()}
    classes = {t: next(iter(by_method.values()))["classes"] for t, by_method in scores.items()}
    answers, utterances = read_answers(folder / ANSWERS, classes)
    found = {"scores": scores, "groups": {}, "calibration": {}}
    for each in answers:
        task = each.task.name
        interval = interval_of(each, utterances)
        scores[task][each.method] = {**scores[task][each.method], "interval": interval}
        if each.method == metadata["calibration"][task]["method"]:
            found["groups"][task] = groups_of(each, utterances)
            found["calibration"][task] = calibration_of(each)
    return found

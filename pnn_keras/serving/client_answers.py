"""The outputs of a served model as answers, one dictionary a row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_PARTS = ("_probabilities", "_classes", "_label")


def read_answers(outputs: Mapping[str, np.ndarray]) -> list[dict]:
    """Turns the outputs of a model that :func:`pnn_keras.export_chain` wrote into answers.

    Args:
        outputs: arrays by name, batch first. ``TASK_probabilities`` and
            ``TASK_classes`` ``(batch, classes)`` and ``TASK_label`` ``(batch,)``
            are a task's; ``TASK_embedding`` ``(batch, units)`` is one too;
            ``valid`` ``(batch,)`` and ``error`` ``(batch,)`` tell which rows
            have an answer. Any other output stays under its own name.

    Returns:
        One dictionary a row: for each task its ``label`` and ``probabilities``
        by class, or its ``embedding``; ``{"error": reason}`` for a row that has
        no answer.

    Raises:
        ValueError, TypeError: the arrays have not the same
            number of rows, or hold no numbers where numbers belong.

    Example:
        >>> read_answers(
        ...     {
        ...         "gender_probabilities": np.array([[0.75, 0.25]]),
        ...         "gender_classes": np.array([["female", "male"]]),
        ...         "gender_label": np.array(["female"]),
        ...     }
        ... )
        [{'gender': {'label': 'female', 'probabilities': {'female': 0.75, 'male': 0.25}}}]
    """
    if not outputs:
        return []
    counts = {len(array) if array.ndim else 0 for array in outputs.values()}
    if len(counts) != 1:
        raise ValueError(f"outputs of {sorted(counts)} rows")
    (count,) = counts
    valid = outputs.get("valid", np.ones(count, bool))
    reasons = outputs.get("error", np.full(count, ""))
    return [
        _row(outputs, i) if valid[i] else {"error": _text(reasons[i]) or "no reason was given"}
        for i in range(count)
    ]


def _row(outputs: Mapping[str, np.ndarray], i: int) -> dict:
    row = {}
    for name, array in outputs.items():
        task, _, part = name.rpartition("_")
        if all(task + ending in outputs for ending in _PARTS) and f"_{part}" in _PARTS:
            row.setdefault(task, _answer(outputs, task, i))
        elif part == "embedding" and task:
            row[task] = {"embedding": _numbers(array[i])}
        elif name not in ("valid", "error"):
            row[name] = _plain(array[i])
    return row


def _answer(outputs: Mapping[str, np.ndarray], task: str, i: int) -> dict:
    classes = map(_text, outputs[f"{task}_classes"][i])
    probabilities = _numbers(outputs[f"{task}_probabilities"][i])
    return {
        "label": _text(outputs[f"{task}_label"][i]),
        "probabilities": dict(zip(classes, probabilities, strict=True)),
    }


def _numbers(row: np.ndarray) -> list[float]:
    """A row of float32, which REST prints with as few digits as tell it apart."""
    if np.ndim(row) != 1 or row.dtype.kind not in "fiu":
        raise ValueError(f"no row of numbers: {row!r}")
    return row.astype(np.float32).tolist()


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _plain(value):
    """A value, or values, as Python has them."""
    if isinstance(value, np.ndarray):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value

"""What the files of a card's pictures are called."""

from __future__ import annotations

import re

#: What every name begins with: files of such names are a card's own.
KINDS = ("confusion", "calibration")


def confusion_name(task: str) -> str:
    """The picture of a task's confusion matrix.

    >>> confusion_name("emotion@CREMA-D")
    'confusion-emotion_at_CREMA-D.png'
    """
    return _name("confusion", task)


def calibration_name(task: str) -> str:
    """The picture of a task's reliability before and after calibration."""
    return _name("calibration", task)


def _name(kind: str, task: str) -> str:
    return f"{kind}-{re.sub(r'[^A-Za-z0-9_.-]', '_', task.replace('@', '_at_'))}.png"

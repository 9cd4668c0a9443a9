"""The inspections of chains that lie in the folder of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from pnn_keras.errors import UserError

#: What an inspection's folder in a run is called, with a name behind it, and its file.
PREFIX, RECORD = "sensitivity-", "sensitivity.json"

#: What the report takes from an inspection: of the whole, of a task, and of a connection.
_WHOLE = ("corpus", "synthetic", "held_out", "tasks")
_TASK = ("uar", "interval", "chance", "utterances", "connections")
_CONNECTION = (
    "layer_name", "column", "reads", "units", "fisher", "afs", "precision", "aps",
)  # fmt: skip


def read_inspections(run: Path) -> dict[str, Mapping]:
    """The inspections in the folder of a run, by the name of their folder, in its order.

    ``pnn-keras inspect MODEL --corpus DIR --out RUN/sensitivity-NAME`` puts one there.

    Args:
        run: the run's folder.

    Raises:
        UserError: one is damaged.
    """
    folders = sorted(path.parent for path in run.glob(f"{PREFIX}*/{RECORD}"))
    return {folder.name: _read(folder / RECORD) for folder in folders}


def safe_name(folder: str) -> str:
    """A folder's name, as files and links take it.

    Example:

    >>> safe_name("sensitivity-my chain")
    'sensitivity-my-chain'
    """
    return re.sub(r"[^A-Za-z0-9.]+", "-", folder).strip("-.")


def _read(path: Path) -> Mapping:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        complete = all(name in result for name in _WHOLE) and bool(result["tasks"])
        for task in result["tasks"].values():
            complete &= all(name in task for name in _TASK) and bool(task["connections"])
            for each in task["connections"]:
                complete &= all(name in each for name in _CONNECTION)
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise _damaged(path) from error
    if not complete:
        raise _damaged(path)
    return result


def _damaged(path: Path) -> UserError:
    return UserError(
        f"{path} is damaged. Remove its folder, or write it again: pnn-keras inspect MODEL "
        f"--corpus DIR --out {path.parent}"
    )

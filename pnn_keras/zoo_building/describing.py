"""Noting facts about a preset that is there already, on its card too."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pnn_keras.card import card
from pnn_keras.folder import write_whole
from pnn_keras.preset import CARD, METADATA, plain
from pnn_keras.zoo import load_preset


def redescribe(folder: str | os.PathLike, facts: Mapping | None = None) -> None:
    """Adds facts to a preset's metadata and writes its card anew; weights stay as they are.

    Args:
        folder: the preset.
        facts: what to add, or to put in place of what was there.

    Raises:
        PresetError: it is damaged.
    """
    folder = Path(folder)
    chain = load_preset(folder)
    metadata = plain({**chain.metadata, **(facts or {})})
    text = json.dumps(metadata, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    _write(folder / METADATA, text)
    _write(folder / CARD, card(chain, metadata, name=folder.resolve().name))


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))

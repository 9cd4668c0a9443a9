"""Writing a card and its pictures into a preset's folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from pnn_keras.card.pictures import write_pictures
from pnn_keras.card.text import card
from pnn_keras.folder import write_whole

#: What the card is called, and the weights whose digest it tells.
CARD, _WEIGHTS = "README.md", "model.weights.h5"


def write_card(chain, metadata: Mapping, folder: str | os.PathLike, name: str) -> list[str]:
    """Writes a chain's card, ``README.md``, and the pictures that it shows.

    Neither the configuration, the metadata nor the weights are touched, so a
    card can be written anew at any time; the same chain and metadata give the
    same bytes. Each file is whole or not there.

    Args:
        chain: the chain.
        metadata: scores and provenance as training records them.
        folder: the preset's folder; where the weights lie there, the card
            tells their digest.
        name: what the chain is called where it is loaded.

    Returns:
        The names of the files written: the card, then the pictures.

    Raises:
        PnnKerasError: the disk refused (full, no permission, ...).

    Example:

    >>> import tempfile
    >>> from pnn_keras import Chain, Task
    >>> chain = Chain()
    >>> column = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> score = {"uar": 0.75, "confusion": [[3, 1], [1, 3]], "classes": ["female", "male"]}
    >>> metadata = {"scores": {"gender": {"column": score}}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_card(chain, metadata, folder, "mine")
    ['README.md', 'confusion-gender.png']
    """
    folder = Path(folder)
    pictures = write_pictures(metadata, folder)
    weights = folder / _WEIGHTS
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else None
    text = card(chain, metadata, name, sha256=sha256, pictures=pictures)
    write_whole(folder / CARD, lambda part: part.write_text(text, encoding="utf-8"))
    return [CARD, *pictures]

"""What is typed for an option, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pnn_keras.errors import UserError


def parse_names(text: str | None) -> list[str] | None:
    """Names with commas; None stays None.

    >>> parse_names("angry, sad,")
    ['angry', 'sad']
    """
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def parse_pairs(texts: Sequence[str] | None) -> dict[str, str] | None:
    """Each ``LABEL=CLASS``, as a dictionary; None if there is none.

    >>> parse_pairs(["excited=happy", "calm = neutral"])
    {'excited': 'happy', 'calm': 'neutral'}
    """
    pairs = {}
    for text in texts or []:
        label, sign, name = (part.strip() for part in text.partition("="))
        if not (label and sign and name):
            raise UserError(f"A merge is LABEL=CLASS, e.g. excited=happy. Received: {text!r}")
        pairs[label] = name
    return pairs or None


def parse_tables(frontends: Mapping[str, Mapping], given: Sequence[str] | None) -> dict[str, str]:
    """Which table of vectors gives which of a chain's inputs.

    Args:
        frontends: configuration of the chain's front-ends, by input.
        given: what was typed for ``--embeddings``: ``TABLE`` or ``INPUT=TABLE``.

    >>> parse_tables({"vectors": {"name": "embeddings"}}, ["mine.npz"])
    {'vectors': 'mine.npz'}
    """
    inputs = [name for name, config in frontends.items() if config.get("name") == "embeddings"]
    tables = {}
    for text in given or []:
        name, equals, table = text.partition("=")
        if equals and name in inputs:
            tables[name] = table
        elif len(inputs) == 1:
            tables[inputs[0]] = text
        else:
            heard = ", ".join(inputs) or "no embeddings"
            raise UserError(
                f"--embeddings is INPUT=TABLE, and this chain hears {heard}. Received: {text!r}"
            )
    return tables


def parse_widths(text: str | None) -> list[int] | None:
    """Widths of layers with commas; None stays None.

    >>> parse_widths("256,128")
    [256, 128]
    """
    if text is None:
        return None
    widths = [width.strip() for width in text.split(",")]
    if not all(re.fullmatch("[0-9]+", width) and int(width) for width in widths):
        raise UserError(f"--units is widths with commas, e.g. 256,128. Received: {text!r}")
    return [int(width) for width in widths]


def with_band(frontend: str | None, band: str | None) -> str | None:
    """What was typed for ``--frontend`` and ``--band``, as one front-end.

    >>> with_band("logmel", "50-5000"), with_band("egemaps", None)
    ('logmel:band=50-5000', 'egemaps')
    """
    if band is None:
        return frontend
    name, colon, options = (frontend or "").partition(":")
    if name != "logmel":
        raise UserError(
            "Only the front-end logmel has a band: --frontend logmel --band 50-5000. "
            f"Received: --frontend {frontend or '(none)'} --band {band}"
        )
    return f"{name}:{options}{',' if colon else ''}band={band}"


def file_name(text: str) -> str:
    """A text as a part of a path that no shell and no server stumbles over.

    >>> file_name("emotion@EmoDB-from-my corpus")
    'emotion-EmoDB-from-my-corpus'
    """
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("-.") or "chain"

"""How a chain was made, and how to know that a copy is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pnn_keras.card.markdown import count, section, text


def provenance(metadata: Mapping, sha256: str | None) -> str:
    """One line for each thing that was recorded."""
    lines = [
        _method(metadata),
        _extends(metadata.get("extends") or {}),
        _line("Recipe", metadata.get("recipe"), code=True),
        _line("Command", metadata.get("command"), code=True),
        _line("Repeats", metadata.get("repeats")),
        _line("Made", metadata.get("created")),
        _line("Versions", _named(metadata.get("versions") or {})),
        _line("Epochs of the final fit", _named(metadata.get("epochs") or {})),
        _augmented(metadata),
        _line("Settings", _compact(metadata.get("settings")), code=True),
        _heard(metadata.get("heard") or {}),
        _line("SHA-256 of `model.weights.h5`", sha256, code=True),
    ]
    there = [f"- {line}" for line in lines if line]
    return section("How it was made", "\n".join(there)) if there else ""


def _line(label: str, value, code: bool = False) -> str:
    if value in (None, "", {}, []):
        return ""
    shown = f"`{text(value).replace('`', '')}`" if code else text(value)
    return f"{label}: {shown}"


def _method(metadata: Mapping) -> str:
    if not metadata.get("method"):
        return ""
    sources = ", ".join(map(str, metadata.get("sources") or [])) or "none"
    return f"Method: {text(metadata['method'])}; sources: {text(sources)}"


def _extends(extends: Mapping) -> str:
    """The chain that was extended, in a sentence."""
    if not extends:
        return ""
    named = f"`{text(extends['model'])}`, " if extends.get("model") else ""
    digest = f" (SHA-256 of its weights {extends['sha256']})" if extends.get("sha256") else ""
    tasks = ", ".join(extends.get("tasks") or [])
    kept = (
        "its columns' weights are unchanged, their scaling is that of the rows learned from here; "
        "what it scored does not hold of them"
        if extends.get("adapted")
        else "its columns are unchanged"
    )
    return f"Extends {named}a chain of {text(tasks)}{digest}; {kept}"


def _named(values: Mapping) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _compact(settings) -> str | None:
    return json.dumps(settings, ensure_ascii=False) if settings else None


def _augmented(metadata: Mapping) -> str:
    if not metadata.get("augment"):
        return ""
    return (
        f"Augmented: learned from {metadata['augment']} masked versions of each training "
        "recording besides; it hears recordings as they are."
    )


def _heard(heard: Mapping) -> str:
    speakers, contents = heard.get("speakers"), heard.get("contents")
    if not speakers and not contents:
        return ""
    return (
        f"It has heard {count(len(speakers or []), 'speaker')} and "
        f"{count(len(contents or []), 'recording')}, listed in `metadata.json` (recordings by the "
        "SHA-256 of their audio): no score on these is one on unheard voices."
    )

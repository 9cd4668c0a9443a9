"""How the scores were taken: folds, and whether test speakers were heard in training."""

from __future__ import annotations

from collections.abc import Mapping

from pnn_keras.card.markdown import NOT_SAID, section, text

_LINES = (
    ("name", "Protocol"),
    ("folds", "Folds"),
    ("repeats", "Repeats"),
    ("seed", "Seed"),
    ("hash", "Digest of the folds"),
)


def protocol_section(metadata: Mapping) -> str:
    """The protocol of the last training run."""
    protocol = metadata.get("protocol") or {}
    if not protocol:
        return section("Protocol", f"{NOT_SAID.capitalize()}.")
    lines = [
        f"- {label}: {text(protocol[key])}"
        for key, label in _LINES
        if protocol.get(key) is not None
    ]
    lines += [f"- {_of_speakers(protocol['speakers'])}"] if protocol.get("speakers") else []
    if protocol.get("transductive"):
        lines.append("- Transductive: the scaling has seen the features of the test utterances.")
    return section("Protocol", f"**{stamp(protocol)}**", "\n".join(lines))


def stamp(protocol: Mapping) -> str:
    """Whether test speakers were heard in training, in a sentence."""
    disjoint = protocol.get("speaker_disjoint")
    if disjoint is None:
        return "It is not recorded whether test speakers were heard in training."
    if disjoint:
        return "Speaker-disjoint: no test speaker was heard in training."
    return (
        "Speaker-dependent: every test speaker was heard in training too. Expect less on "
        "voices that are new to it."
    )


def scored_by(protocol: Mapping) -> str:
    """The protocol of one task's scores, in a sentence or two."""
    named = f"{text(protocol['name'])}. " if protocol.get("name") else ""
    transductive = " Transductive: the scaling has seen the test rows." * bool(
        protocol.get("transductive")
    )
    return f"{named}{stamp(protocol)}{transductive}"


def _of_speakers(speakers: Mapping) -> str:
    """How many speakers a fold has in each role, fewest to most."""
    said = [
        f"{low if low == high else f'{low} to {high}'} to {role}"
        for role, (low, high) in speakers.items()
    ]
    return f"Speakers in a fold: {text(', '.join(said))}"

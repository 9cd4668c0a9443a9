"""What a chain was trained on: corpora, licences, and the speakers by name."""

from __future__ import annotations

from collections.abc import Mapping

from pnn_keras.card.licences import bounds
from pnn_keras.card.markdown import NOT_SAID, and_list, count, folded, listed, section, table, text
from pnn_keras.card.spoken import speech_of

#: So many speakers are named in a line of text; more are folded.
_IN_A_LINE = 12


def training_data(metadata: Mapping) -> str:
    """The corpora, whose voices they are, what to cite and what binds the chain."""
    corpora = listed(metadata, "corpora")
    if not corpora:
        return section("Training data", f"{NOT_SAID.capitalize()}.")
    rows = [
        [
            corpus.get("name", NOT_SAID),
            corpus.get("clips", NOT_SAID),
            len(corpus["speakers"]) if "speakers" in corpus else NOT_SAID,
            _speech(corpus),
            corpus.get("licence", NOT_SAID),
        ]
        for corpus in corpora
    ]
    head = ["corpus", "clips", "speakers", "speech", "licence"]
    return section(
        "Training data",
        table(head, rows, right=(1, 2)),
        *(_speakers(corpus) for corpus in corpora if corpus.get("speakers")),
        _licence(metadata),
        _bullets("Known defects:", list(dict.fromkeys(metadata.get("notes") or []))),
        _bullets("Please cite:", [c["citation"] for c in corpora if c.get("citation")]),
    )


def _speech(corpus: Mapping) -> str:
    if corpus.get("synthetic"):
        return "synthetic"
    speech = speech_of(corpus)
    return "recorded" if speech is None else f"{speech.language}, {speech.kind}"


def _speakers(corpus: Mapping) -> str:
    """The speakers that the chain has heard: it cannot be scored on these."""
    speakers = [str(speaker) for speaker in corpus["speakers"]]
    named = count(len(speakers), "speaker")
    if len(speakers) <= _IN_A_LINE:
        return f"The {named} of {text(corpus.get('name'))}: {text(', '.join(speakers))}."
    return folded(f"The {named} of {corpus.get('name')}", text(", ".join(speakers)))


def _licence(metadata: Mapping) -> str:
    """Under what licence the weights are, and why."""
    stated = metadata.get("licence") or metadata.get("license")
    lines = [f"Licence of the weights: {text(stated)}." if stated else ""]
    lines.append(text(metadata.get("licence_note") or ""))
    binding, unknown = bounds(metadata)
    if binding:
        lines.append(f"Not free for any use: {text(and_list(binding))} is not.")
    elif unknown:
        lines.append(f"Whether any use is allowed is not known of {text(and_list(unknown))}.")
    elif not metadata.get("licence_note"):
        lines.append("The training corpora allow any use under the conditions of their licences.")
    return " ".join(filter(None, lines))


def _bullets(head: str, lines: list[str]) -> str:
    return "\n".join([head, "", *(f"- {text(line)}" for line in lines)]) if lines else ""

"""What a chain was trained on: corpora, licences, and the speakers by name."""

from __future__ import annotations

from collections.abc import Mapping

from pnn_keras.card.licences import any_use, binding
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
    named = {None: "", "other": "Licence of the weights: none of the usual ones."}.get(
        stated, f"Licence of the weights: {text(stated)}."
    )
    note = text(metadata.get("licence_note") or "")
    return " ".join(filter(None, [named, f"{note}." if note else "", _any_use(metadata)]))


def _any_use(metadata: Mapping) -> str:
    allowed, bound = any_use(metadata), binding(metadata)
    if allowed is None:
        return "Whether every use is allowed is not known."
    if allowed:
        return "Any use is allowed, products included, under the conditions of these licences."
    why = f": {text(and_list(bound))} {'is' if len(bound) == 1 else 'are'} not" if bound else ""
    return f"**Not free for any use**{why}."


def _bullets(head: str, lines: list[str]) -> str:
    return "\n".join([head, "", *(f"- {text(line)}" for line in lines)]) if lines else ""

"""The front matter: what a model hub reads of a card, in YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from pnn_keras.card.licences import OPENSMILE, binding, identifier
from pnn_keras.card.markdown import listed, printable
from pnn_keras.card.scored import is_on_stop_rows, is_synthetic, own_score, protocol_of
from pnn_keras.card.spoken import known_corpus, languages

#: Not ``keras``: hubs would say to load the folder with Keras alone, which cannot.
LIBRARY = "pnn-keras"


def front_matter(chain, metadata: Mapping, name: str | None) -> str:
    """The YAML at a card's beginning, in the form of Hugging Face's model cards.

    UAR stands there as macro-averaged recall, which is the same and which hubs know; nothing
    is said to be verified, since nobody else has measured it.
    """
    lines = _licence(metadata)
    lines += [f"library_name: {LIBRARY}", "pipeline_tag: audio-classification"]
    lines += _list("language", languages(metadata))
    lines += _list("tags", _tags(chain, metadata))
    lines += _list("datasets", dict.fromkeys(_corpora(metadata)))
    results = _results(chain, metadata)
    if results:
        lines += ["metrics:", "  - recall", "model-index:"]
        lines += [f"  - name: {_quoted(name or 'PRESET')}", "    results:", *results]
    return "\n".join(["---", *lines, "---"])


def _licence(metadata: Mapping) -> list[str]:
    stated = metadata.get("licence") or metadata.get("license")
    known = identifier(stated)
    if known is not None:
        return [f"license: {known}"]
    lines = ["license: other", f"license_name: {_quoted(_licence_name(metadata, stated))}"]
    link = _licence_link(metadata)
    return [*lines, f"license_link: {_quoted(link)}"] if link else lines


def _licence_name(metadata: Mapping, stated: str | None) -> str:
    """A name of hubs' form; of what binds the weights where their licence has none."""
    if stated is None:
        return "see-training-data"
    if stated == "other":
        parts = [identifier(corpus.get("licence")) for corpus in listed(metadata, "corpora")]
        parts = [] if None in parts else list(dict.fromkeys(parts))
        stated = " ".join([*parts, *(["opensmile"] if OPENSMILE in binding(metadata) else [])])
    return re.sub(r"[^a-z0-9.]+", "-", stated.casefold()).strip("-") or "see-training-data"


def _licence_link(metadata: Mapping) -> str | None:
    """Where the licence is read that binds: openSMILE's, or the only corpus's."""
    if OPENSMILE in binding(metadata):
        return "https://github.com/audeering/opensmile/blob/master/LICENSE"
    known = [known_corpus(corpus) for corpus in listed(metadata, "corpora")]
    return known[0].homepage if len(known) == 1 and known[0] is not None else None


def _tags(chain, metadata: Mapping) -> Iterable[str]:
    tags = ["keras", "audio", "speech", "paralinguistics", "progressive-neural-network"]
    tags += [f"{task.label}-recognition" for task in chain.tasks]
    tags += [str(frontend) for frontend in chain.dimensions]
    return dict.fromkeys([*tags, *(["synthetic-data"] if is_synthetic(metadata) else [])])


def _corpora(metadata: Mapping) -> list[str]:
    return [str(corpus["name"]) for corpus in listed(metadata, "corpora") if corpus.get("name")]


def _results(chain, metadata: Mapping) -> list[str]:
    """One entry for each task scored on the folds, and one for each on an unheard corpus."""
    lines = []
    folds = " + ".join(dict.fromkeys(_corpora(metadata))) or "not recorded"
    for task in chain.tasks:
        score = own_score(metadata, task.name)
        if score.get("uar") is not None and not is_on_stop_rows(metadata, task.name):
            split = protocol_of(metadata, task.name).get("name") or "not recorded"
            lines += _result(task.name, folds, split, score["uar"], "test folds")
    for entry in listed(metadata, "elsewhere"):
        if entry.get("uar") is not None:
            how = "never heard" if entry.get("weights") == "these" else "left out of training"
            corpus, task = (str(entry.get(key, "not recorded")) for key in ("corpus", "task"))
            lines += _result(task, corpus, "all", entry["uar"], f"a corpus {how}")
    return lines


def _result(task: str, corpus: str, split: str, uar: float, where: str) -> list[str]:
    return [
        "      - task:",
        "          type: audio-classification",
        f"          name: {_quoted(f'{task} recognition')}",
        "        dataset:",
        f"          type: {_quoted(corpus)}",
        f"          name: {_quoted(corpus)}",
        f"          split: {_quoted(split)}",
        "        metrics:",
        "          - type: recall",
        f"            name: {_quoted(f'UAR of {task}, {where}')}",
        f"            value: {uar:.4f}",
        "            args:",
        "              average: macro",
        "            verified: false",
    ]


def _list(key: str, values: Iterable[str]) -> list[str]:
    values = list(values)
    return [f"{key}:", *(f"  - {_quoted(value)}" for value in values)] if values else []


def _quoted(value: str) -> str:
    """Text as YAML and JSON both write it."""
    return json.dumps(printable(value), ensure_ascii=False)

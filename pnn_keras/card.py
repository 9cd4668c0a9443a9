"""A chain's card: what a person should know before trusting what it says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

#: How a method is named in a table of scores.
METHODS = {
    "prognet": "ProgNet",
    "ptft": "pre-trained, fine-tuned",
    "dnn": "DNN from scratch, same split",
    "column": "the column",
}

_NOT_SAID = "not recorded"


def card(chain, metadata: Mapping, name: str | None = None) -> str:
    """A chain's README in the form of a model card, as Markdown.

    Args:
        chain: the chain.
        metadata: scores and provenance as training records them; what is
            missing is said to be missing.
        name: what the chain is called where it is loaded; None means a
            stand-in that the reader replaces.

    Returns:
        The text, beginning with its front matter.

    Example:

    >>> from pnn_keras import Chain, Task
    >>> chain = Chain()
    >>> column = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> print(card(chain, {"title": "Hears gender"}).split("---")[2].split("## ")[0].strip())
    # Hears gender
    <BLANKLINE>
    A progressive neural network: it hears 3 features and answers gender.
    """
    sections = (
        _front_matter(chain, metadata),
        _summary(chain, metadata),
        _answers(chain),
        _corpora(metadata),
        _protocol(metadata),
        _scores(metadata),
        _use(chain, name or "PRESET"),
        _parameters(chain),
        _provenance(metadata),
    )
    return "\n\n".join(section for section in sections if section) + "\n"


def _front_matter(chain, metadata: Mapping) -> str:
    licence = metadata.get("licence") or metadata.get("license")
    tags = ["keras", "progressive-neural-network", "speech", "paralinguistics"]
    tags += [f"{task.label}-recognition" for task in chain.tasks]
    if _is_synthetic(metadata):
        tags.append("synthetic-data")
    lines = ["---", f"license: {json.dumps(licence or 'other')}"]
    if not licence:
        lines.append('license_name: "see the training corpora below"')
    lines += ["library_name: pnn-keras", "pipeline_tag: audio-classification", "tags:"]
    lines += [f"  - {tag}" for tag in dict.fromkeys(tags)]
    names = [str(corpus.get("name", _NOT_SAID)) for corpus in _listed(metadata, "corpora")]
    if names:
        lines += ["datasets:", *(f"  - {json.dumps(name)}" for name in dict.fromkeys(names))]
    return "\n".join([*lines, "---"])


def _summary(chain, metadata: Mapping) -> str:
    tasks = ", ".join(task.name for task in chain.tasks)
    title = metadata.get("title") or f"Progressive chain for {tasks}"
    lines = [
        f"# {title}",
        "",
        f"A progressive neural network: it hears {_heard_features(chain)} and answers {tasks}.",
    ]
    if _is_synthetic(metadata):
        lines += [
            "",
            "**Trained on synthetic audio.** Nobody spoke it. The scores below say nothing "
            "about real voices, and neither do this chain's answers.",
        ]
    return "\n".join(lines)


def _heard_features(chain) -> str:
    heard = []
    for frontend, dimension in chain.dimensions.items():
        config = chain.frontends.get(frontend, {})
        details = [
            f"{key} {value}"
            for key, value in config.items()
            if key not in ("name", "version", "sha256", "dimension")
        ]
        named = f" of the front-end `{config.get('name', frontend)}`" if config else ""
        more = f" ({', '.join(details)})" if details else ""
        heard.append(f"{dimension} features{named}{more}")
    return " and ".join(heard) or "nothing yet"


def _answers(chain) -> str:
    rows = [[f"`{task.name}`", _classes(task.classes), _merged(task)] for task in chain.tasks]
    return "## What it answers\n\n" + _table(["task", "classes", "counted as another class"], rows)


def _classes(classes: Iterable[str]) -> str:
    classes = list(classes)
    shown = ", ".join(classes[:12])
    return shown if len(classes) <= 12 else f"{shown}, ... ({len(classes)} in all)"


def _merged(task) -> str:
    return ", ".join(f"{label} as {target}" for label, target in task.merged) or "-"


def _corpora(metadata: Mapping) -> str:
    corpora = _listed(metadata, "corpora")
    if not corpora:
        return f"## Training data\n\n{_NOT_SAID.capitalize()}."
    rows = [
        [
            corpus.get("name", _NOT_SAID),
            corpus.get("clips", _NOT_SAID),
            len(corpus["speakers"]) if "speakers" in corpus else _NOT_SAID,
            "synthetic" if corpus.get("synthetic") else "recorded",
            corpus.get("licence", _NOT_SAID),
        ]
        for corpus in corpora
    ]
    text = "## Training data\n\n"
    text += _table(["corpus", "clips", "speakers", "audio", "licence"], rows)
    citations = [corpus["citation"] for corpus in corpora if corpus.get("citation")]
    if citations:
        text += "\n\nPlease cite:\n\n" + "\n".join(f"- {citation}" for citation in citations)
    if metadata.get("notes"):
        text += "\n\nKnown defects:\n\n" + "\n".join(f"- {note}" for note in metadata["notes"])
    return text


def _protocol(metadata: Mapping) -> str:
    protocol = metadata.get("protocol") or {}
    if not protocol:
        return f"## Protocol\n\n{_NOT_SAID.capitalize()}."
    lines = [f"**{_stamp(protocol)}**", ""]
    for key, label in (
        ("name", "Protocol"),
        ("folds", "Folds"),
        ("repeats", "Repeats"),
        ("hash", "Digest of the division"),
    ):
        if protocol.get(key) is not None:
            lines.append(f"- {label}: {protocol[key]}")
    if protocol.get("transductive"):
        lines.append("- Transductive: the scaling has seen the features of the test utterances.")
    return "## Protocol\n\n" + "\n".join(lines)


def _stamp(protocol: Mapping) -> str:
    disjoint = protocol.get("speaker_disjoint")
    if disjoint is None:
        return "It is not recorded whether test speakers were heard in training."
    if disjoint:
        return "Speaker-disjoint: no test speaker was heard in training."
    return (
        "Speaker-dependent: every test speaker was heard in training too. Expect less on "
        "voices that are new to it."
    )


def _scored_by(protocol: Mapping) -> str:
    """The protocol of one task's scores, in a sentence or two."""
    named = f"{protocol['name']}. " if protocol.get("name") else ""
    transductive = " Transductive: the scaling has seen the test rows." * bool(
        protocol.get("transductive")
    )
    return f"{named}{_stamp(protocol)}{transductive}"


def _scores(metadata: Mapping) -> str:
    scores = metadata.get("scores") or {}
    if not scores:
        return f"## Scores\n\n{_NOT_SAID.capitalize()}."
    parts = [
        "## Scores",
        "UAR is the unweighted average recall. The scores are those of networks trained "
        "on the protocol's folds; this chain was trained the same way on all of the data.",
    ]
    # An extended chain's earlier columns were scored by the protocol of their own run.
    protocols = metadata.get("protocols") or {}
    for task, methods in scores.items():
        protocol = protocols.get(task) or metadata.get("protocol") or {}
        parts.append(f"### {task}\n\n{_scored_by(protocol)}\n\n{_score_table(methods)}")
        parts += [
            f"Confusion of {METHODS.get(method, method)} "
            f"(rows: true class, columns: answer):\n\n{_confusion_table(score)}"
            for method, score in methods.items()
            if score.get("confusion") and score.get("classes")
        ]
    return "\n\n".join(parts)


def _score_table(methods: Mapping[str, Mapping]) -> str:
    classes = list(
        dict.fromkeys(name for score in methods.values() for name in score.get("recalls") or {})
    )
    rows = [
        [
            METHODS.get(method, method),
            _number(score.get("uar")),
            _folds(score),
            score.get("utterances", "-"),
            *(_number((score.get("recalls") or {}).get(name)) for name in classes),
        ]
        for method, score in methods.items()
    ]
    head = ["method", "UAR", "mean ± SD of folds", "utterances"]
    return _table([*head, *(f"recall {name}" for name in classes)], rows)


def _folds(score: Mapping) -> str:
    mean, deviation = score.get("uar_folds_mean"), score.get("uar_folds_sd")
    return "-" if mean is None else f"{_number(mean)} ± {_number(deviation)}"


def _confusion_table(score: Mapping) -> str:
    classes = list(score["classes"])
    rows = [
        [f"**{name}**", *counts] for name, counts in zip(classes, score["confusion"], strict=False)
    ]
    return _table(["", *classes], rows)


def _use(chain, name: str) -> str:
    tasks = [task.name for task in chain.tasks]
    last = tasks[-1] if tasks else "TASK"
    return f"""## How to use it

```python
import pnn_keras

chain = pnn_keras.load("{name}")
chain.predict_audio(["a.wav", "b.wav"])[0]["{last}"]["label"]
```

```sh
pnn-keras predict {name} a.wav b.wav
pnn-keras export {name}
```

`load` takes the name of a preset in the zoo, or the path of this folder."""


def _parameters(chain) -> str:
    rows = [
        [
            f"`{column.name}`",
            "-" if column.task is None else column.task.name,
            ", ".join(column.sources) or "-",
            " ".join(map(str, column.tap_units)),
            f"{column.count_params():,}",
        ]
        for column in chain.columns
    ]
    return f"## Parameters\n\n{chain.count_params():,} in all.\n\n" + _table(
        ["column", "task", "reads", "hidden units", "parameters"], rows
    )


def _provenance(metadata: Mapping) -> str:
    lines = []
    if metadata.get("method"):
        sources = ", ".join(map(str, metadata.get("sources") or [])) or "none"
        lines.append(f"- Method: {metadata['method']}; sources: {sources}")
    if metadata.get("extends"):
        lines.append(f"- {_extends(metadata['extends'])}")
    if metadata.get("created"):
        lines.append(f"- Made: {metadata['created']}")
    if metadata.get("command"):
        lines.append(f"- Command: `{metadata['command']}`")
    if metadata.get("versions"):
        versions = ", ".join(f"{name} {value}" for name, value in metadata["versions"].items())
        lines.append(f"- Versions: {versions}")
    if metadata.get("augment"):
        lines.append(
            f"- Augmented: learned from {metadata['augment']} masked versions of each training "
            "recording besides; it hears recordings as they are."
        )
    if metadata.get("settings"):
        lines.append(f"- Settings: `{json.dumps(metadata['settings'], ensure_ascii=False)}`")
    return "## How it was made\n\n" + "\n".join(lines) if lines else ""


def _extends(extends: Mapping) -> str:
    """The chain that was extended, in a sentence."""
    named = f"`{extends['model']}`, " if extends.get("model") else ""
    digest = f" (SHA-256 of its weights {extends['sha256']})" if extends.get("sha256") else ""
    tasks = ", ".join(extends.get("tasks") or [])
    return f"Extends {named}a chain of {tasks}{digest}; its columns are unchanged"


def _is_synthetic(metadata: Mapping) -> bool:
    return any(corpus.get("synthetic") for corpus in _listed(metadata, "corpora"))


def _listed(metadata: Mapping, key: str) -> list[Mapping]:
    return list(metadata.get(key) or [])


def _number(value) -> str:
    return "-" if value is None else f"{value:.3f}"


def _table(head: list, rows: list[list]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(value) for value in line)} |" for line in lines)


def _cell(value) -> str:
    """A cell's text; a bar or a line break in it would break the table."""
    return str(value).replace("|", "\\|").replace("\n", " ")

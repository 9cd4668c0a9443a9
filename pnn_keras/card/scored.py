"""What the scores in the metadata say, before they are laid out."""

from __future__ import annotations

from collections.abc import Mapping

#: How a method is named in a table of scores.
METHODS = {
    "prognet": "ProgNet",
    "ptft": "pre-trained, fine-tuned",
    "dnn": "DNN from scratch, same split",
    "column": "the column",
    "logistic-regression": "logistic regression",
    "svm": "SVM",
    "dnn-large": "DNN of as many weights",
    "dnn-tuned": "DNN, shape searched in each fold",
    "chain": "the chain extended, as it is",
    "chain-rescaled": "the chain extended, rescaled",
    "ptft-output": "pre-trained, output layer trained",
    "prognet-adapter": "ProgNet, adapters",
    "prognet-random": "ProgNet, random columns",
    "prognet-rescaled": "ProgNet, chain rescaled",
    "prognet-random-rescaled": "ProgNet, random, rescaled",
    "prognet-shuffled": "ProgNet, shuffled labels",
    "prognet-tuned": "ProgNet, shape searched in each fold",
    "multitask": "multitask network",
}

#: The references that no network is part of.
PLAIN = ("logistic-regression", "svm")


def own_method(metadata: Mapping, task: str) -> str | None:
    """The method by which the saved column of a task was trained; None if it was not scored.

    >>> own_method({"scores": {"emotion": {"dnn": {}, "prognet": {}, "svm": {}}}}, "emotion")
    'prognet'
    >>> own_method({"scores": {}}, "emotion")
    """
    methods = (metadata.get("scores") or {}).get(task) or {}
    return next((m for m in ("prognet", "column", "dnn") if m in methods), None)


def own_score(metadata: Mapping, task: str) -> Mapping:
    """The score of the saved column's method; empty if it was not scored."""
    return ((metadata.get("scores") or {}).get(task) or {}).get(own_method(metadata, task)) or {}


def is_on_stop_rows(metadata: Mapping, task: str) -> bool:
    """Whether a column was scored on the rows that ended its training, having no test rows.

    A speaker recogniser knows none of the test speakers of a speaker-disjoint protocol.
    """
    return own_score(metadata, task).get("role") == "stop"


def best_plain(metadata: Mapping, task: str) -> tuple[str, Mapping] | None:
    """The plain reference with the highest UAR and its score; None if there is none.

    >>> scores = {"svm": {"uar": 0.5}, "logistic-regression": {"uar": 0.6}}
    >>> best_plain({"scores": {"emotion": scores}}, "emotion")
    ('logistic-regression', {'uar': 0.6})
    """
    methods = (metadata.get("scores") or {}).get(task) or {}
    plain = [(m, methods[m]) for m in PLAIN if (methods.get(m) or {}).get("uar") is not None]
    return max(plain, key=lambda scored: scored[1]["uar"], default=None)


def protocol_of(metadata: Mapping, task: str) -> Mapping:
    """The protocol that scored a task: an extended chain's earlier columns had their own."""
    protocols = metadata.get("protocols") or {}
    return protocols.get(task) or metadata.get("protocol") or {}


def is_synthetic(metadata: Mapping) -> bool:
    """Whether nobody spoke some of the training data."""
    return any(corpus.get("synthetic") for corpus in metadata.get("corpora") or [])

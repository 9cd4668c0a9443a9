"""Tasks: one label to predict, with its ordered classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pnn_keras.corpus import LABELS, Utterance
from pnn_keras.errors import CorpusError, UserError

#: The paper's four emotion classes, which most corpora have.
PAPER_CLASSES = ("angry", "happy", "neutral", "sad")

#: Other names under which tables and corpora give the classes of this package.
SYNONYMS: Mapping[str, str] = {
    "anger": "angry",
    "bore": "bored",
    "boredom": "bored",
    "calmness": "calm",
    "disgust": "disgusted",
    "excitement": "excited",
    "fear": "fearful",
    "afraid": "fearful",
    "frustration": "frustrated",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprise": "surprised",
    "no_agreement": "other",
}

#: Classes that are merged when only one of the two is asked for: the paper
#: merges excitement into happy; RAVDESS's calm is a second neutral.
MERGES: Mapping[str, str] = {"excited": "happy", "calm": "neutral"}


@dataclasses.dataclass(frozen=True)
class Task:
    """One label to predict (``speaker``, ``gender``, ``emotion``) with its classes.

    Args:
        label: the label.
        classes: its classes, in the order of the network's outputs.
        corpus: the one corpus whose task it is (``emotion@EmoDB``), or None.
        merged: pairs of a label found in the data and the class it counts as,
            only those that differ.

    Raises:
        UserError: the label is unknown, a class is listed twice, or there are
            fewer than two classes.

    Example:

    >>> task = Task("emotion", ("angry", "happy"), merged=(("excited", "happy"),))
    >>> task.name, task.class_of("excited"), task.class_of("sad")
    ('emotion', 'happy', None)
    """

    label: str
    classes: tuple[str, ...]
    corpus: str | None = None
    merged: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        _check_label(self.label)
        object.__setattr__(self, "classes", tuple(self.classes))  # a list would do, but not hash
        if len(set(self.classes)) != len(self.classes):
            raise UserError(f"A class is listed once. Received: {', '.join(self.classes)}")
        if len(self.classes) < 2:
            raise UserError(
                f"The task {self.name!r} needs at least two classes to tell apart. "
                f"Received: {', '.join(self.classes) or 'none'}"
            )

    @property
    def name(self) -> str:
        """The task as a user writes it: ``emotion`` or ``emotion@EmoDB``."""
        return self.label if self.corpus is None else f"{self.label}@{self.corpus}"

    def class_of(self, value: str | None) -> str | None:
        """The class that a label found in the data counts as; None if none."""
        if value in self.classes:
            return value
        return dict(self.merged).get(value)

    def value(self, utterance: Utterance) -> str | None:
        """The utterance's class in this task; None where it has none.

        Speakers are named with their corpus, so that two corpora's speaker
        ``01`` are two classes.
        """
        if self.corpus is not None and utterance.corpus != self.corpus:
            return None
        return self.class_of(_found(utterance, self.label))

    def targets(self, utterances: Iterable[Utterance]) -> np.ndarray:
        """The utterances' class numbers: int64 ``(n,)``, -1 where there is none."""
        index = {name: number for number, name in enumerate(self.classes)}
        return np.array([index.get(self.value(u), -1) for u in utterances], dtype=np.int64)

    def to_config(self) -> dict:
        """The task as a JSON-able dictionary."""
        return {
            "label": self.label,
            "classes": list(self.classes),
            "corpus": self.corpus,
            "merged": [list(pair) for pair in self.merged],
        }

    @classmethod
    def from_config(cls, config: Mapping) -> Task:
        """The task that :meth:`to_config` wrote."""
        return cls(
            label=config["label"],
            classes=tuple(config["classes"]),
            corpus=config["corpus"],
            merged=tuple(tuple(pair) for pair in config["merged"]),
        )


def parse_task(spec: str) -> tuple[str, str | None]:
    """The label and the corpus that a task's name gives.

    Args:
        spec: ``"emotion"`` or ``"emotion@EmoDB"``.

    Returns:
        The label, and the corpus or None.

    Raises:
        UserError: the label is unknown or the corpus's name is empty.

    Example:

    >>> parse_task("emotion@CREMA-D")
    ('emotion', 'CREMA-D')
    """
    label, at, corpus = spec.partition("@")
    _check_label(label)
    if at and not corpus:
        raise UserError(f"A task is LABEL or LABEL@CORPUS, e.g. emotion@EmoDB. Received: {spec!r}")
    return label, corpus or None


def make_task(
    spec: str,
    utterances: Sequence[Utterance],
    classes: Sequence[str] | None = None,
    merges: Mapping[str, str] | None = None,
) -> Task:
    """The task that a name asks for, with its classes read off the utterances.

    Without ``classes`` a single corpus's task has all classes of that corpus,
    except those that ``merges`` names. Over several corpora it has the emotions
    that each of them holds, after synonyms are unified, and the speakers and
    genders of all. With ``classes``, other labels count as one of them where
    :data:`SYNONYMS` or ``merges`` says so, and the rest is left out.

    Args:
        spec: ``LABEL`` or ``LABEL@CORPUS``.
        utterances: the utterances at hand, of one or several corpora.
        classes: the classes wanted, in order; only for emotion.
        merges: emotions to count as another class; None means :data:`MERGES`
            where classes are given, else no merging.

    Raises:
        UserError: the corpus or a class is unknown here, or fewer than two
            classes are left.

    Example:

    >>> from pathlib import Path
    >>> clips = [Utterance("A", str(i), Path(), emotion=e)
    ...          for i, e in enumerate(["joy", "excited", "sad"])]
    >>> make_task("emotion", clips, classes=["happy", "sad"]).merged
    (('excited', 'happy'), ('joy', 'happy'))
    """
    label, corpus = parse_task(spec)
    if label != "emotion" and (classes is not None or merges is not None):
        raise UserError(f"Classes can be chosen for emotion only. Received: {spec!r}")
    own = _of_corpus(spec, corpus, utterances)
    found = {}
    for utterance in own:
        value = _found(utterance, label)
        if value is not None:
            found.setdefault(utterance.corpus, {})[value] = None
    if not found:
        raise CorpusError(f"No utterance has a {label} label, so {spec!r} cannot be learned.")
    if classes is None:
        classes, merges = _classes_of(found, label, merges or {})
    else:
        merges = {**SYNONYMS, **(MERGES if merges is None else merges)}
    values = list(dict.fromkeys(value for values in found.values() for value in values))
    merged = _merged(values, classes, merges)
    reached = {value for value in values if value in classes} | {c for _, c in merged}
    unknown = [name for name in classes if name not in reached]
    if unknown:
        raise UserError(
            f"No utterance is of the class {', '.join(unknown)}. "
            f"Classes here: {', '.join(sorted(values))}"
        )
    return Task(label, tuple(classes), corpus, merged)


def counts_as(value: str, task: Task) -> str | None:
    """The class of a task that another one's class counts as; None if none.

    What the task merges by itself, then :data:`SYNONYMS` and :data:`MERGES`.

    Args:
        value: the other task's class.
        task: whose class is looked for.

    Example:

    >>> paper = Task("emotion", PAPER_CLASSES)
    >>> [counts_as(value, paper) for value in ("sad", "calm", "joy", "bored")]
    ['sad', 'neutral', 'happy', None]
    """
    known = task.class_of(value)
    if known is not None or task.label != "emotion":
        return known
    return dict(_merged([value], task.classes, {**SYNONYMS, **MERGES})).get(value)


def _check_label(label: str) -> None:
    if label not in LABELS:
        raise UserError(f"A task is one of {', '.join(LABELS)}. Received: {label!r}")


def _found(utterance: Utterance, label: str) -> str | None:
    return utterance.speaker_id if label == "speaker" else getattr(utterance, label)


def _of_corpus(spec: str, corpus: str | None, utterances) -> list[Utterance]:
    own = [u for u in utterances if corpus is None or u.corpus == corpus]
    if not own:
        names = sorted({u.corpus for u in utterances})
        raise UserError(
            f"The task {spec!r} names a corpus that is not given. "
            f"Given: {', '.join(names)}. Add it with --corpus"
        )
    return own


def _classes_of(found: Mapping[str, Mapping[str, None]], label: str, merges):
    """The classes to learn when none were asked for, and the map that goes with them."""
    if label != "emotion":
        return sorted({value for values in found.values() for value in values}), {}
    # One corpus's own names are kept as they are; only several need unifying.
    merges = merges if len(found) == 1 else {**SYNONYMS, **merges}
    reached = [{_end(value, merges) for value in values} for values in found.values()]
    return sorted(set.intersection(*reached)), merges


def _end(value: str, merges: Mapping[str, str]) -> str:
    """What a label counts as once it has been merged, and merged again."""
    once = merges.get(value, value)
    return merges.get(once, once)


def _merged(values, classes, merges) -> tuple[tuple[str, str], ...]:
    """The labels that count as another class: synonyms first, then merges."""
    pairs = []
    for value in sorted(values):
        target = merges.get(value)
        target = target if target in classes else merges.get(target)
        if value not in classes and target in classes:
            pairs.append((value, target))
    return tuple(pairs)

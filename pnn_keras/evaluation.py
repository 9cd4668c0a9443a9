"""How well a trained chain does on a corpus that it has not heard."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pnn_keras.adaptation import adapted
from pnn_keras.corpora.one_source import may_be_one, recorded_voices, told, voices_of
from pnn_keras.corpora.overlapping import overlapping, spans
from pnn_keras.corpus import Corpus, Utterance
from pnn_keras.errors import UserError
from pnn_keras.intervals import uar_interval
from pnn_keras.prediction import answer, hear, utterance_extractor
from pnn_keras.statistics import confusion_matrix, recalls, uar
from pnn_keras.task import MERGES, SYNONYMS, Task

#: How many names an error message lists.
_SHOWN = 8


@dataclasses.dataclass(frozen=True)
class Scorable:
    """What of a corpus a chain can be scored on, and what the chain hears of it.

    Args:
        utterances: those that can be heard and have a class of some task, ``n``.
        inputs: features ``(n, dimension)`` by front-end.
        tasks: the tasks, with the corpus's labels mapped to their classes, by name.
        skipped: why other tasks cannot be scored, by name.
        failures: pairs of id and reason of the recordings that cannot be used.
        held_out: ``"held out"``, ``"not held out"`` or ``"unknown"``.
        left: utterances that were left out since the chain was trained on them.
    """

    utterances: Sequence[Utterance]
    inputs: Mapping[str, np.ndarray]
    tasks: Mapping[str, Task]
    skipped: Mapping[str, str]
    failures: Sequence[Sequence[str]]
    held_out: str
    left: Sequence[Utterance]


def evaluate(
    chain,
    corpus: Corpus,
    *,
    task: str | None = None,
    allow_heard: bool = False,
    unheard_only: bool = False,
    adapt: bool = False,
    merges: Mapping[str, str] | None = None,
    tables: Mapping[str, str | os.PathLike] | None = None,
    folder: str | os.PathLike | None = None,
    workers: int | None = None,
    progress: bool = False,
    strict: bool = False,
) -> dict:
    """Scores a chain on a corpus, for every task that the corpus has labels for.

    The corpus's labels count as the chain's classes where they have the same
    name, where the task says so, and where :data:`~pnn_keras.task.SYNONYMS` and
    ``merges`` do; the rest is left out. UAR is the mean of the recalls of the
    classes that are present. Warns where the corpus may be a part of one that
    the chain was trained on, by its speakers' names.

    Args:
        chain: the chain.
        corpus: the corpus.
        task: the one task to score, by name; None means all.
        allow_heard: score speakers and recordings that the chain was trained
            on, too; the result then says ``"not held out"``.
        unheard_only: leave them out instead of refusing.
        adapt: scale features by the mean and deviation of the scored
            recordings, see :func:`pnn_keras.adaptation.adapted`; the result
            then says ``transductive``.
        merges: labels to count as another class; None means
            :data:`~pnn_keras.task.MERGES`.
        tables: as in :func:`pnn_keras.prediction.predict_audio`.
        folder: folder of the feature store; None means the usual one.
        workers: how many recordings to extract at a time.
        progress: whether to show a progress bar.
        strict: whether one recording that cannot be used ends the run.

    Returns:
        A JSON-able dictionary: ``corpus``, ``synthetic``, ``held_out`` (``"held
        out"``, ``"not held out"``, or ``"unknown"`` if the chain has no record
        of what each of its columns heard), ``left_out_as_heard`` (number of
        utterances), ``transductive``, ``failures`` (pairs of id and reason),
        ``skipped_tasks`` (why, by task) and ``tasks``: for each its ``uar``,
        its ``interval`` over speakers (``low``, ``high``, ``level``,
        ``speakers``, ``warning``), ``recalls`` by class (None where absent),
        ``absent`` classes, ``confusion`` (rows: true class), ``classes``,
        ``utterances``, ``speakers`` (their number), ``mapped`` (which label counted as which
        class) and ``left_out`` (number of utterances by label).

    Raises:
        UserError: the chain has heard speakers or recordings of the corpus, it
            has no such task, or no utterance can be scored.
        AudioError: no recording can be used, or with ``strict`` one cannot.

    Example:

    >>> from pnn_keras import Chain, Task
    >>> chain = Chain(metadata={"heard": {"speakers": ["A/1"]}})
    >>> column = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> [u.speaker for u in heard_utterances(chain, [Utterance("A", "a", "a.wav", speaker="1")])]
    ['1']
    """
    found = scorable(
        chain,
        corpus,
        task=task,
        allow_heard=allow_heard,
        unheard_only=unheard_only,
        merges=merges,
        tables=tables,
        folder=folder,
        workers=workers,
        progress=progress,
        strict=strict,
    )
    asked = adapted(chain, found.inputs) if adapt else chain
    probabilities = answer(asked, found.inputs)
    return {
        "corpus": corpus.name,
        "synthetic": corpus.info.synthetic,
        "held_out": found.held_out,
        "left_out_as_heard": len(found.left),
        "transductive": adapt,
        "failures": found.failures,
        "skipped_tasks": found.skipped,
        "tasks": {
            name: {
                **_score(scored_task, found.utterances, probabilities[name]),
                "mapped": dict(scored_task.merged),
                "left_out": left_out(scored_task, corpus, found.left),
            }
            for name, scored_task in found.tasks.items()
        },
    }


def scorable(
    chain,
    corpus: Corpus,
    *,
    task: str | None = None,
    allow_heard: bool = False,
    unheard_only: bool = False,
    merges: Mapping[str, str] | None = None,
    tables: Mapping[str, str | os.PathLike] | None = None,
    folder: str | os.PathLike | None = None,
    workers: int | None = None,
    progress: bool = False,
    strict: bool = False,
) -> Scorable:
    """What of a corpus a chain can be scored on; what it was trained on is refused.

    Args and errors are those of :func:`evaluate`.
    """
    if allow_heard and unheard_only:
        raise UserError("Heard speakers are either scored or left out. Received: both options")
    chosen = [chain.column(task).task] if task else chain.tasks
    if None in chosen:
        raise UserError(f"The column {task!r} answers no task, so it has no score")
    warn_of_one_corpus(chain, corpus)
    heard = heard_utterances(chain, corpus)
    if heard and not (allow_heard or unheard_only):
        raise UserError(_heard_message(corpus, heard))
    left = heard if unheard_only else []
    without = set(map(id, left))
    utterances = [utterance for utterance in corpus if id(utterance) not in without]
    scored, skipped = _scored_tasks(chosen, utterances, merges)
    if not scored:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise UserError(f"Nothing in {corpus.name} can be scored. {reasons}")
    utterances = [u for u in utterances if any(t.value(u) for t in scored.values())]
    extract = utterance_extractor(utterances, folder=folder, workers=workers, progress=progress)
    speakers = [utterance.speaker_id for utterance in utterances]
    inputs, errors = hear(
        chain, extract, len(utterances), tables=tables, strict=strict, speakers=speakers
    )
    usable = [i for i in range(len(utterances)) if i not in errors]
    if not usable:
        raise UserError(f"No recording of {corpus.name} can be used. The first: {errors[0]}")
    return Scorable(
        utterances=[utterances[i] for i in usable],
        inputs={name: values[usable] for name, values in inputs.items()},
        tasks=scored,
        skipped=skipped,
        failures=[[utterances[i].id, reason] for i, reason in sorted(errors.items())],
        held_out=_held_out(chain, heard and allow_heard),
        left=left,
    )


def heard_utterances(chain, utterances: Iterable[Utterance]) -> list[Utterance]:
    """The utterances whose speaker, or whose very recording, the chain was trained on.

    A speaker counts as heard by name, and also if one of their recordings was
    heard under whatever name: in a copy of a corpus that is called otherwise.
    A recording was heard as well where a segment that overlaps with it was (and so was
    its speaker: refusing one who merely spoke at the same time costs less than a leak),
    as far as the chain's record tells: chains that were trained before bounds were
    recorded tell it of whole files only.

    Args:
        chain: the chain, with ``heard`` in its metadata.
        utterances: the utterances to look at.
    """
    record = chain.metadata.get("heard") or {}
    speakers, contents = set(record.get("speakers", ())), set(record.get("contents", ()))
    utterances = list(utterances)
    others = [u for u in utterances if u.speaker_id not in speakers] if contents else []
    copies = [u for u in others if _contents(u) & contents]
    known = set(map(id, copies))
    copies += _overlapping([u for u in others if id(u) not in known], record.get("segments") or {})
    known = set(map(id, copies))
    speakers |= {u.speaker_id for u in copies} - {None}
    return [u for u in utterances if id(u) in known or u.speaker_id in speakers]


def _overlapping(
    utterances: Sequence[Utterance], segments: Mapping[str, Sequence[Sequence[float | None]]]
) -> list[Utterance]:
    """The utterances that overlap with a heard segment of the same file."""
    candidates = [u for u in utterances if _digest(u) in segments] if segments else []
    pieces = [(_digest(u), u.start, u.end) for u in candidates]
    heard = [(file, start, end) for file, bounds in segments.items() for start, end in bounds]
    placed = spans([*pieces, *heard])
    first, second = np.arange(len(pieces), len(pieces) + len(heard)), np.arange(len(pieces))
    found = overlapping(placed[first], placed[second])
    return [u for u, is_heard in zip(candidates, found.tolist(), strict=True) if is_heard]


def warn_of_one_corpus(chain, utterances: Iterable[Utterance]) -> None:
    """Warns where a corpus may be a part of one that the chain was trained on.

    Speakers of different corpora are different people. But two tables, or two
    copies of one published corpus, with speakers of the same names may well be
    one corpus.

    Args:
        chain: the chain, with ``heard`` and ``corpora`` in its metadata.
        utterances: those that are to be scored.
    """
    heard = recorded_voices(chain.metadata)
    for one, other, names in may_be_one(heard, voices_of(utterances)):
        warnings.warn(told(one, other, names), stacklevel=3)


def is_recorded(chain) -> bool:
    """Whether it is recorded whom every column of a chain has heard.

    Args:
        chain: the chain.
    """
    record = chain.metadata.get("heard") or {}
    return bool(record) and not record.get("incomplete", False)


def _contents(utterance: Utterance) -> set[str]:
    """The recording's digest, and that of the whole file where it is a segment.

    None of them where it cannot be read, which extraction reports.
    """
    digest = _digest(utterance)
    return set() if digest is None else {utterance.content, digest}


def _digest(utterance: Utterance) -> str | None:
    try:
        return utterance.file_content
    except OSError:
        return None


def _heard_message(corpus: Corpus, heard: Sequence[Utterance]) -> str:
    speakers = sorted({u.speaker_id or f"{u.corpus}/{u.id}" for u in heard})
    shown = ", ".join(speakers[:_SHOWN]) + (", ..." if len(speakers) > _SHOWN else "")
    return (
        f"The chain was trained on {len(heard)} of the {len(corpus)} utterances of {corpus.name} "
        f"or on their speakers: {shown}. A score on them would say nothing about new voices. "
        "Leave them out (unheard_only=True, or --unheard-only), or score them all the same "
        "(allow_heard=True, or --allow-heard)"
    )


def _held_out(chain, scored_heard) -> str:
    if scored_heard:
        return "not held out"
    return "held out" if is_recorded(chain) else "unknown"


def _scored_tasks(
    tasks: Sequence[Task], utterances: Sequence[Utterance], merges: Mapping[str, str] | None
) -> tuple[dict[str, Task], dict[str, str]]:
    """The tasks with the corpus's labels mapped, by name; and why others are skipped."""
    scored, skipped = {}, {}
    for task in tasks:
        labels = Counter(_label(task, utterance) for utterance in utterances)
        labels.pop(None, None)
        mapped = _mapped(task, labels, MERGES if merges is None else merges)
        # Another corpus's labels are scored, so the task forgets its own corpus.
        here = dataclasses.replace(task, corpus=None, merged=mapped)
        reached = [label for label in labels if here.class_of(label) is not None]
        if not labels:
            skipped[task.name] = f"no utterance is labelled with {task.label}"
        elif not reached:
            skipped[task.name] = (
                f"no label is one of its classes {_some(task.classes)}; labels: {_some(labels)}"
            )
        else:
            scored[task.name] = here
    return scored, skipped


def _label(task: Task, utterance: Utterance) -> str | None:
    return utterance.speaker_id if task.label == "speaker" else getattr(utterance, task.label)


def _mapped(
    task: Task, labels: Iterable[str], merges: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """The labels that count as another class: as in training, by synonym or by merge."""
    if task.label != "emotion":
        return ()
    trained = dict(task.merged)
    pairs = []
    for label in sorted(labels):
        name = SYNONYMS.get(label, label)
        for target in (trained.get(label), name, trained.get(name), merges.get(name)):
            if label not in task.classes and target in task.classes:
                pairs.append((label, target))
                break
    return tuple(pairs)


def _score(task: Task, utterances: Sequence[Utterance], probabilities: np.ndarray) -> dict:
    targets = task.targets(utterances)
    with_label = targets >= 0
    if not with_label.any():
        raise UserError(f"No recording that can be used has a class of the task {task.name}")
    predictions = probabilities.argmax(axis=-1)[with_label]
    confusion = confusion_matrix(targets[with_label], predictions, len(task.classes))
    found = [None if np.isnan(value) else float(value) for value in recalls(confusion)]
    by_class = dict(zip(task.classes, found, strict=True))
    some = [u for u, known in zip(utterances, with_label, strict=True) if known]
    speakers = [utterance.speaker_id for utterance in some]
    interval = uar_interval(
        targets[with_label],
        predictions,
        None if None in speakers else np.array(speakers),
        len(task.classes),
    )
    return {
        "uar": float(uar(confusion)),
        "interval": interval.described(),
        "recalls": by_class,
        "absent": [name for name, recall in by_class.items() if recall is None],
        "confusion": confusion.tolist(),
        "classes": list(task.classes),
        "utterances": int(with_label.sum()),
        "speakers": len(set(speakers) - {None}),
    }


def left_out(task: Task, corpus: Corpus, left: Sequence[Utterance] = ()) -> dict[str, int]:
    """How many utterances have a label that is none of the classes, by label.

    Args:
        task: the task.
        corpus: the corpus.
        left: utterances that do not count.
    """
    without = set(map(id, left))
    labels = Counter(
        _label(task, u) or "no label"
        for u in corpus
        if id(u) not in without and task.value(u) is None
    )
    return dict(sorted(labels.items()))


def _some(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")

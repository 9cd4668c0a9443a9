"""Which connections of a chain matter on a corpus that it has not heard."""

from __future__ import annotations

import numpy as np

from pnn_keras.adaptation import adapted
from pnn_keras.corpus import Corpus
from pnn_keras.errors import UserError
from pnn_keras.evaluation import Scorable, left_out, scorable
from pnn_keras.intervals import Interval, uar_interval
from pnn_keras.prediction import answer
from pnn_keras.sensitivity.fisher import fisher_sensitivity
from pnn_keras.sensitivity.perturbation import chance_of, perturbation_sensitivity
from pnn_keras.sensitivity.reads import Read, Sensitivity, reads_of
from pnn_keras.task import Task


def inspect_chain(
    chain,
    corpus: Corpus,
    *,
    task: str | None = None,
    adapt: bool = False,
    draws: int = 8,
    seed: int = 0,
    **options,
) -> dict:
    """Measures which connections of a chain matter, on a corpus that it has not heard.

    For every column that reads others and whose task the corpus has labels for:
    the average Fisher sensitivity (:func:`fisher_sensitivity`) and the average
    perturbation sensitivity (:func:`perturbation_sensitivity`) of its answers to
    each column and layer that it reads, its own included. They say what the
    column depends on when it answers, not whether it is the better for it: a
    source that misleads has a share as well.

    Args:
        chain: the chain.
        corpus: the corpus.
        task: the one target to look at, by name; None means all.
        adapt: scale features by the mean and deviation of the recordings looked
            at, see :func:`pnn_keras.adaptation.adapted`; the result then says
            ``transductive``.
        draws: draws of the noise behind APS.
        seed: of the noise and of the interval's resampling.
        **options: what :func:`pnn_keras.evaluation.evaluate` takes besides:
            ``allow_heard``, ``unheard_only``, ``merges``, ``tables``, ...

    Returns:
        A JSON-able dictionary: ``corpus``, ``synthetic``, ``held_out``,
        ``left_out_as_heard``, ``transductive``, ``failures`` and ``skipped_tasks`` as
        :func:`pnn_keras.evaluation.evaluate` gives them, ``draws``, ``seed``,
        and ``tasks``: for each target its ``uar`` with the bootstrap
        ``interval`` over speakers (``low``, ``high``, None where nothing can be
        resampled, ``level`` and ``warning``), its ``chance``, ``utterances``,
        ``classes``, ``mapped``, ``left_out``, and ``connections``, one for each
        layer of a column that is read: ``layer`` (number of the target's layer
        that reads it), ``layer_name``, ``column``, ``reads`` (name of the layer
        that is read), ``units``, ``fisher`` and its share ``afs``, ``precision``
        and its share ``aps`` (None where undefined).

    Raises:
        UserError: what :func:`pnn_keras.evaluation.evaluate` refuses, or no
            column that reads another can be scored.

    Example:
        ``inspect_chain(pnn_keras.load("NAME"), pnn_keras.open_corpus("RAVDESS"))``
    """
    _check_reads(chain, task)
    found = scorable(chain, corpus, task=task, **options)
    asked = adapted(chain, found.inputs) if adapt else chain
    skipped = dict(found.skipped)
    results = {}
    for name, scored in found.tasks.items():
        column = chain.column(name)
        if reads_of(column):
            counts = {"left_out": left_out(scored, corpus, found.left)}
            results[name] = counts | _inspected(asked, scored, name, found, draws, seed)
        else:
            skipped[name] = "it reads no other column"
    if not results:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise UserError(f"No connection can be looked at with {corpus.name}. {reasons}")
    return {
        "corpus": corpus.name,
        "synthetic": corpus.info.synthetic,
        "held_out": found.held_out,
        "left_out_as_heard": len(found.left),
        "transductive": adapt,
        "failures": found.failures,
        "skipped_tasks": skipped,
        "draws": draws,
        "seed": seed,
        "tasks": results,
    }


def _check_reads(chain, task: str | None) -> None:
    """Refuses what has no connections to look at, before anything is extracted."""
    columns = [chain.column(task)] if task else chain.columns
    if not any(reads_of(column) for column in columns):
        who = f"The column of {task}" if task else "Every column of the chain"
        raise UserError(
            f"{who} reads no other column, so there is no connection to look at. Give a chain "
            "with a target: pnn-keras train --source TASK --target TASK"
        )


def _inspected(chain, task: Task, name: str, found: Scorable, draws: int, seed: int) -> dict:
    """The score of a target on its labelled utterances, and its connections."""
    targets = task.targets(found.utterances)
    labelled = np.flatnonzero(targets >= 0)
    if not labelled.size:
        raise UserError(f"No recording that can be used has a class of the task {name}")
    targets = targets[labelled]
    inputs = {frontend: values[labelled] for frontend, values in found.inputs.items()}
    predictions = answer(chain, inputs)[name].argmax(axis=-1)
    speakers = [found.utterances[i].speaker_id for i in labelled]
    known = None if None in speakers else np.array(speakers)
    score = uar_interval(targets, predictions, known, len(task.classes), seed=seed)
    fisher = fisher_sensitivity(chain, name, inputs)
    perturbed = perturbation_sensitivity(chain, name, inputs, targets, draws=draws, seed=seed)
    return {
        "uar": float(score.value),
        "interval": _interval(score),
        "chance": chance_of(targets),
        "utterances": len(labelled),
        "classes": list(task.classes),
        "mapped": dict(task.merged),
        "connections": [
            _connection(chain, name, *both) for both in zip(fisher, perturbed, strict=True)
        ],
    }


def _interval(score: Interval) -> dict:
    """An interval as JSON takes it."""
    bounds = {"low": score.low, "high": score.high}
    known = {name: None if np.isnan(b) else float(b) for name, b in bounds.items()}
    return {**known, "level": score.level, "warning": score.warning}


def _connection(chain, name: str, fisher: Sensitivity, perturbed: Sensitivity) -> dict:
    read = fisher.read
    target, source = chain.column(name), chain.column(read.column)
    return {
        "layer": read.layer,
        "layer_name": _layer_name(target, read.layer),
        "column": source.name if source.task is None else source.task.name,
        "reads": _source_layer_name(source, read),
        "units": read.units,
        "fisher": fisher.value,
        "afs": fisher.share,
        "precision": perturbed.value,
        "aps": perturbed.share,
    }


def _layer_name(column, layer: int) -> str:
    return "output" if layer == len(column.units) else f"hidden {layer + 1}"


def _source_layer_name(column, read: Read) -> str:
    """What the layer that is read is called; those of a foreign column have names of their own."""
    if read.source_layer is None:
        return "features"
    if column.task is None:
        return column.taps[read.source_layer]
    return _layer_name(column, read.source_layer)

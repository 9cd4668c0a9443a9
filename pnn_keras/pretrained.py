"""Columns made from those of a trained chain: one to fine-tune, and random ones of their shape.

The chain's own columns stay as they are; what is made here has one member per fold.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from pnn_keras.adaptation import refit
from pnn_keras.column import Column
from pnn_keras.errors import UserError
from pnn_keras.foreign_column import ForeignColumn
from pnn_keras.learner import Learner, Sources
from pnn_keras.task import Task, counts_as
from pnn_keras.training import hear


def column_to_tune(columns: Sequence[Column | ForeignColumn], label: str) -> Column | None:
    """The column that fine-tuning starts from: the last of the label, else the last of all.

    Args:
        columns: the columns of a trained chain, in order.
        label: the label of the target: ``emotion``.

    Returns:
        The column, or None where none of them answers a task.

    Example:

    >>> tasks = [Task("emotion", ("angry", "sad")), Task("gender", ("female", "male"))]
    >>> columns = [Column(task, dimension=3, units=[4]) for task in tasks]
    >>> [column_to_tune(columns, label).name for label in ("emotion", "speaker")]
    ['emotion', 'gender']
    """
    own = [column for column in columns if column.task is not None]
    of_label = [column for column in own if column.task.label == label]
    return (of_label or own or [None])[-1]


def copied(
    learner: Learner, column: Column, task: Task, dropout: float | Sequence[float]
) -> tuple[Column, Sources]:
    """A column of a trained chain, with an output layer for a task, a copy for every member.

    Its hidden layers have the weights of the column, those of its lateral
    connections to the chain's earlier columns included: without what it reads
    there it would not compute what it has learned. Its output layer is new, and
    so is its scaling, which a fit takes from the target's training rows.

    Args:
        learner: knows the members, and what the chain's columns make of the
            utterances.
        column: the column.
        task: what the copy is to answer.
        dropout: of the copy.

    Returns:
        The copy, and the columns that it reads.
    """
    sources = _read_by(column, learner.base)
    made = _of_shape(learner, column, task, sources, dropout)
    for own, theirs in zip(made.layers[:-1], column.layers[:-1], strict=True):
        _assign(own, theirs)
    return made, sources


def answering_column(columns: Sequence[Column | ForeignColumn], target: Task) -> Column | None:
    """The last column of a trained chain that answers a target, or None.

    It has the target's label and classes that count as each of its classes, see
    :func:`pnn_keras.task.counts_as`; it may have others.

    Args:
        columns: the columns of a trained chain, in order.
        target: the task to be answered.

    Example:

    >>> known = Task("emotion", ("angry", "happy", "sad"), corpus="A")
    >>> columns = [Column(known, dimension=3, units=[4])]
    >>> answering_column(columns, Task("emotion", ("happy", "sad"))).name
    'emotion_at_A'
    >>> answering_column(columns, Task("emotion", ("happy", "bored"))) is None
    True
    """
    answering = [
        column
        for column in columns
        if column.task is not None
        and column.task.label == target.label
        and set(target.classes) <= {counts_as(name, target) for name in column.task.classes}
    ]
    return (answering or [None])[-1]


def chain_answers(learner: Learner, target: Task, rescaled: bool) -> np.ndarray:
    """What a trained chain says of a target by itself, without learning anything.

    ``p(c | x) / sum of p(k | x) over the target's classes k``, of its
    :func:`answering_column`: as if it had been asked for these classes alone.
    The ``p`` of its classes that count as one of the target's are summed first.

    Args:
        learner: knows the members and the chain's columns.
        target: the task to be answered.
        rescaled: whether its columns are scaled by the target's training rows,
            as by :func:`rescaled_sources`.

    Returns:
        Class probabilities of all utterances, ``(members, n, classes)``.

    Raises:
        UserError: no column answers the target.
    """
    _check_any(learner)
    column = answering_column(learner.pretrained, target)
    if column is None:
        raise UserError(
            f"No column of the chain given answers {target.label} as {', '.join(target.classes)}. "
            "Leave out chain and chain-rescaled"
        )
    if rescaled:
        answers = _for_members(learner, target, trained=True)[1][column.name]
    else:
        answers = np.stack([_as_it_is(learner)[column.name]] * len(learner.members))
    counted = [counts_as(name, target) for name in column.task.classes]
    asked = answers.astype(np.float64) @ np.equal.outer(counted, target.classes)
    # Where nothing of it is left, no class is likelier than another.
    asked = np.maximum(asked, np.finfo(np.float32).tiny)
    return (asked / asked.sum(axis=-1, keepdims=True)).astype(np.float32)


def _as_it_is(learner: Learner) -> dict[str, np.ndarray]:
    """Every column's answers in the chain as it was given, ``(n, classes)``."""
    read, said = Sources(), {}
    for column in learner.pretrained:
        taps = _read_by(column, read).taps
        said[column.name], own = hear(column, learner.hearing(taps, column.frontend))
        read = read.add(column.name, own, column.tap_units)
    return said


def rescaled_sources(learner: Learner, target: Task) -> Sources:
    """The columns of a trained chain, each scaled anew by the target's training rows.

    A column's weights stay as they are; ``(x - mean) / deviation`` takes mean and
    deviation of the rows that the member learns the target from, so that what it
    hears lies where its weights expect it, though it comes from another room,
    microphone or language. Nothing of a test row is looked at (unless the
    learner's scaling is transductive itself). A feature that never varied when
    the chain was trained stays unheard. Every member has its own.

    Args:
        learner: knows the members and the chain's columns.
        target: the task whose training rows count.

    Raises:
        UserError: a column is somebody's Keras model, which has no scaler.

    Reference:
        Li et al., *Revisiting Batch Normalization for Practical Domain
        Adaptation*, 2016, do so with every layer's statistics; here it is the input's.
    """
    return _for_members(learner, target, trained=True)[0]


def random_sources(learner: Learner, rescaled_for: Task | None = None) -> Sources:
    """Columns of the shape of a trained chain's, with initial weights.

    They read one another as the chain's do. Every member has its own.

    Args:
        learner: knows the members and the chain's columns.
        rescaled_for: None gives them the chain's scaling; a task, that of its
            training rows, as :func:`rescaled_sources`.

    Raises:
        UserError: a column is somebody's Keras model, of which nobody knows how
            its weights were drawn.

    Reference:
        Baseline 4 of Rusu et al., *Progressive Neural Networks*, 2016.
    """
    return _for_members(learner, rescaled_for, trained=False)[0]


def _for_members(
    learner: Learner, rescaled_for: Task | None, trained: bool
) -> tuple[Sources, dict[str, np.ndarray]]:
    """Frozen columns of the shape of a trained chain's, one member per fold, and their answers."""
    _check_any(learner)
    read, said = Sources(), {}
    for column in learner.pretrained:
        if not isinstance(column, Column):
            raise UserError(
                f"The column {column.name!r} of the chain given is a Keras model, of which there "
                f"is {'no other scaling' if trained else 'no random one'}. Leave out "
                f"{'--adapt and what is rescaled' if trained else 'random columns'}"
            )
        own = _read_by(column, read)
        made = _of_shape(learner, column, column.task, own, column.dropout)
        if trained:
            for layer, theirs in zip(made.layers, column.layers, strict=True):
                _assign(layer, theirs)
            made.temperature = column.temperature
        _assign(made.scaler, column.scaler)
        if rescaled_for is not None:
            features = learner.material.features[column.frontend]
            rows = learner.scaling_rows(rescaled_for, learner.folds)
            refit(made.scaler, [features[own_rows] for own_rows in rows])
        made.trainable = False
        said[column.name], taps = hear(made, learner.hearing(own.taps, column.frontend))
        read = read.add(column.name, taps, column.tap_units)
    return read, said


def _check_any(learner: Learner) -> None:
    if not learner.pretrained:
        raise UserError("There is no trained chain to read. Extend one, or leave out this method")


def _of_shape(learner: Learner, column: Column, task: Task, sources: Sources, dropout) -> Column:
    """A new column of the shape of another one, one member per fold."""
    return learner.column(
        task,
        learner.members,
        sources,
        dimension=column.dimension,
        units=column.units,
        activation=keras.activations.serialize(column.activation),
        dropout=dropout,
        lateral=column.lateral,
        adapter_units=column.adapter_units,
        wiring=column.wiring,
        frontend=column.frontend,
    )


def _read_by(column: Column, read: Sources) -> Sources:
    """What a column reads, in its own order: its lateral weights stand in that."""
    names = list(column.sources)
    return Sources({n: read.taps[n] for n in names}, {n: read.widths[n] for n in names})


def _assign(own: keras.layers.Layer, theirs: keras.layers.Layer) -> None:
    """Gives every member of a layer the weights of a layer without members."""
    for stacked, weight in zip(own.weights, theirs.weights, strict=True):
        one = np.reshape(weight, (1, *stacked.shape[1:]))
        stacked.assign(np.broadcast_to(one, stacked.shape))

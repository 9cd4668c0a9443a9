"""Fitting a column: all members side by side, each with its own rows and its own end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from pnn_keras.column import Column
from pnn_keras.errors import UserError
from pnn_keras.protocol import Fold
from pnn_keras.statistics import confusion_matrix, recalls, uar

#: A stop fold has left chance once its UAR exceeds chance by this factor.
ABOVE_CHANCE = 1.2


@dataclasses.dataclass(frozen=True)
class Settings:
    """How columns are fitted; the same for every method that is compared.

    Args:
        epochs: most passes over the training rows (the paper: 600).
        batch_size: rows per update, at most.
        learning_rate: of Adam (the paper: 0.0005).
        patience: epochs without a better stop fold before training ends. It
            counts only once the stop fold has left chance: with sigmoid layers
            training sits on a plateau first.
        class_weights: whether every class weighs the same in the loss.
        seed: seed of the weights, the dropout and the shuffling.
    """

    epochs: int = 600
    batch_size: int = 32
    learning_rate: float = 0.0005
    patience: int = 100
    class_weights: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "patience"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name} is positive. Received: {getattr(self, name)!r}")


@dataclasses.dataclass(frozen=True)
class Epoch:
    """What is known after an epoch, for progress bars and logs.

    Args:
        number: of the epoch, from 1.
        loss: training loss of each member, ``(members,)``.
        stop_loss: class-balanced loss on the stop rows, ``(members,)``.
        stop_uar: UAR on the stop rows, ``(members,)``.
        stop_recalls: recalls on the stop rows, ``(members, classes)``.
        running: which members still train, bool ``(members,)``.
    """

    number: int
    loss: np.ndarray
    stop_loss: np.ndarray
    stop_uar: np.ndarray
    stop_recalls: np.ndarray
    running: np.ndarray


@dataclasses.dataclass(frozen=True)
class Fit:
    """How a fit went.

    Args:
        best_epoch: the epoch whose weights each member ends with, ``(members,)``.
        stop_uar: UAR on the stop rows at that epoch, ``(members,)``; NaN
            where there are no stop rows.
        epochs: every epoch.
    """

    best_epoch: np.ndarray
    stop_uar: np.ndarray
    epochs: tuple[Epoch, ...]


@dataclasses.dataclass(frozen=True)
class Hearing:
    """What a column hears of all utterances.

    Args:
        features: float32 ``(n, dimension)``, not scaled.
        taps: for each source column its hidden activations, one array per
            layer: ``(members, n, units)``, or ``(n, units)`` where all
            members read the same frozen column.
    """

    features: np.ndarray
    taps: Mapping[str, Sequence[np.ndarray]]


def fit_column(
    column: Column,
    hearing: Hearing,
    targets: np.ndarray,
    folds: Sequence[Fold],
    settings: Settings,
    on_epoch: Callable[[Epoch], None] | None = None,
    scaling_rows: Sequence[np.ndarray] | None = None,
) -> Fit:
    """Fits all members of a column, each on its own fold, and freezes them.

    The scaler takes mean and deviation from each member's training rows. The
    loss is cross-entropy, averaged within each member and summed over them, so
    that no member's gradient depends on another. Every member makes the same
    number of updates per epoch: its rows are spread evenly over the batches.
    A member ends with the weights of its best epoch: the highest UAR on its
    stop rows, ties broken by the lower class-balanced loss. Members without
    stop rows keep the last epoch's weights.

    Args:
        column: a column with as many members as there are folds.
        hearing: what it hears.
        targets: class numbers, int ``(n,)``; -1 is not allowed in a fold.
        folds: one per member.
        settings: epochs, batch size and the rest.
        on_epoch: called after every epoch.
        scaling_rows: rows that the scaler is fitted on: one array for all
            members, or one each; None means each member's training rows.
            Anything else than training rows makes the scores transductive.

    Raises:
        UserError: the column has not one member per fold, a fold has rows
            without a class, or training rows of one class only.
    """
    _check(column, targets, folds)
    rows = [fold.train for fold in folds] if scaling_rows is None else list(scaling_rows)
    rows = rows * len(folds) if len(rows) == 1 else rows
    column.scaler.fit([hearing.features[part] for part in rows])
    return _Fitting(column, hearing, targets, folds, settings).run(on_epoch)


def hear(
    column: Column, hearing: Hearing, chunk: int = 4096
) -> tuple[np.ndarray, list[np.ndarray]]:
    """What a frozen column answers and what later columns can read of it.

    Args:
        column: a column, with or without members.
        hearing: what it hears, ``n`` rows.
        chunk: rows per pass, which bounds the memory.

    Returns:
        Class probabilities float32 ``(members, n, classes)`` and the hidden
        activations, ``(members, n, units)`` each; without the first axis if
        the column has no members.
    """
    answers, taps = [], []
    for start in range(0, len(hearing.features), chunk):
        rows = slice(start, start + chunk)
        part = {
            name: [tap[..., rows, :] for tap in layers] for name, layers in hearing.taps.items()
        }
        features = hearing.features[rows]
        if column.members is not None:
            features = np.broadcast_to(features, (column.members, *features.shape))
        logits, hidden = column(tf.constant(features), taps=part, training=False)
        if logits is not None:
            answers.append(column.probabilities(logits).numpy())
        taps.append([tap.numpy() for tap in hidden])
    layers = [np.concatenate(layer, axis=-2) for layer in zip(*taps, strict=True)]
    return (np.concatenate(answers, axis=-2) if answers else np.empty(0)), layers


class _Fitting:
    """One fit: the data on the device, the compiled epoch, the best weights."""

    def __init__(self, column, hearing, targets, folds, settings) -> None:
        self.column, self.targets, self.folds, self.settings = column, targets, folds, settings
        self.features = tf.constant(hearing.features, tf.float32)
        self.taps = {
            name: [tf.constant(tap, tf.float32) for tap in layers]
            for name, layers in hearing.taps.items()
        }
        # Rows without a class are in no fold, but a gap may be filled with one, at weight 0.
        self.labels = tf.constant(np.maximum(targets, 0), tf.int32)
        self.weights = [_row_weights(targets, f.train, settings.class_weights) for f in folds]
        self.stop_rows = _stack_rows([fold.stop for fold in folds])
        self.variables = column.trainable_variables
        self.best = [tf.Variable(v.value, trainable=False) for v in self.variables]
        self.optimizer = _Adam(self.variables, settings.learning_rate)
        self.generators = [
            np.random.default_rng([settings.seed, 1, index]) for index in range(len(folds))
        ]
        self.train_epoch = tf.function(self._train_epoch, reduce_retracing=True)
        self.answer = tf.function(self._answer, reduce_retracing=True)

    def run(self, on_epoch) -> Fit:
        members = len(self.folds)
        classes = len(self.column.task.classes)
        best = _Best(members, classes, self.settings.patience)
        epochs = []
        for number in range(1, self.settings.epochs + 1):
            loss = self.train_epoch(*self._shuffled()).numpy()
            epoch = self._score(number, loss, best.running.copy())
            improved = best.update(epoch, np.array([len(f.stop) > 0 for f in self.folds]))
            self._keep(improved)
            epochs.append(epoch)
            if on_epoch is not None:
                on_epoch(epoch)
            if not best.running.any():
                break
        for variable, value in zip(self.variables, self.best, strict=True):
            variable.assign(value)
        self.column.trainable = False
        return Fit(best.epoch, best.uar, tuple(epochs))

    def _shuffled(self):
        """Row numbers and weights of one epoch: ``(steps, members, batch)`` each.

        Every member's rows are permuted and spread evenly over the steps;
        gaps are filled with row 0 at weight 0.
        """
        largest = max(len(fold.train) for fold in self.folds)
        steps = -(-largest // self.settings.batch_size)
        width = -(-largest // steps)
        rows = np.zeros((len(self.folds), steps, width), np.int32)
        weights = np.zeros(rows.shape, np.float32)
        for member, fold in enumerate(self.folds):
            order = self.generators[member].permutation(len(fold.train))
            for step, part in enumerate(np.array_split(order, steps)):
                rows[member, step, : len(part)] = fold.train[part]
                weights[member, step, : len(part)] = self.weights[member][part]
        return (
            tf.constant(rows.transpose(1, 0, 2)),
            tf.constant(weights.transpose(1, 0, 2)),
        )

    def _train_epoch(self, rows, weights):
        total = tf.zeros(len(self.folds))
        steps = tf.shape(rows)[0]
        for step in tf.range(steps):
            total += self._train_step(rows[step], weights[step])
        return total / tf.cast(steps, tf.float32)

    def _train_step(self, rows, weights):
        features, taps = self._gather(rows)
        labels = tf.gather(self.labels, rows)
        with tf.GradientTape() as tape:
            logits, _ = self.column(features, taps=taps, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            mass = tf.maximum(tf.reduce_sum(weights, axis=1), 1e-12)
            by_member = tf.reduce_sum(losses * weights, axis=1) / mass
            loss = tf.reduce_sum(by_member)
        gradients = tape.gradient(loss, [v.value for v in self.variables])
        self.optimizer.apply(gradients, self.variables)
        return by_member

    def _gather(self, rows):
        """Features and taps of row numbers ``(members, batch)``."""
        taps = {
            name: [
                tf.gather(tap, rows) if tap.shape.rank == 2 else tf.gather(tap, rows, batch_dims=1)
                for tap in layers
            ]
            for name, layers in self.taps.items()
        }
        return tf.gather(self.features, rows), taps

    def _answer(self, rows):
        features, taps = self._gather(rows)
        logits, _ = self.column(features, taps=taps, training=False)
        return tf.nn.log_softmax(logits)

    def _score(self, number: int, loss: np.ndarray, running: np.ndarray) -> Epoch:
        """The epoch's scores on each member's stop rows."""
        classes = len(self.column.task.classes)
        confusions = np.zeros((len(self.folds), classes, classes), np.int64)
        stop_loss = np.full(len(self.folds), np.nan)
        if self.stop_rows.shape[1]:
            answers = self.answer(self.stop_rows).numpy()
            for member, fold in enumerate(self.folds):
                targets = self.targets[fold.stop]
                log_probabilities = answers[member, : len(targets)]
                confusions[member] = confusion_matrix(
                    targets, log_probabilities.argmax(axis=-1), classes
                )
                if len(targets):
                    own = -log_probabilities[np.arange(len(targets)), targets]
                    counts = np.bincount(targets, minlength=classes)
                    stop_loss[member] = np.average(own, weights=1.0 / counts[targets])
        return Epoch(number, loss, stop_loss, uar(confusions), recalls(confusions), running)

    def _keep(self, improved: np.ndarray) -> None:
        """Keeps the present weights of the members that improved."""
        if not improved.any():
            return
        for variable, best in zip(self.variables, self.best, strict=True):
            mask = improved.reshape(-1, *[1] * (len(variable.shape) - 1))
            best.assign(tf.where(mask, variable.value, best))


class _Adam:
    """Adam (Kingma and Ba 2015) through TensorFlow's fused update.

    The same numbers as ``keras.optimizers.Adam``, whose separate operations
    take longer than the gradients of networks this small.
    """

    def __init__(self, variables, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.first = [tf.Variable(tf.zeros_like(v.value)) for v in variables]
        self.second = [tf.Variable(tf.zeros_like(v.value)) for v in variables]
        self.step = tf.Variable(0.0)

    def apply(self, gradients, variables) -> None:
        """One update; the arguments are those of a Keras optimizer."""
        step = self.step.assign_add(1.0)
        for gradient, variable, first, second in zip(
            gradients, variables, self.first, self.second, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=first.handle,
                v=second.handle,
                beta1_power=0.9**step,
                beta2_power=0.999**step,
                lr=self.learning_rate,
                beta1=0.9,
                beta2=0.999,
                epsilon=1e-7,
                grad=gradient,
            )


class _Best:
    """Each member's best epoch so far, and whether it still trains."""

    def __init__(self, members: int, classes: int, patience: int) -> None:
        self.uar = np.full(members, np.nan)
        self.loss = np.full(members, np.inf)
        self.epoch = np.zeros(members, np.int64)
        self.running = np.ones(members, bool)
        self._waited = np.zeros(members, np.int64)
        self._chance = ABOVE_CHANCE / classes
        self._patience = patience

    def update(self, epoch: Epoch, has_stop: np.ndarray) -> np.ndarray:
        """Takes an epoch in; says which members improved, bool ``(members,)``."""
        higher = np.isnan(self.uar) | (epoch.stop_uar > self.uar)
        tie = (epoch.stop_uar == self.uar) & (epoch.stop_loss < self.loss)
        improved = self.running & (~has_stop | higher | tie)
        self.uar = np.where(improved, epoch.stop_uar, self.uar)
        self.loss = np.where(improved, epoch.stop_loss, self.loss)
        self.epoch = np.where(improved, epoch.number, self.epoch)
        with np.errstate(invalid="ignore"):
            above = self.uar > self._chance
        self._waited = np.where(improved | ~above, 0, self._waited + 1)
        self.running &= ~has_stop | (self._waited < self._patience)
        return improved


def _check(column: Column, targets: np.ndarray, folds: Sequence[Fold]) -> None:
    if column.members != len(folds):
        raise UserError(
            f"A column has one member per fold. Received: members={column.members}, "
            f"{len(folds)} folds"
        )
    for number, fold in enumerate(folds):
        rows = np.concatenate([fold.train, fold.stop, fold.test])
        if (targets[rows] < 0).any():
            raise UserError(f"Fold {number} has rows without a class of {column.task.name!r}")
        if len(np.unique(targets[fold.train])) < 2:
            raise UserError(
                f"Fold {number} trains {column.task.name!r} on a single class; "
                "at least two are needed. Use more speakers per fold or fewer classes"
            )


def _row_weights(targets: np.ndarray, rows: np.ndarray, balanced: bool) -> np.ndarray:
    """The weight of each training row, float32 ``(rows,)``, 1 on average.

    Balanced, every class has the same total weight: n / (classes * count), as
    scikit-learn's ``class_weight="balanced"``.
    """
    if not balanced:
        return np.ones(len(rows), np.float32)
    counts = np.bincount(targets[rows])
    present = np.count_nonzero(counts)
    return (len(rows) / (present * counts[targets[rows]])).astype(np.float32)


def _stack_rows(parts: Sequence[np.ndarray]) -> tf.Tensor:
    """Row numbers of unequal lengths as int32 ``(members, longest)``, padded with 0."""
    longest = max(len(part) for part in parts)
    stacked = np.zeros((len(parts), longest), np.int32)
    for member, part in enumerate(parts):
        stacked[member, : len(part)] = part
    return tf.constant(stacked)

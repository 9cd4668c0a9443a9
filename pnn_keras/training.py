"""Fitting a column: all members side by side, each with its own rows and its own end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from pnn_keras.augmentation import first_turns, in_turn
from pnn_keras.column import Column
from pnn_keras.errors import UserError
from pnn_keras.protocol import Fold
from pnn_keras.schedule import Batches, BestEpochs, Epoch, Fit, Settings
from pnn_keras.stack import Stack
from pnn_keras.statistics import confusion_matrix, recalls, uar

#: Members that have ended leave the stack once they are this share of it:
#: leaving takes a new compilation, staying costs their part of every step. A fifth
#: costs least over the ends of stored runs (docs/benches).
LEAVE_SHARE = 0.2


@dataclasses.dataclass(frozen=True)
class Hearing:
    """What a column hears of all utterances.

    Args:
        features: float32 ``(rows, dimension)``, not scaled: the ``n`` utterances,
            then their augmented versions (:mod:`pnn_keras.augmentation`).
        taps: for each source column its hidden activations, one array per
            layer: ``(members, rows, units)``, or ``(rows, units)`` where all
            members read the same frozen column.
        versions: how many versions of each utterance there are: ``rows = versions * n``.
    """

    features: np.ndarray
    taps: Mapping[str, Sequence[np.ndarray]]
    versions: int = 1

    @property
    def utterances(self) -> int:
        """``n``."""
        return len(self.features) // self.versions


def fit_column(
    column: Column,
    hearing: Hearing,
    targets: np.ndarray,
    folds: Sequence[Fold],
    settings: Settings,
    on_epoch: Callable[[Epoch], None] | None = None,
    scaling_rows: Sequence[np.ndarray] | None = None,
    batches: Batches | None = None,
    traced: Sequence[np.ndarray] | None = None,
    last: Sequence[int] | None = None,
) -> Fit:
    """Fits all members of a column, each on its own fold, and freezes them.

    The scaler takes mean and deviation from each member's training rows, as
    they are. Where they have augmented versions, an epoch hears each training
    row once, as one of them in turn; stop rows are heard as they are. The loss
    is cross-entropy, averaged within each member and summed over them, so that
    no member's gradient depends on another. Every member makes the same number
    of updates per epoch: its rows are spread evenly over the batches. A member
    ends with the weights of its best epoch: the highest UAR on its stop rows,
    ties broken by the lower class-balanced loss. Members without
    stop rows keep the last epoch's weights.

    A member's weights depend on its own seed, fold and batches alone, not on
    who trains beside it, to float rounding.

    Args:
        column: a column with as many members as there are folds. What it
            does not train (``trainable = False``) stays as it is.
        hearing: what it hears.
        targets: class numbers, int ``(n,)``, or ``(heads, n)`` for a column
            with several heads. Where one has -1, the row does not count for it:
            stop and test rows have a class of the first, training rows of any.
        folds: one per member.
        settings: epochs, batch size and the rest.
        on_epoch: called after every epoch.
        scaling_rows: rows that the scaler is fitted on: one array for all
            members, or one each; None means each member's training rows.
            Anything else than training rows makes the scores transductive.
        batches: how rows are cut into batches; None takes that of ``folds``.
            Members in several groups take that of all of them.
        traced: rows of each member to count confusions on after every epoch,
            for curves; they have no influence, and no member ends early.
        last: the last epoch of each member; None means ``settings.epochs``.

    Raises:
        UserError: the column has not one member per fold, a fold has rows
            without a class, or training rows of one class only.
    """
    heads = np.atleast_2d(targets)
    _check(column, heads, folds)
    rows = [fold.train for fold in folds] if scaling_rows is None else list(scaling_rows)
    rows = rows * len(folds) if len(rows) == 1 else rows
    column.scaler.fit([hearing.features[part] for part in rows])
    batches = batches or Batches.of(folds, settings.batch_size)
    fitting = _Fitting(column, hearing, heads, folds, settings, batches, traced)
    return fitting.run(on_epoch, settings.epochs if last is None else np.asarray(last))


def hear(
    column: Column, hearing: Hearing, chunk: int = 4096
) -> tuple[np.ndarray, list[np.ndarray]]:
    """What a frozen column answers and what later columns can read of it.

    Of augmented versions it is only asked what later columns read.

    Args:
        column: a column, with or without members.
        hearing: what it hears of ``n`` utterances.
        chunk: rows per pass, which bounds the memory.

    Returns:
        Class probabilities float32 ``(members, n, classes)`` and the hidden
        activations, ``(members, versions * n, units)`` each; without the first axis if
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
    if not answers:
        return np.empty(0), layers
    return np.concatenate(answers, axis=-2)[..., : hearing.utterances, :], layers


class _Fitting:
    """One fit: the stack of members that still train, and the best weights of all."""

    def __init__(self, column, hearing, heads, folds, settings, batches, traced=None) -> None:
        self.column, self.heads, self.folds = column, heads, list(folds)
        self.settings, self.batches, self.traced = settings, batches, traced
        self.weights = [_head_weights(heads, f.train, settings.class_weights) for f in folds]
        self.generators = [_shuffling(column, settings.seed, m) for m in range(len(folds))]
        self.versions, self.utterances = hearing.versions, hearing.utterances
        self.first = [
            first_turns(generator, len(fold.train), self.versions)
            for generator, fold in zip(self.generators, folds, strict=True)
        ]
        self.stack = _stack(column, hearing, heads, settings.learning_rate)
        self.inside = np.arange(len(folds))  # which members the stack holds, in its order
        self.best_weights = self.stack.weights()

    def run(self, on_epoch, last: np.ndarray | int) -> Fit:
        has_stop = np.array([len(fold.stop) > 0 for fold in self.folds])
        classes, patience = len(self.column.task.classes), self.settings.patience
        best = BestEpochs(has_stop, classes, patience, last)
        epochs, traces = [], []
        for number in range(1, int(np.max(last)) + 1):
            loss = self._train_epoch(number)
            epoch = self._score(number, loss, best.running.copy())
            self._keep(best.update(epoch))
            epochs.append(epoch)
            if self.traced is not None:
                traces.append(self._confusions(self.traced)[0])
            if on_epoch is not None:
                on_epoch(epoch)
            if not best.running.any():
                break
            self._let_go(best.running)
        for variable, value in zip(
            self.column.trainable_variables, self.best_weights, strict=True
        ):
            variable.assign(value)
        self.column.trainable = False
        trace = None if self.traced is None else np.stack(traces)
        return Fit(best.epoch, best.uar, tuple(epochs), trace)

    def _train_epoch(self, number: int) -> np.ndarray:
        """One epoch of the members in the stack; the loss of all, ``(members,)``."""
        sizes = [len(self.folds[m].train) for m in self.inside]
        dealt = self.batches.deal(sizes, [self.generators[m] for m in self.inside])
        rows = np.zeros(dealt.shape, np.int32)
        weights = np.zeros((len(self.heads), *dealt.shape), np.float32)
        for position, member in enumerate(self.inside):
            # A gap takes the last row, at weight 0.
            place = dealt[:, position]
            train, first = self.folds[member].train, self.first[member]
            heard = in_turn(train, first, number - 1, self.versions, self.utterances)
            rows[:, position] = heard[place]
            weights[:, :, position] = np.where(place < 0, 0, self.weights[member][:, place])
        loss = np.full(len(self.folds), np.nan)
        loss[self.inside] = self.stack.train_epoch(rows, weights)
        return loss

    def _score(self, number: int, loss: np.ndarray, running: np.ndarray) -> Epoch:
        """The epoch's scores on each member's stop rows."""
        confusions, stop_loss = self._confusions([fold.stop for fold in self.folds])
        return Epoch(number, loss, stop_loss, uar(confusions), recalls(confusions), running)

    def _confusions(self, parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Confusion counts and class-balanced loss of each member on rows of its own.

        Args:
            parts: rows of each of all members.

        Returns:
            int64 ``(members, classes, classes)`` and float64 ``(members,)``;
            0 and NaN for members without rows, or that have left the stack.
        """
        targets, classes = self.heads[0], len(self.column.task.classes)
        confusions = np.zeros((len(self.folds), classes, classes), np.int64)
        losses = np.full(len(self.folds), np.nan)
        rows = _padded([parts[m] for m in self.inside])
        if not rows.shape[1]:
            return confusions, losses
        answers = self.stack.answer(rows)
        for position, member in enumerate(self.inside):
            true = targets[parts[member]]
            if not len(true):
                continue
            log_probabilities = answers[position, : len(true)]
            guessed = log_probabilities.argmax(axis=-1)
            confusions[member] = confusion_matrix(true, guessed, classes)
            own = -log_probabilities[np.arange(len(true)), true]
            counts = np.bincount(true, minlength=classes)
            losses[member] = np.average(own, weights=1.0 / counts[true])
        return confusions, losses

    def _keep(self, improved: np.ndarray) -> None:
        """Keeps the present weights of the members that improved."""
        here = improved[self.inside]
        if not here.any():
            return
        members = self.inside[here]
        for kept, present in zip(self.best_weights, self.stack.weights(), strict=True):
            kept[members] = present[here]

    def _let_go(self, running: np.ndarray) -> None:
        """Takes members that have ended out of the stack once they are many."""
        here = running[self.inside]
        # A traced curve goes on to the last epoch.
        if self.traced is None and np.mean(~here) >= LEAVE_SHARE:
            self.stack = self.stack.keep(here)
            self.inside = self.inside[here]


def _stack(column, hearing, heads, learning_rate: float) -> Stack:
    features = tf.constant(hearing.features, tf.float32)
    taps = {
        name: [tf.constant(tap, tf.float32) for tap in layers]
        for name, layers in hearing.taps.items()
    }
    # Rows without a class are in no fold, but a gap may be filled with one, at weight 0.
    labels = tf.constant(np.tile(np.maximum(heads, 0), hearing.versions), tf.int32)
    return Stack(column, features, taps, labels, learning_rate)


def _shuffling(column: Column, seed: int, member: int) -> np.random.Generator:
    """The order of a member's rows comes from its own seed, as its weights do."""
    own = member if column.seed is None else column.seed[member]
    return np.random.default_rng([seed, 1, own])


def _check(column: Column, heads: np.ndarray, folds: Sequence[Fold]) -> None:
    if column.members != len(folds):
        raise UserError(
            f"A column has one member per fold. Received: members={column.members}, "
            f"{len(folds)} folds"
        )
    for number, fold in enumerate(folds):
        held = np.concatenate([fold.stop, fold.test])
        if (heads[0][held] < 0).any() or (heads[:, fold.train] < 0).all(axis=0).any():
            raise UserError(f"Fold {number} has rows without a class of {column.task.name!r}")
        learned = heads[0][fold.train]
        if len(np.unique(learned[learned >= 0])) < 2:
            raise UserError(
                f"Fold {number} trains {column.task.name!r} on a single class; "
                "at least two are needed. Use more speakers per fold or fewer classes"
            )


def _head_weights(heads: np.ndarray, rows: np.ndarray, balanced: bool) -> np.ndarray:
    """Every head's weights of the training rows, float32 ``(heads, rows)``."""
    return np.stack([_row_weights(targets, rows, balanced) for targets in heads])


def _row_weights(targets: np.ndarray, rows: np.ndarray, balanced: bool) -> np.ndarray:
    """The weight of each training row, float32 ``(rows,)``; 0 where it has no class, else 1.

    Balanced, every class has the same total weight: n / (classes * count), as
    scikit-learn's ``class_weight="balanced"``; 1 on average.
    """
    own = targets[rows]
    known = own >= 0
    if not balanced:
        return known.astype(np.float32)
    counts = np.bincount(own[known])
    present = np.count_nonzero(counts)
    weights = np.zeros(len(rows), np.float32)
    weights[known] = known.sum() / (present * counts[own[known]])
    return weights


def _padded(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Row numbers of unequal lengths as int32 ``(members, longest)``, padded with 0."""
    stacked = np.zeros((len(parts), max(map(len, parts))), np.int32)
    for member, part in enumerate(parts):
        stacked[member, : len(part)] = part
    return stacked

"""The members that still train, side by side: one compiled step serves them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from pnn_keras.column import Column


class Stack:
    """Members of a column, what they hear, and their optimizer.

    Args:
        column: a column with members.
        features: float32 ``(n, dimension)``.
        taps: activations of each source, by name: one tensor per layer,
            ``(members, n, units)``, or ``(n, units)`` where all read the same.
        labels: class numbers of each head, int32 ``(heads, n)``: a plain
            column has one head, a :class:`pnn_keras.heads.ManyHeads` several.
        learning_rate: of Adam.
    """

    def __init__(
        self,
        column: Column,
        features: tf.Tensor,
        taps: Mapping[str, Sequence[tf.Tensor]],
        labels: tf.Tensor,
        learning_rate: float,
    ) -> None:
        self.column, self.features, self.taps, self.labels = column, features, taps, labels
        self.variables = column.trainable_variables
        self.optimizer = FusedAdam(self.variables, learning_rate)
        self._train_epoch = tf.function(self._train_all, reduce_retracing=True)
        self._answer = tf.function(self._log_probabilities, reduce_retracing=True)

    def train_epoch(self, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """One update per batch; the mean loss of each member, ``(members,)``.

        Args:
            rows: row numbers, int32 ``(steps, members, batch)``.
            weights: their weights in the loss, float32, one set per head:
                ``(heads, steps, members, batch)``.
        """
        return self._train_epoch(tf.constant(rows), tf.constant(weights)).numpy()

    def answer(self, rows: np.ndarray) -> np.ndarray:
        """Log-probabilities of the first head's classes, ``(members, rows, classes)``.

        Args:
            rows: row numbers, int32 ``(members, rows)``.
        """
        return self._answer(tf.constant(rows)).numpy()

    def weights(self) -> list[np.ndarray]:
        """The members' present weights, those that train, each ``(members, ...)``."""
        return [variable.numpy() for variable in self.variables]

    def keep(self, members: np.ndarray) -> Stack:
        """The same for some of the members, which go on as if nothing had happened.

        Args:
            members: which to keep, bool ``(members,)``.
        """
        column = self.column.subset(np.flatnonzero(members))
        taps = {
            name: [tap if tap.shape.rank == 2 else tf.boolean_mask(tap, members) for tap in layers]
            for name, layers in self.taps.items()
        }
        stack = type(self)(column, self.features, taps, self.labels, self.optimizer.learning_rate)
        stack.optimizer.copy_from(self.optimizer, members)
        return stack

    def _train_all(self, rows, weights):
        total = tf.zeros(self.column.members)
        steps = tf.shape(rows)[0]
        for step in tf.range(steps):
            total += self._train_step(rows[step], weights[:, step])
        return total / tf.cast(steps, tf.float32)

    def _train_step(self, rows, weights):
        features, taps = self._gather(rows)
        with tf.GradientTape() as tape:
            logits, _ = self.column(features, taps=taps, training=True)
            by_member = self._loss(logits, rows, weights)
            # Summed over members, so that no member's gradient depends on another.
            loss = tf.reduce_sum(by_member)
        gradients = tape.gradient(loss, [variable.value for variable in self.variables])
        self.optimizer.apply(gradients)
        return by_member

    def _loss(self, logits, rows, weights):
        """Cross-entropy averaged within each member, summed over its heads: ``(members,)``."""
        total = tf.zeros(self.column.members)
        for head, part in enumerate(self.column.split(logits)):
            labels = tf.gather(self.labels[head], rows)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, part)
            mass = tf.maximum(tf.reduce_sum(weights[head], axis=1), 1e-12)
            total += tf.reduce_sum(losses * weights[head], axis=1) / mass
        return total

    def _log_probabilities(self, rows):
        features, taps = self._gather(rows)
        logits, _ = self.column(features, taps=taps, training=False)
        return tf.nn.log_softmax(self.column.split(logits)[0])

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


class FusedAdam:
    """Adam (Kingma and Ba 2015) through TensorFlow's fused update.

    The same numbers as ``keras.optimizers.Adam``, whose separate operations
    take longer than the gradients of networks this small.

    Args:
        variables: Keras variables to update.
        learning_rate: the step size.
    """

    def __init__(self, variables, learning_rate: float) -> None:
        self.variables, self.learning_rate = variables, learning_rate
        self.first = [tf.Variable(tf.zeros_like(v.value)) for v in variables]
        self.second = [tf.Variable(tf.zeros_like(v.value)) for v in variables]
        self.step = tf.Variable(0.0)

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """One update with a gradient per variable."""
        step = self.step.assign_add(1.0)
        for gradient, variable, first, second in zip(
            gradients, self.variables, self.first, self.second, strict=True
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

    def copy_from(self, other: FusedAdam, members: np.ndarray) -> None:
        """Takes over the moments of some members of another stack, bool ``(members,)``."""
        self.step.assign(other.step)
        for own, theirs in zip(
            [*self.first, *self.second], [*other.first, *other.second], strict=True
        ):
            own.assign(tf.boolean_mask(theirs, members))

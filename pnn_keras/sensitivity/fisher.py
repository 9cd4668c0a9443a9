"""Average Fisher sensitivity: how much small changes of an activation change the answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keras import ops

from pnn_keras.sensitivity.reads import Sensitivity, Target, shares

#: How many utterances are differentiated at a time.
_BATCH = 1024

#: A probability below this adds nothing to the Fisher information that float32 could hold.
_SMALLEST = 1e-30


def fisher_sensitivity(chain, task: str, inputs) -> list[Sensitivity]:
    """Average Fisher sensitivity (AFS) of a target to all that its layers read.

    The Fisher information of the answer with respect to an activation says how
    much the class probabilities change with small changes of it. With ``h_m``
    unit ``m`` of a layer that is read, ``s_m`` its standard deviation over the
    utterances ``x``, and ``y`` a class,

        F(m, m) = s_m^2  mean_x sum_y p(y | x) (d log p(y | x) / d h_m)^2,

    which is the diagonal with respect to activations normalised to variance 1.
    The expectation over the network's own answers is the sum over all classes,
    exact and not sampled. Of target layer ``i``, which reads a layer of each of
    the columns ``k``, itself among them,

        AFS(i, k) = sum_m F_i^(k)(m, m) / sum_k sum_m F_i^(k)(m, m).

    Layers share a denominator if the same target layer reads them, whatever
    their own depths. An activation is changed as this one layer reads it; what
    the source's deeper layers make of the change is not followed. Rusu et al.
    divide unit by unit before they sum; columns of other widths have no units
    that belong together, so here the sums are divided. A diagonal looks at
    units one by one: two that cancel each other count as two that matter.

    Args:
        chain: the chain.
        task: the target's task, or its column's name.
        inputs: features ``(n, dimension)``, or by front-end a dictionary of these.

    Returns:
        For every layer of the target that reads a source, in order, its own
        layer below and each source: the sum over the diagonal as ``value``
        (squared nats per squared deviation), AFS as ``share``.

    Raises:
        UserError: the target reads no other column, or there is no utterance.

    Example:

    >>> from pnn_keras import Chain, Task
    >>> chain = Chain()
    >>> _ = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> _ = chain.add_column(Task("emotion", ("angry", "sad")), units=[4])
    >>> features = np.random.default_rng(0).normal(size=(9, 3)).astype("float32")
    >>> [found.read.column for found in fisher_sensitivity(chain, "emotion", features)]
    ['emotion', 'gender']

    Reference:
        Rusu et al., *Progressive Neural Networks*, 2016, arXiv:1606.04671,
        section 3.
    """
    target = Target(chain, task, inputs)
    found = []
    for layer, reads in target.reads.items():
        read = target.read(layer)
        variances = [np.var(activations, axis=0, dtype=np.float64) for activations in read]
        diagonals = _diagonals(target, layer, read)
        sums = [float(v @ d) for v, d in zip(variances, diagonals, strict=True)]
        found += shares(reads, sums)
    return found


def _diagonals(target: Target, layer: int, read: Sequence) -> list[np.ndarray]:
    """The Fisher diagonal of each activation that a layer reads, float64 ``(units,)`` each."""
    count = len(read[0])
    totals = [np.zeros(activations.shape[-1]) for activations in read]
    for start in range(0, count, _BATCH):
        rows = slice(start, start + _BATCH)
        sums = _squared_gradients(target, layer, [activations[rows] for activations in read], rows)
        totals = [total + part for total, part in zip(totals, sums, strict=True)]
    return [total / count for total in totals]


def _squared_gradients(
    target: Target, layer: int, read: Sequence, rows: slice
) -> list[np.ndarray]:
    """Squared gradients of the log-probabilities, weighted by these, summed over utterances."""
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        tape.watch(read)
        logits = target.logits_from(layer, read, rows)
        probabilities = ops.cast(target.column.probabilities(logits), "float32")
        logs = ops.unstack(ops.log(ops.maximum(probabilities, _SMALLEST)), axis=-1)
    weights = np.asarray(probabilities, np.float64)  # (rows, classes)
    totals = [np.zeros(activations.shape[-1]) for activations in read]
    for number, log in enumerate(logs):
        # An utterance's answer depends on its own row alone, so one gradient serves all rows.
        for total, gradient in zip(totals, tape.gradient(log, read), strict=True):
            total += weights[:, number] @ np.square(np.asarray(gradient, np.float64))
    return totals

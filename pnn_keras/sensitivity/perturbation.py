"""Average perturbation sensitivity: how much noise on an activation halves the performance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from keras import ops

from pnn_keras.errors import UserError
from pnn_keras.sensitivity.reads import Sensitivity, Target, shares
from pnn_keras.statistics import confusion_matrix, uar

#: The noise that is tried, as the power of ten of its precision: from a hundredth of a
#: unit's own deviation to ten thousand times of it.
MOST_PRECISE, LEAST_PRECISE = 4.0, -8.0

#: How often this range is halved: to 3 % of a precision, less than the draws leave open.
_HALVINGS = 10


def perturbation_sensitivity(
    chain, task: str, inputs, targets: np.ndarray, *, draws: int = 8, seed: int = 0
) -> list[Sensitivity]:
    """Average perturbation sensitivity (APS) of a target to all that its layers read.

    Gaussian noise is added to all units of one layer of one column, as one
    layer of the target reads it: ``h_m + s_m e / sqrt(L)``, where ``s_m`` is
    unit ``m``'s standard deviation over the utterances, ``e`` standard normal
    and ``L`` the noise's precision. Performance is the UAR above chance,
    averaged over draws of the noise. The more precise (weaker) the noise that
    halves it, the more the target depends on what is read:
    ``L_i^(k)`` is the precision at which performance falls to half of that
    without noise. Of target layer ``i``, which reads a layer of
    each of the columns ``k``, itself among them,

        APS(i, k) = L_i^(k) / sum_k L_i^(k).

    The precision is found by bisection of its logarithm, from 10^4 to 10^-8;
    noise that does not halve the performance even at 10^-8 gives 0. Every
    precision, and every layer that the same target layer reads, gets the same
    draws. Noise reaches the target through this one read; the source's own
    deeper layers, which are frozen and feed other reads, are left as they are.
    Layers share a denominator if the same target layer reads them.

    Chance is one over the number of classes present: no answer that does not
    depend on the recording has a higher UAR.

    Args:
        chain: the chain.
        task: the target's task, or its column's name.
        inputs: features ``(n, dimension)``, or by front-end a dictionary of these.
        targets: true class numbers, ``(n,)``.
        draws: draws of the noise that are averaged over.
        seed: of the noise.

    Returns:
        For every layer of the target that reads a source, in order, its own
        layer below and each source: the precision (in units of one over the
        activation's own variance) as ``value``, APS as ``share``; both None
        where the UAR is not above chance, since there is nothing to halve.

    Raises:
        UserError: the target reads no other column, there is no utterance, an
            utterance has no class, or ``draws`` is not positive.

    Example:

    >>> from pnn_keras import Chain, Task
    >>> chain = Chain()
    >>> _ = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> _ = chain.add_column(Task("emotion", ("angry", "sad")), units=[4])
    >>> features = np.random.default_rng(0).normal(size=(9, 3)).astype("float32")
    >>> targets = np.arange(9) % 2
    >>> found = perturbation_sensitivity(chain, "emotion", features, targets)
    >>> [each.read.column for each in found]
    ['emotion', 'gender']

    Reference:
        Rusu et al., *Progressive Neural Networks*, 2016, arXiv:1606.04671,
        appendix A, equation 3.
    """
    if draws < 1:
        raise UserError(f"The noise is drawn at least once. Received: draws={draws}")
    target = Target(chain, task, inputs)
    performance = _Performance(target, targets, draws, seed)
    found = []
    for layer, reads in target.reads.items():
        found += shares(reads, performance.critical_precisions(layer))
    return found


def chance_of(targets: np.ndarray) -> float:
    """The highest UAR of answers that do not depend on the recording.

    Args:
        targets: true class numbers, ``(n,)``.

    Example:

    >>> chance_of(np.array([0, 0, 0, 2]))
    0.5
    """
    return 1 / len(np.unique(targets))


class _Performance:
    """The target's performance with and without noise on something that it reads."""

    def __init__(self, target: Target, targets: np.ndarray, draws: int, seed: int) -> None:
        self._target, self._draws, self._seed = target, draws, seed
        self._targets = np.asarray(targets)
        layer = next(iter(target.reads))
        undisturbed = target.read(layer)
        if self._targets.shape != (len(undisturbed[0]),) or self._targets.min() < 0:
            raise UserError(
                f"Each of {len(undisturbed[0])} utterances has a class number of 0 or more. "
                f"Received: targets of shape {self._targets.shape}, from {self._targets.min()}"
            )
        self._chance = chance_of(self._targets)
        self._whole = self._above_chance(self._answering(layer), undisturbed)

    def critical_precisions(self, layer: int) -> list[float | None]:
        """The precision of the noise that halves the performance, of each that a layer reads.

        None where there is no performance to halve.
        """
        reads = self._target.reads[layer]
        if self._whole <= 0:
            return [None] * len(reads)
        answers = self._answering(layer)
        return [self._critical_precision(layer, place, answers) for place in range(len(reads))]

    def _critical_precision(self, layer: int, place: int, answers: Callable) -> float:
        read = self._target.read(layer)
        deviations = np.std(read[place], axis=0, dtype=np.float64).astype(np.float32)

        def is_halved(power: float) -> bool:
            scale = deviations * np.float32(10 ** (-power / 2))
            scores = [
                self._above_chance(answers, [*read[:place], noisy, *read[place + 1 :]])
                for noisy in self._noisy(read[place], layer, scale)
            ]
            return float(np.mean(scores)) <= self._whole / 2

        return _critical(is_halved)

    def _noisy(self, activations, layer: int, scale: np.ndarray) -> Iterator[np.ndarray]:
        """The activations with noise of these deviations, ``(units,)``, draw by draw."""
        for draw in range(self._draws):
            # The column is not part of the seed: copies of a column get the same noise.
            generator = np.random.default_rng([self._seed, layer, draw])
            noise = generator.standard_normal(activations.shape, dtype=np.float32)
            yield np.asarray(activations) + scale * noise

    def _answering(self, layer: int) -> Callable:
        """The target's answers ``(n, classes)`` from what a layer reads, as one graph."""
        import tensorflow as tf

        column, logits_from = self._target.column, self._target.logits_from
        return tf.function(lambda read: column.probabilities(logits_from(layer, read)))

    def _above_chance(self, answers: Callable, read: Sequence) -> float:
        tensors = [ops.convert_to_tensor(activations) for activations in read]
        probabilities = np.asarray(answers(tensors))
        predictions = probabilities.argmax(axis=-1)
        counts = confusion_matrix(self._targets, predictions, probabilities.shape[-1])
        return float(uar(counts)) - self._chance


def _critical(is_halved: Callable[[float], bool]) -> float:
    """The precision below which performance is halved, or 0; asked for by its power of ten."""
    if not is_halved(LEAST_PRECISE):
        return 0.0
    low, high = LEAST_PRECISE, MOST_PRECISE
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_halved(middle) else (low, middle)
    return 10 ** ((low + high) / 2)

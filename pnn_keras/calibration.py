"""Whether probabilities mean what they say: temperature scaling and calibration error."""

from __future__ import annotations

import numpy as np

from pnn_keras.errors import UserError

#: Equal-width bins of confidence, as in Guo et al. (2017).
BINS = 15

#: A temperature is searched for between these: answers that are all right have none of their own.
BOUNDS = (0.05, 20.0)

#: Where a float32 softmax has become 0.
_SMALLEST = 1e-38


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at another temperature: ``softmax(log(p) / T)``.

    With ``p = softmax(logits)`` that is ``softmax(logits / T)``. The most
    probable class stays the most probable.

    Args:
        probabilities: ``(..., classes)``.
        temperature: above 1 evens the classes out, below 1 sharpens them.

    Returns:
        float64 ``(..., classes)``, which sum to 1.

    Example:

    >>> tempered(np.array([0.2, 0.8]), 0.5).round(3).tolist()
    [0.059, 0.941]
    """
    logits = np.log(np.maximum(np.asarray(probabilities, np.float64), _SMALLEST)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """The temperature at which answers that were not trained on are likeliest.

    It minimises the mean negative log-likelihood ``-log softmax(logits / T)[y]``,
    which is convex in ``1 / T``, between :data:`BOUNDS`.

    Args:
        probabilities: of answers to utterances that were held out, ``(n, classes)``.
        targets: class numbers, ``(n,)``.

    Raises:
        UserError: there is no answer, or not one target for each.

    Reference:
        Guo, Pleiss, Sun, Weinberger, *On Calibration of Modern Neural
        Networks*, ICML 2017.

    Example:

    Sure to nine tenths, right in three quarters:

    >>> answers = np.array([[0.9, 0.1]] * 4)
    >>> temperature = fit_temperature(answers, np.array([0, 0, 0, 1]))
    >>> round(temperature, 3), tempered(answers[0], temperature).round(3).tolist()
    (2.0, [0.75, 0.25])
    """
    from scipy.optimize import minimize_scalar

    probabilities, targets = _checked(probabilities, targets)

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(tempered(probabilities, np.exp(log_temperature)), targets)

    found = minimize_scalar(
        loss, bounds=np.log(BOUNDS), method="bounded", options={"xatol": 1e-6, "maxiter": 200}
    )
    return float(np.exp(found.x))


def negative_log_likelihood(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """The mean of ``-log p[y]``, in nats.

    Args:
        probabilities: ``(n, classes)``.
        targets: class numbers, ``(n,)``.

    Example:

    >>> round(negative_log_likelihood(np.array([[0.5, 0.5]]), np.array([1])), 4)
    0.6931
    """
    probabilities, targets = _checked(probabilities, targets)
    own = probabilities[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(own, _SMALLEST)).mean())


def reliability(probabilities: np.ndarray, targets: np.ndarray, bins: int = BINS) -> dict:
    """How often answers are right, by how sure they are.

    The confidence of an answer is its largest probability. It is in bin ``b`` of
    ``bins`` where ``(b - 1) / bins < confidence <= b / bins``.

    Args:
        probabilities: ``(n, classes)``.
        targets: class numbers, ``(n,)``.
        bins: number of bins.

    Returns:
        Lists with a number per bin: ``count``, and of the answers in it the mean
        ``confidence`` and the ``accuracy``, None where there is none.

    Example:

    >>> found = reliability(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]), bins=2)
    >>> found["count"], found["accuracy"]
    ([0, 2], [None, 0.5])
    """
    probabilities, targets = _checked(probabilities, targets)
    confidence = probabilities.max(axis=-1)
    right = probabilities.argmax(axis=-1) == targets
    # A confidence that is a float32's away from an edge is meant to be on it.
    place = np.clip(np.ceil(confidence * bins - 1e-6).astype(int) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)

    def means(values: np.ndarray) -> list[float | None]:
        sums = np.bincount(place, values, minlength=bins)
        return [float(s / n) if n else None for s, n in zip(sums, count, strict=True)]

    return {
        "count": count.tolist(),
        "confidence": means(confidence),
        "accuracy": means(right.astype(float)),
    }


def expected_calibration_error(
    probabilities: np.ndarray, targets: np.ndarray, bins: int = BINS
) -> float:
    """The mean gap between how sure answers are and how often they are right.

    ``sum over bins of count / n * |accuracy - confidence|``, see :func:`reliability`.

    Args:
        probabilities: ``(n, classes)``.
        targets: class numbers, ``(n,)``.
        bins: number of bins.

    Reference:
        Guo et al. (2017), equation 3.

    Example:

    >>> answers = np.array([[0.9, 0.1]] * 4)
    >>> round(expected_calibration_error(answers, np.array([0, 0, 0, 1])), 3)
    0.15
    """
    found = reliability(probabilities, targets, bins)
    gaps = [
        count * abs(accuracy - confidence)
        for count, accuracy, confidence in zip(
            found["count"], found["accuracy"], found["confidence"], strict=True
        )
        if count
    ]
    return float(sum(gaps) / sum(found["count"]))


def calibrate(probabilities: np.ndarray, targets: np.ndarray, fold: np.ndarray) -> dict:
    """A temperature from held-out answers, and what it brings on answers that it has not seen.

    The temperature is fitted on all answers. What is measured of it is not
    measured on them: the answers of each fold are tempered with the temperature
    of the other folds' answers. Where these are then no likelier than before,
    as with few speakers, there is nothing to gain, and the temperature is 1.

    Args:
        probabilities: of held-out answers, ``(n, classes)``.
        targets: class numbers, ``(n,)``.
        fold: which fold held each of them out, ``(n,)``; with one fold there is
            nothing to measure on: the temperature is 1, and all ``after`` are None.

    Returns:
        ``temperature`` and ``fitted`` (what it would be if it were taken in any
        case), ``utterances``; ``ece_before``, ``ece_after`` (see
        :func:`expected_calibration_error`), ``nll_before``, ``nll_after``; and
        ``bins`` with their ``edges``, ``count``, ``confidence_before``,
        ``accuracy_before`` and the same ``after`` (see :func:`reliability`).

    Example:

    >>> said, targets = np.array([[0.9, 0.1]] * 8), np.array([0, 0, 0, 1] * 2)
    >>> found = calibrate(said, targets, np.arange(8) // 4)
    >>> [round(found[name], 2) for name in ("temperature", "ece_before", "ece_after")]
    [2.0, 0.15, 0.0]
    """
    probabilities, targets = _checked(probabilities, targets)
    after = _cross_fitted(probabilities, targets, np.asarray(fold))
    before = reliability(probabilities, targets)
    later = None if after is None else reliability(after, targets)
    nll_before = negative_log_likelihood(probabilities, targets)
    nll_after = None if after is None else negative_log_likelihood(after, targets)
    fitted = fit_temperature(probabilities, targets)
    helps = nll_after is not None and nll_after < nll_before
    return {
        "temperature": fitted if helps else 1.0,
        "fitted": fitted,
        "utterances": len(targets),
        "ece_before": expected_calibration_error(probabilities, targets),
        "ece_after": None if after is None else expected_calibration_error(after, targets),
        "nll_before": nll_before,
        "nll_after": nll_after,
        "bins": {
            "edges": np.linspace(0, 1, BINS + 1).tolist(),
            "count": before["count"],
            "confidence_before": before["confidence"],
            "accuracy_before": before["accuracy"],
            "count_after": None if later is None else later["count"],
            "confidence_after": None if later is None else later["confidence"],
            "accuracy_after": None if later is None else later["accuracy"],
        },
    }


def _cross_fitted(probabilities, targets, fold) -> np.ndarray | None:
    """Each fold's answers at the temperature of the others'."""
    numbers = np.unique(fold)
    if len(numbers) < 2:
        return None
    after = np.empty(probabilities.shape)
    for number in numbers:
        own = fold == number
        temperature = fit_temperature(probabilities[~own], targets[~own])
        after[own] = tempered(probabilities[own], temperature)
    return after


def _checked(probabilities, targets) -> tuple[np.ndarray, np.ndarray]:
    probabilities, targets = np.asarray(probabilities), np.asarray(targets)
    if probabilities.ndim != 2 or not len(targets) or targets.shape != probabilities.shape[:1]:
        raise UserError(
            "Calibration takes probabilities (n, classes) and class numbers (n,), n at least 1. "
            f"Received: {probabilities.shape} and {targets.shape}"
        )
    return probabilities, targets

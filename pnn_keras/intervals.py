"""How sure a UAR is: bootstrap intervals over speakers, and what each contributes to it."""

from __future__ import annotations

import dataclasses

import numpy as np

from pnn_keras.errors import UserError
from pnn_keras.statistics import uar

#: With fewer speakers than this an interval carries a warning. Of 95 % intervals of the
#: difference of two equal methods, 11 % left out zero with 10 speakers and still 8 % with 24
#: (``tools/bench/null_tests.py``).
FEW_SPEAKERS = 30

#: Contributions of two methods that differ by less are the same sums, rounded in another order:
#: one utterance more of a million would make a difference of a hundred thousand times that.
_ROUNDING = 1e-12

#: Resampled speakers (or utterances) that are counted at a time, over all draws.
_BATCH = 2_000_000


@dataclasses.dataclass(frozen=True)
class Interval:
    """A bootstrap percentile interval.

    Args:
        value: the score itself, of the data as they are.
        low: its lower bound; NaN where nothing can be resampled.
        high: its upper bound.
        level: nominal share of intervals that hold the true score, such as .95.
        draws: how many times the speakers were resampled.
        speakers: how many speakers there are, or None if utterances were resampled.
        absent: in how many draws a class that the data have was absent, so that
            the UAR went over the others.
        warning: why the interval is not to be taken at its word, or None.
    """

    value: float
    low: float
    high: float
    level: float
    draws: int
    speakers: int | None
    absent: int
    warning: str | None

    def described(self) -> dict:
        """What is recorded of it: ``low``, ``high``, ``level``, ``speakers`` and ``warning``."""
        names = ("low", "high", "level", "speakers", "warning")
        return {name: getattr(self, name) for name in names}


def speaker_confusions(
    targets: np.ndarray, predictions: np.ndarray, speakers: np.ndarray, classes: int
) -> np.ndarray:
    """Confusion counts of each speaker in each repeat.

    Args:
        targets: true class numbers, ``(n,)``.
        predictions: predicted class numbers, ``(repeats, n)``, or ``(n,)`` for
            one repeat.
        speakers: who speaks, names or numbers, ``(n,)``.
        classes: how many classes there are.

    Returns:
        int64 ``(speakers, repeats, classes, classes)``, speakers in sorted
        order, rows are true classes.

    Raises:
        UserError: there is no utterance, the shapes differ, a class number is
            not in ``0 .. classes - 1``, or an utterance has no speaker.

    Example:

    >>> speaker_confusions([0, 1, 1], [0, 1, 0], ["b", "b", "a"], 2).tolist()
    [[[[0, 0], [1, 0]]], [[[1, 0], [0, 1]]]]
    """
    targets = np.asarray(targets)
    predictions = np.atleast_2d(predictions)
    speakers = np.asarray(speakers)
    if not targets.size or predictions.ndim != 2 or predictions.shape[1:] != targets.shape:
        raise UserError(
            "Expected class numbers (n,) and predictions (repeats, n), n at least 1. "
            f"Received: {targets.shape} and {predictions.shape}"
        )
    if speakers.shape != targets.shape or any(name is None for name in speakers.flat):
        raise UserError(
            f"Each of {len(targets)} utterances has a speaker, or speakers is None as a whole. "
            f"Received: shape {speakers.shape}, some of them None or missing"
        )
    both = np.concatenate([targets, predictions.ravel()])
    if both.min() < 0 or both.max() >= classes:
        raise UserError(
            f"Class numbers are 0 to {classes - 1}; leave utterances without a class out. "
            f"Received: {both.min()} to {both.max()}"
        )
    names, owner = np.unique(speakers, return_inverse=True)
    shape = (len(names), len(predictions), classes, classes)
    repeats = np.arange(len(predictions))[:, np.newaxis]
    cells = np.ravel_multi_index(
        np.broadcast_arrays(owner, repeats, targets, predictions),  # each (repeats, n)
        shape,
    )
    return np.bincount(cells.ravel(), minlength=np.prod(shape)).reshape(shape)


def speaker_contributions(
    targets: np.ndarray, predictions: np.ndarray, speakers: np.ndarray, classes: int
) -> np.ndarray:
    """What each speaker contributes to the pooled UAR, averaged over repeats.

    ``c_s = S / K * sum_k hits_sk / n_k``, with ``S`` speakers, ``K`` classes that
    the data have, ``hits_sk`` the speaker's utterances of class ``k`` that were
    recognised and ``n_k`` all speakers' utterances of it. Their mean over
    speakers is the pooled UAR itself.

    (A speaker's own UAR, in which the one utterance of a rare class weighs as
    much as eleven of another, is another quantity than the headline.)

    Args:
        targets: true class numbers, ``(n,)``.
        predictions: predicted class numbers, ``(repeats, n)``, or ``(n,)`` for
            one repeat.
        speakers: who speaks, names or numbers, ``(n,)``.
        classes: how many classes there are.

    Returns:
        float64 ``(speakers,)``, in the sorted order of the speakers.

    Raises:
        UserError: as in :func:`speaker_confusions`.

    Example:

    >>> speaker_contributions([0, 0, 1, 1], [0, 1, 1, 1], ["b", "b", "b", "a"], 2).tolist()
    [0.5, 1.0]
    """
    counts = speaker_confusions(targets, predictions, speakers, classes)
    totals = counts[:, 0].sum(axis=(0, -1))  # (classes,): the targets, alike in all repeats
    present = totals > 0
    hits = np.diagonal(counts, axis1=-2, axis2=-1)[..., present]  # (speakers, repeats, present)
    # Counts are added before they are divided: the order of repeats then changes no bit.
    recalled = hits.sum(axis=1) / totals[present]
    return len(counts) * recalled.mean(axis=-1) / counts.shape[1]


def speaker_differences(
    targets: np.ndarray,
    predictions: np.ndarray,
    others: np.ndarray,
    speakers: np.ndarray,
    classes: int,
) -> np.ndarray:
    """What each speaker contributes to the difference of two methods' pooled UARs.

    The difference of their :func:`speaker_contributions`, which is what
    :func:`pnn_keras.permutation.sign_flip_test` takes: its mean is the
    difference of the pooled UARs, and to flip a speaker's sign is to swap the
    two methods' answers to that speaker. Where the two sums are the same but for
    rounding the difference is exactly 0.

    Args:
        targets: true class numbers, ``(n,)``.
        predictions: the first method's class numbers, ``(repeats, n)`` or ``(n,)``.
        others: the second method's on the same utterances, likewise.
        speakers: who speaks, names or numbers, ``(n,)``.
        classes: how many classes there are.

    Returns:
        float64 ``(speakers,)``, in the sorted order of the speakers.

    Raises:
        UserError: as in :func:`speaker_confusions`.

    Example:

    >>> speaker_differences([0, 1, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], list("aabb"), 2).tolist()
    [0.5, 0.0]
    """
    own, theirs = (
        speaker_contributions(targets, each, speakers, classes) for each in (predictions, others)
    )
    return np.where(np.abs(own - theirs) < _ROUNDING * len(own), 0.0, own - theirs)


def uar_interval(
    targets: np.ndarray,
    predictions: np.ndarray,
    speakers: np.ndarray | None,
    classes: int,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Bootstrap percentile interval of the pooled UAR, over speakers.

    The score is the UAR of one repeat's pooled answers, averaged over repeats.
    In each draw as many speakers as there are, are taken with replacement, all
    utterances and repeats of a speaker together, and their confusion counts are
    added. A class that a draw lacks is left out of its UAR and counted in
    ``absent``. The bounds are the ``(1 - level) / 2`` and ``(1 + level) / 2``
    quantiles of the draws.

    Percentile intervals over few speakers are too narrow (see
    :data:`FEW_SPEAKERS`): judge a difference by
    :func:`pnn_keras.permutation.sign_flip_test`, which keeps its level for the
    models that were trained, and not by whether its interval leaves out zero.

    The models are not trained anew: the interval says how the score varies with
    the speakers that are tested, not with those that were trained on.

    Args:
        targets: true class numbers, ``(n,)``.
        predictions: predicted class numbers, ``(repeats, n)``, or ``(n,)`` for
            one repeat.
        speakers: who speaks, names or numbers, ``(n,)``; None if unknown, which
            resamples utterances and says so in ``warning``.
        classes: how many classes there are.
        level: nominal coverage, between 0 and 1.
        draws: how many times to resample.
        seed: seed of the resampling.

    Raises:
        UserError: as in :func:`speaker_confusions`; ``level`` is not between 0
            and 1, or ``draws`` is not positive.

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter
        13; Field and Welsh, "Bootstrapping clustered data", J. R. Stat. Soc. B
        69, 2007 (the cluster bootstrap).

    Example:

    >>> interval = uar_interval([0, 1] * 4, [0, 1, 0, 0, 0, 1, 1, 1], list("aabbccdd"), 2)
    >>> interval.value, interval.low, interval.high
    (0.75, 0.5, 1.0)
    >>> interval.warning
    '4 speakers are few: the interval is probably too narrow'
    """
    counts = _unit_confusions(targets, predictions, speakers, classes)
    scores, absent = _resampled_uars([counts], level, draws, seed)
    value = uar(counts.sum(axis=0)).mean()
    return _interval(value, scores[0], level, absent, speakers, len(counts))


def uar_difference_interval(
    targets: np.ndarray,
    predictions: np.ndarray,
    others: np.ndarray,
    speakers: np.ndarray | None,
    classes: int,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Bootstrap percentile interval of the difference of two methods' pooled UARs.

    As :func:`uar_interval`, but each draw scores both methods on the same
    resampled speakers, and the interval is of the first one's score less the
    second's.

    Args:
        targets: true class numbers, ``(n,)``.
        predictions: the first method's class numbers, ``(repeats, n)`` or ``(n,)``.
        others: the second method's on the same utterances, likewise.
        speakers: who speaks, ``(n,)``, or None if unknown.
        classes: how many classes there are.
        level: nominal coverage, between 0 and 1.
        draws: how many times to resample.
        seed: seed of the resampling.

    Raises:
        UserError: as in :func:`uar_interval`.

    Example:

    >>> speakers = list("aabbccdd")
    >>> interval = uar_difference_interval(
    ...     [0, 1] * 4, [0, 1, 0, 0, 0, 1, 1, 1], [0, 0] * 4, speakers, 2
    ... )
    >>> interval.value, interval.low, interval.high
    (0.25, 0.0, 0.5)
    """
    first = _unit_confusions(targets, predictions, speakers, classes)
    second = _unit_confusions(targets, others, speakers, classes)
    scores, absent = _resampled_uars([first, second], level, draws, seed)
    value = uar(first.sum(axis=0)).mean() - uar(second.sum(axis=0)).mean()
    return _interval(value, scores[0] - scores[1], level, absent, speakers, len(first))


def _unit_confusions(targets, predictions, speakers, classes) -> np.ndarray:
    """The counts of what is resampled: of speakers, or of utterances where none is known."""
    units = np.arange(np.size(targets)) if speakers is None else speakers
    return speaker_confusions(targets, predictions, units, classes)


def _resampled_uars(
    counts: list[np.ndarray], level: float, draws: int, seed: int
) -> tuple[np.ndarray, int]:
    """Each method's UAR in each draw, ``(methods, draws)``; draws without some class.

    Args:
        counts: each method's ``(units, repeats, classes, classes)``.
        level: nominal coverage, checked here before anything is computed.
        draws: how many times to resample.
        seed: seed of the resampling.
    """
    if not 0 < level < 1 or draws < 1:
        raise UserError(
            f"level lies between 0 and 1, draws is at least 1. Received: {level}, {draws}"
        )
    units, _, classes, _ = counts[0].shape
    present = counts[0][:, 0].sum(axis=-1)  # (units, classes): the targets, alike for all
    # Recalls need no more than hits, of which there are fewer than confusions.
    hits = [np.diagonal(c, axis1=-2, axis2=-1).reshape(units, -1) for c in counts]
    generator = np.random.default_rng(seed)
    scores, absent = [], 0
    batch = max(1, _BATCH // max(units, hits[0].shape[1]))
    for start in range(0, draws, batch):
        size = min(batch, draws - start)
        times = _times_drawn(generator.integers(0, units, (size, units)))  # (size, units)
        totals = times @ present  # (size, classes)
        absent += int(((totals == 0) & (present.sum(axis=0) > 0)).any(axis=1).sum())
        pooled = [(times @ h).reshape(size, -1, classes) for h in hits]
        scores.append([_mean_recall(p, totals[:, np.newaxis]).mean(axis=1) for p in pooled])
    return np.concatenate(scores, axis=1), absent


def _mean_recall(hits: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """UAR over the classes present, ``(...)``, from counts ``(..., classes)``."""
    recalled = np.divide(hits, totals, out=np.zeros_like(hits), where=totals > 0)
    return recalled.sum(axis=-1) / (totals > 0).sum(axis=-1)


def _times_drawn(chosen: np.ndarray) -> np.ndarray:
    """How often each unit was chosen, float64: rows are draws, ``(draws, units)``."""
    draws, units = chosen.shape
    cells = chosen + units * np.arange(draws)[:, np.newaxis]
    counts = np.bincount(cells.ravel(), minlength=draws * units)
    return counts.reshape(draws, units).astype(np.float64)  # floats multiply fast


def _interval(value, scores, level, absent, speakers, units) -> Interval:
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    if units == 1:
        low = high = np.nan  # one unit resampled is always itself, which is no certainty
    known = None if speakers is None else units
    warning = _warning(known)
    return Interval(
        float(value), float(low), float(high), level, len(scores), known, absent, warning
    )


def _warning(speakers: int | None) -> str | None:
    if speakers is None:
        return "no speakers are known: utterances were resampled, as if each had its own speaker"
    if speakers == 1:
        return "one speaker cannot be resampled: there is no interval"
    if speakers < FEW_SPEAKERS:
        return f"{speakers} speakers are few: the interval is probably too narrow"
    return None

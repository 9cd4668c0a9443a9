"""Features standardised per speaker: for comparisons, not for serving.

A speaker's mean and deviation are taken over all of that speaker's recordings,
test rows included: scores are *transductive*. It takes away what tells speakers
and sexes apart, and a single clip has no speaker statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pnn_keras.errors import UserError

#: What a chain records of an input that is standardised per speaker.
MARK = "standardised"

#: The tasks whose columns would lose what they look for.
REFUSED = ("speaker", "gender")


def standardise(features: np.ndarray, speakers: Sequence[str | None]) -> np.ndarray:
    """Standardises each speaker's rows: ``(x - mean) / deviation`` over the speaker.

    A feature that is constant within a speaker becomes 0. Rows that are NaN (no
    features) stay so and do not count. Augmented versions of the rows (see
    :mod:`pnn_keras.augmentation`) are scaled by the same numbers, in which they do
    not count either.

    Args:
        features: float32 ``(versions * n, dimension)``.
        speakers: the speaker of each recording, ``n`` names.

    Returns:
        float32 ``(versions * n, dimension)``.

    Raises:
        UserError: a speaker is unknown, or has a single row.

    Example:

    >>> rows = np.array([[1.0], [3.0], [50.0], [70.0]], np.float32)
    >>> standardise(rows, ["a", "a", "b", "b"]).ravel().tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    if any(speaker is None for speaker in speakers):
        raise UserError(
            "Per-speaker scaling needs the speaker of every recording. "
            f"Received: {sum(s is None for s in speakers)} without one"
        )
    names, index = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    scaled = np.array(features, np.float64)
    usable = np.isfinite(scaled[: len(speakers)]).all(axis=1)
    index_of_rows = np.resize(index, len(scaled))
    for number, name in enumerate(names):
        rows = np.flatnonzero((index == number) & usable)
        if len(rows) == 1:
            raise UserError(
                f"Per-speaker scaling needs several recordings of a speaker: one clip has no "
                f"speaker statistics. Received: a single one of {name}"
            )
        own = scaled[rows]
        deviation = own.std(axis=0)
        small = np.maximum(np.abs(own.mean(axis=0)), 1.0) * 1e-9
        deviation = np.where(deviation > small, deviation, np.inf)
        every = index_of_rows == number
        scaled[every] = (scaled[every] - own.mean(axis=0)) / deviation
    return scaled.astype(np.float32)


def marked(config: Mapping) -> dict:
    """A front-end's configuration as an input that is standardised per speaker."""
    return {**config, MARK: "speaker"}


def is_marked(config: Mapping) -> bool:
    """Whether the input is standardised per speaker."""
    return config.get(MARK) == "speaker"


def unmarked(config: Mapping) -> dict:
    """The configuration of the front-end alone.

    Example:

    >>> unmarked(marked({"name": "egemaps"}))
    {'name': 'egemaps'}
    """
    return {name: value for name, value in config.items() if name != MARK}

"""Hearing recordings by their own mean and deviation: for a room and a microphone that are new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pnn_keras.errors import UserError

#: Fewer recordings say too little of the deviation of a feature.
FEWEST = 20


def adapted(chain, inputs: Mapping[str, np.ndarray]):
    """A copy of a chain whose scalers are fitted on recordings that it is asked about.

    A scaler computes ``(x - mean) / deviation`` with the mean and deviation of
    training rows. Recorded in another room, with another microphone, language
    or level, features lie elsewhere, and a column hears little but that. With
    the mean and deviation of the new recordings themselves they lie where the
    column expects them, provided that these are several speakers' and hold the
    classes in about equal parts, as in training. Labels are not looked at, but
    an answer then depends on the recordings that it is asked with:
    *transductive*. A feature that never varied in training stays unheard.

    Args:
        chain: the chain.
        inputs: features of the recordings, ``(recordings, dimension)``, by
            front-end; rows with NaN do not count.

    Returns:
        A :class:`~pnn_keras.chain.Chain`; the one given stays as it is.

    Raises:
        UserError: there are fewer than :data:`FEWEST` recordings.

    Example:

    >>> from pnn_keras import Chain, Task
    >>> chain = Chain()
    >>> column = chain.add_column(Task("gender", ("female", "male")), dimension=1, units=[4])
    >>> new = np.linspace(10, 30, 21).reshape(-1, 1)
    >>> float(np.asarray(adapted(chain, {"features": new}).columns[0].scaler.mean)[0])
    20.0
    """
    usable = {name: rows[np.isfinite(rows).all(axis=1)] for name, rows in inputs.items()}
    count = min(map(len, usable.values()))
    if count < FEWEST:
        raise UserError(
            f"Adapting takes at least {FEWEST} recordings, better some hundred, of several "
            f"speakers. Received: {count} that can be used. Ask without adapting"
        )
    copied = type(chain).from_config(chain.get_config())
    copied.set_weights(chain.get_weights())
    for column in copied.columns:
        scaler = getattr(column, "scaler", None)
        if scaler is not None:
            refit(scaler, usable[column.frontend])
    copied.freeze()
    return copied


def refit(scaler, rows: np.ndarray | Sequence[np.ndarray]) -> None:
    """Fits a scaler anew, but for features that never varied before: they stay unheard.

    Args:
        scaler: a :class:`~pnn_keras.column.Scaler`.
        rows: features ``(recordings, dimension)``, or one such array per member.
    """
    unheard = np.isinf(np.asarray(scaler.deviation))
    scaler.fit(rows)
    scaler.deviation.assign(np.where(unheard, np.inf, np.asarray(scaler.deviation)))

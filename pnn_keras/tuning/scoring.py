"""Scoring one trial: the stop UAR of a candidate, or why it has none."""

from __future__ import annotations

import time
import warnings

import numpy as np

from pnn_keras.candidates import Candidates
from pnn_keras.search_space import Candidate
from pnn_keras.tuning.record import key_of

#: Most letters of an error that are kept: TensorFlow's name every tensor.
LONGEST_ERROR = 500


def score(candidates: Candidates, candidate: Candidate, epochs: int) -> dict:
    """Fits a candidate on every fold: what is recorded of the trial.

    A trial that fails or runs out of memory is reported as a warning and
    recorded with its error; source columns are let go of, so that the next
    trial has the memory.

    Args:
        candidates: fits them, on folds without test rows.
        candidate: what is tried.
        epochs: most passes over the training rows.

    Returns:
        The candidate's values, ``epochs``, ``key``, ``stop_uar`` (mean over
        the folds; None if it failed), ``fold_stop_uars``, ``parameters``
        (weights trained for the target), ``seconds`` and ``error``.
    """
    start = time.perf_counter()
    try:
        fitted = candidates.fit(candidate, epochs)
    except Exception as error:  # whatever it is, it is named, and the next trial is tried
        message = f"{type(error).__name__}: {error}"
        candidates.forget()
        return failed(candidate, epochs, " ".join(message.split())[:LONGEST_ERROR])
    scores = [float(uar) for uar in fitted.fit.stop_uar]
    if not np.isfinite(scores).all():
        return failed(candidate, epochs, "a fold has no score on its stop rows")
    return _row(
        candidate,
        epochs,
        stop_uar=float(np.mean(scores)),
        fold_stop_uars=scores,
        parameters=int(fitted.parameters),
        seconds=round(time.perf_counter() - start, 3),
    )


def failed(candidate: Candidate, epochs: int, error: str) -> dict:
    """What is recorded of a trial that came to nothing."""
    warnings.warn(f"The trial {candidate} is skipped: {error}", RuntimeWarning, stacklevel=3)
    return _row(candidate, epochs, error=error)


def _row(candidate: Candidate, epochs: int, **found) -> dict:
    empty = {"stop_uar": None, "fold_stop_uars": [], "parameters": 0, "seconds": 0.0, "error": ""}
    return {
        **candidate.config(),
        "epochs": epochs,
        "key": key_of(candidate, epochs),
        **empty,
        **found,
    }

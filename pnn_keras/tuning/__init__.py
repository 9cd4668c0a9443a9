"""Searching the shape of every column with keras-tuner, on stop folds alone."""

from pnn_keras.tuning.results import load_tuned
from pnn_keras.tuning.searching import ORACLES, tune

__all__ = ["ORACLES", "load_tuned", "tune"]

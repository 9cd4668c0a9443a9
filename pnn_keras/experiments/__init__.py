"""Experiments: methods compared on the same folds, in a folder that can be resumed and read."""

from pnn_keras.experiments.named import EXPERIMENTS, make_experiment
from pnn_keras.experiments.opening import open_experiment, show_experiment
from pnn_keras.experiments.results import MethodResult, RunResult, StudyResult, read_run
from pnn_keras.experiments.running import run_experiment
from pnn_keras.experiments.spec import (
    Experiment,
    Study,
    read_experiment,
    replaced,
    write_experiment,
)

__all__ = [
    "EXPERIMENTS",
    "Experiment",
    "MethodResult",
    "RunResult",
    "Study",
    "StudyResult",
    "make_experiment",
    "open_experiment",
    "read_experiment",
    "read_run",
    "replaced",
    "run_experiment",
    "show_experiment",
    "write_experiment",
]

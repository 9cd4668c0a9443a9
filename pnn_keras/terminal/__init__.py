"""What the commands print: tables and answers on stdout, remarks and errors on stderr.

rich is imported by the functions that print with it.
"""

from pnn_keras.terminal.answers import show_answers
from pnn_keras.terminal.corpora import announce, show_corpora
from pnn_keras.terminal.evaluation import HELD_OUT, show_evaluation
from pnn_keras.terminal.inspection import show_inspection
from pnn_keras.terminal.measures import SYNTHETIC
from pnn_keras.terminal.presets import show_preset, show_presets, show_verified
from pnn_keras.terminal.runs import show_experiments, show_next, show_run
from pnn_keras.terminal.scores import METHODS, SCALINGS, STAMPS, show_scores
from pnn_keras.terminal.search import show_tuned, show_worker
from pnn_keras.terminal.writing import fail, note, show, warn, warn_of_failures, write

__all__ = [
    "HELD_OUT",
    "METHODS",
    "SCALINGS",
    "STAMPS",
    "SYNTHETIC",
    "announce",
    "fail",
    "note",
    "show",
    "show_answers",
    "show_corpora",
    "show_evaluation",
    "show_experiments",
    "show_inspection",
    "show_next",
    "show_preset",
    "show_presets",
    "show_run",
    "show_scores",
    "show_tuned",
    "show_verified",
    "show_worker",
    "warn",
    "warn_of_failures",
    "write",
]

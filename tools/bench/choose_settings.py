"""Batch size, patience and class weights, chosen on stop rows alone.

    tools/run python tools/bench/choose_settings.py "$PNN_KERAS_DATA/EmoDB"

The defaults of :class:`pnn_keras.training.Settings` are to be fixed before any
test row is looked at. So the test rows are thrown away here, and each fold's
stop rows are halved by speaker: one half stops the training and the other is
scored, in both directions. Scoring the half that stops would flatter a longer
patience, since its score is the best of more epochs. Prints a line per setting
for the paper's network from scratch.
"""

from __future__ import annotations

import argparse
import dataclasses
import time

import numpy as np

from pnn_keras.column import Column
from pnn_keras.corpora import open_corpus
from pnn_keras.frontends import create_frontend
from pnn_keras.protocol import Fold, make_protocol
from pnn_keras.schedule import Settings
from pnn_keras.scores import score_answers
from pnn_keras.store import extract_features
from pnn_keras.task import PAPER_CLASSES, make_task
from pnn_keras.training import Hearing, fit_column, hear

#: What is varied, one at a time, from the first value of each.
CHOICES = {
    "batch_size": (32, 64, 128, 16, 256),
    "patience": (100, 25, 50, 200),
    "class_weights": (True, False),
}


def main() -> None:
    """Reads the command line and prints a line per setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("--protocol", default="speaker-5-fold")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--classes", choices=("all", "paper"), default="all")
    parser.add_argument("--vary", choices=tuple(CHOICES), action="append", help="default: all")
    arguments = parser.parse_args()
    corpus = open_corpus(arguments.corpus)
    utterances = corpus.utterances
    features = extract_features(utterances, create_frontend("egemaps")).values
    classes = PAPER_CLASSES if arguments.classes == "paper" else None
    task = make_task("emotion", utterances, classes)
    targets = task.targets(utterances)
    division = make_protocol(arguments.protocol, utterances, targets >= 0, arguments.repeats)
    folds = [half for fold in division.folds for half in halves(fold, utterances)]
    print(
        f"{corpus.name}, {len(task.classes)} classes, {division.name}, "
        f"{arguments.repeats} repeat(s): {len(folds)} fits, each scored on half of its stop rows"
    )
    first = Settings(**{name: values[0] for name, values in CHOICES.items()})
    report("all at their first value", first, features, targets, folds, task)
    for name in arguments.vary or CHOICES:
        for value in CHOICES[name][1:]:
            settings = dataclasses.replace(first, **{name: value})
            report(f"{name} {value}", settings, features, targets, folds, task)


def halves(fold: Fold, utterances) -> list[Fold]:
    """The fold twice, its test rows replaced by the one and the other half of its stop rows."""
    speakers = np.array([utterances[i].speaker_id for i in fold.stop])
    names = np.unique(speakers)
    first = np.isin(speakers, names[::2])
    sides = (fold.stop[first], fold.stop[~first])
    return [Fold(fold.train, stop, score) for stop, score in (sides, sides[::-1])]


def report(title, settings, features, targets, folds, task) -> None:
    """Fits the paper's network with one setting and prints its line."""
    start = time.perf_counter()
    hearing = Hearing(features, {})
    column = Column(task, features.shape[1], members=len(folds), seed=0)
    fit = fit_column(column, hearing, targets, folds, settings)
    answers, _ = hear(column, hearing)
    # Every fit is a repeat of its own: the mean over fits of the UAR of the classes present.
    score = score_answers(targets, answers, folds, task, repeats=len(folds))
    print(
        f"{title:26} UAR {score['uar']:.3f}  best epoch {np.median(fit.best_epoch):4.0f}, "
        f"of {len(fit.epochs):3d}  {time.perf_counter() - start:4.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()

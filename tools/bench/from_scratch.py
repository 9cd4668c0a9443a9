"""The from-scratch network beside plain references, on the same folds.

    tools/run python tools/bench/from_scratch.py "$PNN_KERAS_DATA/EmoDB"

Prints the pooled UAR over held-out speakers of logistic regression (C = 0.1,
balanced), a support vector machine (RBF, C = 1, balanced) and the paper's
network in variants that take one thing of it away at a time, with its training
and stop losses, which show why it falls behind on few recordings.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from pnn_keras.column import Column
from pnn_keras.corpora import open_corpus
from pnn_keras.frontends import create_frontend
from pnn_keras.protocol import make_protocol
from pnn_keras.schedule import Settings
from pnn_keras.scores import score_answers
from pnn_keras.store import extract_features
from pnn_keras.task import make_task
from pnn_keras.training import Hearing, fit_column, hear

#: What differs from the paper's network.
VARIANTS = {
    "paper: 4 x 256 sigmoid, dropout .5": {},
    "relu in place of sigmoid": {"activation": "relu"},
    "dropout .2": {"dropout": 0.2},
    "2 hidden layers": {"units": (256, 256)},
    "1 hidden layer": {"units": (256,)},
}


def main() -> None:
    """Reads the command line and prints a line per model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("--protocol", default="leave-one-speaker-out")
    parser.add_argument("--batch-size", type=int, default=Settings.batch_size)
    arguments = parser.parse_args()
    corpus = open_corpus(arguments.corpus)
    utterances = corpus.utterances
    features = extract_features(utterances, create_frontend("egemaps")).values
    task = make_task("emotion", utterances)
    targets = task.targets(utterances)
    division = make_protocol(arguments.protocol, utterances, targets >= 0)
    folds = len(division.folds)
    print(f"{corpus.name}, {len(task.classes)} classes, {division.name}, {folds} folds")
    references = {
        "logistic regression": LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000),
        "SVM (RBF)": SVC(C=1.0, class_weight="balanced"),
    }
    for name, model in references.items():
        for rows in ("train", "heard"):
            answers = reference_answers(model, features, targets, division.folds, rows, task)
            score = score_answers(targets, answers, division.folds, task)
            fitted = "training rows" if rows == "train" else "training and stop rows"
            print(f"{name:38} fitted on {fitted:22} UAR {score['uar']:.3f}", flush=True)
    for name, options in VARIANTS.items():
        report(name, options, features, targets, division.folds, task, arguments.batch_size)


def reference_answers(model, features, targets, folds, rows, task) -> np.ndarray:
    """One-hot answers of a scikit-learn model, ``(folds, n, classes)``."""
    answers = np.zeros((len(folds), len(targets), len(task.classes)))
    for member, fold in enumerate(folds):
        fitted = make_pipeline(StandardScaler(), model).fit(
            features[getattr(fold, rows)], targets[getattr(fold, rows)]
        )
        answers[member, fold.test, fitted.predict(features[fold.test])] = 1
    return answers


def report(name, options, features, targets, folds, task, batch_size) -> None:
    """Fits one variant on all folds and prints its line."""
    start = time.perf_counter()
    hearing = Hearing(features, {})
    column = Column(task, features.shape[1], members=len(folds), seed=0, **options)
    fit = fit_column(column, hearing, targets, folds, Settings(batch_size=batch_size))
    answers, _ = hear(column, hearing)
    score = score_answers(targets, answers, folds, task)
    best = [
        (fit.epochs[e - 1].loss[m], fit.epochs[e - 1].stop_loss[m], e)
        for m, e in enumerate(fit.best_epoch)
    ]
    training, stopping, epoch = np.mean(best, axis=0)
    print(
        f"{name:38} loss: training {training:.2f}, stop {stopping:.2f} at epoch {epoch:.0f}; "
        f"stop UAR {np.mean(fit.stop_uar):.3f}  UAR {score['uar']:.3f}  "
        f"({time.perf_counter() - start:.0f} s)",
        flush=True,
    )


if __name__ == "__main__":
    main()

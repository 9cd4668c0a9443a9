"""What the functionals of logmel are worth: sets of them beside openSMILE's, on unheard speakers.

    tools/run python tools/bench/logmel_functionals.py "$PNN_KERAS_DATA/EmoDB"

Prints the pooled UAR over leave-one-speaker-out of a support vector machine
with a linear kernel (C = 0.01, balanced), one with an RBF kernel (C = 3,
balanced) and logistic regression (C = 0.1, balanced), scaled on training rows:
for all functionals, for all but one group, and for egemaps.
"""

from __future__ import annotations

import argparse
import re

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from pnn_keras.corpora import open_corpus
from pnn_keras.frontends import create_frontend
from pnn_keras.protocol import make_protocol
from pnn_keras.store import extract_features
from pnn_keras.task import make_task

#: Groups of functionals, by what their names look like.
GROUPS = {
    "cepstra": "cepstrum",
    "changes of cepstra": "cepstrum.*change",
    "mel bands": "mel",
    "level and shape of the spectrum": "level|centroid|flux|tilt",
    "pitch and periodicity": "pitch|periodicity",
    "rhythm": "heard|voiced",
    "modulations": "modulation",
    "percentiles": r".*_p\d+$",
}


def main() -> None:
    """Reads the command line and prints a line per set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("--frontend", default="logmel", help="logmel, with other options")
    arguments = parser.parse_args()
    corpus = open_corpus(arguments.corpus)
    task = make_task("emotion", corpus.utterances)
    targets = task.targets(corpus.utterances)
    folds = make_protocol("leave-one-speaker-out", corpus.utterances, targets >= 0).folds
    print(f"{corpus.name}, {len(task.classes)} classes, {len(folds)} speakers left out in turn")
    print(f"{'functionals':46}{'number':>8}{'linear':>8}{'RBF':>8}{'logistic':>10}")
    frontend = create_frontend(arguments.frontend)
    values = extract_features(corpus.utterances, frontend).values
    report(arguments.frontend, values, targets, folds)
    for group, pattern in GROUPS.items():
        outside = [not re.match(pattern, name) for name in frontend.feature_names]
        report(f"  without {group}", values[:, outside], targets, folds)
    own = extract_features(corpus.utterances, create_frontend("egemaps")).values
    report("egemaps", own, targets, folds)


def report(name, values, targets, folds) -> None:
    """Prints one set's scores."""
    models = (
        SVC(kernel="linear", C=0.01, class_weight="balanced"),
        SVC(C=3.0, class_weight="balanced"),
        LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000),
    )
    scores = "{:8.3f}{:8.3f}{:10.3f}".format(*(uar(m, values, targets, folds) for m in models))
    print(f"{name:46}{values.shape[1]:8}{scores}", flush=True)


def uar(model, values, targets, folds) -> float:
    """Pooled UAR of a model that is fitted on all rows of the other speakers."""
    answers = np.full(len(targets), -1)
    for fold in folds:
        fitted = make_pipeline(StandardScaler(), model).fit(
            values[fold.heard], targets[fold.heard]
        )
        answers[fold.test] = fitted.predict(values[fold.test])
    return balanced_accuracy_score(targets, answers)


if __name__ == "__main__":
    main()

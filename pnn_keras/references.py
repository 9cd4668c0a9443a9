"""Plain classifiers of scikit-learn, to hold networks against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pnn_keras.augmentation import every_version
from pnn_keras.protocol import Fold

#: How the plain classifiers are fitted, by name, in words.
REFERENCE_SETTINGS = {
    "logistic-regression": "C = 0.1, classes weigh the same, features standardised",
    "svm": "RBF kernel, C = 1, classes weigh the same, features standardised",
}

#: The names of the plain classifiers.
REFERENCES = tuple(REFERENCE_SETTINGS)


def reference_answers(
    name: str,
    features: np.ndarray,
    targets: np.ndarray,
    folds: Sequence[Fold],
    scaling_rows: Sequence[np.ndarray],
) -> np.ndarray:
    """What a plain classifier, fitted on every fold's training rows, says of all utterances.

    Logistic regression with C = 0.1, or a support vector machine with a
    Gaussian kernel and C = 1; classes weigh the same, features are standardised.
    Of augmented training rows all versions are learned from, which share the
    weight of their recording.

    Args:
        name: ``"logistic-regression"`` or ``"svm"``.
        features: float32 ``(versions * n, dimension)``, see :mod:`pnn_keras.augmentation`.
        targets: class numbers, ``(n,)``.
        folds: one per member.
        scaling_rows: the rows that each member's scaler is fitted on.

    Returns:
        ``(members, n, classes)``: probabilities; of the SVM, which has none,
        1 for the class that it chose.
    """
    from sklearn.preprocessing import StandardScaler

    classes, n = int(targets.max()) + 1, len(targets)
    versions = len(features) // n
    answers = np.zeros((len(folds), len(targets), classes), np.float32)
    for member, (fold, rows) in enumerate(zip(folds, scaling_rows, strict=True)):
        scaler = StandardScaler().fit(features[rows])
        heard = every_version(fold.train, versions, n)
        model = _classifier(name).fit(
            scaler.transform(features[heard]),
            targets[heard % n],
            np.full(len(heard), 1 / versions),
        )
        scaled = scaler.transform(features[:n])
        if hasattr(model, "predict_proba"):
            answers[member][:, model.classes_] = model.predict_proba(scaled)
        else:
            answers[member, np.arange(len(targets)), model.predict(scaled)] = 1
    return answers


def reference_weights(name: str, dimension: int, classes: int) -> int | None:
    """How many weights a plain classifier has, biases included; None where it keeps examples.

    Args:
        name: one of :data:`REFERENCES`.
        dimension: number of features.
        classes: number of classes; two need one set of weights.

    Example:

    >>> reference_weights("logistic-regression", 88, 4), reference_weights("svm", 88, 4)
    (356, None)
    """
    if name == "svm":
        return None
    return (dimension + 1) * (classes if classes > 2 else 1)


def _classifier(name: str):
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    if name == "svm":
        return SVC(C=1.0, class_weight="balanced")
    return LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000)

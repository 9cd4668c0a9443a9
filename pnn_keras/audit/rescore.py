"""How much a leak inflates a score: the published split against speaker-disjoint ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from pnn_keras.audit.items import describe
from pnn_keras.corpus import Corpus
from pnn_keras.errors import ProtocolError, UserError
from pnn_keras.frontends import create_frontend
from pnn_keras.split import Split, match
from pnn_keras.statistics import confusion_matrix, uar
from pnn_keras.store import extract_features

#: Fewest speakers that can be divided anew.
FEWEST_SPEAKERS = 4

_C = 0.1
_TRIES = 50  # random choices of test speakers among which one is found that will do
_LIKE = 0.2  # share by which the number of tested clips may differ


def rescore(
    split: Split,
    corpus: Corpus,
    *,
    draws: int = 10,
    seed: int = 0,
    frontend: str = "egemaps",
    progress: bool = True,
) -> dict[str, Any]:
    """Scores a split as published, and speaker-disjoint splits of the same sizes.

    A plain classifier recognises the emotion: logistic regression (C = 0.1,
    balanced class weights) on features that are scaled by the training rows'
    mean and standard deviation. For each draw and each fold, test speakers are
    chosen at random: the first choice whose clips cover the published test's
    classes and are as many, within a fifth, and that no earlier draw has made;
    of 50 that will not do the nearest. Taking the very nearest each time would
    draw the same speakers again and again. All other speakers train, as many
    clips as in the published split at most. Both scores are the UAR of the
    confusions summed over the folds.

    Args:
        split: the published split; its stop files are not used in the
            published score.
        corpus: the corpus that it divides.
        draws: how many speaker-disjoint splits, at least 2.
        seed: seed of the choices; the same seed gives the same scores.
        frontend: name of the front-end.
        progress: whether to show a progress bar while features are extracted.

    Returns:
        A dictionary with ``published`` (UAR), ``disjoint_mean`` and
        ``disjoint_sd`` (over the draws, with n - 1), ``difference`` (published
        minus mean), ``draws``, ``seed``, ``classes``, ``classifier``, and
        ``sizes``: by fold the clips of ``published`` and ``disjoint`` (mean)
        in ``train`` and ``test``.

    Raises:
        UserError: fewer than two draws are asked for.
        ProtocolError: fewer than four speakers are known in a fold, or fewer
            than two classes train, or nothing is tested.
    """
    if draws < 2:
        raise UserError(f"draws is at least 2, or no deviation is known. Received: {draws}")
    pool = _Pool(split, corpus, frontend, progress)
    folds = [pool.fold(fold, roles) for fold, roles in split.divisions().items()]
    published = sum(pool.confusion(train, test) for _, train, test in folds)
    drawn: list[list[tuple[np.ndarray, np.ndarray]]] = []
    seen: list[set[frozenset]] = [set() for _ in folds]
    for draw in range(draws):
        generators = (np.random.default_rng([seed, draw, i]) for i in range(len(folds)))
        pairs = zip(folds, generators, strict=True)
        drawn.append(
            [pool.disjoint(*fold, generator, seen[i]) for i, (fold, generator) in enumerate(pairs)]
        )
    scores = [
        float(uar(sum(pool.confusion(train, test) for train, test in draw))) for draw in drawn
    ]
    score, mean = float(uar(published)), float(np.mean(scores))
    return {
        "published": score,
        "disjoint_mean": mean,
        "disjoint_sd": float(np.std(scores, ddof=1)),
        "difference": score - mean,
        "draws": draws,
        "seed": seed,
        "classes": pool.classes,
        "classifier": f"logistic regression, C = {_C}, balanced, on {frontend}",
        "sizes": [
            {
                "published": {"train": len(train), "test": len(test)},
                "disjoint": {
                    "train": float(np.mean([len(draw[i][0]) for draw in drawn])),
                    "test": float(np.mean([len(draw[i][1]) for draw in drawn])),
                },
            }
            for i, (_, train, test) in enumerate(folds)
        ],
    }


class _Pool:
    """The utterances of a split that have a class and features, by position."""

    def __init__(self, split: Split, corpus: Corpus, frontend: str, progress: bool) -> None:
        self._items = describe(split, corpus.utterances, match(split, corpus.utterances))
        # Where a file is listed with two classes, the first counts.
        known = {i.row: i for i in reversed(self._items) if i.row >= 0 and i.emotion is not None}
        if not known:
            raise ProtocolError(
                f"No file of {split.name} in {corpus.name} has an emotion to score"
            )
        rows = sorted(known)
        features = extract_features(
            [corpus.utterances[row] for row in rows], create_frontend(frontend), progress=progress
        )
        self._values = features.values
        self._place = {row: i for i, row in enumerate(rows) if features.valid[i]}
        self._speakers = np.array([known[row].speaker or "" for row in rows])
        emotions = [known[row].emotion for row in rows]
        self.classes = sorted(set(emotions))
        self._targets = np.array([self.classes.index(emotion) for emotion in emotions])

    def fold(
        self, fold: int | None, roles: dict[str, list[int]]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The positions of all roles of a fold, of its training and of its test."""
        places = {
            role: {self._place[row] for n in numbers if (row := self._items[n].row) in self._place}
            for role, numbers in roles.items()
        }
        train, test = (np.array(sorted(places.get(r, ())), dtype=int) for r in ("train", "test"))
        where = "The split" if fold is None else f"Fold {fold}"
        if not len(test) or len(np.unique(self._targets[train])) < 2:
            raise ProtocolError(
                f"{where} cannot be scored: it needs test files, and training files of two "
                f"classes or more, with an emotion and audio. Received: {len(train)} training "
                f"and {len(test)} test files"
            )
        everything = np.array(sorted(set().union(*places.values())), dtype=int)
        speakers = set(self._speakers[everything]) - {""}
        if len(speakers) < FEWEST_SPEAKERS:
            raise ProtocolError(
                f"{where} cannot be divided anew: at least {FEWEST_SPEAKERS} speakers must be "
                f"known. Received: {len(speakers)}. Leave the scores out"
            )
        return everything, train, test

    def disjoint(
        self,
        everything: np.ndarray,
        train: np.ndarray,
        test: np.ndarray,
        generator: np.random.Generator,
        seen: set[frozenset],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Training and test positions of a like size that share no speaker.

        The test speakers join those ``seen``, which are not chosen again while there are others.
        """
        spoken = everything[self._speakers[everything] != ""]
        names, number = np.unique(self._speakers[spoken], return_inverse=True)
        sizes = np.bincount(number)
        wanted = set(self._targets[test])
        best: tuple = ()
        for _ in range(_TRIES):
            order = generator.permutation(len(names))
            # Two speakers at least are left to train on.
            ends = np.cumsum(sizes[order])[:-2]
            count = int(np.argmin(np.abs(ends - len(test)))) + 1
            tested = np.isin(number, order[:count])
            absent = len(wanted - set(self._targets[spoken[tested]]))
            absent += len(wanted - set(self._targets[spoken[~tested]]))
            chosen = frozenset(order[:count].tolist())
            off = max(abs(int(ends[count - 1]) - len(test)), int(_LIKE * len(test)))
            quality = (absent, off, chosen in seen)
            if not best or quality < best[0]:
                best = (quality, tested, chosen)
            if quality == (0, int(_LIKE * len(test)), False):
                break
        _, tested, chosen = best
        seen.add(chosen)
        rest = spoken[~tested]
        if len(rest) > len(train):
            rest = np.sort(generator.choice(rest, len(train), replace=False))
        return rest, spoken[tested]

    def confusion(self, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        """What the classifier, trained on some positions, takes others for."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        regression = LogisticRegression(C=_C, class_weight="balanced", max_iter=1000)
        model = make_pipeline(StandardScaler(), regression)
        model.fit(self._values[train], self._targets[train])
        predicted = model.predict(self._values[test])
        return confusion_matrix(self._targets[test], predicted, len(self.classes))

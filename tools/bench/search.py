"""Trials per hour of the search, beside keras-tuner with one ``Model.fit`` per fold.

    tools/run python tools/bench/search.py --trials 4

Both try the same candidates of the same space (depth and widths of an emotion
column from scratch) on the same folds of the synthetic corpus, for as many
epochs each, and score them by the mean over folds of the best UAR on stop rows.
On one side a trial fits all folds side by side; on the other it is keras-tuner's
``Tuner.run_trial`` with an ordinary Keras network per fold: ``fit`` with
``validation_data``, the UAR from ``predict`` after each epoch. Features are
extracted beforehand and count on neither side. Prints seconds per trial, trials
per hour and the ratio.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as pnn_keras does, imported first

import keras  # noqa: E402

from pnn_keras.candidates import Candidates  # noqa: E402
from pnn_keras.material import load_material, open_corpora  # noqa: E402
from pnn_keras.protocol import make_protocol  # noqa: E402
from pnn_keras.schedule import Settings  # noqa: E402
from pnn_keras.search_space import Space  # noqa: E402
from pnn_keras.statistics import confusion_matrix, uar  # noqa: E402
from pnn_keras.task import make_task  # noqa: E402
from pnn_keras.tuning.oracles import keras_tuner, make_oracle  # noqa: E402
from pnn_keras.tuning.searching import without_test  # noqa: E402
from pnn_keras.tuning.tuner import ShapeTuner, chooser  # noqa: E402


class FoldByFold(keras_tuner.Tuner):
    """keras-tuner as it is used elsewhere: a network per fold, one after the other."""

    def prepare(self, learner, task, chosen, settings) -> None:
        """Takes over what is fitted."""
        self.learner, self.task, self.chosen, self.settings = learner, task, chosen, settings

    def run_trial(self, trial, *args, **kwargs):
        """The mean over folds of the best UAR on stop rows."""
        candidate, _ = self.chosen(trial.hyperparameters.values)
        targets = self.task.targets(self.learner.material.utterances)
        scores = [self._fold(candidate, fold, targets) for fold in self.learner.folds]
        return {"stop_uar": float(np.mean(scores))}

    def _fold(self, candidate, fold, targets) -> float:
        features, classes = self.learner.features, len(self.task.classes)
        scaler = keras.layers.Normalization()
        scaler.adapt(features[fold.train])
        model = keras.Sequential([keras.Input((features.shape[1],)), scaler])
        for width in candidate.units:
            model.add(keras.layers.Dense(width, activation="sigmoid"))
            model.add(keras.layers.Dropout(candidate.dropout))
        model.add(keras.layers.Dense(classes, activation="softmax"))
        optimizer = keras.optimizers.Adam(candidate.learning_rate)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        counts = np.bincount(targets[fold.train], minlength=classes)
        weights = {c: len(fold.train) / (classes * n) for c, n in enumerate(counts) if n}
        best = BestUar(features[fold.stop], targets[fold.stop], classes)
        model.fit(
            features[fold.train],
            targets[fold.train],
            batch_size=self.settings.batch_size,
            epochs=self.settings.epochs,
            class_weight=weights,
            callbacks=[best],
            verbose=0,
        )
        return best.uar


class BestUar(keras.callbacks.Callback):
    """Keeps the best UAR on some rows."""

    def __init__(self, features, targets, classes: int) -> None:
        super().__init__()
        self.features, self.targets, self.classes, self.uar = features, targets, classes, 0.0

    def on_epoch_end(self, epoch, logs=None) -> None:
        """Asks the model after each epoch."""
        guessed = np.asarray(self.model(self.features, training=False)).argmax(axis=-1)
        found = uar(confusion_matrix(self.targets, guessed, self.classes))
        self.uar = max(self.uar, float(found))


def main() -> None:
    """Reads the command line and prints both sides."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="synthetic")
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    given = parser.parse_args()
    settings = Settings(epochs=given.epochs, patience=given.epochs)  # as many epochs on both sides
    material = load_material(open_corpora(given.corpus, False), None, progress=False)
    task = make_task("emotion", material.utterances)
    labelled = task.targets(material.utterances) >= 0
    division = make_protocol("speaker-5-fold", material.utterances, labelled)
    learner = without_test(material, division, [], settings, progress=False)
    space = Space(depths=(1, 2, 3, 4), widths=(64, 128, 256))
    print(
        f"{given.corpus}, {labelled.sum()} rows, {len(division.folds)} folds, {given.epochs} "
        f"epochs, {given.trials} trials on each side, {os.cpu_count()} processors"
    )
    with tempfile.TemporaryDirectory() as folder:
        ours = side_by_side(learner, task, space, settings, given.trials, Path(folder, "a"))
        show("side by side", ours)
        theirs = fold_by_fold(learner, task, space, settings, given.trials, Path(folder, "b"))
    show("fit per fold", theirs)
    print(f"ratio of the medians {np.median(theirs) / np.median(ours):.1f}")


def side_by_side(learner, task, space, settings, trials, folder) -> list[float]:
    """Seconds of each trial of this package's search."""
    candidates, seconds = Candidates(learner, task, []), []

    def score(candidate, epochs) -> float:
        start = time.perf_counter()
        found = float(candidates.fit(candidate, epochs).fit.stop_uar.mean())
        seconds.append(time.perf_counter() - start)
        return found

    oracle = make_oracle("random", space, [], trials, seed=0, epochs=settings.epochs)
    ShapeTuner(oracle, folder, score, chooser(space, [], settings.epochs)).search()
    return seconds


def fold_by_fold(learner, task, space, settings, trials, folder) -> list[float]:
    """Seconds of each trial of keras-tuner with a fit per fold."""
    seconds = []

    class Timed(FoldByFold):
        def run_trial(self, trial, *args, **kwargs):
            start = time.perf_counter()
            found = super().run_trial(trial)
            seconds.append(time.perf_counter() - start)
            return found

    oracle = make_oracle("random", space, [], trials, seed=0, epochs=settings.epochs)
    tuner = Timed(oracle, directory=str(folder), project_name="bench", overwrite=True)
    tuner.prepare(learner, task, chooser(space, [], settings.epochs), settings)
    tuner.search(verbose=0)
    return seconds


def show(name: str, seconds: list[float]) -> None:
    """Prints one side."""
    rate = 3600 / np.mean(seconds)
    each = ", ".join(f"{s:.1f}" for s in seconds)
    print(
        f"{name:14} {np.mean(seconds):7.1f} s a trial ({each}), {rate:6.0f} trials per hour",
        flush=True,
    )


if __name__ == "__main__":
    main()

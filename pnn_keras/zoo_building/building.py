"""Training a preset by its recipe, and measuring it where it has not been."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pnn_keras.audio import read
from pnn_keras.chain import Chain
from pnn_keras.chain_training import fit_chain, train
from pnn_keras.corpora import open_corpus
from pnn_keras.corpus import Corpus
from pnn_keras.evaluation import evaluate
from pnn_keras.preset import save_preset
from pnn_keras.zoo import load_preset
from pnn_keras.zoo_building.describing import redescribe
from pnn_keras.zoo_building.recipe import Recipe

#: Answers to one clip that are timed, after some that are not.
_RUNS, _WARM_UP = 30, 5


def build(recipe: Recipe, folder: str | os.PathLike, *, progress: bool = True) -> Chain:
    """Trains a preset: scored on folds, calibrated on their answers, fitted on all rows.

    Args:
        recipe: how.
        folder: the preset's folder; it must not exist.
        progress: whether to show progress bars.

    Returns:
        The chain.

    Raises:
        UserError: a corpus is not at hand, or the recipe cannot work.
    """
    folder = Path(folder)
    chain = train(
        **recipe.arguments(),
        corpus=[open_corpus(name) for name in recipe.corpora],
        compare=recipe.compare,
        repeats=recipe.repeats,
        out=folder,
        progress=progress,
        command=f"tools/build_zoo {recipe.name}",
    )
    redescribe(folder, describe(recipe))
    return chain


def describe(recipe: Recipe) -> dict:
    """What a recipe says on the preset's card."""
    return {
        "title": recipe.title,
        "licence": recipe.licence,
        "licence_note": recipe.licence_note,
        "any_use": recipe.any_use,
        "recipe": f"zoo/recipes/{recipe.name}.toml",
    }


def measure(
    recipe: Recipe,
    folder: str | os.PathLike,
    corpora: Sequence[str] = (),
    *,
    left_out: str | os.PathLike | None = None,
    progress: bool = True,
) -> None:
    """Measures a preset elsewhere, and how long an answer takes; notes both on its card.

    On a corpus that the recipe does not have, the preset itself is scored. For
    each corpus of a recipe with several, a chain of the same recipe is fitted
    without it, for the same epochs, and scored on it.

    Args:
        recipe: how the preset was trained.
        folder: the preset.
        corpora: names of the corpora at hand.
        left_out: folder to keep the chains in that were fitted without a
            corpus, as ``NAME-without-CORPUS``; None throws them away.
        progress: whether to show progress bars.
    """
    chain = load_preset(folder)
    elsewhere = []
    for name in corpora:
        if name not in recipe.corpora:
            elsewhere += score_elsewhere(chain, open_corpus(name), "these", progress=progress)
    if len(recipe.corpora) > 1:
        for name in recipe.corpora:
            other = fit_without(recipe, chain, name, progress=progress)
            if left_out is not None:
                kept = Path(left_out, f"{recipe.name}-without-{Path(name).name.lower()}")
                save_preset(other, kept, overwrite=True)
            elsewhere += score_elsewhere(other, open_corpus(name), "left out", progress=progress)
    clip = open_corpus(recipe.corpora[0]).utterances[0]
    redescribe(folder, {"elsewhere": elsewhere, "latency": time_answers(chain, clip.path)})


def fit_without(recipe: Recipe, chain: Chain, name: str, *, progress: bool = False) -> Chain:
    """A chain of the same recipe, fitted for the same epochs without one of its corpora.

    Args:
        recipe: the recipe.
        chain: the preset.
        name: the corpus to leave out.
        progress: whether to show progress bars.
    """
    kept = [open_corpus(each) for each in recipe.corpora if each != name]
    temperatures = {column.name: column.temperature for column in chain.columns}
    return fit_chain(
        **recipe.arguments(),
        corpus=kept,
        epochs=chain.metadata["epochs"],
        temperatures=temperatures,
        progress=progress,
    )


def score_elsewhere(
    chain: Chain, corpus: Corpus, weights: str, *, progress: bool = False
) -> list[dict]:
    """A chain's scores on a corpus that it has not heard, a record per task.

    ``adapted`` in it is the score of the chain with its scalers fitted on the
    corpus, see :func:`pnn_keras.adaptation.adapted`.

    Args:
        chain: the chain.
        corpus: the corpus.
        weights: whose weights they are: ``"these"``, or of a chain that
            ``"left out"`` the corpus.
        progress: whether to show progress bars.

    Raises:
        UserError: the chain has heard the corpus.
    """
    found = evaluate(chain, corpus, progress=progress)
    adapted = evaluate(chain, corpus, adapt=True, progress=progress)
    records = []
    for task, score in found["tasks"].items():
        there = adapted["tasks"][task]
        own = {name: there[name] for name in ("uar", "interval", "recalls")}
        facts = {"task": task, "corpus": corpus.name, "weights": weights}
        records.append({**facts, **score, "adapted": own})
    return records


def time_answers(chain: Chain, path: str | os.PathLike) -> dict:
    """How long an answer to one clip takes, features included, in a process that is warm.

    Args:
        chain: the chain.
        path: an audio file; the same samples are asked about again and again.

    Returns:
        ``clip_seconds``, ``sampling_rate`` in Hz, ``milliseconds`` (the
        median), ``runs`` and ``processor``.
    """
    samples, sampling_rate = read(path)
    taken = []
    for _ in range(_WARM_UP + _RUNS):
        start = time.perf_counter()
        chain.predict_audio(np.array(samples), sampling_rate)
        taken.append(time.perf_counter() - start)
    return {
        "clip_seconds": round(len(samples) / sampling_rate, 3),
        "sampling_rate": sampling_rate,
        "milliseconds": round(1000 * statistics.median(taken[_WARM_UP:]), 2),
        "runs": _RUNS,
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
    }

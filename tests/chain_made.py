"""Small chains for tests, and what training would record about them."""

import keras
import numpy as np

from pnn_keras import Chain, Task
from pnn_keras.foreign_column import ForeignColumn

GENDER = Task("gender", ("female", "male"))
EMOTION = Task("emotion", ("angry", "happy", "sad"), merged=(("excited", "happy"),))


def made_chain(dimension: int = 5, emotion: Task = EMOTION, **options) -> Chain:
    """Gender, and emotion that reads it; weights, means and deviations all differ."""
    chain = Chain(**options)
    frontend = next(iter(options.get("frontends") or ["features"]))
    chain.add_column(GENDER, dimension=dimension, frontend=frontend, units=[8, 8], seed=1)
    chain.add_column(emotion, units=[8, 8], seed=2)
    scatter_weights(chain)
    return chain


def foreign_chain() -> Chain:
    """Someone's Keras model, batch normalisation included, and emotion that reads it."""
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(6, activation="relu", kernel_regularizer="l2"),
            keras.layers.BatchNormalization(name="normal"),
        ]
    )
    chain = Chain([ForeignColumn(model, taps=["normal"], name="theirs")])
    chain.add_column(EMOTION, units=[8], lateral="adapter", seed=3)
    scatter_weights(chain)
    return chain


def two_ears_chain(hearing: str = "egemaps") -> Chain:
    """Gender hears audio in three numbers, emotion a table of four a file."""
    embeddings = {"name": "embeddings", "dimension": 4, "sha256": "0" * 64}
    chain = Chain(frontends={hearing: {"name": hearing}, "embeddings": embeddings})
    chain.add_column(GENDER, dimension=3, units=[8], frontend=hearing, seed=1)
    chain.add_column(EMOTION, dimension=4, units=[8], frontend="embeddings", seed=2)
    scatter_weights(chain)
    return chain


def scatter_weights(chain: Chain) -> None:
    """Moves every weight off its initial value, so that a lost one is noticed."""
    generator = np.random.default_rng(7)
    for weight in chain.weights:
        if weight.dtype == "float32":
            weight.assign(weight + generator.uniform(0.1, 0.5, weight.shape))


def rows(count: int = 4, dimension: int = 5) -> np.ndarray:
    """Features ``(count, dimension)``, float32."""
    return np.random.default_rng(3).normal(size=(count, dimension)).astype("float32")


def answers(chain: Chain, inputs) -> dict[str, np.ndarray]:
    """The probabilities of each task, as arrays."""
    return {task: np.asarray(values) for task, values in chain(inputs).items()}


def recorded_metadata() -> dict:
    """Metadata as training records them, with made-up scores."""
    score = {
        "uar": 0.5,
        "uar_folds_mean": 0.48,
        "uar_folds_sd": 0.03,
        "recalls": {"angry": 0.75, "happy": 0.25, "sad": 0.5},
        "confusion": [[3, 1, 0], [2, 1, 1], [0, 2, 2]],
        "classes": ["angry", "happy", "sad"],
        "utterances": 12,
    }
    return {
        "title": "Gender, then emotion",
        "target": "emotion",
        "method": "prognet",
        "sources": ["gender"],
        "corpora": [
            {
                "name": "Made",
                "licence": "CC0",
                "citation": "Nobody, Nothing, 2020",
                "clips": 12,
                "speakers": ["01", "02"],
                "synthetic": False,
            }
        ],
        "protocol": {
            "name": "loso",
            "speaker_disjoint": True,
            "transductive": False,
            "folds": 2,
            "repeats": 1,
            "hash": "ab12",
        },
        "scores": {"emotion": {"prognet": score, "dnn": {**score, "uar": 0.4}}},
        "heard": {"speakers": ["Made/01"], "contents": []},
        "versions": {"keras": keras.__version__},
        "created": "2026-01-02",
        "command": "pnn-keras train --source gender --target emotion",
        "settings": {"seed": 1},
    }

"""Makes the golden presets of the format that this version writes, with their answers.

Every format that presets were ever written in keeps its folder beside this
file, so that the tests load it for good. A new format gets its own with

    python tests/golden/make.py

which never touches a folder that exists.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from pnn_keras import Chain, Task
from pnn_keras.foreign_column import ForeignColumn
from pnn_keras.preset import FORMAT, save_preset

HERE = Path(__file__).parent

GENDER = Task("gender", ("female", "male"))
EMOTION = Task("emotion", ("angry", "sad"))
ROWS = 3


def one_column() -> Chain:
    """One column that hears three features."""
    chain = Chain()
    chain.add_column(GENDER, dimension=3, units=[4])
    return chain


def dense() -> Chain:
    """A column that reads another through dense lateral connections."""
    chain = Chain()
    chain.add_column(GENDER, dimension=3, units=[4, 3])
    chain.add_column(EMOTION, units=[3, 2])
    return chain


def adapter() -> Chain:
    """A column that reads two others through adapters."""
    chain = Chain()
    chain.add_column(GENDER, dimension=3, units=[4])
    chain.add_column(Task("speaker", ("a", "b", "c")), units=[2])
    chain.add_column(EMOTION, units=[3, 2], lateral="adapter", adapter_units=2)
    return chain


def wiring() -> Chain:
    """A column whose layers read those of a deeper one that are named."""
    chain = Chain()
    chain.add_column(GENDER, dimension=3, units=[4, 3, 2])
    named = {"gender": [None, 2, 0]}
    chain.add_column(EMOTION, units=[3, 2], wiring=named, activation="relu", dropout=[0.1, 0.2])
    return chain


def merged_classes() -> Chain:
    """A task of one corpus, with labels that count as another class."""
    merged = (("excited", "happy"), ("bored", "neutral"))
    task = Task("emotion", ("happy", "neutral"), corpus="CREMA-D", merged=merged)
    chain = Chain()
    chain.add_column(task, dimension=3, units=[4])
    return chain


def constant_feature() -> Chain:
    """A column whose scaler has silenced a feature that never varied."""
    chain = one_column()
    chain.columns[0].scaler.fit(np.array([[1.0, 4.0, 0.5], [1.0, 6.0, 2.5]]))
    return chain


def foreign() -> Chain:
    """A column that reads somebody's Keras model."""
    layers = [
        keras.Input((3,)),
        keras.layers.Dense(4, activation="relu", name="inner"),
        keras.layers.BatchNormalization(name="normal"),
    ]
    model = keras.Sequential(layers, name="somebodys")
    chain = Chain([ForeignColumn(model, taps=["normal"], name="theirs")])
    chain.add_column(EMOTION, units=[3])
    return chain


def two_frontends() -> Chain:
    """Columns that hear different front-ends."""
    table = {"name": "embeddings", "dimension": 2, "sha256": "0" * 64}
    chain = Chain(frontends={"egemaps": {"name": "egemaps"}, "embeddings": table})
    chain.add_column(GENDER, dimension=3, units=[4], frontend="egemaps")
    chain.add_column(EMOTION, dimension=2, units=[3], frontend="embeddings")
    return chain


def calibrated() -> Chain:
    """Columns whose answers are evened out, and sharpened, by a temperature."""
    chain = Chain()
    chain.add_column(GENDER, dimension=3, units=[4], temperature=2.5)
    chain.add_column(EMOTION, units=[3], temperature=0.4)
    return chain


VARIANTS: tuple[Callable[[], Chain], ...] = (
    one_column,
    dense,
    adapter,
    wiring,
    merged_classes,
    constant_feature,
    foreign,
    two_frontends,
    calibrated,
)


def set_weights(chain: Chain, kept: bool) -> None:
    """Gives every weight a fixed value, so that none is where it begins."""
    generator = np.random.default_rng(2026)
    for weight in chain.weights:
        if weight.dtype == "float32" and not (kept and weight.path.split("/")[-2] == "scaler"):
            weight.assign(generator.uniform(0.2, 1.5, weight.shape))


def write(make: Callable[[], Chain], folder: Path) -> None:
    """Writes a preset, and beside it inputs and what the chain answers to them."""
    keras.utils.clear_session()
    chain = make()
    set_weights(chain, kept=make is constant_feature)
    generator = np.random.default_rng(7)
    inputs = {
        name: generator.normal(size=(ROWS, size)).round(3).astype("float32")
        for name, size in chain.dimensions.items()
    }
    metadata = {"title": make.__doc__, "heard": {"speakers": ["Made/01"], "contents": ["ab"]}}
    save_preset(chain, folder / make.__name__, metadata)
    known = {
        "inputs": {name: values.tolist() for name, values in inputs.items()},
        "answers": {task: np.asarray(values).tolist() for task, values in chain(inputs).items()},
        "tasks": {task.name: task.to_config() for task in chain.tasks},
        "metadata": metadata,
    }
    text = json.dumps(known, indent=1) + "\n"
    (folder / f"{make.__name__}.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Makes the folder of this version's format."""
    folder = HERE / f"format-{FORMAT}"
    if folder.exists():
        sys.exit(f"{folder} exists. Golden presets are made once, by the version they stand for")
    folder.mkdir()
    for make in VARIANTS:
        write(make, folder)


if __name__ == "__main__":
    main()

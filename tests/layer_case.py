"""What every Keras layer has to hold: one check a fact, for a layer and the shapes it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class LayerCase:
    """A layer, what it is called on, and what must come out.

    Args:
        layer: the layer's class.
        options: arguments of its constructor.
        inputs: shape of every input tensor, batch included.
        output: shape of its output.
        weights: number of its trained weights.
    """

    layer: type[keras.layers.Layer]
    options: Mapping
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    weights: int

    def make(self, **options) -> keras.layers.Layer:
        """The layer, not built."""
        return self.layer(**{**self.options, **options})

    def arrays(self) -> list[np.ndarray]:
        """Inputs of the right shapes, the same at every call."""
        generator = np.random.default_rng(0)
        return [generator.normal(size=shape).astype("float32") for shape in self.inputs]

    def model(self) -> keras.Model:
        """A functional model of the layer alone, whose batch size is open."""
        inputs = [keras.Input(batch_shape=_open(shape)) for shape in self.inputs]
        return keras.Model(inputs, self.make()(_one_or_many(inputs)))


def config_makes_an_equal_layer(case: LayerCase, folder: Path) -> None:
    layer = case.make()
    again = case.layer.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def config_survives_json(case: LayerCase, folder: Path) -> None:
    layer = case.make()
    model = keras.models.model_from_json(case.model().to_json())
    again = next(part for part in model.layers if isinstance(part, case.layer))
    expected = {**layer.get_config(), "name": again.name}
    assert again.get_config() == expected


def build_makes_the_weights(case: LayerCase, folder: Path) -> None:
    layer = case.make()
    layer.build(_one_or_many([_open(shape) for shape in case.inputs]))
    assert sum(int(np.prod(v.shape)) for v in layer.trainable_weights) == case.weights


def call_gives_the_shape(case: LayerCase, folder: Path) -> None:
    output = case.make()(_one_or_many(case.arrays()))
    assert tuple(output.shape) == case.output
    assert np.isfinite(np.asarray(output)).all()


def symbolic_call_gives_the_shape(case: LayerCase, folder: Path) -> None:
    assert case.model().output_shape == _open(case.output)


def shape_is_computed_as_called(case: LayerCase, folder: Path) -> None:
    shapes = _one_or_many(list(case.inputs))
    assert tuple(case.make().compute_output_shape(shapes)) == case.output


def training_step_moves_every_weight(case: LayerCase, folder: Path) -> None:
    model = case.model()
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = [np.asarray(v) for v in model.trainable_weights]
    loss = model.train_on_batch(_one_or_many(case.arrays()), np.full(case.output, 0.3, "float32"))
    assert np.isfinite(loss)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert not np.array_equal(old, np.asarray(weight)), weight.path


def saved_model_answers_the_same(case: LayerCase, folder: Path) -> None:
    model, inputs = case.model(), _one_or_many(case.arrays())
    for weight in model.trainable_weights:
        weight.assign(weight + 0.25)
    model.save(folder / "model.keras")
    again = keras.models.load_model(folder / "model.keras")
    np.testing.assert_array_equal(model(inputs), again(inputs))


def half_precision_keeps_full_weights(case: LayerCase, folder: Path) -> None:
    layer = case.make(dtype="mixed_float16")
    output = layer(_one_or_many(case.arrays()))
    assert keras.backend.standardize_dtype(output.dtype) == "float16"
    assert {v.dtype for v in layer.trainable_weights} <= {"float32"}


CHECKS = (
    config_makes_an_equal_layer,
    config_survives_json,
    build_makes_the_weights,
    call_gives_the_shape,
    symbolic_call_gives_the_shape,
    shape_is_computed_as_called,
    training_step_moves_every_weight,
    saved_model_answers_the_same,
    half_precision_keeps_full_weights,
)


def _open(shape: tuple[int, ...]) -> tuple[int | None, ...]:
    """The shape with an open batch axis, which is the last but one."""
    return (*shape[:-2], None, shape[-1])


def _one_or_many(values: list):
    """A single tensor as such, several as a list: what the layers take."""
    return values[0] if len(values) == 1 else values

"""Somebody else's network as a frozen source column."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from pnn_keras.column import freeze
from pnn_keras.errors import UserError


@keras.saving.register_keras_serializable("pnn_keras")
class ForeignColumn(keras.layers.Layer):
    """Any Keras model as a frozen source column, read through named layers.

    It answers no task of the chain; later columns read the outputs of the
    layers named. It is always frozen: dropout is off, batch normalisation uses
    its stored statistics, and no weight changes. It holds a copy of the model,
    so that the model can be trained on elsewhere without changing the chain.

    Args:
        model: a built functional or sequential Keras model with one input
            ``(batch, dimension)``.
        taps: names of layers whose outputs, ``(batch, units)``, are read.
        frontend: name of the front-end whose features the model hears.

    Raises:
        UserError: the model is not built or takes anything but one input
            ``(batch, dimension)``, no tap is named, the model has no layer of
            that name, or its output has not the shape ``(batch, units)``.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5, name="inner")])
    >>> column = ForeignColumn(model, taps=["inner"], name="theirs")
    >>> column.tap_units
    [5]
    """

    task = None

    def __init__(self, model, taps: Sequence[str], frontend: str = "features", **kwargs) -> None:
        kwargs.setdefault("name", "foreign")
        # True at first, or setting it to False would not reach the layers.
        super().__init__(**{**kwargs, "trainable": True}, autocast=False)
        self.taps = list(taps)
        self.frontend = frontend
        self.sources: dict[str, list[int]] = {}
        self.dimension = _input_dimension(model)
        self.model = _copy_up_to(model, self.taps)
        freeze(self)
        self.built = True

    def call(self, inputs, taps=None, training=False):
        del taps, training  # reads no column, and is frozen whatever the mode
        hidden = self.model(inputs, training=False)
        return None, list(hidden) if isinstance(hidden, (list, tuple)) else [hidden]

    @property
    def tap_units(self) -> list[int]:
        """Widths of the layers that later columns can read."""
        return [int(output.shape[-1]) for output in self.model.outputs]

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("trainable", None)
        return {
            **config,
            "model": keras.saving.serialize_keras_object(self.model),
            "taps": list(self.taps),
            "frontend": self.frontend,
        }

    @classmethod
    def from_config(cls, config: dict) -> ForeignColumn:
        model = keras.saving.deserialize_keras_object(config["model"])
        return cls(**{**config, "model": model})


def _input_dimension(model) -> int:
    """The number of features that a model hears."""
    inputs = model.inputs if getattr(model, "built", False) else None
    shapes = [tuple(tensor.shape) for tensor in inputs or []]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][-1] is None:
        raise UserError(
            "A source model is a built functional or sequential Keras model with one input "
            f"of shape (batch, dimension). Received: {model.name!r} with inputs {shapes or 'none'}"
        )
    return int(shapes[0][-1])


def _copy_up_to(model, taps: Sequence[str]):
    """A copy of the part of a model that leads to the taps."""
    if not taps:
        raise UserError(f"Name at least one layer of {model.name!r} to read: taps=[...]")
    outputs = [_tap_output(model, name) for name in taps]
    part = keras.Model(model.inputs[0], outputs, name=model.name)
    copy = keras.models.clone_model(part)
    copy.set_weights(part.get_weights())
    return copy


def _tap_output(model, name: str):
    """The output of a named layer; refuses one that a column cannot read."""
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise UserError(
            f"The model {model.name!r} has no layer {name!r}. Layers: {', '.join(names)}"
        )
    output = model.get_layer(name).output
    if len(output.shape) != 2 or output.shape[-1] is None:
        raise UserError(
            f"A tap has the shape (batch, units). Received: layer {name!r} of shape "
            f"{tuple(output.shape)}. Put a pooling or flattening layer behind it"
        )
    return output

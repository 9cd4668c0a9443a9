"""One task's network: scaler, hidden layers that may read frozen columns, and output."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import ops

from pnn_keras.errors import UserError
from pnn_keras.lateral import LateralAdapter, LateralDense, MemberDropout
from pnn_keras.task import Task

#: The kinds of lateral connection that a column can read its sources through.
LATERALS = ("dense", "adapter")


def column_name(task_name: str) -> str:
    """The name of a task's column: TensorFlow allows only ASCII and no ``@`` in it.

    Example:

    >>> column_name("emotion@CREMA-D")
    'emotion_at_CREMA-D'
    """
    return re.sub(r"[^\w.-]", "_", task_name.replace("@", "_at_"), flags=re.ASCII)


@keras.saving.register_keras_serializable("pnn_keras")
class Scaler(keras.layers.Layer):
    """Standardises features: ``(x - mean) / deviation``; a constant feature becomes 0.

    Mean and deviation are fixed numbers that come from training rows, not
    trained weights. They are applied in float32 whatever the dtype policy:
    features of 4000 that differ by 1 would be lost in half precision.

    Args:
        dimension: number of features.
        members: None, or the number of members, each with its own scaling.

    Call arguments:
        inputs: ``(batch, dimension)``, or ``(members, batch, dimension)``.

    Example:

    >>> scaler = Scaler(1)
    >>> scaler.fit(np.array([[1.0], [3.0]]))
    >>> np.asarray(scaler(np.array([[3.0]]))).tolist()
    [[1.0]]
    """

    def __init__(self, dimension: int, members: int | None = None, **kwargs) -> None:
        super().__init__(**{**kwargs, "trainable": False, "dtype": "float32"})
        self.dimension = int(dimension)
        self.members = members
        self.input_spec = keras.layers.InputSpec(
            ndim=2 if members is None else 3, axes={-1: self.dimension}
        )
        shape = (self.dimension,) if members is None else (members, 1, self.dimension)
        self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
        self.deviation = self.add_weight(
            name="deviation", shape=shape, initializer="ones", trainable=False
        )
        self.built = True

    def fit(self, features: np.ndarray | Sequence[np.ndarray]) -> None:
        """Takes mean and deviation from rows.

        Args:
            features: ``(rows, dimension)``, or one such array per member.
        """
        tables = [features] if self.members is None else features
        means = np.stack([np.mean(t, axis=0, dtype=np.float64) for t in tables])
        deviations = np.stack([np.std(t, axis=0, dtype=np.float64) for t in tables])
        # A feature that never varies in training says nothing; an infinite
        # deviation turns it into 0 instead of into a huge number later.
        small = np.maximum(np.abs(means), 1.0) * 1e-9
        deviations = np.where(deviations > small, deviations, np.inf)
        self.mean.assign(means.reshape(self.mean.shape))
        self.deviation.assign(deviations.reshape(self.deviation.shape))

    def call(self, inputs):
        return (ops.cast(inputs, self.compute_dtype) - self.mean) / self.deviation

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict:
        fixed = ("trainable", "dtype")
        config = {k: v for k, v in super().get_config().items() if k not in fixed}
        return {**config, "dimension": self.dimension, "members": self.members}


def default_wiring(depth: int, source_depth: int) -> tuple[int | None, ...]:
    """Which hidden layer of a source each layer of a target reads.

    A target layer reads the source layer just below its own depth, or the
    source's last hidden layer where the source is shallower. The first layer
    reads none.

    Args:
        depth: number of hidden layers of the target.
        source_depth: number of hidden layers of the source.

    Returns:
        For the target's hidden layers and then its output layer (``depth + 1``
        values): the number of a source layer counted from 0, or None.

    Example:

    >>> default_wiring(4, 4)
    (None, 0, 1, 2, 3)
    >>> default_wiring(4, 2)
    (None, 0, 1, 1, 1)
    """
    return (None, *(min(layer, source_depth - 1) for layer in range(depth)))


@keras.saving.register_keras_serializable("pnn_keras")
class Column(keras.layers.Layer):
    """One task's network, which may read earlier, frozen columns.

    A scaler, hidden layers with dropout, and a softmax over the task's
    classes. The defaults are those of Gideon et al. (2017): four sigmoid
    layers of 256 units, dropout 0.5; with 88 features and four classes that is
    221,188 trainable weights, and 418,820 with one source of the same shape.

    Args:
        task: what the column answers.
        dimension: number of features it hears.
        sources: widths of the hidden layers of each earlier column that it
            reads, by the column's name, in order.
        units: widths of its own hidden layers.
        activation: activation of the hidden layers.
        dropout: share of each hidden layer dropped in training; one number,
            or one per hidden layer.
        lateral: ``"dense"`` (equation 1) or ``"adapter"`` (equation 2).
        adapter_units: width of the adapters' projections; None takes the width
            of the layer below.
        wiring: for each source, which of its layers every layer reads, as
            :func:`default_wiring` gives it; sources not named take the default.
        frontend: name of the front-end whose features it hears.
        members: None, or the number of members trained side by side.
        seed: seed of the initial weights and the dropout: an integer (member
            ``m`` takes ``seed + m``), or one per member.
        temperature: what the logits are divided by before the softmax, see
            :func:`pnn_keras.calibration.fit_temperature`; 1 while it is trained.

    Call arguments:
        inputs: features, not yet scaled: ``(batch, dimension)``, or with
            members ``(members, batch, dimension)``.
        taps: hidden activations of each source, by name: a list of
            ``(batch, units)`` or ``(members, batch, units)``.
        training: whether dropout is active.

    Returns:
        The logits ``(batch, classes)`` and the list of hidden activations,
        ``(batch, units)`` each; with members, both with the member axis first.

    Raises:
        UserError: a width, a source or a wiring that cannot work.

    Example:

    >>> column = Column(Task("gender", ("female", "male")), dimension=3, units=[5, 4])
    >>> logits, taps = column(np.zeros((2, 3), "float32"))
    >>> tuple(logits.shape), [tuple(tap.shape) for tap in taps]
    ((2, 2), [(2, 5), (2, 4)])

    Reference:
        Gideon et al., *Progressive Neural Networks for Transfer Learning in
        Emotion Recognition*, Interspeech 2017; Rusu et al., 2016.
    """

    def __init__(
        self,
        task: Task | Mapping,
        dimension: int,
        sources: Mapping[str, Sequence[int]] | None = None,
        units: Sequence[int] = (256, 256, 256, 256),
        activation="sigmoid",
        dropout: float | Sequence[float] = 0.5,
        lateral: str = "dense",
        adapter_units: int | None = None,
        wiring: Mapping[str, Sequence[int | None]] | None = None,
        frontend: str = "features",
        members: int | None = None,
        seed: int | Sequence[int] | None = None,
        temperature: float = 1.0,
        **kwargs,
    ) -> None:
        self.task = task if isinstance(task, Task) else Task.from_config(task)
        kwargs.setdefault("name", column_name(self.task.name))
        trainable = kwargs.pop("trainable", True)
        # The features reach the scaler as they are; it casts them once scaled.
        super().__init__(**kwargs, autocast=False)
        self.dimension = _dimension(dimension)
        self.sources = {name: list(map(int, widths)) for name, widths in (sources or {}).items()}
        self.units = _widths(units)
        self.activation = keras.activations.get(activation)
        self.dropout = _dropout(dropout, len(self.units))
        self.lateral = _lateral_kind(lateral)
        self.adapter_units = adapter_units
        self.wiring = _wiring(self.sources, len(self.units), wiring or {})
        self.frontend = frontend
        self.members = members
        self.seed = _as_integers(seed, members)
        self.temperature = _temperature(temperature)
        self.scaler = Scaler(self.dimension, members, name="scaler")
        widths = [*self.units, sum(self.head_widths)]
        self.layers = [self._make_layer(i, width) for i, width in enumerate(widths)]
        rates = self.dropout if isinstance(self.dropout, list) else [self.dropout] * len(units)
        self.dropouts = [
            MemberDropout(
                rate,
                members,
                self._seed(100 + i),
                name=f"dropout_{i + 1}",
                dtype=self.dtype_policy,
            )
            for i, rate in enumerate(rates)
        ]
        self._build_layers(widths)
        self.built = True
        # Only now: passed to the constructor it would not reach the layers above.
        self.trainable = trainable

    def call(self, inputs, taps=None, training=False):
        below = self.scaler(inputs)
        hidden = []
        for i, layer in enumerate(self.layers[:-1]):
            activations = layer([below, *self._read(taps, i)])
            hidden.append(activations)
            below = self.dropouts[i](activations, training=training)
        logits = self.layers[-1]([below, *self._read(taps, len(hidden))])
        return logits, hidden

    @property
    def head_widths(self) -> list[int]:
        """Number of classes of each head: an ordinary column has one."""
        return [len(self.task.classes)]

    def split(self, logits) -> list:
        """The logits of each head, ``(..., classes)``."""
        return [logits]

    def probabilities(self, logits):
        """Softmax of the logits, over the temperature, over the task's classes; sums to 1."""
        return ops.softmax(self.split(logits)[0] / self.temperature, axis=-1)

    def member(self, index: int) -> Column:
        """One member as an ordinary column with the same weights.

        Raises:
            UserError: the column has no such member.
        """
        if self.members is None or not 0 <= index < self.members:
            raise UserError(f"Members here: {self.members}. Received: index={index}")
        config = {**self.get_config(), "members": None, "seed": None}
        column = type(self).from_config(config)
        for own, stacked in zip(column.weights, self.weights, strict=True):
            own.assign(ops.reshape(stacked[index], own.shape))
        column.trainable = self.trainable
        return column

    def subset(self, indices: Sequence[int]) -> Column:
        """Some of the members, which go on exactly as they would have in here.

        Weights, what is frozen, and the state of the dropout are taken over.

        Raises:
            UserError: the column has no members, or none is asked for.
        """
        if self.members is None or not len(indices):
            raise UserError(f"Members here: {self.members}. Received: indices={list(indices)}")
        seed = None if self.seed is None else [self.seed[i] for i in indices]
        config = {**self.get_config(), "members": len(indices), "seed": seed}
        column = type(self).from_config(config)
        for own, whole in zip(column.weights, self.weights, strict=True):
            own.assign(ops.take(whole, np.asarray(indices), axis=0))
        for own, whole in zip(column.dropouts, self.dropouts, strict=True):
            own.seed_generator.state.assign(whole.seed_generator.state)
        for own, whole in zip(column.layers, self.layers, strict=True):
            own.trainable = whole.trainable
        return column

    @property
    def tap_units(self) -> list[int]:
        """Widths of the hidden layers that later columns can read."""
        return list(self.units)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "task": self.task.to_config(),
            "dimension": self.dimension,
            "sources": dict(self.sources),
            "units": list(self.units),
            "activation": keras.activations.serialize(self.activation),
            "dropout": self.dropout,
            "lateral": self.lateral,
            "adapter_units": self.adapter_units,
            "wiring": {name: list(layers) for name, layers in self.wiring.items()},
            "frontend": self.frontend,
            "members": self.members,
            "seed": self.seed,
            "temperature": self.temperature,
        }

    def _make_layer(self, index: int, width: int) -> LateralDense:
        output = index == len(self.units)
        common = {
            "units": width,
            "activation": None if output else self.activation,
            "members": self.members,
            "seed": self._seed(index),
            "name": "output" if output else f"hidden_{index + 1}",
            "dtype": self.dtype_policy,
        }
        if self.lateral == "dense":
            return LateralDense(**common)
        return LateralAdapter(
            **common,
            adapter_units=self.adapter_units,
            adapter_activation=self.activation,
        )

    def _build_layers(self, widths: Sequence[int]) -> None:
        axis = () if self.members is None else (self.members,)
        below = self.dimension
        for i, layer in enumerate(self.layers):
            read = [
                self.sources[name][layers[i]]
                for name, layers in self.wiring.items()
                if layers[i] is not None
            ]
            layer.build([(*axis, None, size) for size in (below, *read)])
            below = widths[i]

    def _read(self, taps, index: int) -> list:
        """What the layer reads of the sources, in their order."""
        missing = [name for name in self.sources if name not in (taps or {})]
        if missing:
            raise UserError(
                f"The column {self.name!r} reads {', '.join(self.sources)}; "
                f"taps of {', '.join(missing)} are missing"
            )
        return [
            taps[name][layers[index]]
            for name, layers in self.wiring.items()
            if layers[index] is not None
        ]

    def _seed(self, stream: int):
        """A seed, or one per member, for one of the column's layers."""
        if self.seed is None:
            return None
        if isinstance(self.seed, int):
            return self.seed * 1009 + stream
        return [seed * 1009 + stream for seed in self.seed]


def freeze(layer: keras.layers.Layer) -> None:
    """Freezes a layer and every layer inside it.

    ``layer.trainable = False`` alone does nothing where the flag is False
    already, though layers inside may have been unfrozen one by one.
    """
    for part in layer._flatten_layers():
        part.trainable = False


def _as_integers(seed, members: int | None) -> int | list[int] | None:
    """The seed in Python's integers, which JSON takes: one per member where there are members."""
    if seed is None:
        return None
    if isinstance(seed, numbers.Integral):
        return int(seed) if members is None else [int(seed) + m for m in range(members)]
    return [int(value) for value in seed]


def _dimension(dimension: int) -> int:
    if int(dimension) <= 0:
        raise UserError(f"A column hears at least one feature. Received: dimension={dimension}")
    return int(dimension)


def _widths(units: Sequence[int]) -> list[int]:
    widths = [int(width) for width in units]
    if not widths or min(widths) <= 0:
        raise UserError(
            f"A column has at least one hidden layer, each of a positive width. "
            f"Received: units={list(units)}"
        )
    return widths


def _dropout(dropout: float | Sequence[float], depth: int) -> float | list[float]:
    if not isinstance(dropout, Sequence):
        return float(dropout)
    rates = [float(rate) for rate in dropout]
    if len(rates) != depth:
        raise UserError(
            f"dropout is one number, or one per hidden layer ({depth}). Received: {rates}"
        )
    return rates


def _temperature(temperature: float) -> float:
    if not 0 < temperature < math.inf:
        raise UserError(f"temperature is a number above 0. Received: {temperature}")
    return float(temperature)


def _lateral_kind(lateral: str) -> str:
    if lateral not in LATERALS:
        raise UserError(f"lateral is one of {', '.join(LATERALS)}. Received: {lateral!r}")
    return lateral


def _wiring(sources, depth: int, wiring) -> dict[str, tuple[int | None, ...]]:
    """The wiring of every source, the default where none is given."""
    unknown = sorted(set(wiring) - set(sources))
    if unknown:
        raise UserError(
            f"The wiring names {', '.join(unknown)}, which is not read. "
            f"Read: {', '.join(sources) or 'nothing'}"
        )
    complete = {}
    for name, widths in sources.items():
        layers = tuple(wiring.get(name) or default_wiring(depth, len(widths)))
        bad = [k for k in layers if k is not None and not 0 <= k < len(widths)]
        if len(layers) != depth + 1 or bad:
            raise UserError(
                f"The wiring of {name!r} has {depth + 1} values (hidden layers, then the "
                f"output), each None or 0 to {len(widths) - 1}. Received: {list(layers)}"
            )
        complete[name] = layers
    return complete

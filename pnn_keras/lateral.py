"""The layers that make a network progressive: they read frozen columns beside their own.

Every layer here works in two shapes. With ``members=None`` it is an ordinary
Keras layer, ``(batch, features) -> (batch, units)``. With ``members=m`` it holds
``m`` independent copies of itself side by side, ``(m, batch, features) ->
(m, batch, units)``, so that all folds of an experiment train in one fit.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from pnn_keras.errors import UserError


@keras.saving.register_keras_serializable("pnn_keras")
class LateralDense(keras.layers.Layer):
    """A dense layer that also reads the activations of frozen source columns.

    It computes equation 1 of Rusu et al. (2016),

        h_i = f(W_i h_{i-1} + sum_j U_ij h_{i-1}^(j) + b_i),

    where ``h_{i-1}`` is the column's own layer below and ``h_{i-1}^(j)`` that of
    source column ``j``. The lateral kernels ``U_ij`` have no bias. Called on a
    single tensor it has no lateral connection and is a dense layer.

    Args:
        units: width of the layer.
        activation: ``f``, anything that ``keras.activations.get`` takes.
        use_bias: whether there is a ``b_i``.
        members: None for an ordinary layer, or the number of independent
            copies to hold side by side.
        kernel_initializer: initializer of ``W_i``.
        lateral_initializer: initializer of every ``U_ij``.
        bias_initializer: initializer of ``b_i``.
        seed: makes the initial weights reproducible: an integer (member ``m``
            gets ``seed + m``), or one per member. A member's weights depend on
            its own seed only. None takes the initializers' own seeds.

    Call arguments:
        inputs: one tensor, or a list of the own activations followed by one
            tensor per source column.

    Input shape:
        ``(batch, features)`` each, or ``(members, batch, features)``. A source
        may lack the member axis when all members read the same activations.

    Output shape:
        ``(batch, units)``, or ``(members, batch, units)``.

    Raises:
        UserError: ``units`` or ``members`` is not positive, there is not one
            seed per member, or the inputs do not have the shapes that
            ``members`` calls for.

    Example:

    >>> import numpy as np
    >>> own, source = np.ones((2, 3)), np.ones((2, 5))
    >>> layer = LateralDense(4, activation="sigmoid")
    >>> tuple(layer([own, source]).shape)
    (2, 4)
    >>> layer.count_params() == 3 * 4 + 5 * 4 + 4
    True

    Reference:
        Rusu et al., *Progressive Neural Networks*, 2016, arXiv:1606.04671.
    """

    def __init__(
        self,
        units: int,
        activation=None,
        use_bias: bool = True,
        members: int | None = None,
        kernel_initializer="glorot_uniform",
        lateral_initializer="glorot_uniform",
        bias_initializer="zeros",
        seed: int | Sequence[int] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.units = _positive("units", units)
        self.members = None if members is None else _positive("members", members)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.lateral_initializer = keras.initializers.get(lateral_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.seed = _seeds(seed, self.members)

    def build(self, input_shape) -> None:
        own, *sources = self._shapes(input_shape)
        self.input_spec = [
            keras.layers.InputSpec(min_ndim=2, axes={-1: shape[-1]}) for shape in (own, *sources)
        ]
        self.kernel = self._add_kernel("kernel", own[-1], self.units, self.kernel_initializer)
        if self.use_bias:
            shape = (self.units,) if self.members is None else (self.members, 1, self.units)
            self.bias = self.add_weight(
                name="bias", shape=shape, initializer=self.bias_initializer
            )
        self._build_laterals([shape[-1] for shape in sources])

    def _build_laterals(self, features: list[int]) -> None:
        self.lateral_kernels = [
            self._add_kernel(f"lateral_kernel_{j}", size, self.units, self.lateral_initializer)
            for j, size in enumerate(features)
        ]

    def call(self, inputs):
        own, *sources = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        outputs = ops.matmul(own, self.kernel)
        if sources:
            outputs = outputs + self._lateral(sources)
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(outputs)

    def _lateral(self, sources):
        """The summed lateral contributions, in the shape of the output."""
        total = ops.matmul(sources[0], self.lateral_kernels[0])
        for source, kernel in zip(sources[1:], self.lateral_kernels[1:], strict=True):
            total = total + ops.matmul(source, kernel)
        return total

    def compute_output_shape(self, input_shape):
        own = self._shapes(input_shape)[0]
        return (*own[:-1], self.units)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "members": self.members,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "lateral_initializer": keras.initializers.serialize(self.lateral_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "seed": self.seed,
        }

    def _shapes(self, input_shape) -> list[tuple]:
        """The input shapes as a list, own first; refuses a wrong rank."""
        many = isinstance(input_shape[0], (list, tuple))
        shapes = [tuple(shape) for shape in (input_shape if many else [input_shape])]
        expected = "(batch, features)"
        if self.members is not None:
            expected = f"({self.members}, batch, features)"
        for position, shape in enumerate(shapes):
            shared = len(shape) == 2 and (self.members is None or position > 0)
            own = len(shape) == 3 and self.members is not None and shape[0] in (None, self.members)
            if not (shared or own) or shape[-1] is None:
                raise UserError(
                    f"{type(self).__name__} with members={self.members} expects inputs of "
                    f"shape {expected}. Received: input {position} of shape {shape}"
                )
        return shapes

    def _add_kernel(self, name: str, rows: int, columns: int, initializer):
        """A kernel of shape (rows, columns), or (members, rows, columns)."""
        initializer = _seeded(initializer, self.seed, self.members, stream=len(self.weights))
        shape = (rows, columns) if self.members is None else (self.members, rows, columns)
        return self.add_weight(name=name, shape=shape, initializer=initializer)


@keras.saving.register_keras_serializable("pnn_keras")
class LateralAdapter(LateralDense):
    """A dense layer that reads frozen source columns through a small network.

    It computes equation 2 of Rusu et al. (2016),

        h_i = f(W_i h_{i-1} + U_i g(V_i [a_1 h_{i-1}^(1), a_2 h_{i-1}^(2), ...] + c_i) + b_i),

    where the source activations, each scaled by a learned scalar ``a_j``, are
    concatenated, projected to ``adapter_units`` and passed through ``g``. The
    scalars even out the scales of the sources and start small. With one
    source this is the paper's equation to the letter.

    Args:
        units: width of the layer.
        adapter_units: width of the projection; None takes the width of the
            column's own layer below, as the paper does.
        adapter_activation: ``g``; None takes ``activation``.
        scale: initial value of the scalars ``a_j``. The paper draws it from
            1, 0.1 and 0.01.
        **kwargs: everything that :class:`LateralDense` takes.
            ``lateral_initializer`` serves ``U_i`` and ``V_i``.

    Call arguments, input and output shapes: as in :class:`LateralDense`.

    Example:

    >>> import numpy as np
    >>> own, source = np.ones((2, 3)), np.ones((2, 5))
    >>> layer = LateralAdapter(4, adapter_units=2, activation="relu")
    >>> tuple(layer([own, source]).shape)
    (2, 4)
    >>> layer.count_params() == (3 * 4 + 4) + 1 + (5 * 2 + 2) + 2 * 4
    True

    Reference:
        Rusu et al., *Progressive Neural Networks*, 2016, arXiv:1606.04671.
    """

    def __init__(
        self,
        units: int,
        adapter_units: int | None = None,
        adapter_activation=None,
        scale: float = 0.1,
        **kwargs,
    ) -> None:
        super().__init__(units, **kwargs)
        self.adapter_units = (
            None if adapter_units is None else _positive("adapter_units", adapter_units)
        )
        self.adapter_activation = (
            self.activation
            if adapter_activation is None
            else keras.activations.get(adapter_activation)
        )
        self.scale = float(scale)

    def _build_laterals(self, features: list[int]) -> None:
        if not features:
            return
        width = self.adapter_units or self.kernel.shape[-2]
        axis = () if self.members is None else (self.members, 1)
        self.scales = [
            self.add_weight(
                name=f"scale_{j}",
                shape=(*axis, 1),
                initializer=keras.initializers.Constant(self.scale),
            )
            for j in range(len(features))
        ]
        self.projection = self._add_kernel(
            "projection", sum(features), width, self.lateral_initializer
        )
        self.projection_bias = self.add_weight(
            name="projection_bias", shape=(*axis, width), initializer="zeros"
        )
        self.lateral_kernel = self._add_kernel(
            "lateral_kernel", width, self.units, self.lateral_initializer
        )

    def _lateral(self, sources):
        # a (h V) for (a h) V: the gradient of `a` then takes no product with V transposed,
        # and the frozen activations no pass of their own.
        projected = self.projection_bias
        for source, part, scale in zip(
            sources, self._projections(sources), self.scales, strict=True
        ):
            projected = projected + ops.matmul(source, part) * scale
        return ops.matmul(self.adapter_activation(projected), self.lateral_kernel)

    def _projections(self, sources) -> list:
        """The rows of the projection that belong to each source."""
        if len(sources) == 1:
            return [self.projection]
        ends = np.cumsum([source.shape[-1] for source in sources])[:-1]
        return ops.split(self.projection, ends.tolist(), axis=-2)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "adapter_units": self.adapter_units,
            "adapter_activation": keras.activations.serialize(self.adapter_activation),
            "scale": self.scale,
        }


@keras.saving.register_keras_serializable("pnn_keras")
class MemberDropout(keras.layers.Layer):
    """Dropout whose members differ from each other but not from run to run.

    Each call draws one array of random integers ``r`` for the batch. Member
    ``m`` keeps a unit where ``a_m r + b_m >= t`` in 32-bit arithmetic, with an
    odd ``a_m`` and a ``b_m`` that come from the member's seed: a bijection of
    uniform numbers, so that each member's mask is exactly Bernoulli, and those
    of two members are uncorrelated, for the price of one draw. A member's masks
    do not depend on which others train beside it.

    Args:
        rate: share of the units that are dropped, at least 0 and below 1.
        members: None for ordinary dropout, or the number of members.
        seed: an integer (member ``m`` gets ``seed + m``), or one per member;
            None draws one.

    Call arguments:
        inputs: tensor ``(batch, units)``, or ``(members, batch, units)``.
        training: units are dropped only when it is true.

    Raises:
        UserError: ``rate`` is not in [0, 1), ``members`` is not positive, or
            there is not one seed per member.

    Example:

    >>> import numpy as np
    >>> layer = MemberDropout(0.5, members=2, seed=[1, 2])
    >>> dropped = np.asarray(layer(np.ones((2, 100, 10)), training=True))
    >>> sorted(set(dropped.ravel().tolist()))
    [0.0, 2.0]
    """

    def __init__(self, rate: float, members: int | None = None, seed=None, **kwargs) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise UserError(f"rate is at least 0 and below 1. Received: rate={rate}")
        self.rate = float(rate)
        self.members = None if members is None else _positive("members", members)
        self.seed = _seeds(seed, self.members)
        # One draw serves all members, so its generator takes no member's seed:
        # another grouping of the members must see the same draws.
        shared = 0 if self.members is not None and self.seed is not None else self.seed
        self.seed_generator = keras.random.SeedGenerator(
            None if shared is None else _stream_seed(shared, 0)
        )
        if self.members is not None:
            words = [_member_words(seed) for seed in self.seed or range(self.members)]
            self._factors, self._offsets = np.array(words, "int32").T.reshape(2, -1, 1, 1)
        self.built = True

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        if self.members is None:
            return keras.random.dropout(inputs, self.rate, seed=self.seed_generator)
        # A product with a constant mask: its gradient is one product more, where a choice
        # between two tensors takes several passes over both.
        kept = ops.cast(1.0 / (1.0 - self.rate), inputs.dtype)
        mask = ops.where(self._keep(ops.shape(inputs)[1:]), kept, ops.zeros_like(kept))
        return inputs * mask

    def _keep(self, shape):
        """Which units each member keeps: booleans of shape (members, *shape)."""
        low, high = -(2**31), 2**31 - 1
        draw = keras.random.randint(shape, low, high, dtype="int32", seed=self.seed_generator)
        factors = ops.convert_to_tensor(self._factors, dtype="int32")
        offsets = ops.convert_to_tensor(self._offsets, dtype="int32")
        scattered = ops.expand_dims(draw, 0) * factors + offsets
        return scattered >= int(low + self.rate * 2**32)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "rate": self.rate,
            "members": self.members,
            "seed": self.seed,
        }


def _positive(name: str, value: int) -> int:
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value <= 0:
        raise UserError(f"{name} is a positive integer. Received: {name}={value!r}")
    return int(value)


def _seeds(seed, members: int | None):
    """The seed as an integer (no members), a list of one per member, or None."""
    if seed is None:
        return None
    single = isinstance(seed, numbers.Integral)
    if members is None:
        if not single:
            raise UserError(f"Without members, seed is one integer. Received: seed={seed!r}")
        return int(seed)
    if single:
        return [int(seed) + member for member in range(members)]
    seeds = [int(value) for value in seed]
    if len(seeds) != members:
        raise UserError(
            f"seed is one integer, or one per member ({members}). Received: {len(seeds)} seeds"
        )
    return seeds


def _seeded(initializer, seed, members: int | None, stream: int):
    """The initializer of one weight, which draws each member by itself.

    Drawn all at once, a variance-scaling initializer would take the member
    axis for a part of the fan and start all members too small. And an
    initializer draws the same numbers each time it is called, so that weights
    of one shape would start equal: each weight has a stream of its own.
    """
    own = _config(initializer).get("seed")
    if seed is None and isinstance(own, int):
        seed = _seeds(own, members)
    if members is None:
        return _reseeded(initializer, seed, stream)
    seeds = [None] * members if seed is None else seed

    def initialise(shape, dtype=None):
        drawn = [_reseeded(initializer, value, stream)(shape[1:], dtype) for value in seeds]
        return ops.stack(drawn)

    return initialise


def _reseeded(initializer, seed: int | None, stream: int):
    """A copy of the initializer that draws from the seed, or anew where it is None."""
    config = _config(initializer)
    if "seed" not in config or (seed is None and config["seed"] is not None):
        return initializer  # draws nothing, or from a generator of the user's own
    seed = None if seed is None else _stream_seed(seed, stream)
    return type(initializer).from_config({**config, "seed": seed})


def _config(initializer) -> dict:
    """The initializer's configuration; a plain function has none."""
    return initializer.get_config() if hasattr(initializer, "get_config") else {}


def _stream_seed(seed: int, stream: int) -> int:
    """One of the independent 32-bit seeds that an integer of any size gives."""
    return int(np.random.SeedSequence([seed % 2**64, stream]).generate_state(1)[0])


def _member_words(seed: int) -> tuple[int, int]:
    """An odd factor and an offset for a member's masks, as signed 32-bit numbers."""
    factor, offset = np.random.SeedSequence(seed % 2**64).generate_state(2).view("int32")
    return int(factor) | 1, int(offset)

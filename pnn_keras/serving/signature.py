"""What a signature takes and gives: names, types and shapes, read from its SignatureDef."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from pnn_keras.serving.status import Code, StatusError, invalid

#: The signature that is meant where a request names none.
DEFAULT = "serving_default"


@dataclasses.dataclass(frozen=True)
class Spec:
    """One tensor of a signature.

    Attributes:
        tensor: its name in the graph.
        type_name: its type in TensorFlow's words, "float" or "string".
        dtype: its type in NumPy; strings are objects.
        shape: its dimensions, None for unknown ones; None for an unknown rank.
    """

    tensor: str
    type_name: str
    dtype: np.dtype
    shape: tuple[int | None, ...] | None

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether an array of this shape may be fed."""
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(
            wanted is None or wanted == given
            for wanted, given in zip(self.shape, shape, strict=True)
        )

    @property
    def batched(self) -> bool:
        """Whether the first dimension is the batch: any number of rows."""
        return self.shape is None or (len(self.shape) > 0 and self.shape[0] is None)


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of a SavedModel as it is served.

    Attributes:
        name: its name.
        method: its method name, e.g. ``tensorflow/serving/predict``.
        inputs: what it takes, by name, sorted.
        outputs: what it gives, by name, sorted.
        defaults: values of inputs that may be left out.
    """

    name: str
    method: str
    inputs: Mapping[str, Spec]
    outputs: Mapping[str, Spec]
    defaults: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def batched(self) -> bool:
        """Whether requests can be joined along the first dimension."""
        return bool(self.inputs) and all(
            spec.batched for spec in (*self.inputs.values(), *self.outputs.values())
        )

    def checked(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays to feed, defaults included.

        Raises:
            StatusError: INVALID_ARGUMENT; a name is missing or not the
                signature's, or an array has another type or shape.
        """
        given = {**self.defaults, **inputs}
        if given.keys() != self.inputs.keys():
            raise invalid(self._sizes(inputs))
        for index, (name, spec) in enumerate(self.inputs.items()):
            array = given[name]
            if array.dtype != spec.dtype:
                raise invalid(
                    f"Expects arg[{index}] to be {spec.type_name} but "
                    f"{type_name(array.dtype)} is provided (input {name!r})"
                )
            if not spec.fits(array.shape):
                raise invalid(
                    f"Input {name!r} has shape {_shape(array.shape)} but "
                    f"{_shape(spec.shape)} is expected"
                )
        return given

    def _sizes(self, inputs: Mapping) -> str:
        sent, wanted = sorted(inputs), sorted(self.inputs)
        extra = [name for name in sent if name not in self.inputs]
        missing = [name for name in wanted if name not in inputs and name not in self.defaults]
        return (
            f"input size does not match signature: {len(sent)}!={len(wanted)} "
            f"len({{{','.join(sent)}}}) != len({{{','.join(wanted)}}}). "
            f"Sent extra: {{{','.join(extra)}}}. Missing but required: {{{','.join(missing)}}}."
        )

    def chosen(self, output_filter: Sequence[str]) -> tuple[str, ...]:
        """The outputs to compute: those of the filter, or all.

        Raises:
            StatusError: INVALID_ARGUMENT; a name is unknown or twice there.
        """
        for index, name in enumerate(output_filter):
            if name not in self.outputs:
                raise invalid(
                    f"output tensor alias not found in signature: {name} Outputs expected to be "
                    f"in the set {{{','.join(self.outputs)}}}."
                )
            if name in output_filter[:index]:
                raise invalid(f"duplicate output tensor alias: {name}")
        return tuple(output_filter) or tuple(self.outputs)


def find(signatures: Mapping[str, Signature], name: str) -> Signature:
    """The signature of this name; an empty one means the default.

    Raises:
        StatusError: FAILED_PRECONDITION; there is none.
    """
    name = name or DEFAULT
    if name not in signatures:
        raise StatusError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
    return signatures[name]


def read_signatures(meta_graph) -> dict[str, Signature]:
    """The signatures of a MetaGraphDef, without those that only initialise."""
    return {
        name: _read(name, definition)
        for name, definition in sorted(meta_graph.signature_def.items())
        if not name.startswith("__saved_model")
    }


def _read(name: str, definition) -> Signature:
    import tensorflow as tf

    defaults = getattr(definition, "defaults", {})
    return Signature(
        name,
        definition.method_name,
        {key: _spec(info) for key, info in sorted(definition.inputs.items())},
        {key: _spec(info) for key, info in sorted(definition.outputs.items())},
        {key: tf.make_ndarray(value) for key, value in defaults.items()},
    )


def _spec(info) -> Spec:
    import tensorflow as tf

    dtype = tf.dtypes.as_dtype(info.dtype)
    shape = info.tensor_shape
    sizes = tuple(None if dim.size < 0 else dim.size for dim in shape.dim)
    return Spec(
        info.name,
        _WORDS.get(dtype.name, dtype.name),
        np.dtype(dtype.as_numpy_dtype),
        None if shape.unknown_rank else sizes,
    )


#: Types whose name in TensorFlow's messages is not NumPy's.
_WORDS = {"float32": "float", "float64": "double", "float16": "half", "object": "string"}


def type_name(dtype: np.dtype) -> str:
    """A type in TensorFlow's words.

    Example:

    >>> type_name(np.dtype("float32")), type_name(np.dtype(object)), type_name(np.dtype("int32"))
    ('float', 'string', 'int32')
    """
    return _WORDS.get(dtype.name, dtype.name)


def _shape(shape: Sequence[int | None]) -> str:
    return f"[{','.join('?' if size is None else str(size) for size in shape)}]"

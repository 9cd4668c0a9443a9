"""TensorProto <-> NumPy, for gRPC."""

from __future__ import annotations

import math

import numpy as np

from pnn_keras.serving.status import invalid

#: Most bytes of a tensor whose values the proto leaves out, for its last one repeated or zeros:
#: a proto of a few bytes can name a shape of any size.
_MOST_LEFT_OUT = 1 << 26


def to_array(name: str, proto) -> np.ndarray:
    """The array that a TensorProto holds, in typed fields or as ``tensor_content``.

    Args:
        name: the input's name, for errors.
        proto: the ``TensorProto``.

    Returns:
        The array; strings as objects that are bytes.

    Raises:
        StatusError: INVALID_ARGUMENT; the proto holds no tensor.
    """
    import tensorflow as tf

    try:
        dtype = tf.dtypes.as_dtype(proto.dtype)
        kind = np.dtype(dtype.as_numpy_dtype)
    except (TypeError, KeyError, AttributeError) as error:
        raise invalid(f"Tensor {name!r} has no type that can be fed: {proto.dtype}") from error
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise invalid(f"Tensor {name!r} has no complete shape: {shape}")
    count = math.prod(shape)
    if count * kind.itemsize > max(_MOST_LEFT_OUT, 8 * proto.ByteSize()):
        raise invalid(f"Tensor {name!r} of shape {shape} holds only {proto.ByteSize()} bytes")
    try:
        if proto.tensor_content and kind.kind != "O":
            return np.frombuffer(proto.tensor_content, kind).reshape(shape)
        if kind.kind == "O" and len(proto.string_val) == count:
            return _strings(proto.string_val, shape)
        return tf.make_ndarray(proto).reshape(shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise invalid(f"Tensor {name!r} of shape {shape} cannot be read: {error}") from error


def _strings(values, shape) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = list(values)
    return array.reshape(shape)


def to_proto(array: np.ndarray, proto) -> None:
    """Writes an array into a TensorProto, in typed fields, as TensorFlow Serving does.

    Args:
        array: the array.
        proto: the ``TensorProto`` to fill.
    """
    import tensorflow as tf

    kind = tf.string if array.dtype.kind == "O" else tf.dtypes.as_dtype(array.dtype)
    proto.dtype = kind.as_datatype_enum
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    field = _FIELDS.get(array.dtype.name)
    if field is None:
        proto.tensor_content = array.tobytes()
    else:
        getattr(proto, field).extend(array.ravel().tolist())


#: Where TensorProto keeps values of each type.
_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int8": "int_val",
    "int16": "int_val",
    "int32": "int_val",
    "uint8": "int_val",
    "uint16": "int_val",
    "int64": "int64_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "bool": "bool_val",
    "object": "string_val",
}

"""JSON values -> arrays, by TensorFlow Serving's rules and in its words."""

from __future__ import annotations

import binascii
import itertools
import json
import math
from collections.abc import Sequence

import numpy as np

from pnn_keras.serving.signature import Spec
from pnn_keras.serving.status import Code, StatusError, invalid

#: Longest JSON that an error repeats, in characters.
_SHOWN = 1000
_KINDS = {dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}


def to_array(value, spec: Spec) -> np.ndarray:
    """A JSON value (a list of lists, a scalar) as an array of the spec's type.

    Lists must be regular. A float tensor takes numbers (an integer only where no
    digit is lost), an integer tensor integers, a bool tensor bools, a string
    tensor strings and ``{"b64": ...}``.

    Args:
        value: what JSON held.
        spec: the type that is wanted; its shape is not looked at.

    Returns:
        The array.

    Raises:
        StatusError: INVALID_ARGUMENT, in TensorFlow Serving's words;
            UNIMPLEMENTED for types that JSON cannot hold.

    Example:

    >>> spec = Spec("x:0", "float", np.dtype("float32"), (None, 2))
    >>> to_array([[1, 2.5]], spec)
    array([[1. , 2.5]], dtype=float32)
    >>> to_array([["a", 1]], spec)
    Traceback (most recent call last):
        ...
    pnn_keras.serving.status.StatusError: JSON Value: "a" Type: String is not of ...
    """
    shape = _shape(value)
    leaves = [value] if not shape else value
    for level in range(len(shape)):
        _check_level(leaves, shape, level)
        if level < len(shape) - 1:
            leaves = list(itertools.chain.from_iterable(leaves))
    converted = _converted(leaves, spec, len(shape))
    return converted.reshape(shape)


def _shape(value) -> tuple[int, ...]:
    shape = []
    while type(value) is list:
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _check_level(items: Sequence, shape: tuple[int, ...], level: int) -> None:
    """Each of the lists at a level is as long as the first."""
    if level == len(shape) - 1:
        return
    size = shape[level + 1]
    for item in items:
        if type(item) is not list:
            raise invalid(
                f"JSON Value: {shown(item)} found at incorrect level: {level + 2} "
                f"in the JSON DOM. Expected at level: {len(shape)}"
            )
        if len(item) != size:
            raise invalid(
                f"Encountered list at unexpected size: {len(item)} at level: {level + 1} "
                f"expected size: {size}"
            )


def _converted(leaves: Sequence, spec: Spec, rank: int) -> np.ndarray:
    """Values of one level as a flat array."""
    kinds = set(map(type, leaves))
    if list in kinds:
        raise invalid(f"Encountered list at unexpected level: {rank} expected < {rank}")
    if spec.dtype == object:
        return _strings(leaves, kinds, spec)
    kind = spec.dtype.kind
    if kind == "b":
        return _of_kind(leaves, kinds, {bool}, spec)
    if kind in "iu":
        return _integers(leaves, kinds, spec)
    if kind == "f" or spec.dtype.name == "bfloat16":
        return _floats(leaves, kinds, spec)
    if dict in kinds:
        raise _type_error(next(leaf for leaf in leaves if type(leaf) is dict), spec)
    value = shown(leaves[0]) if leaves else "[]"
    raise StatusError(
        Code.UNIMPLEMENTED, f"Conversion of JSON Value: {value} to type: {spec.type_name}"
    )


def _of_kind(leaves: Sequence, kinds: set, allowed: set, spec: Spec) -> np.ndarray:
    if not kinds <= allowed:
        raise _type_error(next(leaf for leaf in leaves if type(leaf) not in allowed), spec)
    return np.array(leaves, spec.dtype)


def _integers(leaves: Sequence, kinds: set, spec: Spec) -> np.ndarray:
    if kinds <= {int} and leaves:
        limits = np.iinfo(spec.dtype)
        for extreme in (min(leaves), max(leaves)):
            if not limits.min <= extreme <= limits.max:
                raise _type_error(extreme, spec)
    return _of_kind(leaves, kinds, {int}, spec)


def _floats(leaves: Sequence, kinds: set, spec: Spec) -> np.ndarray:
    import ml_dtypes

    limits = ml_dtypes.finfo(spec.dtype)
    if not kinds <= {int, float}:
        raise _type_error(next(leaf for leaf in leaves if type(leaf) not in (int, float)), spec)
    if int in kinds:
        # The largest integer below which none is skipped: all the digits that a type has.
        most = 2 ** (limits.nmant + 1) - 1
        for leaf in leaves:
            if type(leaf) is int and abs(leaf) > most:
                raise _lossy(leaf, spec)
    wide = np.array(leaves, np.float64)
    if spec.dtype.itemsize < 8 and wide.size:
        beyond = np.isfinite(wide) & (np.abs(wide) > float(limits.max))
        if beyond.any():
            raise _lossy(leaves[int(beyond.argmax())], spec)
    return wide.astype(spec.dtype)


def _strings(leaves: Sequence, kinds: set, spec: Spec) -> np.ndarray:
    if not kinds <= {str, dict}:
        raise _type_error(next(leaf for leaf in leaves if type(leaf) not in (str, dict)), spec)
    array = np.empty(len(leaves), object)
    array[:] = [
        leaf.encode("utf-8", "surrogatepass") if type(leaf) is str else decoded(leaf)
        for leaf in leaves
    ]
    return array


def is_base64(value) -> bool:
    """Whether a JSON value is bytes: ``{"b64": "..."}`` and nothing else."""
    return type(value) is dict and len(value) == 1 and type(value.get("b64")) is str


def decoded(value: dict) -> bytes:
    """The bytes of ``{"b64": "..."}``.

    Raises:
        StatusError: INVALID_ARGUMENT; it has another key, or is no base64.

    Example:

    >>> decoded({"b64": "aGk="}), decoded({"b64": "aGk"})
    (b'hi', b'hi')
    """
    if not is_base64(value):
        raise invalid(f"JSON Value: {shown(value)} not formatted correctly for base64 data")
    text = value["b64"]
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        # Missing padding and blanks are allowed.
        text = "".join(text.split()).rstrip("=")
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError as error:
        raise invalid("Unable to base64 decode") from error


def shown(value) -> str:
    """A JSON value as errors repeat it, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = "..."
    text = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return text.encode("utf-8", "replace").decode()


def kind_of(value) -> str:
    """The name of a JSON value's type in errors."""
    if value is None:
        return "Null"
    return str(value) if isinstance(value, bool) else _KINDS[type(value)]


def _type_error(value, spec: Spec) -> StatusError:
    return invalid(
        f"JSON Value: {shown(value)} Type: {kind_of(value)} "
        f"is not of expected type: {spec.type_name}"
    )


def _lossy(value, spec: Spec) -> StatusError:
    shown_value = shown(value) if not isinstance(value, float) or math.isfinite(value) else value
    return invalid(
        f"Cannot convert JSON value: {shown_value} to {spec.type_name} without loss of precision."
    )

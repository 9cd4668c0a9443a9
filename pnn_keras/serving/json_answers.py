"""Answers over REST: arrays as JSON, in row or column form."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

import numpy as np
import orjson

from pnn_keras.serving.signature import type_name
from pnn_keras.serving.status import invalid

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def write_predictions(outputs: Mapping[str, np.ndarray], row: bool) -> bytes:
    """A predict answer: ``predictions`` in row form, ``outputs`` in column form.

    The name of an only output is left out. Strings of outputs whose name ends in
    ``_bytes`` become ``{"b64": ...}``. Whole floats end in ``.0``; a float has
    the digits that tell it from its neighbours, no more.

    Args:
        outputs: arrays by name.
        row: whether the request had the row form.

    Returns:
        The JSON text.

    Raises:
        StatusError: INVALID_ARGUMENT; an output has no rows in row form, another
            number of rows, or a type that JSON cannot hold.

    Example:

    >>> write_predictions({"y": np.array([1, 0.1], "float32")}, row=True)
    b'{"predictions":[1.0,0.1]}'
    >>> write_predictions({"y": np.array([np.nan, -np.inf])}, row=False)
    b'{"outputs":[NaN,-Infinity]}'
    """
    if row:
        _check_rows(outputs)
    values = {name: _value(name, array) for name, array in outputs.items()}
    if len(values) == 1:
        (content,) = values.values()
    elif row:
        content = [
            dict(zip(values, cells, strict=True)) for cells in zip(*values.values(), strict=True)
        ]
    else:
        content = values
    answer = {"predictions" if row else "outputs": content}
    if all(_is_finite(array) for array in outputs.values()):
        return orjson.dumps(answer, option=_OPTIONS)
    return write_json(answer)


def write_json(content) -> bytes:
    """JSON with NaN, Infinity and -Infinity as tokens, which orjson would write as null.

    Example:

    >>> write_json({"x": np.array([0.1, np.nan], "float32")})
    b'{"x":[0.1,NaN]}'
    """
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, default=_listed)
    return text.encode("utf-8", "replace")


def write_error(message: str) -> bytes:
    r"""An error: ``{"error": "..."}``.

    Example:

    >>> write_error('no "x"')
    b'{"error":"no \\"x\\""}'
    """
    return orjson.dumps({"error": message.encode("utf-8", "replace").decode()})


def _check_rows(outputs: Mapping[str, np.ndarray]) -> None:
    rows = None
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if rows is not None and len(array) != rows:
            raise invalid(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {rows}"
            )
        rows = len(array)


def _value(name: str, array: np.ndarray):
    """An output as something that both JSON writers know."""
    kind = array.dtype.kind
    if kind == "O":
        texts = _bytes if name.endswith("_bytes") else _texts
        return _nested(texts(array.ravel().tolist()), array.shape)
    if array.dtype.name in ("float16", "bfloat16"):
        return np.ascontiguousarray(array.astype(np.float32))
    if kind not in "biuf":
        raise invalid(f"Failed to write JSON value for tensor type: {type_name(array.dtype)}")
    return np.ascontiguousarray(array) if array.ndim else array[()]


def _texts(values: list) -> list[str]:
    return [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in values
    ]


def _bytes(values: list) -> list[dict]:
    return [{"b64": base64.b64encode(value).decode()} for value in values]


def _nested(flat: list, shape: tuple[int, ...]):
    """A flat list as lists of lists."""
    if not shape:
        return flat[0]
    for size in reversed(shape[1:]):
        if size == 0:
            return np.empty(shape, object).tolist()
        flat = [flat[start : start + size] for start in range(0, len(flat), size)]
    return flat


def _is_finite(array: np.ndarray) -> bool:
    return array.dtype.kind in "biuO" or bool(np.isfinite(array.astype(np.float64)).all())


def _listed(array):
    """An array, or a number of one, for the writer that knows lists alone."""
    if array.dtype == np.float32:
        # Through text, or a float of 32 bits would show the digits of one of 64.
        return np.asarray(array).astype("U").astype(np.float64).tolist()
    return array.tolist()

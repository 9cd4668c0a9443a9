"""The body of a predict request over REST: row form, column form, bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

import numpy as np
import orjson

from pnn_keras.serving.json_values import is_base64, shown, to_array
from pnn_keras.serving.signature import DEFAULT, Signature, Spec
from pnn_keras.serving.status import StatusError, invalid


@dataclasses.dataclass(frozen=True)
class Body:
    """A predict request as it came; its form is checked once its signature is known.

    Attributes:
        signature_name: the signature that it names; empty for the default.
        content: the whole JSON object.
    """

    signature_name: str
    content: dict

    @property
    def row(self) -> bool:
        """Whether it has the row form, ``instances``."""
        return "instances" in self.content

    def arrays(self, signature: Signature) -> dict[str, np.ndarray]:
        """The inputs, each with the batch as its first dimension in row form.

        Raises:
            StatusError: INVALID_ARGUMENT, in TensorFlow Serving's words.
        """
        if not signature.inputs:
            name = self.signature_name or "DEFAULT"
            raise invalid(f"Failed to get input map for signature: {name}")
        _check_form(self.content)
        if self.row:
            return _from_rows(self.content["instances"], signature.inputs)
        return _from_columns(self.content["inputs"], signature.inputs)


def parse_json(body: bytes) -> dict:
    """A body's JSON object; NaN, Infinity and -Infinity are numbers.

    Raises:
        StatusError: INVALID_ARGUMENT; it is no JSON, or no object.

    Example:

    >>> parse_json(b'{"a": [1, NaN]}')
    {'a': [1, nan]}
    >>> parse_json(b"[1]")
    Traceback (most recent call last):
        ...
    pnn_keras.serving.status.StatusError: JSON Value: [1] Is not object
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        content = _parse_with_constants(body, error)
    if type(content) is not dict:
        raise invalid(f"JSON Value: {shown(content)} Is not object")
    return content


def _parse_with_constants(body: bytes, error: orjson.JSONDecodeError):
    """What orjson refuses and TensorFlow Serving takes: NaN and Infinity."""
    refusal = invalid(f"JSON Parse error: {error.msg} at offset: {error.pos}")
    if b"NaN" not in body and b"Infinity" not in body:
        raise refusal from error
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise refusal from error


def parse_predict(body: bytes) -> Body:
    """The body of a predict request, of which only the signature's name is looked at.

    As in TensorFlow Serving, an unknown model or signature is told first, and a
    missing key of the body only then.

    Raises:
        StatusError: INVALID_ARGUMENT, in TensorFlow Serving's words.

    Example:

    >>> parse_predict(b'{"signature_name": "audio", "instances": [1.0]}').signature_name
    'audio'
    >>> parse_predict(b'{"inputs": [1.0]}').row
    False
    """
    content = parse_json(body)
    return Body(signature_name(content), content)


def _check_form(content: dict) -> None:
    """Refuses a body that has neither the row form nor the column form, or both."""
    row, column = "instances" in content, "inputs" in content
    if row and column:
        raise invalid(
            f"JSON Value: {shown(content)} Not formatted correctly expecting only one of "
            "'inputs' or 'instances' keys to exist "
        )
    if not row and not column:
        raise invalid("Missing 'inputs' or 'instances' key")
    if row and type(content["instances"]) is not list:
        raise invalid(f"JSON Value: {shown(content)} Excepting 'instances' to be an list/array")
    if row and not content["instances"]:
        raise invalid(f"JSON Value: {shown(content)} No values in 'instances' array")


def signature_name(content: dict) -> str:
    """The signature that a request names, or an empty text.

    Raises:
        StatusError: INVALID_ARGUMENT; it is no text.
    """
    name = content.get("signature_name", "")
    if type(name) is not str:
        raise invalid(
            f"JSON Value: {shown(content)} not formatted correctly. "
            "'signature_name' key must be a string value."
        )
    return name


def find_signature(signatures: Mapping[str, Signature], name: str) -> Signature:
    """The signature of this name, as REST words its absence.

    Raises:
        StatusError: INVALID_ARGUMENT; there is none.
    """
    name = name or DEFAULT
    if name not in signatures:
        raise invalid(f'Serving signature name: "{name}" not found in signature def')
    return signatures[name]


def _from_columns(value, specs: Mapping[str, Spec]) -> dict[str, np.ndarray]:
    if type(value) is not dict or is_base64(value):
        if len(specs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        return {name: to_array(value, spec) for name, spec in specs.items()}
    for name in specs:
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: to_array(value[name], spec) for name, spec in specs.items()}


def _from_rows(rows: list, specs: Mapping[str, Spec]) -> dict[str, np.ndarray]:
    if type(rows[0]) is not dict and len(specs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    named = _is_object(rows[0])
    columns = _named_columns(rows, specs) if named else _plain_column(rows, specs)
    return {
        name: _stacked(columns[name], spec, f" key: {name}" if named else "")
        for name, spec in specs.items()
    }


def _is_object(value) -> bool:
    return type(value) is dict and not is_base64(value)


def _named_columns(rows: list, specs: Mapping[str, Spec]) -> dict[str, list]:
    for index, row in enumerate(rows):
        if not _is_object(row):
            raise invalid(f"Expecting object but got list at item {index} of input list")
        if row.keys() == specs.keys():
            continue
        for name in row:
            if name not in specs:
                raise invalid(
                    f"Failed to process element: {index} key: {name} of 'instances' list. Error: "
                    f"INVALID_ARGUMENT: JSON object: does not have named input: {name}"
                )
        raise invalid(
            f"Failed to process element: {index} of 'instances' list. JSON object: "
            f"{shown(row)} keys must be equal to: {','.join(specs)}"
        )
    return {name: [row[name] for row in rows] for name in specs}


def _plain_column(rows: list, specs: Mapping[str, Spec]) -> dict[str, list]:
    for index, row in enumerate(rows):
        if _is_object(row):
            raise invalid(f"Expecting value/list but got object at item {index} of input list")
    return {name: rows for name in specs}


def _stacked(values: list, spec: Spec, key: str) -> np.ndarray:
    """One input's values, one of each row, as an array; an error names the row."""
    try:
        return to_array(values, spec)
    except StatusError as error:
        first = None
        for index, value in enumerate(values):
            try:
                array = to_array(value, spec)
                first = array if first is None else first
                _check_alike(first, array)
            except StatusError as cause:
                raise StatusError(
                    cause.code,
                    f"Failed to process element: {index}{key} of 'instances' list. "
                    f"Error: {cause.code.name}: {cause.message}",
                ) from error
        raise


def _check_alike(first: np.ndarray, array: np.ndarray) -> None:
    if array.size != first.size:
        raise invalid(f"Expecting tensor size: {first.size} but got: {array.size}")
    if array.shape != first.shape:
        raise invalid(f"Expecting shape {_shape(first)} but got: {_shape(array)}")


def _shape(array: np.ndarray) -> str:
    return f"[{','.join(map(str, array.shape))}]"

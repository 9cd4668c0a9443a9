"""What a server says of its models, in the same words over REST and gRPC."""

from __future__ import annotations

from collections.abc import Mapping

#: TensorFlow's own initialisation, which is listed among the signatures and answers nothing.
_INITIALISATION = "__saved_model_init_op"


def read_metadata(answer: Mapping) -> dict:
    """Reads the metadata of a model, in the JSON form of its protocol buffer.

    Args:
        answer: what ``GET /v1/models/NAME/metadata`` gives.

    Returns:
        ``name``, ``version``, and ``signatures``: for each its ``inputs`` and
        ``outputs``, by name, with ``dtype`` and ``shape`` (-1: any length; None:
        any number of axes).

    Raises:
        KeyError, TypeError, ValueError: ``answer`` is something else.

    Example:
        >>> tensor = {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1"}]}}
        >>> definition = {"serving_default": {"inputs": {"x": tensor}, "outputs": {}}}
        >>> read_metadata(
        ...     {
        ...         "model_spec": {"name": "m", "version": "3"},
        ...         "metadata": {"signature_def": {"signature_def": definition}},
        ...     }
        ... )
        {'name': 'm', 'version': 3, 'signatures':
        {'serving_default': {'inputs': {'x': {'dtype': 'float32', 'shape': [-1]}}, 'outputs': {}}}}
    """
    spec = answer["model_spec"]
    definitions = answer["metadata"]["signature_def"]["signature_def"]
    return {
        "name": spec["name"],
        "version": int(spec["version"]),
        "signatures": {
            name: {side: _tensors(definition.get(side, {})) for side in ("inputs", "outputs")}
            for name, definition in sorted(definitions.items())
            if name != _INITIALISATION
        },
    }


def _tensors(tensors: Mapping) -> dict:
    return {
        name: {"dtype": _dtype(tensor["dtype"]), "shape": _shape(tensor.get("tensor_shape", {}))}
        for name, tensor in sorted(tensors.items())
    }


def _dtype(name: str) -> str:
    """A type's usual name: ``DT_FLOAT`` is ``float32``."""
    usual = {"float": "float32", "double": "float64"}
    short = name.removeprefix("DT_").lower()
    return usual.get(short, short)


def _shape(shape: Mapping) -> list[int] | None:
    if shape.get("unknown_rank"):
        return None
    return [int(axis.get("size", 0)) for axis in shape.get("dim", [])]


def read_status(answer: Mapping) -> list[dict]:
    """Reads which versions of a model there are, in the JSON form of its protocol buffer.

    Args:
        answer: what ``GET /v1/models/NAME`` gives.

    Returns:
        For each version its number, ``version``, its ``state`` (``START``,
        ``LOADING``, ``AVAILABLE``, ``UNLOADING`` or ``END``), and its ``error``,
        which is empty if there is none. The newest version comes first.

    Raises:
        KeyError, TypeError, ValueError: ``answer`` is something else.

    Example:
        >>> status = {"error_code": "OK", "error_message": ""}
        >>> version = {"version": "1", "state": "AVAILABLE", "status": status}
        >>> read_status({"model_version_status": [version]})
        [{'version': 1, 'state': 'AVAILABLE', 'error': ''}]
    """
    versions = [
        {
            "version": int(status["version"]),
            "state": status["state"],
            "error": status.get("status", {}).get("error_message", ""),
        }
        for status in answer["model_version_status"]
    ]
    return sorted(versions, key=lambda status: -status["version"])

"""What lies in a folder of exported models, read without loading a model."""

from __future__ import annotations

import os
from pathlib import Path

from pnn_keras.errors import UserError

_GRAPH = "saved_model.pb"


def complete_versions(model: str | os.PathLike) -> list[int]:
    """The versions of an exported model, in order.

    Args:
        model: its folder, which holds a folder a version.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as model:
    ...     for version in ("10", "9", "notes"):
    ...         Path(model, version).mkdir()
    ...         _ = Path(model, version, "saved_model.pb").write_bytes(b"")
    ...     Path(model, "11").mkdir()  # not a model yet
    ...     complete_versions(model)
    [9, 10]
    """
    model = Path(model)
    if not model.is_dir():
        return []
    names = (path.name for path in model.iterdir() if (path / _GRAPH).is_file())
    return sorted(int(name) for name in names if name.isascii() and name.isdecimal())


def read_inputs(version: str | os.PathLike) -> dict[str, dict[str, tuple[int, ...]]]:
    """The shape of each input of each signature of a SavedModel; -1 is any length.

    Args:
        version: the folder of one version.

    Raises:
        UserError: it is no SavedModel that TensorFlow Serving would load.

    Example:

    >>> read_inputs("/no/such/folder")
    Traceback (most recent call last):
        ...
    pnn_keras.errors.UserError: /no/such/folder/saved_model.pb is not a SavedModel's graph...
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    path = Path(version) / _GRAPH
    try:
        graphs = saved_model_pb2.SavedModel.FromString(path.read_bytes()).meta_graphs
        (served,) = [graph for graph in graphs if "serve" in graph.meta_info_def.tags]
    except (OSError, DecodeError, ValueError) as error:
        raise UserError(
            f"{path} is not a SavedModel's graph for serving. Export the model again"
        ) from error
    return {
        name: {
            key: tuple(size.size for size in tensor.tensor_shape.dim)
            for key, tensor in signature.inputs.items()
        }
        for name, signature in served.signature_def.items()
    }

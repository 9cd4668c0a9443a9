"""A version of a model: a SavedModel loaded, warmed and ready to answer."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.serving import signature as signatures
from pnn_keras.serving.signature import Signature
from pnn_keras.serving.status import Code, StatusError, as_status, invalid


class Servable:
    """One loaded version of a model.

    The SavedModel runs in a session, as in TensorFlow Serving itself: any
    SavedModel loads, of TensorFlow 1 or 2, only the outputs that are asked for
    are computed, and closing gives the memory back. Sessions may run in several
    threads at a time.

    Args:
        name: the model's name.
        version: its number.
        folder: the version's folder, which holds ``saved_model.pb``.

    Raises:
        StatusError: it does not load.

    Attributes:
        name: the model's name.
        version: its number.
        signature_defs: the SignatureDef of each signature, by name.
        signatures: the same, ready to check requests against.
    """

    def __init__(self, name: str, version: int, folder: str | os.PathLike):
        import tensorflow as tf

        self.name, self.version = name, version
        if not any((Path(folder) / f"saved_model.{end}").is_file() for end in ("pb", "pbtxt")):
            raise StatusError(
                Code.NOT_FOUND,
                "Could not find SavedModel .pb or .pbtxt at supplied export directory path: "
                f"{folder}. Check that the directory exists and that you have the right "
                "permissions for accessing it.",
            )
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        try:
            with graph.as_default():
                meta = tf.compat.v1.saved_model.load(self._session, ["serve"], str(folder))
            self.signature_defs = dict(meta.signature_def)
            self.signatures = signatures.read_signatures(meta)
        except Exception as error:
            self._session.close()
            raise _unloadable(error, folder) from error

    def run(
        self, signature: Signature, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """The outputs of a signature.

        Args:
            signature: one of this version's.
            inputs: arrays by name, as :meth:`Signature.checked` gives them.
            outputs: names of the outputs to compute.

        Returns:
            Arrays by name; strings as objects that are bytes.

        Raises:
            StatusError: the graph refused, with TensorFlow's own code and words.
        """
        fetches = [signature.outputs[name].tensor for name in outputs]
        feeds = {signature.inputs[name].tensor: array for name, array in inputs.items()}
        return dict(zip(outputs, self._fetch(fetches, feeds), strict=True))

    def fetch(self, tensors: Sequence[str], feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Tensors of the graph by their own names, for several signatures in one run."""
        return self._fetch(list(tensors), feeds)

    def _fetch(self, fetches: list[str], feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        try:
            return [_plain(value) for value in self._session.run(fetches, feeds)]
        except (ValueError, TypeError) as error:
            raise invalid(str(error)) from error
        except Exception as error:
            raise as_status(error) from error

    def close(self) -> None:
        """Gives the memory back; nothing may run any more."""
        session, self._session = self._session, None
        session.close()
        del session
        # A graph refers to itself, and Python looks for such things too seldom to keep the memory
        # of a server flat that swaps versions.
        gc.collect()


def _plain(value) -> np.ndarray:
    """An array even of a scalar, which a session gives as a bare value."""
    return np.asarray(value, object) if isinstance(value, bytes) else np.asarray(value)


def _unloadable(error: Exception, folder) -> StatusError:
    status = as_status(error)
    if status.code is Code.INTERNAL:
        # Half a file is no fault of the program's: what a parser says of it.
        return StatusError(Code.DATA_LOSS, f"Cannot load the SavedModel {folder}: {error}")
    return status

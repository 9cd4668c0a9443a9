"""Chains from what was saved: a preset folder, or a file of Keras."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pnn_keras.allowed import check_config
from pnn_keras.errors import PresetError
from pnn_keras.preset import WEIGHTS, Preset, read_preset
from pnn_keras.weights_file import check_fits, check_weights_file

if TYPE_CHECKING:
    from pnn_keras.chain import Chain

_UNBUILDABLE = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OSError,
    RecursionError,
    MemoryError,
)
_KERAS_CONFIG = "config.json"


def _unbuildable() -> tuple[type[Exception], ...]:
    """What building a chain of values that make no sense may end with, TensorFlow's included."""
    tensorflow = sys.modules.get("tensorflow")
    return _UNBUILDABLE if tensorflow is None else (*_UNBUILDABLE, tensorflow.errors.OpError)


def load_preset(folder: str | os.PathLike) -> Chain:
    """Makes a chain of a preset folder.

    Raises:
        PresetError: see :func:`pnn_keras.preset.read_preset`; or the weights do
            not fit the architecture.

    Example:

    >>> import tempfile
    >>> from pnn_keras import Chain, Task
    >>> chain = Chain()
    >>> column = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     chain.save_to_preset(Path(parent) / "gender", {"title": "Hears gender"})
    ...     load_preset(Path(parent) / "gender").metadata
    {'title': 'Hears gender'}
    """
    return make_chain(read_preset(folder))


def load_keras(path: str | os.PathLike) -> Chain:
    """Loads a chain from a ``.keras`` file that ``chain.save`` wrote.

    Raises:
        PresetError: it is damaged, holds no chain, or names a class that is
            not allowed.
    """
    import keras

    from pnn_keras.chain import Chain

    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(_member(archive, _KERAS_CONFIG))
            weights = _member(archive, WEIGHTS) if WEIGHTS in archive.namelist() else None
    except (OSError, ValueError, KeyError, RecursionError, zipfile.BadZipFile) as error:
        raise PresetError(f"{path} is no readable .keras file: {error}") from error
    if not isinstance(config, Mapping) or config.get("class_name") != "Chain":
        raise PresetError(
            f"{path} holds no chain. Load it with keras.saving.load_model, or make it a source "
            "column with pnn_keras.foreign_column.ForeignColumn"
        )
    try:
        # What it was compiled with is not loaded, so it may be anything.
        check_config({key: value for key, value in config.items() if key != "compile_config"})
    except RecursionError as error:
        raise PresetError(f"{path} is nested too deeply. Save it again") from error
    if weights is None:
        raise PresetError(f"{path} is damaged: it lacks {WEIGHTS}. Save it again")
    check_weights_file(io.BytesIO(weights), f"{WEIGHTS} of {path}")
    check_fits(config, len(weights), path)
    try:
        chain = keras.saving.load_model(path, compile=False, safe_mode=True)
    except _unbuildable() as error:
        raise PresetError(f"{path} is damaged: {_first_line(error)}. Save it again") from error
    if not isinstance(chain, Chain):
        raise PresetError(f"{path} holds no chain")
    return chain


def make_chain(preset: Preset) -> Chain:
    """The chain of a preset that was read and found whole.

    Raises:
        PresetError: the weights do not fit the architecture, or the installed
            Keras cannot build it.
    """
    import keras

    from pnn_keras.chain import Chain

    by = ", ".join(f"{name} {version}" for name, version in preset.versions.items())
    try:
        # Chain.from_config is named here, so that the file cannot choose another.
        chain = Chain.from_config({**preset.config["config"], "metadata": preset.metadata})
        chain.load_weights(preset.weights)
    except _unbuildable() as error:
        raise PresetError(
            f"{preset.folder} cannot be made into a chain by Keras {keras.__version__}: "
            f"{_first_line(error)}. It was written by {by or 'unknown versions'}. "
            "Install these, copy the folder again, or train it again"
        ) from error
    return chain


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file in a ``.keras`` file, which keeps its files as they are and not packed."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is packed in it, which Keras does not do")
    return archive.read(info)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

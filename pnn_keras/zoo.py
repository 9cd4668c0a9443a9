"""Trained chains by name: what the zoo holds, and loading from wherever one lies."""

from __future__ import annotations

import difflib
import importlib.resources
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pnn_keras.allowed import check_config
from pnn_keras.errors import PresetError, UserError
from pnn_keras.preset import CARD, CONFIG, WEIGHTS, Preset, read_preset
from pnn_keras.weights_file import check_fits, check_weights_file

if TYPE_CHECKING:
    from pnn_keras.chain import Chain

# What building a chain of values that make no sense may end with.
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
_REMOTE = ("http://", "https://", "hf://")


def list_presets() -> list[str]:
    """The names of the presets that ship with the package, sorted.

    Example:

    >>> isinstance(list_presets(), list)
    True
    """
    folder = _zoo_folder()
    if not folder.is_dir():
        return []
    return sorted(path.parent.name for path in folder.glob(f"*/{CONFIG}"))


def load(model: str | os.PathLike) -> Chain:
    """Loads a trained chain.

    Args:
        model: the name of a preset in the zoo, the path of a preset folder, or
            the path of a ``.keras`` file that holds a chain. A folder that
            bears the name of a preset is loaded as ``./NAME``.

    Returns:
        The chain, with what is recorded about it as ``chain.metadata``.

    Raises:
        PresetError: there is no such model, or it is damaged, not to be
            trusted or of a newer format; the message says what to do.
        UserError: the model lies somewhere that this version cannot reach.

    Example:

    >>> load("no-such-preset")
    Traceback (most recent call last):
        ...
    pnn_keras.errors.PresetError: There is no preset 'no-such-preset' in the zoo...
    """
    path = find(model)
    return load_keras(path) if path.suffix == ".keras" else load_preset(path)


def find(model: str | os.PathLike) -> Path:
    """Where a model lies: a preset folder or a ``.keras`` file.

    Args:
        model: as in :func:`load`.

    Raises:
        PresetError: there is none of that name or path.
        UserError: the model lies somewhere that this version cannot reach.
    """
    text = os.fspath(model)
    if text.startswith(_REMOTE):
        raise UserError(
            f"This version loads from this machine only. Received: {text}. "
            "Download the preset's folder and pass its path. A model is the name of a preset "
            "in the zoo, the path of a preset folder or of a .keras file"
        )
    names = list_presets()
    if isinstance(model, str) and text in names:
        return _zoo_folder() / text
    path = Path(text)
    if path.is_dir() or (path.suffix == ".keras" and path.is_file()):
        return path
    if path.is_file():
        raise PresetError(
            f"{path} is neither a preset folder nor a .keras file. "
            "Give the folder that holds config.json"
        )
    if len(path.parts) > 1 or text.startswith(".") or path.suffix == ".keras":
        raise PresetError(f"There is nothing at {path}. Give a preset folder or a .keras file")
    raise PresetError(_unknown(text, names))


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
    return _make_chain(read_preset(folder))


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
            "column with pnn_keras.column.ForeignColumn"
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
    except _UNBUILDABLE as error:
        raise PresetError(f"{path} is damaged: {_first_line(error)}. Save it again") from error
    if not isinstance(chain, Chain):
        raise PresetError(f"{path} holds no chain")
    return chain


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file in a ``.keras`` file, which keeps its files as they are and not packed."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is packed in it, which Keras does not do")
    return archive.read(info)


def verify(model: str | os.PathLike) -> dict:
    """Checks that a preset is whole, loads and answers.

    Args:
        model: the name of a preset in the zoo, or a preset folder.

    Returns:
        ``name``, ``folder``, ``sha256`` of the weights, ``bytes`` of the weights,
        ``parameters``, the ``tasks`` with their classes, and the ``versions``
        that wrote it.

    Raises:
        PresetError: something is missing, damaged, or its answers are no
            probabilities.
    """
    import numpy as np

    preset = read_preset(find(model))
    if not (preset.folder / CARD).is_file():
        raise PresetError(f"{preset.folder} lacks its card, {CARD}. Copy the whole folder again")
    chain = _make_chain(preset)
    rows = {name: np.zeros((1, size), "float32") for name, size in chain.dimensions.items()}
    for task, probabilities in chain(rows).items():
        values = np.asarray(probabilities)
        if not (np.isfinite(values).all() and np.allclose(values.sum(axis=-1), 1, atol=1e-5)):
            raise PresetError(
                f"{preset.folder} answers {task} with {values[0].tolist()}, which are no "
                "probabilities. Train it again"
            )
    return {
        "name": preset.folder.resolve().name,
        "folder": str(preset.folder),
        "sha256": preset.sha256,
        "bytes": preset.weights.stat().st_size,
        "parameters": chain.count_params(),
        "tasks": {task.name: list(task.classes) for task in chain.tasks},
        "versions": dict(preset.versions),
    }


def _make_chain(preset: Preset) -> Chain:
    """The chain of a preset that was read and found whole."""
    import keras

    from pnn_keras.chain import Chain

    by = ", ".join(f"{name} {version}" for name, version in preset.versions.items())
    try:
        # Chain.from_config is named here, so that the file cannot choose another.
        chain = Chain.from_config({**preset.config["config"], "metadata": preset.metadata})
        chain.load_weights(preset.weights)
    except _UNBUILDABLE as error:
        raise PresetError(
            f"{preset.folder} cannot be made into a chain by Keras {keras.__version__}: "
            f"{_first_line(error)}. It was written by {by or 'unknown versions'}. "
            "Install these, copy the folder again, or train it again"
        ) from error
    return chain


def _zoo_folder() -> Path:
    """The folder of the presets: installed, or beside the package in a checkout."""
    try:
        return Path(str(importlib.resources.files("pnn_keras_zoo")))
    except ModuleNotFoundError:
        return Path(__file__).parent.parent / "zoo"


def _unknown(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=3)
    meant = f" Did you mean {' or '.join(close)}?" if close else ""
    return (
        f"There is no preset {name!r} in the zoo.{meant} "
        f"The zoo holds: {', '.join(names) or 'nothing'}. "
        "A preset folder or a .keras file is given by its path"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

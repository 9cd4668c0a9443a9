"""The preset format: one trained chain as a folder that loads without running anyone's code.

A preset holds ``config.json`` (format, architecture, digest of the weights),
``metadata.json`` (scores and provenance), ``model.weights.h5`` and ``README.md``
(the card, with the pictures that it shows). :func:`pnn_keras.loading.load_preset`
makes a chain of it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pnn_keras.allowed import check_config, visible
from pnn_keras.card import write_card
from pnn_keras.errors import PresetError, UserError
from pnn_keras.folder import whole_folder
from pnn_keras.weights_file import check_fits, check_weights_file

#: Version of the format that this package writes; it reads this one and older ones. In 2 a column
#: may have a temperature.
FORMAT = 2

CONFIG, METADATA, WEIGHTS, CARD = "config.json", "metadata.json", "model.weights.h5", "README.md"

#: The files of a preset, and those that it cannot be loaded without.
FILES = (CONFIG, METADATA, WEIGHTS, CARD)
NEEDED = (CONFIG, METADATA, WEIGHTS)

# Of a file of JSON: a hundred thousand recordings that were heard take a tenth of it.
_MOST_JSON = 64 * 2**20

_MEND = "Copy the whole folder again from where it came, or train it again"


@dataclasses.dataclass(frozen=True)
class Preset:
    """A preset folder that was read and found whole, before a chain is made of it.

    Args:
        folder: where it lies.
        config: the chain's configuration, as Keras serialises objects.
        metadata: scores and provenance.
        sha256: digest of the weights file, 64 hex digits.
        versions: versions of the packages that wrote it, by name.
    """

    folder: Path
    config: Mapping
    metadata: Mapping
    sha256: str
    versions: Mapping[str, str]

    @property
    def weights(self) -> Path:
        """The weights file."""
        return self.folder / WEIGHTS


def save_preset(
    chain,
    folder: str | os.PathLike,
    metadata: Mapping | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Writes a chain as a preset folder, complete or not at all.

    Args:
        chain: the chain; its own ``metadata`` is kept where ``metadata`` does
            not say otherwise.
        folder: the folder to make.
        metadata: what is known about the chain: anything JSON-able. NumPy
            numbers become numbers, NaN becomes null.
        overwrite: whether to replace an existing preset.

    Returns:
        The folder.

    Raises:
        UserError: ``folder`` exists, or the metadata are not JSON-able.
        PresetError: a column is made of something that a preset cannot hold.
        PnnKerasError: the disk refused (full, no permission, ...).

    Example:

    >>> import tempfile
    >>> from pnn_keras import Chain, Task
    >>> chain = Chain()
    >>> column = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     folder = save_preset(chain, Path(parent) / "gender")
    ...     sorted(path.name for path in folder.iterdir())
    ['README.md', 'config.json', 'metadata.json', 'model.weights.h5']
    """
    final = Path(folder)
    if overwrite and final.is_dir() and any(final.iterdir()) and not (final / CONFIG).is_file():
        raise UserError(f"{final} is no preset, so it is not replaced. Choose another folder")
    metadata = plain({**chain.metadata, **(metadata or {})})
    config = _chain_config(chain)
    with whole_folder(final, overwrite) as part:
        _save_weights(chain, part / WEIGHTS)
        described = {
            "format": FORMAT,
            "versions": installed_versions(),
            "weights": {
                "sha256": sha256_of(part / WEIGHTS),
                "bytes": (part / WEIGHTS).stat().st_size,
            },
            "chain": config,
        }
        _write_json(part / CONFIG, described)
        _write_json(part / METADATA, metadata)
        write_card(chain, metadata, part, final.name)
    return final


def read_preset(folder: str | os.PathLike) -> Preset:
    """Reads a preset folder and checks that it is whole and may be loaded.

    Nothing that its files name is imported, and TensorFlow is not needed.

    Raises:
        PresetError: there is none, a file is missing or damaged, the weights
            are not those that were saved, lie in other files or are fewer than
            the architecture has, the format is newer than this package, or the
            configuration names a class that is not allowed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise PresetError(f"There is no preset folder {folder}")
    described = _read_json(folder / CONFIG)
    _check_format(folder, described)
    try:
        config, sha256 = described["chain"], described["weights"]["sha256"]
        is_chain = config["class_name"] == "Chain"
    except (KeyError, TypeError) as error:
        raise PresetError(f"{folder / CONFIG} describes no chain. {_MEND}") from error
    if not is_chain:
        raise PresetError(f"{folder / CONFIG} describes no chain. {_MEND}")
    try:
        check_config(config)
        metadata = _visible(_read_json(folder / METADATA))
    except RecursionError as error:
        raise PresetError(f"{folder} is nested too deeply. {_MEND}") from error
    _check_weights(folder / WEIGHTS, sha256)
    check_fits(config, (folder / WEIGHTS).stat().st_size, folder / CONFIG)
    return Preset(folder, config, metadata, sha256, described.get("versions", {}))


def plain(value):
    """A value as JSON holds it: NumPy numbers as numbers, tuples as lists, NaN as None.

    Raises:
        UserError: it cannot be written as JSON.

    Example:

    >>> plain({"uar": np.float64(0.5), "recalls": (np.nan, 1.0)})
    {'uar': 0.5, 'recalls': [None, 1.0]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [
            plain(item)
            for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)
        ]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise UserError(
        f"Metadata hold text, numbers, lists and dictionaries. Received: {type(value).__name__}"
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def installed_versions() -> dict[str, str]:
    """Versions of this package and of those that its weights depend on, by name."""
    versions = {}
    for name in ("pnn-keras", "keras", "tensorflow", "numpy"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # run from a checkout, or on another of Keras' backends
    return versions


def _chain_config(chain) -> dict:
    """The architecture alone: no metadata, no optimiser or loss."""
    import keras

    config = plain(keras.saving.serialize_keras_object(chain))
    config.pop("compile_config", None)
    config["config"].pop("metadata", None)
    check_config(config)
    return config


def _save_weights(chain, path: Path) -> None:
    _check_room(chain, path)
    chain.save_weights(path)


def _check_room(chain, path: Path) -> None:
    """Raises OSError where the disk has no room for the weights.

    HDF5 may end the whole process when a disk fills up under it, so the room is
    taken first by plain writing. Its own tables take less than 4 KiB a weight.
    """
    size = 2**16 + sum(4096 + math.prod(weight.shape) * 8 for weight in chain.weights)
    with open(path, "wb") as file:
        for start in range(0, size, 2**20):
            file.write(bytes(min(2**20, size - start)))
        file.flush()
        os.fsync(file.fileno())  # some file systems find room only now
    path.unlink()


def _write_json(path: Path, value) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict:
    try:
        if path.stat().st_size > _MOST_JSON:
            raise ValueError(f"it is larger than {_MOST_JSON} bytes")
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PresetError(f"{path.parent} lacks {path.name}. {_MEND}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise PresetError(f"{path} is damaged: {error}. {_MEND}") from error
    if not isinstance(value, dict):
        raise PresetError(f"{path} is damaged: it holds no dictionary. {_MEND}")
    return value


def _visible(value):
    """Metadata as they may be shown: anybody may have written them."""
    if isinstance(value, dict):
        return {visible(key): _visible(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_visible(item) for item in value]
    return visible(value) if isinstance(value, str) else value


def _check_format(folder: Path, described: Mapping) -> None:
    version = described.get("format")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise PresetError(f"{folder / CONFIG} is of no known format: format={version!r}. {_MEND}")
    if version > FORMAT:
        raise PresetError(
            f"{folder} is of format {version}; this version of pnn-keras reads up to {FORMAT}. "
            "Install a newer one: pip install --upgrade pnn-keras"
        )


def _check_weights(path: Path, sha256: object) -> None:
    if not path.is_file():
        raise PresetError(f"{path.parent} lacks {path.name}. {_MEND}")
    found = sha256_of(path)
    if found != sha256:
        raise PresetError(
            f"{path} is not the file that was saved: its SHA-256 is {found}, "
            f"{CONFIG} says {sha256}. {_MEND}"
        )
    check_weights_file(path, path)

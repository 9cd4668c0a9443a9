"""A weights file that nobody vouches for: it must hold what it says, and nothing of elsewhere.

HDF5 files can point at other files (external links, external storage, virtual
datasets) and declare arrays far larger than themselves. Keras refuses some of
that where it meets it; here a whole file is judged before Keras opens it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from pnn_keras.errors import PresetError

#: A weights file may not hold more than this many groups and arrays.
MOST_OBJECTS = 100_000

# Numbers and truth values; bfloat16 is written as opaque values of two bytes.
_KINDS = "biuf"
_OPAQUE = ("|V2", "|V1")
# A weight takes at least this many bytes (half precision).
_LEAST_BYTES = 2


def check_weights_file(file: Path | IO[bytes], name: str | Path) -> None:
    """Refuses a weights file that reads others, or that is larger in memory than on disk.

    Args:
        file: the HDF5 file, or its bytes as an open file.
        name: what the error message calls it.

    Raises:
        PresetError: it is no HDF5 file, holds links other than plain ones,
            arrays that lie elsewhere or are not numbers, or arrays of more
            bytes than the file has.

    Example:

    >>> import io
    >>> check_weights_file(io.BytesIO(b"not HDF5"), "model.weights.h5")
    Traceback (most recent call last):
        ...
    pnn_keras.errors.PresetError: model.weights.h5 is no readable HDF5 file: ...
    """
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            whole = opened.id.get_filesize()
            declared = 0
            for dataset in _datasets(opened, name):
                declared += _declared(dataset, name)
                if declared > whole:
                    raise PresetError(
                        f"{name} is not to be trusted: its arrays are larger than the file "
                        f"({declared} of {whole} bytes at {dataset.name})"
                    )
    except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, PresetError):
            raise
        raise PresetError(f"{name} is no readable HDF5 file: {error}") from error


def check_fits(config: Mapping, size: int, name: str | Path) -> None:
    """Refuses an architecture with more weights than its file can hold, before it is built.

    The weights of columns are counted; of somebody's Keras model the width of
    each layer alone is looked at.

    Args:
        config: a chain, as Keras serialises it.
        size: of the weights file, in bytes.
        name: what the error message calls the architecture.

    Raises:
        PresetError: it describes more weights than that.
    """
    most = size // _LEAST_BYTES
    described = max(sum(_column_weights(config)), *_layer_widths(config), 0)
    if described > most:
        raise PresetError(
            f"{name} is not to be trusted: it describes {described} weights, and its weights "
            f"file of {size} bytes cannot hold them"
        )


def _datasets(opened, name: str | Path) -> Iterator:
    """All arrays of an HDF5 file, each once; nothing is followed out of it or in circles."""
    import h5py

    seen, waiting = set(), [opened]
    while waiting:
        group = waiting.pop()
        for key in group:
            place = f"{group.name.rstrip('/')}/{key}"
            if group.get(key, getclass=True, getlink=True) is not h5py.HardLink:
                raise PresetError(f"{name} is not to be trusted: {place} is a link")
            found = group[key]
            if found.id in seen:
                raise PresetError(f"{name} is not to be trusted: {place} has another name, too")
            if len(seen) >= MOST_OBJECTS:
                raise PresetError(f"{name} holds more than {MOST_OBJECTS} groups and arrays")
            seen.add(found.id)
            if isinstance(found, h5py.Group):
                waiting.append(found)
            elif isinstance(found, h5py.Dataset):
                yield found
            else:
                raise PresetError(f"{name} is not to be trusted: {place} is no array")


def _declared(dataset, name: str | Path) -> int:
    """The bytes of an array in memory, which are those that the file holds for it."""
    fault = None
    if dataset.external or dataset.is_virtual:
        fault = "lies in another file"
    elif dataset.dtype.kind not in _KINDS and dataset.dtype.str not in _OPAQUE:
        fault = f"holds no numbers but {dataset.dtype}"
    elif dataset.id.get_create_plist().get_nfilters():
        fault = "is compressed"
    elif dataset.nbytes > dataset.id.get_storage_size():
        fault = f"declares {dataset.nbytes} bytes and holds {dataset.id.get_storage_size()}"
    if fault is not None:
        raise PresetError(f"{name} is not to be trusted: the array {dataset.name} {fault}")
    return int(dataset.nbytes)


def _objects(config: object) -> Iterator[Mapping]:
    """Every object in a configuration, and in those inside it."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if "class_name" in value and isinstance(value.get("config"), Mapping):
                yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _column_weights(config: Mapping) -> Iterator[int]:
    """The number of weights of each column; of one that makes no sense, none."""
    for described in _objects(config):
        if described["class_name"] == "Column":
            try:
                yield _count(described["config"])
            except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError):
                continue  # building it fails on the same values, before a weight is made


def _count(column: Mapping) -> int:
    units = [int(width) for width in column.get("units", ())]
    widths = [*units, len(column["task"]["classes"])]
    below = [int(column["dimension"]), *units]
    total = 0
    for layer, (inputs, outputs) in enumerate(zip(below, widths, strict=True)):
        read = sum(_widths_read(column, layer))
        if column.get("lateral") == "adapter":
            projected = int(column.get("adapter_units") or inputs)
            total += inputs * outputs + (projected * (read + outputs) if read else 0)
        else:
            total += (inputs + read) * outputs
    return total * int(column.get("members") or 1)


def _widths_read(column: Mapping, layer: int) -> Iterator[int]:
    """The widths of the source layers that a layer reads."""
    for source, widths in (column.get("sources") or {}).items():
        wiring = (column.get("wiring") or {}).get(source)
        if wiring:
            read = wiring[layer]
        else:
            read = min(layer - 1, len(widths) - 1) if layer else None
        if read is not None:
            yield int(widths[read])


def _layer_widths(config: Mapping) -> Iterator[int]:
    """The widths of the layers of Keras: each has as many weights at least."""
    for described in _objects(config):
        for key in ("units", "filters", "input_dim", "output_dim"):
            width = described["config"].get(key)
            if isinstance(width, (int, float)) and math.isfinite(width):
                yield int(width)

"""What a search found: its result as arguments for training."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pnn_keras.errors import PresetError, UserError
from pnn_keras.search_space import Candidate
from pnn_keras.shape import READINGS
from pnn_keras.tuning.record import BEST, read_json


def load_tuned(folder: str | Path) -> dict:
    """What a finished search found, as arguments of :func:`pnn_keras.chain_training.train`.

    Args:
        folder: the ``out`` of :func:`pnn_keras.tuning.tune`, or a recipe of
            ``zoo/recipes/widths`` (TOML).

    Returns:
        ``units``, ``source_units`` and ``wiring`` by source, ``lateral``,
        ``adapter_units``, ``dropout`` and, which belongs into the settings,
        ``learning_rate``. A search of an earlier version found ``units`` alone.

    Raises:
        PresetError: there is no finished search, or its result is damaged.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "best.json").write_text('{"units": [128, 32]}')
    ...     load_tuned(folder)
    {'units': [128, 32]}
    """
    path = Path(folder)
    recipe = path.suffix == ".toml" and path.is_file()
    path = path if recipe else path / BEST
    if not path.is_file():
        raise PresetError(
            f"{folder} holds no finished search: {BEST} is missing. "
            f"Run `pnn-keras tune --out {folder}`; it resumes one that was interrupted"
        )
    best = _read_recipe(path) if recipe else read_json(path)
    units = best.get("units") if isinstance(best, dict) else None
    if not _are_widths(units):
        raise PresetError(
            f"{path} is to give positive widths under 'units'. Received: {units!r}. "
            "Run the search again"
        )
    if "learning_rate" not in best:
        return {"units": units}
    try:
        return _checked(best)
    except (UserError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise PresetError(
            f"{path} is damaged: {type(error).__name__}: {error}. Run the search again"
        ) from error


def _read_recipe(path: Path):
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PresetError(f"{path} cannot be read: {error}") from error
    return found.get("found")


def _checked(best: dict) -> dict:
    """The values of a result, or an error of some kind where they cannot be."""
    found = Candidate.from_config(best)
    found.shape()  # refuses readings that are unknown
    if not all(map(_are_widths, best["source_units"].values())):
        raise ValueError("source_units are positive widths")
    if not set(found.wiring.values()) <= set(READINGS):
        raise ValueError(f"wiring is of {', '.join(READINGS)}")
    if not (0 <= found.dropout < 1 and found.learning_rate > 0):
        raise ValueError("dropout is a share, learning_rate positive")
    return found.config()


def _are_widths(units) -> bool:
    return isinstance(units, list) and bool(units) and all(type(u) is int and u > 0 for u in units)

"""Features for a served model that takes no audio: extracted on the client's side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace

import numpy as np

from pnn_keras.errors import UserError

#: The only input of a model that hears one front-end.
ONLY_INPUT = "features"


def extract_inputs(
    inputs: Mapping[str, Mapping],
    frontend: str | Mapping[str, str],
    extract: Callable,
    count: int,
    strict: bool,
) -> tuple[dict[str, np.ndarray], dict[int, str]]:
    """What a served model takes in of recordings.

    Args:
        inputs: the inputs of the model's signature, see :meth:`Client.metadata`.
        frontend: what extracts the features; by input, if there are several.
        extract: extracts one front-end's features, see
            :func:`pnn_keras.prediction.hear`.
        count: number of recordings.
        strict: whether one recording that cannot be used ends the run.

    Returns:
        Features ``(recordings, dimension)`` by input, and why recordings cannot
        be used, by their number.

    Raises:
        AudioError, CorpusError: with ``strict``, a recording cannot be used.
        UserError: an input has no front-end, or one of another dimension.
    """
    from pnn_keras.prediction import hear

    specs = _by_input(inputs, frontend)
    # A table's path is not in what a front-end records of itself.
    tables = {
        name: spec.partition(":")[2]
        for name, spec in specs.items()
        if spec.startswith("embeddings:")
    }
    heard = SimpleNamespace(dimensions={}, frontends={})
    for name, spec in specs.items():
        heard.dimensions[name], heard.frontends[name] = _fitting(name, spec, inputs[name])
    return hear(heard, extract, count, tables=tables, strict=strict)


def _by_input(inputs: Mapping, frontend: str | Mapping[str, str]) -> dict[str, str]:
    if isinstance(frontend, str):
        if len(inputs) == 1:
            return dict.fromkeys(inputs, frontend)
        # Several inputs are named after their front-ends.
        frontend = {name: name for name in inputs if name != "embeddings"}
    missing = [name for name in inputs if name not in frontend]
    if missing:
        raise UserError(
            f"The model hears {', '.join(inputs)}. Say what extracts {', '.join(missing)}: "
            f"frontend={{{missing[0]!r}: 'embeddings:TABLE'}}"
        )
    return {name: frontend[name] for name in inputs}


def _fitting(name: str, spec: str, tensor: Mapping) -> tuple[int, dict]:
    """The dimension and the configuration of the front-end of one input."""
    from pnn_keras.frontends import create_frontend

    made = create_frontend(spec)
    dimension = (tensor["shape"] or [-1])[-1]
    if dimension not in (-1, made.dimension):
        of = "" if name == ONLY_INPUT else f" of {name}"
        raise UserError(
            f"The served model takes {dimension} features{of}. Received: {made.dimension} of "
            f"the front-end {spec}. Name the front-end that the model was trained with "
            "(frontend; --frontend on the command line)"
        )
    return made.dimension, made.config()


def check_features(arrays: Mapping[str, np.ndarray], inputs: Mapping[str, Mapping]) -> None:
    """Refuses features that a served model cannot take.

    Args:
        arrays: features ``(rows, dimension)`` by input.
        inputs: the inputs of the model's signature.

    Raises:
        UserError: the inputs, their dimensions or the numbers of rows are
            others, or a value is not finite.
    """
    if set(arrays) != set(inputs):
        raise UserError(
            f"The served model takes {', '.join(inputs)}. Received: {', '.join(arrays)}"
        )
    for name, array in arrays.items():
        shape = inputs[name]["shape"] or [-1, -1]
        fits = array.ndim == len(shape) and all(
            size in (-1, have) for size, have in zip(shape, array.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("rows" if i == 0 else str(n) for i, n in enumerate(shape))
            raise UserError(
                f"The served model takes {name} of shape ({wanted}). Received: {array.shape}"
            )
        if not np.isfinite(array).all():
            raise UserError(f"Features are finite numbers. Received: NaN or infinity in {name}")
    if len({len(array) for array in arrays.values()}) > 1:
        raise UserError("All features have the same number of rows")

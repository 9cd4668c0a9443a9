"""One joined batch: put together, computed, taken apart."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from pnn_keras.serving.config import Batching
from pnn_keras.serving.loading import Servable
from pnn_keras.serving.predicting import Question

#: How many bytes padding may add to a joined batch: one long row would stretch all the others.
MOST_PADDING = 64 * 2**20


@dataclasses.dataclass
class Job:
    """A request that waits for its batch.

    Attributes:
        question: what it asks.
        rows: the size of its inputs' first dimension.
        answer: where its outputs, or its error, go.
        since: when it came, on the event loop's clock.
    """

    question: Question
    rows: int
    answer: asyncio.Future
    since: float


def run_joined(
    servable: Servable, batch: Sequence[Job], settings: Batching
) -> list[dict[str, np.ndarray] | Exception]:
    """Computes jobs in one run of the graph, or one by one where that fails.

    One by one, too, where padding would add more than ``MOST_PADDING`` bytes.

    Args:
        servable: the version.
        batch: jobs of one signature, whose rows have one shape (or one rank,
            where inputs are padded).
        settings: allowed sizes, and whether inputs are padded.

    Returns:
        For each job its outputs, or what went wrong with it.
    """
    if settings.pad_inputs and _padding(batch) > MOST_PADDING:
        return [_alone(servable, job) for job in batch]
    try:
        size, outputs = _computed(servable, batch, settings)
        # Only what has a row for each row asked can be taken apart.
        if all(array.ndim and len(array) == size for array in outputs.values()):
            return _taken_apart(outputs, batch)
    except Exception as error:
        if len(batch) == 1:
            return [error]
    return [_alone(servable, job) for job in batch]


def _rows(batch: Sequence[Job]) -> int:
    return sum(job.rows for job in batch)


def _alone(servable: Servable, job: Job) -> dict[str, np.ndarray] | Exception:
    asked = job.question
    try:
        return servable.run(asked.signature, asked.inputs, asked.outputs)
    except Exception as error:
        return error


def _computed(servable: Servable, batch: Sequence[Job], settings: Batching):
    """How many rows were computed, padding included, and the outputs for them."""
    asked = batch[0].question
    rows = _rows(batch)
    size = next((size for size in settings.sizes if size >= rows), rows)
    inputs = {}
    for name in asked.inputs:
        arrays = [job.question.inputs[name] for job in batch]
        if settings.pad_inputs:
            arrays = _padded(arrays)
        if size > rows and rows:
            arrays.append(np.repeat(arrays[0][:1], size - rows, axis=0))
        inputs[name] = np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
    return size, servable.run(asked.signature, inputs, asked.outputs)


def _padding(batch: Sequence[Job]) -> int:
    """How many bytes padding would add to a joined batch."""
    added = 0
    for name in batch[0].question.inputs:
        arrays = [job.question.inputs[name] for job in batch]
        longest = np.max([array.shape[1:] for array in arrays], axis=0, initial=0)
        row = math.prod(map(int, longest)) * arrays[0].itemsize
        added += sum(len(array) * row - array.nbytes for array in arrays)
    return added


def _padded(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Rows of different shape as long as the longest, filled with each array's first value."""
    longest = np.max([array.shape[1:] for array in arrays], axis=0, initial=0)
    padded = []
    for array in arrays:
        wanted = (len(array), *(int(size) for size in longest))
        if array.shape != wanted and array.size:
            whole = np.full(wanted, array.flat[0], array.dtype)
            whole[tuple(slice(size) for size in array.shape)] = array
            array = whole
        padded.append(array)
    return padded


def _taken_apart(outputs, batch: Sequence[Job]) -> list[dict[str, np.ndarray]]:
    answers, start = [], 0
    for job in batch:
        stop = start + job.rows
        answers.append({name: array[start:stop] for name, array in outputs.items()})
        start = stop
    return answers

"""What the layers of a target column read: their own layer below, and layers of its sources."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from keras import ops

from pnn_keras.errors import UserError

#: How many utterances pass through the chain at a time.
_BATCH = 4096


@dataclasses.dataclass(frozen=True)
class Read:
    """One layer of a column, as a layer of the target column reads it.

    Args:
        layer: number of the target's layer that reads it, from 0; its last is the output layer.
        column: name of the column that is read, which may be the target itself.
        source_layer: number of the layer that is read, from 0; None for the features.
        units: width of the layer that is read.
    """

    layer: int
    column: str
    source_layer: int | None
    units: int


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """How much a target depends on something that one of its layers reads.

    Args:
        read: what is read, and by which layer.
        value: how much, in the measure's own terms; None where that is undefined.
        share: of the sum over all that the same target layer reads, 0 to 1; None
            where that sum is zero or undefined.
    """

    read: Read
    value: float | None
    share: float | None


def reads_of(column) -> dict[int, list[Read]]:
    """What the layers of a column read that read a source, by the layer's number.

    The column's own layer below comes first (its scaled features, below the
    first layer), then each source in order. A layer that reads no source is
    left out: its share would be 1 whatever it reads.

    Args:
        column: a column of a chain.

    Example:

    >>> from pnn_keras import Column, Task
    >>> task = Task("gender", ("female", "male"))
    >>> column = Column(task, dimension=3, units=[8, 6], sources={"speaker": [5, 4]})
    >>> [(read.column, read.source_layer, read.units) for read in reads_of(column)[2]]
    [('gender', 1, 6), ('speaker', 1, 4)]
    """
    found = {}
    if not column.sources:
        return found
    for layer in range(len(column.units) + 1):
        below = column.units[layer - 1] if layer else column.dimension
        own = Read(layer, column.name, layer - 1 if layer else None, below)
        laterals = [
            Read(layer, name, wired[layer], column.sources[name][wired[layer]])
            for name, wired in column.wiring.items()
            if wired[layer] is not None
        ]
        if laterals:
            found[layer] = [own, *laterals]
    return found


class Target:
    """A target column with all that its layers read of some utterances, computed once.

    Args:
        chain: the chain.
        task: the target's task, or its column's name.
        inputs: features ``(n, dimension)``, or by front-end a dictionary of these.

    Raises:
        UserError: the column reads no other column, or there is no utterance.
    """

    def __init__(self, chain, task: str, inputs) -> None:
        self.column = chain.column(task)
        self.reads = reads_of(self.column)
        if not self.reads:
            raise UserError(
                f"The column {self.column.name!r} reads no other column, so none can matter to it"
            )
        self._features, self._taps = _hear(chain, self.column, inputs)

    def read(self, layer: int) -> list:
        """What a layer reads, in the order of ``reads[layer]``, tensors ``(n, units)`` each."""
        return [self._activations(read) for read in self.reads[layer]]

    def logits_from(self, layer: int, read: Sequence, rows: slice = slice(None)):
        """The logits ``(n, classes)``, from what one layer reads.

        Only that layer reads it: what the layers above read of the same sources
        stays as it is.

        Args:
            layer: the layer's number.
            read: what it reads, in the order of ``reads[layer]``, ``(n, units)`` each.
            rows: which utterances these are.
        """
        activations = self.column.layers[layer](list(read))
        for above in range(layer + 1, len(self.column.layers)):
            laterals = self.reads.get(above, [None])[1:]
            beside = [self._activations(lateral)[rows] for lateral in laterals]
            activations = self.column.layers[above]([activations, *beside])
        return activations

    def _activations(self, read: Read):
        if read.source_layer is None:
            return self._features
        return self._taps[read.column][read.source_layer]


def shares(reads: Sequence[Read], values: Sequence[float | None]) -> list[Sensitivity]:
    """Values of all that one layer reads, with their shares of the sum.

    Example:

    >>> reads = [Read(1, "emotion", 0, 8), Read(1, "gender", 0, 8)]
    >>> [found.share for found in shares(reads, [3.0, 1.0])]
    [0.75, 0.25]
    """
    total = None if None in values else sum(values)
    return [
        Sensitivity(read, value, value / total if total else None)
        for read, value in zip(reads, values, strict=True)
    ]


def _hear(chain, column, inputs) -> tuple:
    """The column's scaled features, and the activations of it and its sources by column."""
    by_name = isinstance(inputs, Mapping)
    tables = inputs if by_name else {column.frontend: inputs}
    count = len(tables[column.frontend])
    if not count:
        raise UserError("Sensitivity is measured on utterances. Received: none")
    parts: dict[str, list] = {name: [] for name in (*column.sources, column.name)}
    scaled = []
    for start in range(0, count, _BATCH):
        heard = {name: table[start : start + _BATCH] for name, table in tables.items()}
        _, taps = chain.answers_and_taps(heard if by_name else heard[column.frontend])
        scaled.append(column.scaler(heard[column.frontend]))
        for name, found in parts.items():
            found.append([ops.cast(layer, "float32") for layer in taps[name]])
    joined = {
        name: [ops.concatenate(layers) for layers in zip(*batches, strict=True)]
        for name, batches in parts.items()
    }
    return ops.concatenate(scaled), joined

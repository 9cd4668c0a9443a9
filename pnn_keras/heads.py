"""A column that answers several tasks from one trunk: multitask learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
from keras import ops

from pnn_keras.column import Column
from pnn_keras.task import Task


@keras.saving.register_keras_serializable("pnn_keras")
class ManyHeads(Column):
    """A column with an output layer per task on the same hidden layers.

    What multitask learning is, as a comparison for progressive chains: all
    tasks shape one trunk at the same time. The logits are those of the column's
    own task, then those of each further one.

    Args:
        task: the task that is scored.
        heads: the further tasks.
        dimension: number of features it hears.
        **options: everything else that :class:`Column` takes.

    Output shape:
        Logits ``(batch, classes of all tasks)``, or ``(members, batch, ...)``.

    Example:

    >>> import numpy as np
    >>> emotion = Task("emotion", ("angry", "happy", "sad"))
    >>> column = ManyHeads(emotion, [Task("gender", ("female", "male"))], 3, units=[4])
    >>> logits, _ = column(np.zeros((2, 3), "float32"))
    >>> [tuple(part.shape) for part in column.split(logits)]
    [(2, 3), (2, 2)]

    Reference:
        Caruana, *Multitask Learning*, Machine Learning 28, 1997.
    """

    def __init__(
        self, task: Task | Mapping, heads: Sequence[Task | Mapping], dimension: int, **options
    ) -> None:
        tasks = [each if isinstance(each, Task) else Task.from_config(each) for each in heads]
        # Keras tracks what is set on a layer only after its constructor; a plain tuple is not.
        object.__setattr__(self, "_heads", tuple(tasks))
        super().__init__(task, dimension, **options)

    @property
    def head_widths(self) -> list[int]:
        return [len(task.classes) for task in (self.task, *self._heads)]

    def split(self, logits) -> list:
        ends = [sum(self.head_widths[:i]) for i in range(1, len(self.head_widths))]
        return ops.split(logits, ends, axis=-1)

    def get_config(self) -> dict:
        return {**super().get_config(), "heads": [task.to_config() for task in self._heads]}

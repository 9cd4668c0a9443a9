"""The chain: ordered columns, each frozen before the next one reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras

from pnn_keras.column import Column, column_name, freeze
from pnn_keras.errors import UserError
from pnn_keras.foreign_column import ForeignColumn
from pnn_keras.task import Task


@keras.saving.register_keras_serializable("pnn_keras")
class Chain(keras.Model):
    """A progressive neural network: one column per task, earlier ones frozen.

    One forward pass answers every task. A frozen column is always called as in
    inference, so that neither dropout nor batch normalisation changes what it
    says while a later column trains.

    Args:
        columns: columns to start with, in order.
        frontends: configuration of each front-end, by the name under which the
            chain takes its features; what :meth:`predict_audio` extracts.
        metadata: what a preset records about the chain (scores, who was heard),
            JSON-able.

    Call arguments:
        inputs: features ``(batch, dimension)`` if all columns hear the same
            front-end, else a dictionary of one such tensor per front-end.
        training: whether the columns that are not frozen drop units.

    Returns:
        A dictionary of class probabilities ``(batch, classes)`` by task name.

    Example:

    >>> import numpy as np
    >>> chain = Chain()
    >>> gender = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> emotion = chain.add_column(Task("emotion", ("angry", "sad")), units=[4])
    >>> gender.trainable, list(emotion.sources)
    (False, ['gender'])
    >>> {name: tuple(p.shape) for name, p in chain(np.zeros((2, 3), "float32")).items()}
    {'gender': (2, 2), 'emotion': (2, 2)}

    Reference:
        Rusu et al., *Progressive Neural Networks*, 2016, arXiv:1606.04671.
    """

    def __init__(
        self,
        columns: Sequence[Column | ForeignColumn] = (),
        frontends: Mapping[str, Mapping] | None = None,
        metadata: Mapping | None = None,
        **kwargs,
    ) -> None:
        # Each column casts its features itself, after scaling them.
        super().__init__(**kwargs, autocast=False)
        self.columns = []
        self.frontends = {name: dict(config) for name, config in (frontends or {}).items()}
        self.metadata = dict(metadata or {})
        for column in columns:
            self.append(column)
        self.built = True

    def call(self, inputs, training=False):
        return self.answers_and_taps(inputs, training)[0]

    def answers_and_taps(self, inputs, training=False) -> tuple[dict, dict]:
        """Every task's answer, and what every column's hidden layers say.

        Args:
            inputs: features, as in a call of the chain.
            training: whether the columns that are not frozen drop units.

        Returns:
            Class probabilities ``(batch, classes)`` by task name; and by
            column name the activations ``(batch, units)`` of each hidden
            layer, in order. The last of a speaker column serve as a speaker
            embedding.

        Example:

        >>> import numpy as np
        >>> chain = Chain()
        >>> column = chain.add_column(Task("speaker", ("a", "b")), dimension=3, units=[8, 4])
        >>> _, taps = chain.answers_and_taps(np.zeros((2, 3), "float32"))
        >>> [tuple(layer.shape) for layer in taps["speaker"]]
        [(2, 8), (2, 4)]
        """
        taps, answers = {}, {}
        for column in self.columns:
            features = self._features(inputs, column)
            active = training and column.trainable
            logits, hidden = column(features, taps=taps, training=active)
            taps[column.name] = hidden
            if column.task is not None:
                answers[column.task.name] = column.probabilities(logits)
        return answers, taps

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, *self._targets(y, y_pred), sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, *self._targets(y, y_pred), sample_weight)

    def add_column(
        self,
        task: Task,
        reads: Sequence[str] | None = None,
        *,
        dimension: int | None = None,
        frontend: str | None = None,
        **options,
    ) -> Column:
        """Freezes every column there is and adds a trainable one that reads them.

        Args:
            task: what the new column answers.
            reads: tasks or names of the earlier columns that it reads; None
                means all of them, an empty list none.
            dimension: number of features it hears; None takes that of the
                last column.
            frontend: name of the front-end that it hears; None takes that of
                the last column.
            **options: everything else that :class:`Column` takes: ``units``,
                ``lateral``, ``wiring``, ...

        Returns:
            The new column. Compile the chain before training it.

        Raises:
            UserError: a column of that name exists, or one that is to be read
                does not.
        """
        sources = [self.column(name) for name in (self._names() if reads is None else reads)]
        last = self.columns[-1] if self.columns else None
        if last is None and dimension is None:
            raise UserError("The first column needs its number of features: dimension=88, say")
        column = Column(
            task,
            dimension=last.dimension if dimension is None else dimension,
            frontend=frontend or (last.frontend if last else "features"),
            sources={source.name: source.tap_units for source in sources},
            **_by_column_name(options),
        )
        self.append(column)
        return column

    def append(self, column: Column | ForeignColumn) -> None:
        """Adds a finished column behind the others, which are frozen.

        Raises:
            UserError: a column of that name or task exists, it reads one that
                does not or has other widths, it hears another number of
                features from the same front-end, or it still has members.
        """
        self._check(column)
        self.freeze()
        # Frozen as a whole, the chain would hide the new column's weights.
        self._trainable = True
        # Keras locks a built model against new parts; a chain grows by design.
        self._tracker.unlock()
        self.columns.append(column)

    def freeze(self) -> None:
        """Freezes all columns, and forgets the training step compiled before.

        A step compiled while a column was trainable would go on changing it.
        """
        for column in self.columns:
            freeze(column)
        self._reset_compilation()

    def column(self, name: str) -> Column | ForeignColumn:
        """The column of that name, or of that task.

        Raises:
            UserError: there is none.
        """
        for column in self.columns:
            if column.name in (name, column_name(name)):
                return column
        for column in self.columns:
            if column.task is not None and column.task.name == name:
                return column
        raise UserError(
            f"The chain has no column {name!r}. Columns: {', '.join(self._names()) or 'none'}"
        )

    @property
    def tasks(self) -> list[Task]:
        """The tasks that the chain answers, in order."""
        return [column.task for column in self.columns if column.task is not None]

    @property
    def dimensions(self) -> dict[str, int]:
        """Number of features of each front-end that the chain hears, by name."""
        return {column.frontend: column.dimension for column in self.columns}

    def predict_audio(self, audio, sampling_rate: int | None = None, **options) -> list[dict]:
        """Answers every task for recordings.

        Args:
            audio: paths of audio files, or signals ``(samples,)`` as float
                arrays in [-1, 1]; a single one will do as well.
            sampling_rate: of the signals, in Hz; not for paths.
            **options: what :func:`pnn_keras.prediction.predict_audio` takes.

        Returns:
            One dictionary per recording: for each task a dictionary of the
            ``label`` and the ``probabilities`` by class.

        Raises:
            AudioError: a recording cannot be decoded or holds no sound.
            UserError: signals without a sampling rate, or the chain's
                front-end cannot be extracted from audio.
        """
        from pnn_keras.prediction import predict_audio

        return predict_audio(self, audio, sampling_rate, **options)

    def save_to_preset(self, folder, metadata: Mapping | None = None) -> None:
        """Writes the chain as a preset folder; see :func:`pnn_keras.preset.save_preset`."""
        from pnn_keras.preset import save_preset

        save_preset(self, folder, metadata or {})

    def upload_preset(self, address: str, metadata: Mapping | None = None, **options) -> str:
        """Uploads the chain to a hub as a preset; see :func:`pnn_keras.hub.upload_chain`."""
        from pnn_keras.hub import upload_chain

        return upload_chain(self, address, metadata, **options)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "columns": [keras.saving.serialize_keras_object(column) for column in self.columns],
            "frontends": self.frontends,
            "metadata": self.metadata,
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects=None) -> Chain:
        columns = [
            keras.saving.deserialize_keras_object(column, custom_objects=custom_objects)
            for column in config["columns"]
        ]
        states = [column.trainable for column in columns]
        chain = cls(**{**config, "columns": columns})
        for column, trainable in zip(columns, states, strict=True):
            column.trainable = trainable
        return chain

    def _features(self, inputs, column):
        """The features that the column hears."""
        if not isinstance(inputs, Mapping):
            if len(self.dimensions) > 1:
                raise UserError(
                    f"The chain hears {len(self.dimensions)} front-ends and takes a "
                    f"dictionary of {', '.join(self.dimensions)}. Received: one array"
                )
            return inputs
        if column.frontend not in inputs:
            raise UserError(
                f"The column {column.name!r} hears {column.frontend!r}. "
                f"Received: {', '.join(inputs)}"
            )
        return inputs[column.frontend]

    def _targets(self, y, y_pred) -> tuple[dict, dict]:
        """The targets by task, and the answers that there are targets for.

        Keras wants a target for every output. A chain is trained on the newest
        task alone, so targets may come for some tasks, by name, or as a plain
        array for the newest one.
        """
        if not self.tasks:
            raise UserError("The chain answers no task yet. Add a column: chain.add_column(task)")
        if not isinstance(y, Mapping):
            y = {self.tasks[-1].name: y}
        unknown = [name for name in y if name not in y_pred]
        if unknown:
            raise UserError(
                f"Targets are named by the chain's tasks: {', '.join(y_pred)}. "
                f"Received: {', '.join(unknown)}"
            )
        return y, {name: y_pred[name] for name in y}

    def _check(self, column: Column | ForeignColumn) -> None:
        """Refuses a column that does not fit behind the others."""
        taken = [task.name for task in self.tasks]
        if column.name in self._names() or (column.task and column.task.name in taken):
            raise UserError(
                f"The chain has a column {column.name!r} already, or one of its task. Give the "
                "new one a name of its own and the task its corpus: TASK@CORPUS"
            )
        if getattr(column, "members", None) is not None:
            raise UserError("A chain's columns are ordinary; take one with column.member(i)")
        for name, widths in column.sources.items():
            units = self.column(name).tap_units
            if list(widths) != units:
                raise UserError(
                    f"The column {column.name!r} expects to read layers of {list(widths)} units "
                    f"from {name!r}, which has {units}"
                )
        heard = self.dimensions.get(column.frontend, column.dimension)
        if heard != column.dimension:
            raise UserError(
                f"The front-end {column.frontend!r} gives {heard} features. Received: a column "
                f"of dimension={column.dimension}. Name its front-end: frontend=..."
            )

    def _names(self) -> list[str]:
        return [column.name for column in self.columns]

    def _reset_compilation(self) -> None:
        """Makes Keras ask for ``compile`` before the next training step."""
        self.compiled = False
        self.optimizer = None
        self.train_function = None
        self.test_function = None
        self.predict_function = None


def _by_column_name(options: dict) -> dict:
    """The options with the wiring's keys as column names."""
    wiring = options.get("wiring")
    if wiring is None:
        return options
    return {**options, "wiring": {column_name(name): layers for name, layers in wiring.items()}}

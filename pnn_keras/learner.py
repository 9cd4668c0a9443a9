"""Fitting columns on the folds of a protocol: what all methods share."""

from __future__ import annotations

import copy
import dataclasses
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from pnn_keras.column import Column, column_name
from pnn_keras.errors import UserError
from pnn_keras.heads import ManyHeads
from pnn_keras.material import Material
from pnn_keras.monitor import Monitor
from pnn_keras.protocol import Fold, Protocol, source_folds
from pnn_keras.schedule import Batches, Fit, Settings
from pnn_keras.shape import Shape
from pnn_keras.task import Task
from pnn_keras.training import Hearing, fit_column, hear

#: What features are scaled by: training rows, the corpus, or the speaker's own
#: recordings before that; all but the first are transductive.
SCALINGS = ("training", "corpus", "speaker")


@dataclasses.dataclass(frozen=True)
class Sources:
    """Frozen columns that a target can read.

    Args:
        taps: hidden activations by column, of all versions of the utterances:
            ``(members, versions * n, units)`` or ``(versions * n, units)`` each.
        widths: widths of the hidden layers by column, in the order of the chain.
        shared: the columns that are the same in all folds of a repeat.
    """

    taps: Mapping[str, Sequence[np.ndarray]] = dataclasses.field(default_factory=dict)
    widths: Mapping[str, Sequence[int]] = dataclasses.field(default_factory=dict)
    shared: frozenset[str] = frozenset()

    def add(
        self, name: str, taps: Sequence[np.ndarray], widths: Sequence[int], shared: bool = False
    ) -> Sources:
        """These and one more."""
        return Sources(
            {**self.taps, name: taps},
            {**self.widths, name: list(widths)},
            self.shared | {name} if shared else self.shared,
        )

    def add_fitted(self, fitted: Fitted) -> Sources:
        """These and a column that was fitted."""
        name, widths = fitted.column.name, fitted.column.tap_units
        return self.add(name, fitted.taps, widths, fitted.shared)

    def read(self, names: Sequence[str] | None) -> Sources:
        """Only those of these names, in the order of the chain; all for None.

        Raises:
            UserError: there is no such column.
        """
        if names is None:
            return self
        wanted = {column_name(name) for name in names}
        unknown = sorted(wanted - set(self.widths))
        if unknown:
            raise UserError(
                f"No earlier column is called {', '.join(unknown)}. "
                f"Columns: {', '.join(self.widths) or 'none'}"
            )
        kept = [name for name in self.widths if name in wanted]
        return Sources(
            {n: self.taps[n] for n in kept}, {n: self.widths[n] for n in kept}, self.shared
        )


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A column that was fitted on every fold.

    Args:
        column: the column, frozen, with its members.
        folds: the rows of each member.
        fit: how it went.
        answers: class probabilities of all utterances, ``(members, n, classes)``.
        taps: hidden activations of all versions of the utterances,
            ``(members, versions * n, units)`` each.
        parameters: number of weights that one member trained.
        shared: whether it is the same in all folds of a repeat.
    """

    column: Column
    folds: Sequence[Fold]
    fit: Fit
    answers: np.ndarray
    taps: Sequence[np.ndarray]
    parameters: int
    shared: bool = False


class Learner:
    """Fits columns for some members of a protocol.

    A member's seeds come from its number in the protocol, and its batches from
    all folds of the protocol, so that members can be fitted in groups.

    Args:
        material: utterances and features.
        division: the protocol.
        shape: the shape of the columns.
        settings: how they are fitted.
        scaling: one of :data:`SCALINGS`.
        monitor: shows the fits.
        members: numbers of the folds to fit; None means all.
        base: columns that are there already, as they are read.
        pretrained: these columns themselves, in the order of their chain.
        dealt: the rows of sources in every fold of the protocol, where they are
            dealt already.
    """

    def __init__(
        self,
        material: Material,
        division: Protocol,
        shape: Shape,
        settings: Settings,
        scaling: str = "training",
        monitor: Monitor | None = None,
        members: Sequence[int] | None = None,
        base: Sources | None = None,
        dealt: Mapping[Task, Sequence[Fold]] | None = None,
        pretrained: Sequence[Column] = (),
    ) -> None:
        self.material, self.division, self.shape = material, division, shape
        self.settings, self.scaling = settings, scaling
        self.monitor = monitor or Monitor(progress=False)
        self.base = base or Sources()
        self.pretrained = tuple(pretrained)
        self.rescaled_for: Task | None = None
        self.features = material.features[material.hears]
        self.members = list(range(len(division.folds)) if members is None else members)
        self.folds = self.of_members(division.folds)
        self._source_folds: dict[Task, Sequence[Fold]] = dict(dealt or {})

    def reshaped(self, shape: Shape, settings: Settings) -> Learner:
        """A learner of the same members and rows, for columns of another shape."""
        return Learner(
            self.material,
            self.division,
            shape,
            settings,
            self.scaling,
            self.monitor,
            self.members,
            self.base,
            self._source_folds,
        )

    def reading(self, base: Sources, rescaled_for: Task | None = None) -> Learner:
        """A learner of the same members and rows, with the chain's columns read as given.

        Args:
            base: the columns, as they are read.
            rescaled_for: the task whose training rows scale them; None means that
                they have the chain's own scaling.
        """
        learner = copy.copy(self)
        learner.base, learner.rescaled_for = base, rescaled_for
        return learner

    def of_members(self, everyone: Sequence) -> list:
        """What belongs to this learner's members, of one entry per fold of the protocol."""
        return [everyone[number] for number in self.members]

    def hearing(
        self, taps: Mapping[str, Sequence[np.ndarray]], frontend: str | None = None
    ) -> Hearing:
        """What a column hears that reads these activations.

        Args:
            taps: hidden activations by column.
            frontend: the name of its input; None means that of the columns that
                are trained.
        """
        features = self.material.features[frontend or self.material.hears]
        return Hearing(features, taps, self.material.versions)

    def column(self, task: Task, members: Sequence[int], sources=None, heads=(), **options):
        """A new column of the learner's shape, one member per number.

        Args:
            task: what it answers.
            members: the numbers that seed its members.
            sources: the columns that it reads.
            heads: further tasks that it answers from the same trunk.
            **options: what differs from the learner's shape.
        """
        common = {
            "dimension": self.features.shape[1],
            "sources": dict((sources or Sources()).widths),
            "units": self.shape.units,
            "dropout": self.shape.dropout,
            "lateral": self.shape.lateral,
            "adapter_units": self.shape.adapter_units,
            "frontend": self.material.hears,
            "members": len(members),
            "seed": [member_seed(self.settings.seed, task.name, number) for number in members],
            **options,
        }
        return ManyHeads(task, heads, **common) if heads else Column(task, **common)

    def target_column(
        self, task: Task, sources: Sources | None = None, heads=(), members=None, **options
    ) -> Column:
        """A new target column, which reads its sources as the learner's shape says.

        Args:
            task: what it answers.
            sources: the columns that it may read.
            heads: further tasks that it answers from the same trunk.
            members: the numbers that seed its members; None means the learner's.
            **options: what differs from the learner's shape.
        """
        widths = (sources or Sources()).widths
        wiring = self.shape.wiring_to(widths, options.get("units", self.shape.units))
        read = Sources(widths={name: widths[name] for name in wiring})
        seeds = self.members if members is None else members
        return self.column(task, seeds, read, heads, wiring=wiring, **options)

    def fit(
        self,
        column: Column,
        folds: Sequence[Fold],
        sources: Sources | None = None,
        *,
        title: str,
        targets: np.ndarray | None = None,
        last: Sequence[int] | None = None,
        batches: Batches | None = None,
        traced: Sequence[np.ndarray] | None = None,
    ) -> Fitted:
        """Fits a column on folds, one per member; hears all utterances with it.

        Args:
            column: the column.
            folds: the rows of each member.
            sources: the columns that it reads.
            title: what the progress bar says.
            targets: class numbers, ``(n,)`` or ``(heads, n)``; None takes the
                labels of the column's task.
            last: the last epoch of each member; None means the settings'.
            batches: how rows are cut; None takes the target's.
            traced: rows of each member whose confusions are counted every epoch.
        """
        if targets is None:
            targets = column.task.targets(self.material.utterances)
        read = sources or Sources()
        parameters = sum(int(np.prod(v.shape[1:])) for v in column.trainable_variables)
        hearing = self.hearing({name: read.taps[name] for name in column.sources}, column.frontend)
        rows = self.scaling_rows(column.task, folds)
        most = self.settings.epochs if last is None else int(max(last))
        with self.monitor.watch(title, most, column.task.classes) as on_epoch:
            fit = fit_column(
                column,
                hearing,
                targets,
                folds,
                self.settings,
                on_epoch,
                rows,
                batches or self.batches_of(self.division.folds),
                traced,
                last,
            )
        answers, taps = hear(column, hearing)
        return Fitted(column, folds, fit, answers, taps, parameters)

    def batches_of(self, folds: Sequence[Fold]) -> Batches:
        """How the training rows of all folds of the protocol are cut into batches."""
        return Batches.of(folds, self.settings.batch_size)

    def scaling_rows(self, task: Task, folds: Sequence[Fold]) -> list[np.ndarray]:
        """The rows that each member's scaler of a task's column is fitted on."""
        if self.scaling != "corpus":
            return [fold.train for fold in folds]
        everyone = np.flatnonzero(task.targets(self.material.utterances) >= 0)
        return [everyone] * len(folds)

    def source_folds(self, source: Task) -> list[Fold]:
        """The source's rows in every fold of the protocol, checked against what must not be heard.

        Raises:
            ProtocolError: a row would leak, or too little is left to learn.
        """
        if source not in self._source_folds:
            utterances = self.material.utterances
            self._source_folds[source] = source_folds(
                source.label,
                utterances,
                source.targets(utterances),
                self.division,
                self.settings.seed,
            )
        return self._source_folds[source]


def member_seed(seed: int, name: str, member: int) -> int:
    """A seed for one member of one column, the same in every run and grouping."""
    return (seed * 1_000_003 + zlib.crc32(name.encode()) + member * 9_973) % 2**24

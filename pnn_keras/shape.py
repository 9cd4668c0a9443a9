"""The shape of the columns that are trained, and how the target reads its sources."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Mapping, Sequence

from pnn_keras.column import LATERALS, column_name, default_wiring
from pnn_keras.errors import UserError

#: How a target reads a source: every layer the one below its own depth (Rusu et al. 2016);
#: every layer the source's last; or not at all.
READINGS = ("below", "last", "none")


def wiring_of(reading: str, depth: int, source_depth: int) -> tuple[int | None, ...]:
    """Which hidden layer of a source each layer of a target reads.

    Args:
        reading: ``"below"`` or ``"last"``, see :data:`READINGS`.
        depth: number of hidden layers of the target.
        source_depth: number of hidden layers of the source.

    Returns:
        As :func:`pnn_keras.column.default_wiring`: one value per hidden layer,
        then one for the output.

    Example:

    >>> wiring_of("below", 3, 2)
    (None, 0, 1, 1)
    >>> wiring_of("last", 3, 2)
    (None, 1, 1, 1)
    """
    if reading == "below":
        return default_wiring(depth, source_depth)
    return (None, *[source_depth - 1] * depth)


@dataclasses.dataclass(frozen=True)
class Shape:
    """The shape of the columns that are trained.

    Args:
        units: widths of the hidden layers.
        dropout: share of each hidden layer dropped in training.
        lateral: ``"dense"`` or ``"adapter"``.
        adapter_units: width of the adapters' projections, or None.
        source_units: widths of the source columns: of all, or by task; a task
            that is not named, and None, take ``units``.
        wiring: how the target reads a source, by the source's task: one of
            :data:`READINGS`; a task that is not named, and None, take ``"below"``.

    Raises:
        UserError: a reading or kind of lateral connection is unknown, or a width
            or share cannot be.
    """

    units: Sequence[int] = (256, 256, 256, 256)
    dropout: float = 0.5
    lateral: str = "dense"
    adapter_units: int | None = None
    source_units: Sequence[int] | Mapping[str, Sequence[int]] | None = None
    wiring: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        _check_widths("units", self.units)
        by_task = isinstance(self.source_units, Mapping)
        widths = self.source_units if by_task else {"all": self.source_units}
        for task, each in widths.items():
            if each is not None:
                _check_widths(f"source_units of {task}" if by_task else "source_units", each)
        if not 0 <= self.dropout < 1:
            raise UserError(f"dropout is at least 0 and below 1. Received: {self.dropout}")
        if self.lateral not in LATERALS:
            raise UserError(f"lateral is one of {', '.join(LATERALS)}. Received: {self.lateral!r}")
        if self.adapter_units is not None and self.adapter_units < 1:
            raise UserError(
                f"adapter_units is positive, or left out. Received: {self.adapter_units}"
            )
        for task, reading in (self.wiring or {}).items():
            if reading not in READINGS:
                raise UserError(
                    f"A source is read as one of {', '.join(READINGS)}. "
                    f"Received: {reading!r} for {task!r}"
                )

    def of_source(self, task: str) -> Sequence[int]:
        """Widths of the source column of a task.

        Example:

        >>> Shape(units=(8, 8), source_units={"gender": (4,)}).of_source("gender")
        (4,)
        """
        if isinstance(self.source_units, Mapping):
            return self.source_units.get(task, self.units)
        return self.source_units or self.units

    def wiring_to(self, sources: Mapping[str, Sequence[int]], units: Sequence[int]) -> dict:
        """The wiring of a target to each earlier column that it reads.

        Args:
            sources: widths of the earlier columns, by the column's name.
            units: widths of the target's hidden layers.

        Returns:
            The wiring by column, as :class:`pnn_keras.column.Column` takes it;
            those that the target does not read are left out.

        Example:

        >>> shape = Shape(wiring={"gender": "last", "speaker": "none"})
        >>> shape.wiring_to({"speaker": [4, 4], "gender": [5, 5]}, [3, 3])
        {'gender': (None, 1, 1)}
        """
        readings = {column_name(task): how for task, how in (self.wiring or {}).items()}
        return {
            name: wiring_of(readings.get(name, "below"), len(units), len(widths))
            for name, widths in sources.items()
            if readings.get(name) != "none"
        }

    def check_tasks(self, sources: Sequence[str], earlier: Sequence[str] = ()) -> None:
        """Refuses widths or readings of tasks that are no source.

        Args:
            sources: the tasks that are learned first.
            earlier: names of columns that are there already.

        Raises:
            UserError: a task is named that is not among them.
        """
        widths = self.source_units if isinstance(self.source_units, Mapping) else {}
        known = {*map(column_name, sources), *earlier}
        unknown = sorted(
            {t for t in widths if t not in sources}
            | {t for t in self.wiring or {} if column_name(t) not in known}
        )
        if unknown:
            raise UserError(
                f"The shape names {', '.join(unknown)}, which is no source here. "
                f"Sources: {', '.join([*earlier, *sources]) or 'none'}"
            )


def _check_widths(name: str, widths) -> None:
    """Refuses what is no list of one or more positive whole numbers."""
    listed = isinstance(widths, Sequence) and not isinstance(widths, str)
    if not listed or not len(widths) or not all(map(_is_width, widths)):
        raise UserError(
            f"{name} are the widths of one or more hidden layers, positive whole numbers: "
            f"[256, 128]. Received: {list(widths) if listed else widths!r}"
        )


def _is_width(value) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and value > 0

"""What a search may choose: the shape of every column, how sources are read, how it is fitted."""

from __future__ import annotations

import dataclasses
import numbers
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.column import LATERALS
from pnn_keras.errors import UserError
from pnn_keras.schedule import Settings
from pnn_keras.shape import READINGS, Shape

#: The choices whose values are whole numbers above zero.
_WHOLE = ("depths", "widths", "source_depths", "source_widths", "adapter_units")


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One point of a search space: what :func:`pnn_keras.chain_training.train` is to be given.

    Args:
        units: widths of the target's hidden layers.
        source_units: widths of each source column, by its task; sources that
            nobody reads are left out.
        wiring: how the target reads each source, by its task, see
            :data:`pnn_keras.shape.READINGS`.
        lateral: ``"dense"`` or ``"adapter"``; ``"dense"`` where no source is read.
        adapter_units: width of the adapters, None for dense connections.
        dropout: share of each hidden layer dropped in training, in all columns.
        learning_rate: of Adam, for all columns.
    """

    units: tuple[int, ...]
    source_units: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    wiring: Mapping[str, str] = dataclasses.field(default_factory=dict)
    lateral: str = "dense"
    adapter_units: int | None = None
    dropout: float = 0.5
    learning_rate: float = 0.0005

    def shape(self) -> Shape:
        """The shape of the columns."""
        return Shape(
            self.units,
            self.dropout,
            self.lateral,
            self.adapter_units,
            dict(self.source_units),
            dict(self.wiring),
        )

    def settings(self, settings: Settings, epochs: int | None = None) -> Settings:
        """Settings with the learning rate, and the budget in epochs where one is given."""
        most = settings.epochs if epochs is None else epochs
        return dataclasses.replace(settings, learning_rate=self.learning_rate, epochs=most)

    def config(self) -> dict:
        """The candidate as JSON has it.

        Example:

        >>> Candidate.from_config(Candidate((8, 4)).config()) == Candidate((8, 4))
        True
        """
        found = dataclasses.asdict(self)
        sources = {task: list(widths) for task, widths in self.source_units.items()}
        return {**found, "units": list(self.units), "source_units": sources}

    @classmethod
    def from_config(cls, config: Mapping) -> Candidate:
        """The candidate that :meth:`config` described."""
        names = [field.name for field in dataclasses.fields(cls)]
        given = {name: config[name] for name in names if name in config}
        given["units"] = tuple(given["units"])
        sources = given.get("source_units", {})
        given["source_units"] = {task: tuple(widths) for task, widths in sources.items()}
        return cls(**given)

    def __str__(self) -> str:
        """The candidate in a few words.

        >>> str(Candidate((64, 32), {"gender": (8,)}, {"gender": "last"}))
        '64-32, gender 8 read last, dense, dropout 0.5, rate 0.0005'
        """
        parts = ["-".join(map(str, self.units))]
        for task, reading in self.wiring.items():
            widths = "-".join(map(str, self.source_units.get(task, ())))
            parts.append(f"{task} {widths} read {reading}" if reading != "none" else f"no {task}")
        if any(reading != "none" for reading in self.wiring.values()):
            parts.append(self.lateral + (f" {self.adapter_units}" if self.adapter_units else ""))
        return ", ".join([*parts, f"dropout {self.dropout:g}", f"rate {self.learning_rate:g}"])


@dataclasses.dataclass(frozen=True)
class Space:
    """The values that a search chooses from.

    The target's hidden layers have a width each. All hidden layers of a source
    share one, so that few source columns serve many trials.

    Args:
        depths: numbers of hidden layers of the target.
        widths: widths of each of them.
        source_depths: numbers of hidden layers of each source.
        source_widths: widths of a source's hidden layers.
        laterals: kinds of lateral connections, of ``"dense"`` and ``"adapter"``.
        adapter_units: widths of the adapters.
        reads: how the target reads each source: ``"below"``, ``"last"``, ``"none"``.
        dropouts: shares of hidden units dropped.
        learning_rates: of Adam.

    Raises:
        UserError: a choice is empty, or has a value that cannot be.

    Example:

    >>> Space(depths=[2, 1, 2]).depths
    (1, 2)
    """

    depths: Sequence[int] = (1, 2, 3, 4, 5)
    widths: Sequence[int] = (32, 64, 128, 256, 512)
    source_depths: Sequence[int] = (1, 2, 4)
    source_widths: Sequence[int] = (64, 256)
    laterals: Sequence[str] = LATERALS
    adapter_units: Sequence[int] = (16, 64, 256)
    reads: Sequence[str] = READINGS
    dropouts: Sequence[float] = (0.0, 0.25, 0.5)
    learning_rates: Sequence[float] = (0.0005, 0.001, 0.002)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(Space):
            values = getattr(self, field.name)
            _check(field.name, values)
            object.__setattr__(self, field.name, _ordered(field.name, values))

    def config(self) -> dict[str, list]:
        """Every choice by its name, as TOML and JSON have it."""
        return {name: list(values) for name, values in dataclasses.asdict(self).items()}

    def candidate(self, values: Mapping[str, object], sources: Sequence[str]) -> Candidate:
        """The candidate of a choice of values, less what makes no difference.

        Args:
            values: by name: ``depth``, ``width_1``, ..., ``dropout``,
                ``learning_rate`` and, with sources, ``lateral``,
                ``adapter_units``, and by source ``gender_depth``,
                ``gender_width``, ``gender_reads``.
            sources: the source tasks, in order.
        """
        wiring = {task: str(values[f"{task}_reads"]) for task in sources}
        read = [number for number, task in enumerate(sources) if wiring[task] != "none"]
        # A source that later ones read is needed even where the target does not read it.
        needed = sources[: read[-1] + 1] if read else []
        adapter = bool(read) and values["lateral"] == "adapter"
        return Candidate(
            tuple(int(values[f"width_{k}"]) for k in range(1, int(values["depth"]) + 1)),
            {t: (int(values[f"{t}_width"]),) * int(values[f"{t}_depth"]) for t in needed},
            wiring,
            "adapter" if adapter else "dense",
            int(values["adapter_units"]) if adapter else None,
            float(values["dropout"]),
            float(values["learning_rate"]),
        )

    def choices(self, sources: Sequence[str]) -> dict[str, Sequence]:
        """The values of every choice by the names that :meth:`candidate` takes."""
        layers = {f"width_{layer}": self.widths for layer in range(1, max(self.depths) + 1)}
        columns: dict[str, Sequence] = {}
        for task in sources:
            columns |= {
                f"{task}_reads": self.reads,
                f"{task}_depth": self.source_depths,
                f"{task}_width": self.source_widths,
            }
        lateral = {"lateral": self.laterals, "adapter_units": self.adapter_units}
        return {
            "depth": self.depths,
            **layers,
            **columns,
            **(lateral if sources else {}),
            "dropout": self.dropouts,
            "learning_rate": self.learning_rates,
        }

    def sample(self, sources: Sequence[str], count: int, seed: int) -> list[Candidate]:
        """Different candidates drawn at random, each choice alike likely.

        Fewer than ``count`` where the space hardly holds more.

        Args:
            sources: the source tasks, in order.
            count: how many to draw.
            seed: of the draw.

        Example:

        >>> len(Space(depths=[1], dropouts=[0], learning_rates=[0.1]).sample([], 9, seed=0))
        5
        """
        generator = np.random.default_rng([seed, 3])
        choices = self.choices(sources)
        drawn: dict[str, Candidate] = {}
        for _ in range(50 * count):
            values = {name: of[generator.integers(len(of))] for name, of in choices.items()}
            candidate = self.candidate(values, sources)
            drawn.setdefault(str(candidate), candidate)
            if len(drawn) == count:
                break
        return list(drawn.values())


def read_space(path: str | Path) -> Space:
    """Reads a search space (TOML): choices by their names; those left out have their default.

    Raises:
        UserError: the file is missing or no TOML, or a choice cannot be.
    """
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no TOML: {error}") from error
    return make_space(found, str(path))


def make_space(found: Mapping[str, Sequence], where: str = "The search space") -> Space:
    """A search space from choices by their names.

    Raises:
        UserError: a choice is unknown or cannot be.

    Example:

    >>> make_space({"laterals": ["dense"]}).laterals
    ('dense',)
    """
    known = [field.name for field in dataclasses.fields(Space)]
    unknown = sorted(set(found) - set(known))
    if unknown:
        raise UserError(f"{where}: unknown {', '.join(unknown)}. Known: {', '.join(known)}")
    return Space(**found)


def _check(name: str, values) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
        raise UserError(f"{name} is a list of one or more values. Received: {values!r}")
    words = {"laterals": LATERALS, "reads": READINGS}.get(name)
    if words:
        bad, wanted = [v for v in values if v not in words], f"are of {', '.join(words)}"
    elif name in _WHOLE:
        bad, wanted = [v for v in values if not _is_whole(v) or v < 1], "are positive integers"
    elif name == "dropouts":
        bad = [v for v in values if not _is_number(v) or not 0 <= v < 1]
        wanted = "are at least 0 and below 1"
    else:
        bad = [v for v in values if not _is_number(v) or not 0 < v < float("inf")]
        wanted = "are positive"
    if bad:
        raise UserError(f"{name} {wanted}. Received: {list(values)!r}")


def _is_number(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_whole(value) -> bool:
    return _is_number(value) and int(value) == value


def _ordered(name: str, values: Sequence) -> tuple:
    """Every value once, numbers in order, words in the order in which they are known."""
    words = {"laterals": LATERALS, "reads": READINGS}.get(name)
    if words:
        return tuple(word for word in words if word in values)
    return tuple(sorted({int(v) if name in _WHOLE else float(v) for v in values}))

"""A recipe: how a preset of the zoo is trained, as a TOML file."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pnn_keras.errors import UserError
from pnn_keras.methods import find_method
from pnn_keras.schedule import Settings
from pnn_keras.task import parse_task

#: Methods that stand beside a chain's own on its card.
COMPARED = ("ptft", "logistic-regression", "svm")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a preset of the zoo is trained.

    Args:
        name: what the preset is called.
        title: what it is, in one line.
        corpora: names of the corpora, as :func:`pnn_keras.open_corpus` finds them.
        sources: the tasks to learn first, in order.
        target: the task to learn last.
        licence: the identifier of the preset's licence, such as ``apache-2.0``.
        licence_note: why that one.
        any_use: whether the licence, those of the corpora and of what the
            front-end needs allow any use; then the wheel carries the preset.
        classes: emotion classes of the target; empty means the corpus's own.
        frontend: the front-end.
        units: widths of the hidden layers of every column.
        protocol: of the scores, see :func:`pnn_keras.fold_files.open_protocol`.
        repeats: how often its folds are dealt anew.
        compare: methods to score on the same folds besides.
        settings: how columns are fitted.
    """

    name: str
    title: str
    corpora: tuple[str, ...]
    sources: tuple[str, ...]
    target: str
    licence: str
    licence_note: str
    any_use: bool
    classes: tuple[str, ...] = ()
    frontend: str = "egemaps"
    units: tuple[int, ...] = (256, 256)
    protocol: str = "speaker-5-fold"
    repeats: int = 1
    compare: tuple[str, ...] = COMPARED
    settings: Settings = dataclasses.field(default_factory=Settings)

    def __post_init__(self) -> None:
        for name in ("corpora", "sources", "classes", "units", "compare"):
            value = getattr(self, name)
            if isinstance(value, str) or not isinstance(value, Sequence):
                raise UserError(f"{self.name}: {name} is a list. Received: {value!r}")
            object.__setattr__(self, name, tuple(value))
        if not self.corpora:
            raise UserError(f"{self.name}: a recipe names at least one corpus")
        for task in (*self.sources, self.target):
            parse_task(task)
        for method in self.compare:
            find_method(method)

    def arguments(self) -> dict:
        """What :func:`pnn_keras.chain_training.train` and ``fit_chain`` take of it."""
        return {
            "target": self.target,
            "source": list(self.sources),
            "frontend": self.frontend,
            "classes": list(self.classes) or None,
            "protocol": self.protocol,
            "units": self.units,
            "settings": self.settings,
        }


def read_recipe(path: str | os.PathLike) -> Recipe:
    """Reads a recipe; what it leaves out has its default, its name is the file's.

    Args:
        path: a TOML file with the fields of :class:`Recipe`, and those of
            :class:`~pnn_keras.schedule.Settings` under ``[settings]``.

    Raises:
        UserError: the file is missing, no TOML, or lacks a field or has one
            that is unknown.
    """
    path = Path(path)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no TOML: {error}") from error
    try:
        settings = Settings(**found.pop("settings", {}))
        return Recipe(name=path.stem, settings=settings, **found)
    except TypeError as error:
        raise UserError(f"{path}: {error}. See the recipes under zoo/recipes") from error

"""What an experiment is: studies on corpora, and every choice behind them."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pnn_keras.errors import UserError
from pnn_keras.experiments.toml_table import from_table, to_table, to_toml
from pnn_keras.fold_files import from_folder
from pnn_keras.learner import SCALINGS
from pnn_keras.methods import METHODS, find_method
from pnn_keras.model_address import model_name
from pnn_keras.nested import Tuning
from pnn_keras.schedule import Settings
from pnn_keras.shape import Shape
from pnn_keras.speaker_scaling import REFUSED
from pnn_keras.task import parse_task

#: What ``classes`` can be besides a list: the paper's four where a corpus has them, or its own.
CLASS_CHOICES = ("paper", "all")


@dataclasses.dataclass(frozen=True)
class Study:
    """One target learned by several methods on the same folds.

    Args:
        target: the task to learn: ``emotion@EmoDB``.
        sources: each a source task, or several joined by ``+`` that are learned
            one after the other and read at once: ``speaker+gender``.
        methods: names of :data:`pnn_keras.methods.METHODS`. Those that need a
            source are learned once for each of ``sources``.
        protocol: see :func:`pnn_keras.fold_files.open_protocol`.
        training_parts: how many parts each fold trains on; 0 means all.
        from_model: a trained chain whose frozen columns are the source: what
            :func:`pnn_keras.load` takes; ``""`` for none. It has no other sources.
    """

    target: str
    sources: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("dnn", "ptft", "prognet")
    protocol: str = "speaker-5-fold"
    training_parts: int = 0
    from_model: str = ""

    def __post_init__(self) -> None:
        for name in ("sources", "methods"):
            _check_list(name, getattr(self, name))
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _check_not_negative("training_parts", self.training_parts)
        parse_task(self.target)
        for source in self.sources:
            tasks = source_tasks(source)
            if self.target in tasks:
                raise UserError(
                    f"A target is not its own source. Received: {source!r} for {self.target!r}"
                )
            for task in tasks:
                parse_task(task)
        lonely = [name for name in self.methods if find_method(name).needs_source]
        if lonely and not (self.sources or self.from_model):
            raise UserError(f"{', '.join(lonely)} need a source. Received: none for {self.target}")
        if self.from_model:
            self._check_extending()
        elif any(find_method(name).needs_chain for name in self.methods):
            chainless = [name for name in self.methods if METHODS[name].needs_chain]
            raise UserError(
                f"{', '.join(chainless)}: there is no trained chain to read. Received: none for "
                f"{self.target}. Give one: from_model"
            )
        if not self.methods:
            raise UserError(f"A study compares at least one method of {', '.join(METHODS)}")

    def _check_extending(self) -> None:
        if self.sources:
            raise UserError(
                "A study learns from sources or from a trained chain. Received both: "
                f"{', '.join(self.sources)} and {self.from_model}"
            )
        lost = [name for name in self.methods if not METHODS[name].extends]
        if lost:
            raise UserError(
                f"{', '.join(lost)} learn the source's labels, which a trained chain does not "
                f"bring. Leave them out. Received: from_model={self.from_model!r}"
            )

    @property
    def preset(self) -> str:
        """What the trained chain is called in tables, ``""`` for none."""
        # A plus joins the tasks of a source.
        return model_name(self.from_model).replace("+", "-") if self.from_model else ""

    @property
    def name(self) -> str:
        """What the study is called: target and protocol."""
        plain = f"{self.target}, {self.protocol}"
        if not self.training_parts:
            return plain
        return f"{plain} on {self.training_parts} part{'s' * (self.training_parts > 1)}"

    @property
    def nested(self) -> bool:
        """Whether a method searches a shape inside each fold."""
        return any(METHODS[name].nested for name in self.methods)

    @property
    def jobs(self) -> list[tuple[str, str]]:
        """Pairs of a method and its sources (``""`` for none), in the order of tables.

        Of a trained chain the source is what it is called.
        """
        methods = [METHODS[name] for name in METHODS if name in self.methods]
        jobs = [(method.name, "") for method in methods if not method.needs_source]
        sizes = set()
        for source in self.sources or ((self.preset,) if self.from_model else ()):
            size = len(source_tasks(source))
            jobs += [
                (method.name, source)
                for method in methods
                if method.needs_source and not (method.size_only and size in sizes)
            ]
            sizes.add(size)
        return jobs


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Studies on corpora, and every choice behind them.

    Args:
        name: what it is called, and the folder of its run below ``runs/``.
        title: what it asks.
        corpora: what :func:`pnn_keras.open_corpus` takes, each.
        studies: the comparisons.
        classes: emotion classes: ``"paper"``, the paper's four where the corpus
            has them; ``"all"``, the corpus's own; or a list.
        frontend: the front-end; ``""`` takes that of the last column of the
            trained chain that studies extend.
        augment: how many augmented passes of each training row are learned from
            besides.
        scaling: ``"training"``; ``"corpus"``, as the paper does, or
            ``"speaker"``, both transductive.
        repeats: how often the folds are dealt anew.
        curves: whether the UAR on test rows is noted after every epoch; no fold
            ends early then.
        settings: how columns are fitted.
        shape: the shape of the columns.
        tuning: what methods that search inside each fold try.
    """

    name: str
    title: str
    corpora: tuple[str, ...]
    studies: tuple[Study, ...]
    classes: str | tuple[str, ...] = "paper"
    frontend: str = "egemaps"
    augment: int = 0
    scaling: str = "training"
    repeats: int = 1
    curves: bool = False
    settings: Settings = dataclasses.field(default_factory=Settings)
    shape: Shape = dataclasses.field(default_factory=Shape)
    tuning: Tuning = dataclasses.field(default_factory=Tuning)

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_list("corpora", self.corpora)
        _check_not_negative("augment", self.augment)
        _check_not_negative("seed", self.settings.seed)
        if isinstance(self.classes, str) and self.classes not in CLASS_CHOICES:
            raise UserError(
                f"classes is {' or '.join(CLASS_CHOICES)}, or a list. Received: {self.classes!r}"
            )
        if self.scaling not in SCALINGS:
            raise UserError(f"scaling is one of {', '.join(SCALINGS)}. Received: {self.scaling!r}")
        if self.repeats < 1:
            raise UserError(f"repeats is at least 1. Received: {self.repeats}")
        if not self.studies:
            raise UserError(f"The experiment {self.name!r} has no study")
        if not (self.frontend or any(study.from_model for study in self.studies)):
            raise UserError("The experiment names no front-end, and extends no chain that has one")
        doubled = sorted({s.name for s in self.studies if [*self.studies].count(s) > 1})
        if doubled:
            raise UserError(f"Each study is asked once. Twice here: {', '.join(doubled)}")
        if self.curves and any(study.nested for study in self.studies):
            raise UserError("A curve belongs to one shape: no curves of a search inside each fold")
        self._check_scaling()

    def _check_scaling(self) -> None:
        labels = {
            parse_task(task)[0]
            for study in self.studies
            for task in (study.target, *(t for s in study.sources for t in source_tasks(s)))
        }
        if self.scaling == "speaker" and labels & set(REFUSED):
            raise UserError(
                "Per-speaker scaling is refused for speaker and gender columns: it removes what "
                f"they look for. Tasks here: {', '.join(sorted(labels))}"
            )

    @property
    def transductive(self) -> bool:
        """Whether scaling has seen test rows."""
        return self.scaling != "training"


def source_tasks(source: str) -> list[str]:
    """The tasks that a source names.

    Example:

    >>> source_tasks("speaker@EmoDB+gender@EmoDB")
    ['speaker@EmoDB', 'gender@EmoDB']
    """
    return [task.strip() for task in source.split("+")]


def read_experiment(path: str | Path) -> Experiment:
    """Reads an experiment file (TOML), as :func:`write_experiment` writes it.

    What it leaves out has its default. Fold files (``protocol = "folds:FILE"``)
    are looked for from the folder that it lies in.

    Raises:
        UserError: the file is missing or no TOML, a name in it is unknown, or a
            value of another kind than its field's.
    """
    path = Path(path)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no TOML: {error}") from error
    studies = found.pop("studies", [])
    if not isinstance(studies, list) or not all(isinstance(study, dict) for study in studies):
        raise UserError(f"{path}: studies are tables, each headed [[studies]]")
    found.setdefault("name", path.stem)
    found.setdefault("title", "")
    found.setdefault("corpora", [])
    found["studies"] = [
        _in_full(from_table(Study, study, f"{path}, studies"), path.parent) for study in studies
    ]
    for name, kind in (("settings", Settings), ("shape", Shape), ("tuning", Tuning)):
        table = found.get(name, {})
        if not isinstance(table, dict):
            raise UserError(
                f"{path}: {name} is a table, headed [{name}]. Received: {to_toml(table)}"
            )
        found[name] = from_table(kind, table, f"{path}, {name}")
    return from_table(Experiment, found, str(path))


def in_full(experiment: Experiment, folder: str | Path) -> Experiment:
    """The experiment with its fold files named in full, so that it can be read from anywhere.

    Args:
        experiment: the experiment.
        folder: where files are looked for whose names are not full.
    """
    studies = tuple(_in_full(study, folder) for study in experiment.studies)
    return dataclasses.replace(experiment, studies=studies)


def _in_full(study: Study, folder: str | Path) -> Study:
    return dataclasses.replace(study, protocol=from_folder(study.protocol, folder))


def write_experiment(experiment: Experiment) -> str:
    """The experiment as TOML, every default spelled out.

    Example:

    >>> study = Study("gender", methods=["dnn"])
    >>> print(write_experiment(Experiment("mine", "Why?", ("EmoDB",), (study,)))[:14])
    name = "mine"
    """
    fields = {f.name: getattr(experiment, f.name) for f in dataclasses.fields(Experiment)}
    studies, settings, shape = (fields.pop(name) for name in ("studies", "settings", "shape"))
    tuning = fields.pop("tuning")
    lines = [f"{name} = {to_toml(value)}" for name, value in fields.items()]
    lines += ["", "[settings]", *to_table(settings), "", "[shape]", *to_table(shape)]
    if any(study.nested for study in studies):
        lines += ["", "[tuning]", *to_table(tuning)]
    for study in studies:
        lines += ["", "[[studies]]", *to_table(study)]
    return "\n".join(lines) + "\n"


def _check_name(name: str) -> None:
    """Refuses what would lead out of ``runs/``."""
    if name != name.strip(". ") or not re.fullmatch(r"[^/\\:\x00-\x1f]+", name):
        raise UserError(
            "An experiment's name is that of a folder: no slash or colon, and no dot or space at "
            f"its ends. Received: {name!r}"
        )


def _check_list(name: str, value) -> None:
    """Refuses a bare text, which is a sequence of its letters."""
    if isinstance(value, str):
        raise UserError(f"{name} is a list. Received: {value!r}. Write: [{value!r}]")


def _check_not_negative(name: str, value: int) -> None:
    if value < 0:
        raise UserError(f"{name} is not negative. Received: {value}")


def replaced(experiment: Experiment, changes: Mapping[str, object]) -> Experiment:
    """The experiment with some choices changed; those that are None stay.

    Args:
        experiment: the experiment.
        changes: new values, by the names of :class:`Experiment`'s or
            :class:`~pnn_keras.schedule.Settings`'s fields.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    of_settings = {f.name for f in dataclasses.fields(Settings)} & set(given)
    settings = dataclasses.replace(experiment.settings, **{n: given.pop(n) for n in of_settings})
    return dataclasses.replace(experiment, **given, settings=settings)

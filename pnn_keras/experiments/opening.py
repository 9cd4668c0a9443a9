"""From a name, a file or an experiment to the experiment with its corpora opened."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pnn_keras.corpora import open_corpus
from pnn_keras.corpus import Corpus, pool
from pnn_keras.errors import UserError
from pnn_keras.experiments.named import EXPERIMENTS, make_experiment
from pnn_keras.experiments.planning import check_experiment
from pnn_keras.experiments.spec import Experiment, in_full, read_experiment, replaced

#: Names that stand for corpora where none is given, to show an experiment.
PLACEHOLDERS = ("A", "B")

#: What stands for the trained chain then.
SOME_MODEL = "PRESET"


def open_experiment(
    experiment: str | Path | Experiment,
    corpora: Sequence[str | Path | Corpus] = (),
    changes: Mapping[str, object] | None = None,
    strict: bool = False,
    from_model: str | Path | None = None,
) -> tuple[Experiment, list[Corpus]]:
    """An experiment for corpora, and the corpora: one that they can answer.

    Args:
        experiment: a name of :data:`~pnn_keras.experiments.EXPERIMENTS`, a TOML
            file, or an experiment.
        corpora: what :func:`pnn_keras.open_corpus` takes, or opened corpora.
            None means those that the file or experiment names; a named
            experiment without any takes the synthetic corpus.
        changes: choices to change, see :func:`~pnn_keras.experiments.replaced`.
        strict: whether a single unusable recording ends the run.
        from_model: the trained chain that the studies extend; None means that
            which the file or experiment names.

    Raises:
        UserError: there is no such experiment, file or corpus; or it extends no
            trained chain, but one is given; or it cannot be learned from these
            corpora, see :func:`~pnn_keras.experiments.planning.check_experiment`.
    """
    made, opened = _opened(experiment, corpora, changes, strict, from_model)
    check_experiment(made, pool(opened))
    return made, opened


def _opened(
    experiment: str | Path | Experiment,
    corpora: Sequence[str | Path | Corpus],
    changes: Mapping[str, object] | None,
    strict: bool,
    from_model: str | Path | None,
) -> tuple[Experiment, list[Corpus]]:
    """What :func:`open_experiment` gives, whether the corpora can answer it or not."""
    model = "" if from_model is None else os.fspath(from_model)
    if isinstance(experiment, str) and experiment in EXPERIMENTS:
        opened = _open(corpora or ["synthetic"], strict)
        names = [corpus.name for corpus in opened]
        specs = [_spec(c) for c in corpora or ["synthetic"]]
        made = make_experiment(experiment, names, specs, model, [_speakers(c) for c in opened])
        return replaced(made, changes or {}), opened
    given = isinstance(experiment, Experiment)
    made = in_full(experiment, Path.cwd()) if given else _read(experiment)
    made = _extending(made, model) if model else made
    opened = all(isinstance(corpus, Corpus) for corpus in corpora)
    # Corpora that were opened from the experiment's own words stay as they are written there.
    if corpora and not (opened and len(corpora) == len(made.corpora)):
        made = replaced(made, {"corpora": tuple(_spec(corpus) for corpus in corpora)})
    return replaced(made, changes or {}), _open(corpora or made.corpora or ["synthetic"], strict)


def show_experiment(
    experiment: str | Path,
    corpora: Sequence[str] = (),
    changes: Mapping | None = None,
    from_model: str | Path | None = None,
) -> Experiment:
    """An experiment to look at.

    A named one without corpora speaks of ``A`` and ``B``, and one that extends a
    trained chain of ``PRESET`` where none is given.

    Example:

    >>> show_experiment("paper-table-2").studies[0].target
    'emotion@A'
    """
    if experiment in EXPERIMENTS and EXPERIMENTS[experiment].extends:
        from_model = from_model or SOME_MODEL
    if experiment in EXPERIMENTS and not corpora:
        model = os.fspath(from_model or "")
        made = make_experiment(experiment, PLACEHOLDERS, PLACEHOLDERS, model)
        return replaced(made, changes or {})
    return _opened(experiment, corpora, changes, strict=False, from_model=from_model)[0]


def _extending(experiment: Experiment, model: str) -> Experiment:
    """The experiment with another trained chain where it extends one."""
    if not any(study.from_model for study in experiment.studies):
        raise UserError(
            f"{experiment.name} extends no trained chain. Received: --from {model}. Give its "
            'studies one: from_model = "MODEL"'
        )
    studies = tuple(
        dataclasses.replace(study, from_model=model) if study.from_model else study
        for study in experiment.studies
    )
    return replaced(experiment, {"studies": studies})


def _speakers(corpus: Corpus) -> int:
    """How many speakers have recordings with an emotion; 0 where some are not known."""
    speakers = {u.speaker for u in corpus if u.emotion is not None}
    return 0 if None in speakers else len(speakers)


def _read(experiment: str | Path) -> Experiment:
    if not Path(experiment).is_file():
        raise UserError(
            f"An experiment is one of {', '.join(EXPERIMENTS)}, or a TOML file. "
            f"Received: {str(experiment)!r}"
        )
    return read_experiment(experiment)


def _open(corpora: Sequence, strict: bool) -> list[Corpus]:
    opened = [c if isinstance(c, Corpus) else open_corpus(c, strict=strict) for c in corpora]
    names = [corpus.name for corpus in opened]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"Each corpus has a name of its own. Twice here: {', '.join(twice)}. "
            "Give one another name: NAME=FOLDER"
        )
    return opened


def _spec(corpus: str | Path | Corpus) -> str:
    return f"{corpus.name}={corpus.folder}" if isinstance(corpus, Corpus) else str(corpus)

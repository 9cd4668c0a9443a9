"""One ordered pair of tasks: what shape is found for it, and what that brings on test folds."""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pnn_keras.corpora import open_corpus
from pnn_keras.corpus import Corpus
from pnn_keras.experiments import Experiment, RunResult, Study, read_run, run_experiment
from pnn_keras.experiments.analysis import fold_uars
from pnn_keras.experiments.results import MethodResult, StudyResult
from pnn_keras.intervals import uar_difference_interval
from pnn_keras.nested import Tuning
from pnn_keras.schedule import Settings
from pnn_keras.search_space import Candidate, Space
from pnn_keras.significance import corrected_cross_validation_test
from pnn_keras.tuning.results import load_tuned
from pnn_keras.tuning.searching import tune

#: The tasks of which every ordered pair is searched.
TASKS = ("speaker", "gender", "emotion")


@dataclasses.dataclass(frozen=True)
class PairSearch:
    """What a pair is searched with, and what the gain is measured on.

    Args:
        trials: candidates of the search over all folds.
        nested: candidates of the search inside each fold.
        oracle: see :data:`pnn_keras.tuning.ORACLES`.
        frontend: the front-end.
        settings: how columns are fitted.
        repeats: how often the folds of the gain are dealt anew.
        space: what there is to choose.
    """

    trials: int = 20
    nested: int = 10
    oracle: str = "random"
    frontend: str = "egemaps"
    settings: Settings = dataclasses.field(default_factory=Settings)
    repeats: int = 1
    space: Space = dataclasses.field(default_factory=Space)


def pairs_of(tasks: Sequence[str] = TASKS) -> list[tuple[str, str]]:
    """Every ordered pair of a source and a target.

    Example:

    >>> pairs_of(["speaker", "gender"])
    [('speaker', 'gender'), ('gender', 'speaker')]
    """
    return list(itertools.permutations(tasks, 2))


def protocol_of(target: str) -> str:
    """The protocol of a target: new speakers are no class of a speaker recogniser.

    >>> protocol_of("speaker"), protocol_of("emotion")
    ('paper-10-fold', 'speaker-5-fold')
    """
    return "paper-10-fold" if target == "speaker" else "speaker-5-fold"


def tune_pair(
    source: str, target: str, corpus: str | Path | Corpus, work: Path, asked: PairSearch
) -> dict:
    """Searches a pair on a corpus, and measures on test folds what that brings.

    Two gains over the paper's 4 x 256, each with the corrected repeated
    cross-validation test over folds:

    - ``nested``: the shape is searched inside each fold, from rows that the
      fold is not scored on. This is what searching brings.
    - ``found``: the one shape that was found on the stop rows of all folds,
      most of which are test rows of another fold: a little optimistic.

    What is done is kept below ``work``; the same call goes on with it.

    Args:
        source: the task to learn first.
        target: the task to learn.
        corpus: what :func:`pnn_keras.open_corpus` takes, or an opened corpus.
        work: folder for the search and the runs.
        asked: how much is tried.

    Returns:
        What :func:`write_recipe` writes.
    """
    opened = corpus if isinstance(corpus, Corpus) else open_corpus(corpus)
    start = time.monotonic()
    best = tune(
        target,
        source=source,
        corpus=opened,
        frontend=asked.frontend,
        protocol=protocol_of(target),
        trials=asked.trials,
        out=work / "search",
        settings=asked.settings,
        seed=asked.settings.seed,
        space=asked.space,
        oracle=asked.oracle,
        progress=False,
    )
    searched = time.monotonic() - start
    tuned = load_tuned(work / "search")
    paper = _run(asked, opened, source, target, work / "paper", ("prognet", "prognet-tuned"))
    found = _run(asked, opened, source, target, work / "found", ("prognet",), tuned)
    plain, nested = (_answers(paper, name, source) for name in ("prognet", "prognet-tuned"))
    names = ("stop_uar", "fold_stop_uars", "parameters", "trials", "failed", "oracle", "seed")
    return {
        "source": source,
        "target": target,
        "corpus": opened.name,
        "frontend": asked.frontend,
        "found": tuned,
        "search": {
            "protocol": best["protocol"],
            "folds": best["hash"],
            **{name: best[name] for name in names},
            "seconds": round(searched, 1),
            "space": asked.space.config(),
            "settings": dataclasses.asdict(asked.settings),
        },
        "gain": {
            "nested": {"trials": asked.nested, **_gain(nested, plain)},
            "found": _gain(_answers(found, "prognet", source), plain),
        },
    }


def write_recipe(pair: Mapping) -> str:
    """A pair as TOML.

    Args:
        pair: what :func:`tune_pair` gives.
    """
    lines = [
        f"# The shape that was found for {pair['target']} from {pair['source']} on "
        f"{pair['corpus']}, by tools/tune_pairs.",
        "# pnn-keras train --tuned reads it. gain.nested is what searching brings on test folds;",
        "# gain.found is the found shape's own, a little optimistic: its stop rows are test rows",
        "# of other folds.",
    ]
    return "\n".join([*lines, *_table((), pair)]) + "\n"


def _table(path: tuple[str, ...], values: Mapping) -> list[str]:
    """A TOML table and those in it; what is None is left out."""
    head = ["", f"[{'.'.join(path)}]"] if path else []
    plain = {n: v for n, v in values.items() if not isinstance(v, Mapping) and v is not None}
    # A JSON value that is no table is one of TOML too, but for the name of what is no number.
    written = {n: json.dumps(v, ensure_ascii=False) for n, v in plain.items()}
    lines = [f"{name} = {text.replace('NaN', 'nan')}" for name, text in written.items()]
    inner = [(n, v) for n, v in values.items() if isinstance(v, Mapping)]
    return [*head, *lines, *(line for n, v in inner for line in _table((*path, n), v))]


def _run(asked: PairSearch, corpus, source, target, out, methods, tuned=None) -> RunResult:
    """The methods on test folds, in the paper's shape or in the one that was found."""
    study = Study(target, (source,), methods, protocol_of(target))
    options = {}
    if tuned is not None:
        candidate = Candidate.from_config(tuned)
        options["shape"] = candidate.shape()
        options["settings"] = candidate.settings(asked.settings)
    experiment = Experiment(
        name=out.name,
        title=f"{target} from {source} on {corpus.name}",
        corpora=(corpus.name,),
        studies=(study,),
        classes="all",
        frontend=asked.frontend,
        repeats=asked.repeats,
        **{"settings": asked.settings, **options},
        tuning=Tuning(**asked.space.config(), trials=asked.nested),
    )
    return read_run(
        run_experiment(experiment, [corpus], out, progress=False, on_part=lambda *_: None)
    )


def _answers(run: RunResult, method: str, source: str) -> tuple[StudyResult, MethodResult]:
    return run.studies[0], run.studies[0].method(method, source)


def _gain(ours: tuple[StudyResult, MethodResult], theirs: tuple[StudyResult, MethodResult]):
    """How much higher one UAR is, and whether that holds over folds."""
    (study, a), (other, b) = ours, theirs
    by_fold = fold_uars(study, a) - fold_uars(other, b)
    tested = len(study.targets) / study.protocol["folds"]
    test = corrected_cross_validation_test(
        by_fold, test_train_ratio=float(tested / study.train_rows.mean())
    )
    known = all(speaker is not None for speaker in study.speakers)
    interval = uar_difference_interval(
        study.targets,
        a.predictions,
        b.predictions,
        study.speakers.astype(str) if known else None,
        len(study.classes),
    )
    return {
        "uar_difference": round(interval.value, 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
        "fold_difference": round(float(test.difference), 4),
        "test": test.name,
        "p": round(float(test.p), 4),
        "parameters": a.parameters,
        "parameters_paper": b.parameters,
        "protocol": study.protocol["name"],
        "stamp": study.stamp,
    }

"""Searching the depth and the widths of a target column with keras-tuner, on stop folds alone."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from pnn_keras.chain_training import DEFAULT_PROTOCOL, check_request
from pnn_keras.corpus import Corpus
from pnn_keras.errors import PnnKerasError, PresetError, UserError
from pnn_keras.fold_files import open_protocol
from pnn_keras.folder import check_writable, write_whole
from pnn_keras.frontends import Frontend
from pnn_keras.learner import Learner, Shape, Sources
from pnn_keras.material import Material, load_material, open_corpora
from pnn_keras.monitor import Monitor
from pnn_keras.protocol import Fold
from pnn_keras.schedule import Settings
from pnn_keras.source_columns import fit_source
from pnn_keras.task import Task, make_task

#: How the next shape is chosen: at random, or by a Gaussian process over those tried.
ORACLES = ("random", "bayesian")

#: The result of a finished search, its trials as a table, and the trials to resume from.
BEST, TABLE, TRIALS = "best.json", "trials.csv", "trials.json"


def tune(
    target: str,
    *,
    source: str | Sequence[str] = (),
    corpus: str | Path | Corpus | Sequence = "synthetic",
    frontend: str | Frontend | None = None,
    augment: int = 0,
    classes: Sequence[str] | None = None,
    merges: Mapping[str, str] | None = None,
    protocol: str = DEFAULT_PROTOCOL,
    trials: int = 20,
    out: str | Path,
    settings: Settings | None = None,
    seed: int = 0,
    widths: Sequence[int] = (32, 64, 128, 256, 512),
    depths: Sequence[int] = (1, 2, 3, 4, 5),
    progress: bool = True,
    strict: bool = False,
    workers: int | None = None,
    oracle: str = "random",
) -> dict:
    """Searches the depth and the widths of the target column beside its sources.

    The sources are trained once, in the default shape. Each trial then fits a
    target column of another shape on all folds side by side; its score is the
    mean, over folds, of the best UAR on the stop rows. The test rows are taken
    out of the folds beforehand, so no score that is reported later has had a
    say in the shape. The stop UAR of the winner is optimistic, as the best of
    many: score it with :func:`pnn_keras.chain_training.train`.

    Every finished trial is written to ``out`` at once. The same call resumes
    a search that was interrupted, and continues one with more ``trials``. A
    trial that fails is reported as a warning and skipped; resuming tries it again.

    Args:
        target: the task to learn: ``emotion``, ``emotion@EmoDB``, ...
        source: the task or tasks to learn first, in order; none tunes a
            from-scratch network.
        corpus: what :func:`pnn_keras.open_corpus` takes, a corpus, or several.
        frontend: name of the front-end; None means ``egemaps``.
        augment: how many augmented passes of each training row are learned from
            besides, see :func:`pnn_keras.chain_training.train`.
        classes: emotion classes of the target; None means the corpus's own.
        merges: labels that count as another class, see
            :func:`pnn_keras.task.make_task`.
        protocol: see :func:`pnn_keras.protocol.make_protocol`.
        trials: how many shapes to try at most; the search ends earlier once
            keras-tuner hardly finds one that it has not tried.
        out: folder of the search. It gets ``best.json``, ``trials.csv``,
            ``trials.json`` (what a search is resumed from) and keras-tuner's own files.
        settings: epochs, batch size and so on; their seed deals the folds and
            starts the weights. None means the defaults with ``seed``.
        seed: seed of the search, not negative.
        widths: widths that a hidden layer may have.
        depths: numbers of hidden layers to choose from.
        progress: whether to show progress bars.
        strict: whether a single unusable recording ends the run.
        workers: recordings to extract at a time; None means one per processor.
        oracle: ``"random"`` or ``"bayesian"``.

    Returns:
        What ``best.json`` holds: ``target``, ``sources``, ``units`` (the best
        widths, layer by layer), ``stop_uar``, ``fold_stop_uars`` (one per
        fold), ``trials`` and ``failed`` (how many were scored, and failed),
        ``protocol``, ``hash`` (of the folds), ``oracle``, ``seed``,
        ``widths``, ``depths`` and ``settings``.

    Raises:
        UserError: the request cannot work, or ``out`` holds something else or
            the search of another request.
        ProtocolError: the corpus does not allow the protocol, or it would leak.
        AudioError: no recording is usable.
        PnnKerasError: every trial failed, or the disk refused.

    Example:
        ``tune("emotion", source="gender", corpus="EmoDB/", out="tuned")["units"]``
    """
    settings = settings or Settings(seed=seed)
    sources = [source] if isinstance(source, str) else list(source)
    check_request(target, sources, "training", None)
    _check_space(trials, widths, depths, oracle, seed)
    folder = Path(out)
    _check_folder(folder)
    check_writable(folder, existing=True)
    material = load_material(
        open_corpora(corpus, strict),
        frontend,
        augment=augment,
        strict=strict,
        workers=workers,
        progress=progress,
    )
    task = make_task(target, material.utterances, classes, merges)
    source_tasks = [make_task(spec, material.utterances) for spec in sources]
    labelled = task.targets(material.utterances) >= 0
    division = open_protocol(protocol, material.utterances, labelled, 1, settings.seed)
    request = {
        "target": task.name,
        "sources": [each.name for each in source_tasks],
        "protocol": division.name,
        "hash": division.hash,
        "data": _fingerprint(material, [task, *source_tasks]),
        "oracle": oracle,
        "seed": seed,
        "widths": sorted({int(width) for width in widths}),
        "depths": sorted({int(depth) for depth in depths}),
        "settings": dataclasses.asdict(settings),
    }
    record = _Record(folder, request)
    candidates = _Candidates(material, task, source_tasks, division, settings, progress)
    _search(request, trials, folder, lambda units: record.score(units, candidates.score))
    return record.finish()


def load_tuned(folder: str | Path) -> dict:
    """What a finished search found, as arguments of :func:`pnn_keras.chain_training.train`.

    Args:
        folder: the ``out`` of :func:`tune`.

    Returns:
        ``{"units": [...]}``: the widths of the target column's hidden layers.

    Raises:
        PresetError: there is no finished search, or its result is damaged.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "best.json").write_text('{"units": [128, 32]}')
    ...     load_tuned(folder)
    {'units': [128, 32]}
    """
    path = Path(folder) / BEST
    if not path.is_file():
        raise PresetError(
            f"{folder} holds no finished search: {BEST} is missing. "
            f"Run `pnn-keras tune --out {folder}`; it resumes one that was interrupted"
        )
    best = _read_json(path)
    units = best.get("units") if isinstance(best, dict) else None
    if not (isinstance(units, list) and units and all(type(u) is int and u > 0 for u in units)):
        raise PresetError(
            f"{path} is to give positive widths under 'units'. Received: {units!r}. "
            "Run the search again"
        )
    return {"units": units}


class _Candidates:
    """Scores target columns beside sources that are trained once, on folds without test rows."""

    def __init__(self, material, task, sources, division, settings, progress) -> None:
        self.task, self.sources = task, sources
        learner = Learner(
            material, division, Shape(), settings, monitor=Monitor(progress=progress)
        )
        # Dealt with the test rows in place, which the sources must not hear either.
        dealt = {source: _without_test(learner.source_folds(source)) for source in sources}
        without = dataclasses.replace(division, folds=tuple(_without_test(division.folds)))
        self.learner = Learner(
            material, without, Shape(), settings, monitor=Monitor(progress=progress), dealt=dealt
        )
        self._read: Sources | None = None

    def score(self, units: Sequence[int]) -> np.ndarray:
        """The best stop UAR of a column of these widths on each fold, ``(folds,)``."""
        if self._read is None:
            self._read = self._fit_sources()
        learner = self.learner
        column = learner.column(self.task, learner.members, self._read, units=units)
        title = f"{self.task.name} {'-'.join(map(str, units))}"
        return learner.fit(column, learner.folds, self._read, title=title).fit.stop_uar

    def _fit_sources(self) -> Sources:
        """The sources on every fold; waits until a trial needs them."""
        read = Sources()
        for source in self.sources:
            fitted = fit_source(self.learner, source, read)
            read = read.add(fitted.column.name, fitted.taps, fitted.column.tap_units)
        return read


class _Record:
    """The trials of one search, on disk after every one.

    keras-tuner's own files can be caught half-written by a kill. Its choice of
    shapes follows from the seed and the scores, though, so a search is resumed
    by running it again with the scores that are known.
    """

    def __init__(self, folder: Path, request: Mapping) -> None:
        self.folder, self.request = folder, json.loads(json.dumps(request))
        self.trials: dict[tuple[int, ...], dict] = {}
        path = folder / TRIALS
        if path.is_file():
            earlier = _read_json(path)
            self._check_same(earlier["request"])
            self.trials = {tuple(t["units"]): t for t in earlier["trials"] if not t["error"]}
        self._save()

    def score(self, units: Sequence[int], scorer: Callable[[Sequence[int]], np.ndarray]) -> float:
        """The mean stop UAR of a shape, computed unless known; NaN if that failed."""
        units = tuple(units)
        if units not in self.trials:
            self.trials[units] = _trial(units, scorer)
            self._save()
        score = self.trials[units]["stop_uar"]
        return float("nan") if score is None else score

    def finish(self) -> dict:
        """Writes and returns the result of the search; a tie goes to the narrower shape."""
        scored = [trial for trial in self.trials.values() if not trial["error"]]
        failed = [trial for trial in self.trials.values() if trial["error"]]
        if not scored:
            raise PnnKerasError(f"Every trial failed; the first: {failed[0]['error']}")
        best = max(scored, key=lambda trial: (trial["stop_uar"], -sum(trial["units"])))
        result = {
            **{name: value for name, value in self.request.items() if name != "data"},
            **{name: best[name] for name in ("units", "stop_uar", "fold_stop_uars")},
            "trials": len(scored),
            "failed": len(failed),
        }
        _write(self.folder / BEST, json.dumps(result, indent=2) + "\n")
        return result

    def _save(self) -> None:
        trials = list(self.trials.values())
        text = json.dumps({"request": self.request, "trials": trials}, indent=1)
        _write(self.folder / TRIALS, text + "\n")
        _write(self.folder / TABLE, _table(trials))

    def _check_same(self, earlier: Mapping) -> None:
        other = [name for name in self.request if self.request[name] != earlier.get(name)]
        if other:
            raise UserError(
                f"{self.folder} holds a search with another {', '.join(other)}. "
                "Name another folder, or repeat the earlier request to resume it"
            )


def _trial(units: tuple[int, ...], scorer) -> dict:
    """Scores one shape: what is recorded of it."""
    start, scores, reason = time.perf_counter(), [], ""
    try:
        scores = [float(score) for score in scorer(units)]
        if not np.isfinite(scores).all():
            scores, reason = [], "a fold has no score on its stop rows"
    except (PnnKerasError, tf.errors.OpError, MemoryError) as error:
        reason = f"{type(error).__name__}: {error}"
    if reason:
        warnings.warn(f"The shape {units} is skipped: {reason}", RuntimeWarning, stacklevel=2)
    return {
        "units": list(units),
        "stop_uar": None if reason else float(np.mean(scores)),
        "fold_stop_uars": scores,
        "seconds": round(time.perf_counter() - start, 3),
        "error": reason,
    }


def _search(request: Mapping, trials: int, folder: Path, score) -> None:
    """Lets keras-tuner choose shapes until enough are scored, or none is left to try."""
    # Imported late and quietly: it takes its time, and greets on stdout.
    with contextlib.redirect_stdout(io.StringIO()):
        import keras_tuner

        class ShapeTuner(keras_tuner.Tuner):
            """Scores a shape with ``score`` in place of building and fitting a model."""

            def run_trial(self, trial, *args, **kwargs):
                return {"stop_uar": score(_units(trial.hyperparameters))}

        oracles = {
            "random": keras_tuner.oracles.RandomSearchOracle,
            "bayesian": keras_tuner.oracles.BayesianOptimizationOracle,
        }
        oracle = oracles[request["oracle"]](
            objective=keras_tuner.Objective("stop_uar", direction="max"),
            max_trials=trials,
            seed=request["seed"] + 1,  # keras-tuner takes 0 for no seed
            hyperparameters=_space(keras_tuner.HyperParameters(), request),
            # A shape that fails says nothing of the next one: never give up early.
            max_consecutive_failed_trials=trials + 1,
        )
        tuner = ShapeTuner(
            oracle, directory=str(folder), project_name="keras-tuner", overwrite=True
        )
    with warnings.catch_warnings():
        # A failed trial is NaN to keras-tuner, and has been reported already.
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
        tuner.search(verbose=0)


def _space(space, request: Mapping):
    """The depth, and a width for every layer that this depth has."""
    depths, widths = request["depths"], request["widths"]
    space.Choice("depth", depths, ordered=True)
    for layer in range(1, max(depths) + 1):
        deep_enough = [depth for depth in depths if depth >= layer]
        with space.conditional_scope("depth", deep_enough):
            space.Choice(_width_name(layer), widths, ordered=True)
    return space


def _units(values) -> list[int]:
    """The widths of the layers that one point of the space has."""
    return [int(values.get(_width_name(layer))) for layer in range(1, values.get("depth") + 1)]


def _width_name(layer: int) -> str:
    return f"width_{layer}"


def _without_test(folds: Sequence[Fold]) -> list[Fold]:
    return [Fold(fold.train, fold.stop, fold.test[:0]) for fold in folds]


def _fingerprint(material: Material, tasks: Sequence[Task]) -> str:
    """SHA-256 over features and classes: equal for a search on the same data."""
    digest = hashlib.sha256()
    for name in sorted(material.features):
        digest.update(name.encode() + np.ascontiguousarray(material.features[name]).tobytes())
    for task in tasks:
        digest.update(json.dumps(task.to_config()).encode())
        digest.update(task.targets(material.utterances).tobytes())
    return digest.hexdigest()


def _table(trials: Sequence[Mapping]) -> str:
    """The trials as CSV, in the order in which they were run; UAR as a share of 1."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["trial", "units", "stop_uar", "fold_stop_uars", "seconds", "error"])
    for number, trial in enumerate(trials, start=1):
        score = "" if trial["stop_uar"] is None else f"{trial['stop_uar']:.6f}"
        folds = " ".join(f"{score:.6f}" for score in trial["fold_stop_uars"])
        units = "-".join(map(str, trial["units"]))
        rows.writerow([number, units, score, folds, trial["seconds"], trial["error"]])
    return text.getvalue()


def _check_space(trials: int, widths, depths, oracle: str, seed: int) -> None:
    if trials < 1:
        raise UserError(f"A search has at least one trial. Received: trials={trials}")
    if seed < 0:
        raise UserError(f"The seed of a search is not negative. Received: seed={seed}")
    for name, values in (("widths", widths), ("depths", depths)):
        if not len(values) or not all(int(value) == value > 0 for value in values):
            raise UserError(f"{name} is one or more positive integers. Received: {values!r}")
    if oracle not in ORACLES:
        raise UserError(f"oracle is one of {', '.join(ORACLES)}. Received: {oracle!r}")


def _check_folder(folder: Path) -> None:
    """Refuses a folder that holds anything but a search, before hours are spent."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file. Name a folder for the search")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / TRIALS).is_file():
        raise UserError(f"{folder} holds something else than a search. Name another folder")


def _read_json(path: Path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PresetError(
            f"{path} cannot be read: {error}. Remove its folder and search again"
        ) from error


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))

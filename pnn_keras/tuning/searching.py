"""A search from its request to its result."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.candidates import Candidates
from pnn_keras.chain_training import DEFAULT_PROTOCOL, check_request
from pnn_keras.corpus import Corpus
from pnn_keras.errors import UserError
from pnn_keras.fold_files import open_protocol
from pnn_keras.folder import check_writable
from pnn_keras.frontends import Frontend
from pnn_keras.learner import Learner
from pnn_keras.material import Material, load_material, open_corpora
from pnn_keras.monitor import Monitor
from pnn_keras.protocol import Fold, Protocol
from pnn_keras.schedule import Settings
from pnn_keras.search_space import Candidate, Space, make_space, read_space
from pnn_keras.shape import Shape
from pnn_keras.task import Task, make_task
from pnn_keras.tuning import scoring
from pnn_keras.tuning.figure import write_parameters
from pnn_keras.tuning.hparams import write_hparams
from pnn_keras.tuning.record import TRIALS, Record
from pnn_keras.tuning.role import Role, find_role

#: How the next candidate is chosen: at random, by a Gaussian process over those tried, or by
#: giving many a few epochs and the better ones more.
ORACLES = ("random", "bayesian", "hyperband")


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
    space: Space | Mapping[str, Sequence] | str | Path | None = None,
    widths: Sequence[int] | None = None,
    depths: Sequence[int] | None = None,
    progress: bool = True,
    strict: bool = False,
    workers: int | None = None,
    oracle: str = "random",
    lost_after: float = 60.0,
) -> dict:
    """Searches the shape of every column of a chain, and how it is fitted.

    A trial fits sources and target of one shape on all folds side by side; its
    score is the mean, over folds, of the best UAR of the target on the stop
    rows. Sources of the same shape, learning rate and dropout are fitted once
    for all trials. The test rows are taken out of the folds beforehand, so no
    row that a fold is later scored on has had a say in that fold's stop UAR.
    Over all folds, though, nearly every row is a stop row of some: the stop UAR
    of the winner is optimistic, and so, a little, is its score on the same
    folds. ``experiment`` with ``prognet-tuned`` searches inside each fold.

    Every finished trial is written to ``out`` at once. The same call resumes
    a search that was interrupted, and continues one with more ``trials`` (but
    for Hyperband, which plans with their number). A trial that fails or runs
    out of memory is reported as a warning, recorded and skipped; resuming tries
    it again.

    Several processes, on one machine or many, share a search in keras-tuner's
    way: each is started with the same call and with KERASTUNER_TUNER_ID
    (``"chief"`` is part of the chief's alone), KERASTUNER_ORACLE_IP and
    KERASTUNER_ORACLE_PORT set in its environment. The chief hands out trials
    and writes ``out``; workers score. A worker that is killed loses its trial to
    another; a chief that is killed goes on where it was when it is started again.

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
        trials: how many candidates to try at most; the search ends earlier once
            keras-tuner hardly finds one that it has not tried. With Hyperband
            about as many shapes, the better of which are fitted again for more epochs.
        out: folder of the search. It gets ``best.json``, ``trials.csv``,
            ``trials.json`` (what a search is resumed from), ``parameters.png``
            (stop UAR against number of weights), ``tensorboard`` (for the
            HParams view) and keras-tuner's own files.
        settings: epochs, batch size and so on; their seed deals the folds and
            starts the weights. None means the defaults with ``seed``. The
            learning rate is the search's.
        seed: seed of the search, not negative.
        space: what to choose from: a :class:`~pnn_keras.search_space.Space`,
            choices by their names, or a TOML file with them.
        widths: widths that a hidden layer of the target may have; None takes those
            of ``space``.
        depths: numbers of its hidden layers; None takes those of ``space``.
        progress: whether to show progress bars.
        strict: whether a single unusable recording ends the run.
        workers: recordings to extract at a time; None means one per processor.
        oracle: ``"random"``, ``"bayesian"`` or ``"hyperband"``.
        lost_after: seconds without a sign from a worker after which the chief
            hands its trial out again.

    Returns:
        What ``best.json`` holds: ``target``, ``sources``; of the best trial
        ``units``, ``source_units``, ``wiring``, ``lateral``, ``adapter_units``,
        ``dropout``, ``learning_rate``, ``epochs`` (the budget),
        ``parameters``, ``stop_uar`` and ``fold_stop_uars`` (one per fold);
        ``trials`` and ``failed`` (how many were scored, and failed),
        ``skipped`` (each failed candidate and why), ``protocol``, ``hash`` (of
        the folds), ``oracle``, ``seed``, ``space`` and ``settings``. A worker
        of a shared search returns ``worker``, its ID, and ``scored``, how many
        trials it has scored.

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
    chosen = _space(space, widths, depths)
    _check(trials, oracle, seed, lost_after)
    role = find_role()
    folder = Path(out)
    if role is None or role.is_chief:
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
        "space": chosen.config(),
        "settings": dataclasses.asdict(settings),
        **({"planned": trials} if oracle == "hyperband" else {}),
    }
    if role is not None and role.is_chief:
        record = Record(folder, request)
        _share_out(role, record, chosen, trials, lost_after)
        return finish(record)
    learner = without_test(material, division, source_tasks, settings, progress)
    candidates = Candidates(learner, task, source_tasks)
    if role is not None:
        same = json.loads(json.dumps(request))
        return _work(role, same, chosen, trials, candidates, lost_after)
    record = Record(folder, request)
    search(record, chosen, trials, candidates)
    return finish(record)


def finish(record: Record) -> dict:
    """Writes what a search found: the result, the plot, and the last sessions for TensorBoard."""
    result, trials = record.finish(), list(record.trials.values())
    write_hparams(record.folder, trials)
    write_parameters(result, trials, record.folder)
    return result


def search(record: Record, space: Space, trials: int, candidates: Candidates) -> None:
    """Lets keras-tuner choose candidates until enough are scored, or none is left to try."""
    # Imported late: it takes its time.
    from pnn_keras.tuning.tuner import ShapeTuner

    def score(candidate: Candidate, budget: int) -> float:
        trial = record.known(candidate, budget)
        if trial is None:
            trial = _scored(record, candidates, candidate, budget)
        return _failure(record.request) if trial["error"] else trial["stop_uar"]

    oracle, chosen = _oracle(record.request, space, trials, record)
    ShapeTuner(oracle, record.folder, score, chosen).search()


def _share_out(role: Role, record: Record, space: Space, trials: int, lost_after: float) -> None:
    """Hands out the trials of a search to workers until all are scored."""
    from pnn_keras.tuning.chief import Chief, serve
    from pnn_keras.tuning.tuner import PROJECT, quietly

    oracle, chosen = _oracle(record.request, space, trials, record)
    oracle._set_project_dir(str(record.folder), PROJECT)
    with quietly():
        serve(Chief(oracle, record, chosen, _failure(record.request), lost_after), role)


def _work(
    role: Role, request: Mapping, space: Space, trials: int, candidates, lost_after: float
) -> dict:
    """Scores what the chief hands out."""
    from pnn_keras.tuning.worker import work

    oracle, chosen = _oracle(request, space, trials)

    def score(candidate: Candidate, budget: int) -> dict:
        return scoring.score(candidates, candidate, budget)

    beat = min(5.0, lost_after / 5)
    scored = work(role, request, oracle, score, chosen, _failure(request), beat)
    return {"worker": role.name, "scored": scored}


def _oracle(request: Mapping, space: Space, trials: int, record: Record | None = None):
    """The oracle of a search, as the record kept it, and what reads its values."""
    from pnn_keras.tuning.oracles import make_oracle
    from pnn_keras.tuning.tuner import chooser

    sources, epochs = request["sources"], request["settings"]["epochs"]
    chosen = chooser(space, sources, epochs)
    oracle = make_oracle(
        request["oracle"], space, sources, trials, seed=request["seed"], epochs=epochs
    )
    if record is not None:
        if record.oracle is not None:
            oracle.restore(record.oracle, lambda values: record.known(*chosen(values)) is not None)
        oracle.keep = record.keep_oracle
    return oracle, chosen


def _failure(request: Mapping) -> float:
    """What the oracle is told of a failed trial: Hyperband goes on only from complete rounds."""
    return 0.0 if request["oracle"] == "hyperband" else float("nan")


def _scored(record: Record, candidates: Candidates, candidate: Candidate, budget: int) -> dict:
    """A trial that is not known yet, scored and recorded."""
    if record.begin(candidate, budget):
        try:
            trial = scoring.score(candidates, candidate, budget)
        except BaseException:
            record.interrupted(candidate, budget)
            raise
    else:
        trial = scoring.failed(candidate, budget, "the process ended in it again and again")
    record.add(trial)
    write_hparams(record.folder, list(record.trials.values()))
    return trial


def without_test(
    material: Material,
    division: Protocol,
    sources: Sequence[Task],
    settings: Settings,
    progress: bool,
) -> Learner:
    """What fits columns on the folds of a protocol, whose test rows are taken out."""
    monitor = Monitor(progress=progress)
    learner = Learner(material, division, Shape(), settings, monitor=monitor)
    # Dealt with the test rows in place, which the sources must not hear either.
    dealt = {source: _without_test(learner.source_folds(source)) for source in sources}
    without = dataclasses.replace(division, folds=tuple(_without_test(division.folds)))
    return Learner(material, without, Shape(), settings, monitor=monitor, dealt=dealt)


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


def _space(space, widths, depths) -> Space:
    """The search space that was asked for."""
    if not isinstance(space, Space):
        space = read_space(space) if isinstance(space, (str, Path)) else make_space(space or {})
    given = {"widths": widths, "depths": depths}
    return dataclasses.replace(space, **{n: v for n, v in given.items() if v is not None})


def _check(trials: int, oracle: str, seed: int, lost_after: float) -> None:
    if not lost_after > 0:
        raise UserError(f"lost_after is positive, in seconds. Received: {lost_after}")
    if trials < 1:
        raise UserError(f"A search has at least one trial. Received: trials={trials}")
    if seed < 0:
        raise UserError(f"The seed of a search is not negative. Received: seed={seed}")
    if oracle not in ORACLES:
        raise UserError(f"oracle is one of {', '.join(ORACLES)}. Received: {oracle!r}")


def _check_folder(folder: Path) -> None:
    """Refuses a folder that holds anything but a search, before hours are spent."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file. Name a folder for the search")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / TRIALS).is_file():
        raise UserError(f"{folder} holds something else than a search. Name another folder")

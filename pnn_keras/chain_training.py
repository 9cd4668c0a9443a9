"""Training a chain that is to be used: scored on folds, then fitted on all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.chain import Chain
from pnn_keras.column import Column, column_name
from pnn_keras.corpus import Corpus, Utterance
from pnn_keras.errors import ProtocolError, UserError
from pnn_keras.fold_files import open_protocol
from pnn_keras.folder import check_writable
from pnn_keras.frontends import Frontend
from pnn_keras.learner import SCALINGS, Fitted, Learner, Sources
from pnn_keras.material import Material, load_material, open_corpora
from pnn_keras.methods import METHODS, Bench
from pnn_keras.monitor import Monitor
from pnn_keras.protocol import Fold, source_rows
from pnn_keras.provenance import describe_training
from pnn_keras.schedule import Batches, Settings
from pnn_keras.scores import score_answers
from pnn_keras.shape import Shape
from pnn_keras.speaker_scaling import REFUSED, marked
from pnn_keras.task import Task, make_task, parse_task
from pnn_keras.training import Hearing, hear

#: The protocol of a score unless another is asked for.
DEFAULT_PROTOCOL = "speaker-5-fold"


def train(
    target: str,
    *,
    source: str | Sequence[str] = (),
    corpus: str | Path | Corpus | Sequence = "synthetic",
    frontend: str | Frontend | None = None,
    augment: int = 0,
    from_model: str | Path | Chain | None = None,
    classes: Sequence[str] | None = None,
    merges: Mapping[str, str] | None = None,
    protocol: str = DEFAULT_PROTOCOL,
    repeats: int = 1,
    scaling: str = "training",
    units: Sequence[int] = (256, 256, 256, 256),
    source_units: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
    dropout: float = 0.5,
    lateral: str = "dense",
    adapter_units: int | None = None,
    wiring: Mapping[str, str] | None = None,
    reads: Sequence[str] | None = None,
    settings: Settings | None = None,
    out: str | Path | None = None,
    tensorboard: str | Path | None = None,
    progress: bool = True,
    strict: bool = False,
    workers: int | None = None,
    command: str | None = None,
) -> Chain:
    """Trains a chain: the sources one after the other, then the target beside them.

    The scores come from the protocol's folds: on every fold the sources and
    the target are trained anew, on rows that hold no speaker (in the paper's
    protocol no utterance) of the fold's test rows, beside a from-scratch
    network of the same shape. The chain that is returned is then fitted on all
    rows, each column for the median of the epochs that the folds chose, since
    no row is left to choose it on.

    Args:
        target: the task to learn: ``emotion``, ``emotion@EmoDB``, ...
        source: the task or tasks to learn first, in order.
        corpus: what :func:`pnn_keras.open_corpus` takes, a corpus, or several.
        frontend: name of the front-end; None means that of ``from_model``'s
            last column, or ``egemaps``.
        augment: how many augmented passes of each training row are learned from
            besides the row itself: the front-end masks another part of the
            spectrogram in each. An epoch hears each row once, as its versions
            in turn. Stop and test rows, scalers and the chain that is returned
            hear recordings as they are.
        from_model: a trained chain to extend, or where it lies.
        classes: emotion classes of the target; None means the corpus's own.
        merges: labels that count as another class, see
            :func:`pnn_keras.task.make_task`.
        protocol: see :func:`pnn_keras.fold_files.open_protocol`.
        repeats: how often all folds are dealt anew.
        scaling: ``"training"`` fits each scaler on training rows;
            ``"corpus"`` on all rows of the column's corpus, test rows
            included: the paper's way, and transductive; ``"speaker"``
            standardises each speaker's rows, for emotion columns alone, and
            gives a chain that cannot be exported.
        units: widths of the hidden layers.
        source_units: widths of the source columns: of all, or by task; None takes
            ``units``.
        dropout: share of each hidden layer dropped in training.
        lateral: ``"dense"`` or ``"adapter"``.
        adapter_units: width of the adapters' projections, or None.
        wiring: how the target reads a source, by the source's task: ``"below"``
            (the layer below its own depth), ``"last"`` or ``"none"``; sources
            that are not named are read from below.
        reads: the earlier columns that the target reads; None means all.
        settings: epochs, batch size and so on.
        out: where to save the chain as a preset; the folder must not exist.
        tensorboard: folder for TensorBoard logs.
        progress: whether to show progress bars.
        strict: whether a single unusable recording ends the run.
        workers: recordings to extract at a time; None means one per processor.
        command: the command line to record on the card.

    Returns:
        The chain; its ``metadata`` holds scores, protocol and provenance.

    Raises:
        UserError: the request cannot work; the message names the mend.
        ProtocolError: the corpus does not allow the protocol, or it would leak.
        AudioError: no recording is usable.

    Example:
        ``chain = train("emotion", source="gender", corpus="EmoDB/", out="my-chain")``
    """
    settings = settings or Settings()
    sources = [source] if isinstance(source, str) else list(source)
    if out is not None:
        check_writable(out)
    if not 0 <= dropout < 1:
        raise UserError(f"dropout is at least 0 and below 1. Received: {dropout}")
    base = _base(from_model)
    check_request(target, sources, scaling, base)
    shape = Shape(units, dropout, lateral, adapter_units, source_units, wiring)
    material = load_material(
        open_corpora(corpus, strict),
        frontend or _frontend_of(base),
        base.frontends if base is not None else {},
        by_speaker=scaling == "speaker",
        augment=augment,
        strict=strict,
        workers=workers,
        progress=progress,
    )
    task = make_task(target, material.utterances, classes, merges)
    source_tasks = [make_task(spec, material.utterances) for spec in sources]
    shape.check_tasks(
        [task.name for task in source_tasks],
        [column.name for column in base.columns] if base is not None else [],
    )
    labelled = task.targets(material.utterances) >= 0
    division = open_protocol(protocol, material.utterances, labelled, repeats, settings.seed)
    _refuse_heard(base, material.utterances)
    learner = Learner(
        material,
        division,
        shape,
        settings,
        scaling,
        Monitor(tensorboard, progress),
        base=_base_sources(base, material),
    )
    bench = Bench(learner, task, source_tasks, reads=reads)
    scores, epochs = _score(bench)
    chain = _fit_all(bench, base, epochs)
    chain.metadata = describe_training(
        chain,
        earlier=base.metadata if base is not None else {},
        material=material,
        tasks=[task, *source_tasks],
        division=division,
        scaling=scaling,
        scores=scores,
        epochs=epochs,
        settings=settings,
        command=command,
    )
    if out is not None:
        chain.save_to_preset(out, chain.metadata)
    return chain


def check_request(target, sources, scaling, base) -> None:
    """Refuses a scaling or tasks that no chain can be trained with, before audio is opened."""
    if scaling not in SCALINGS:
        raise UserError(f"scaling is one of {', '.join(SCALINGS)}. Received: {scaling!r}")
    names = [*(task.name for task in (base.tasks if base is not None else [])), *sources, target]
    labels = [parse_task(spec)[0] for spec in (*sources, target)]
    if scaling == "speaker" and set(labels) & set(REFUSED):
        raise UserError(
            "Per-speaker scaling is refused for speaker and gender columns: it removes what they "
            f"look for. Received: {', '.join((*sources, target))}. Use training or corpus"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"Each task of a chain has one column. Twice here: {', '.join(twice)}. "
            "Name the corpus to tell two apart: emotion@CREMA-D"
        )


def _score(bench: Bench) -> tuple[dict, dict]:
    """Scores of every column over the folds, and the epochs that they chose."""
    division = bench.learner.division
    utterances = bench.learner.material.utterances
    scores, epochs = {}, {}
    for task, fitted in zip(bench.sources, bench.trained(), strict=True):
        epochs[fitted.column.name] = _median(fitted.fit.best_epoch)
        scores[task.name] = {"column": _source_score(bench, task, fitted, division.repeats)}
    targets = bench.target.targets(utterances)
    by_method = {}
    for name in ("prognet", "dnn") if bench.reads_any else ("dnn",):
        outcome = METHODS[name].learn(bench)
        score = score_answers(
            targets, outcome.answers, division.folds, bench.target, division.repeats
        )
        by_method[name] = {**score, "best_epochs": outcome.best_epoch.tolist()}
        epochs.setdefault(column_name(bench.target.name), _median(outcome.best_epoch))
    scores[bench.target.name] = by_method
    return scores, epochs


def _source_score(bench: Bench, task: Task, fitted: Fitted, repeats: int) -> dict:
    """The source's score: on the target's test rows, or on its own stop rows."""
    targets = task.targets(bench.learner.material.utterances)
    if all(len(fold.test) for fold in fitted.folds):
        return score_answers(targets, fitted.answers, fitted.folds, task, repeats)
    # Unknown speakers are no class of a speaker recogniser, and another
    # corpus's source is not tested here: its stop rows are all there is.
    stopping = [Fold(fold.train, fold.stop, fold.stop) for fold in fitted.folds]
    pooled = score_answers(targets, fitted.answers, stopping, task, len(stopping))
    return {**pooled, "role": "stop"}


def _fit_all(bench: Bench, base: Chain | None, epochs: Mapping[str, int]) -> Chain:
    """The chain fitted on all rows, each column for the epochs that the folds chose."""
    learner, read = bench.learner, bench.learner.base
    material = learner.material
    chain = Chain(name="chain") if base is None else _copy(base)
    config = material.frontend.config()
    chain.frontends[material.hears] = marked(config) if material.by_speaker else config
    scored = learner.division.folds[0]
    rows = np.concatenate([scored.heard, scored.test])
    for task in (*bench.sources, bench.target):
        target = task is bench.target
        heard = rows if target else source_rows(task.targets(material.utterances), rows)
        fold = Fold(np.sort(heard), heard[:0], heard[:0])
        own = read.read(bench.reads) if target else read
        fitted = learner.fit(
            _column(learner, task, own, target),
            [fold],
            own,
            title=f"{task.name}, all rows",
            last=[epochs[column_name(task.name)]],
            batches=Batches.of([fold], learner.settings.batch_size),
        )
        chain.append(fitted.column.member(0))
        shared = [tap[0] for tap in fitted.taps]
        read = read.add(fitted.column.name, shared, fitted.column.tap_units)
    chain.freeze()
    return chain


def _column(learner: Learner, task: Task, sources: Sources, target: bool) -> Column:
    """A column of the chain, seeded as the first member."""
    if target:
        return learner.target_column(task, sources, members=[0])
    return learner.column(task, [0], sources, units=learner.shape.of_source(task.name))


def _base(from_model) -> Chain | None:
    if from_model is None or isinstance(from_model, Chain):
        return from_model
    from pnn_keras.zoo import load

    return load(from_model)


def _frontend_of(base: Chain | None) -> dict | None:
    """What the last column of the given chain hears."""
    return None if base is None else base.frontends[base.columns[-1].frontend]


def _refuse_heard(base: Chain | None, utterances: Sequence[Utterance]) -> None:
    """Refuses to score on speakers or recordings that the given chain has heard."""
    heard = (getattr(base, "metadata", None) or {}).get("heard", {}) if base is not None else {}
    speakers = {u.speaker_id for u in utterances} & set(heard.get("speakers", ()))
    contents = {u.content for u in utterances} & set(heard.get("contents", ()))
    if speakers or contents:
        named = ", ".join(sorted(map(str, speakers))[:5]) or f"{len(contents)} recordings"
        raise ProtocolError(
            f"The chain given has heard {len(speakers)} of these speakers and {len(contents)} of "
            f"these recordings ({named}), so nothing could be scored on them. Use a corpus that "
            "it has not heard"
        )


def _copy(chain: Chain) -> Chain:
    """The same chain again, so that the caller's stays as it is."""
    copied = Chain.from_config(chain.get_config())
    copied.set_weights(chain.get_weights())
    return copied


def _base_sources(base: Chain | None, material: Material) -> Sources:
    """What the columns of the given chain make of all utterances."""
    sources = Sources()
    for column in base.columns if base is not None else []:
        hearing = Hearing(material.features[column.frontend], sources.taps, material.versions)
        _, taps = hear(column, hearing)
        sources = sources.add(column.name, taps, column.tap_units)
    return sources


def _median(epochs: np.ndarray) -> int:
    return int(np.median(epochs))

"""Training a chain that is to be used: scored on folds, then fitted on all rows."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.adaptation import adapted
from pnn_keras.base import (
    Base,
    base_sources,
    check_scaling,
    open_base,
    own_name,
    refuse_heard,
)
from pnn_keras.bench import Bench
from pnn_keras.chain import Chain
from pnn_keras.chain_scoring import Scoring, check_answered, check_compared, score_chain
from pnn_keras.column import Column, column_name
from pnn_keras.corpus import Corpus, pool
from pnn_keras.errors import UserError
from pnn_keras.fold_files import open_protocol
from pnn_keras.folder import check_writable
from pnn_keras.frontends import Frontend
from pnn_keras.held_out import write_answers
from pnn_keras.learner import SCALINGS, Learner, Sources
from pnn_keras.material import load_material, open_corpora
from pnn_keras.monitor import Monitor
from pnn_keras.pretrained import rescaled_sources
from pnn_keras.protocol import Fold, source_rows
from pnn_keras.provenance import describe_training
from pnn_keras.schedule import Batches, Settings
from pnn_keras.shape import Shape
from pnn_keras.speaker_scaling import REFUSED, marked
from pnn_keras.task import Task, make_task, parse_task

#: The protocol of a score unless another is asked for.
DEFAULT_PROTOCOL = "speaker-5-fold"

#: The answers on test rows, in the folder of a chain that was trained here.
ANSWERS = "answers.parquet"


def train(
    target: str,
    *,
    source: str | Sequence[str] = (),
    corpus: str | Path | Corpus | Sequence = "synthetic",
    frontend: str | Frontend | None = None,
    augment: int = 0,
    from_model: str | Path | Chain | None = None,
    adapt: bool = False,
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
    compare: Sequence[str] = (),
    progress: bool = True,
    strict: bool = False,
    workers: int | None = None,
    command: str | None = None,
) -> Chain:
    """Trains a chain: the sources one after the other, then the target beside them.

    The scores come from the protocol's folds: on every fold the sources and
    the target are trained anew, on rows that hold no speaker (in the paper's
    protocol no utterance) of the fold's test rows, beside a from-scratch
    network of the same shape. Where a trained chain is extended, a network that
    is fine-tuned from its column of the target's label, else its last, stands
    there too. The chain that is returned is then fitted on all
    rows, each column for the median of the epochs that the folds chose, since
    no row is left to choose it on. Its probabilities are calibrated: the
    temperature of a column's softmax is the one at which the answers on test
    rows were likeliest; a column without (a speaker recogniser, a source of
    another corpus) keeps 1.

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
        from_model: a trained chain to extend, or where it lies. Where it answers
            a task of the target's name, and there is one corpus, the new one is
            called ``TARGET@CORPUS``, with a warning.
        adapt: whether the scalers of ``from_model``'s columns are fitted anew, on
            the same training rows as the target's: for another room, microphone
            or language. Weights stay as they are, and so does the chain given; but
            in the chain returned its tasks are answered with the new scaling.
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
        out: where to save the chain as a preset; the folder must not exist. It
            gets the answers on test rows too, as ``answers.parquet``, where
            each utterance is tested once a repeat.
        tensorboard: folder for TensorBoard logs.
        compare: methods to score on the same folds besides, see
            :func:`pnn_keras.chain_scoring.score_chain`.
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
    base = open_base(from_model, progress=progress)
    corpora = open_corpora(corpus, strict)
    target = _named(target, base, corpora)
    check_request(target, sources, scaling, base)
    check_compared(compare, sources, base is not None)
    if adapt and base is None:
        raise UserError(
            "Adapting needs a trained chain to rescale. Received: none. Give one: --from"
        )
    if base is not None:
        check_scaling(base, scaling)
        refuse_heard(base, pool(corpora))
    shape = Shape(units, dropout, lateral, adapter_units, source_units, wiring)
    material = load_material(
        corpora,
        frontend or (base.last_frontend if base is not None else None),
        base.frontends if base is not None else {},
        by_speaker=scaling == "speaker",
        augment=augment,
        strict=strict,
        workers=workers,
        progress=progress,
    )
    task = make_task(target, material.utterances, classes, merges)
    source_tasks = [make_task(spec, material.utterances) for spec in sources]
    check_answered(compare, base.columns if base is not None else (), task)
    shape.check_tasks(
        [task.name for task in source_tasks],
        [column.name for column in base.columns] if base is not None else [],
    )
    labelled = task.targets(material.utterances) >= 0
    division = open_protocol(protocol, material.utterances, labelled, repeats, settings.seed)
    learner = Learner(
        material,
        division,
        shape,
        settings,
        scaling,
        Monitor(tensorboard, progress),
        base=base_sources(base, material) if base is not None else None,
        pretrained=base.columns if base is not None else (),
    )
    scored = learner
    if adapt:
        base = _adapted(base, learner, task)
        scored = learner.reading(rescaled_sources(learner, task), rescaled_for=task)
        learner = learner.reading(base_sources(base, material))
    scoring = score_chain(Bench(scored, task, source_tasks, reads=reads), compare)
    chain = _fit_all(Bench(learner, task, source_tasks, reads=reads), base, scoring)
    chain.metadata = describe_training(
        chain,
        base=base,
        material=material,
        tasks=[task, *source_tasks],
        division=division,
        scaling=scaling,
        scoring=scoring,
        settings=settings,
        command=command,
    )
    if out is not None:
        chain.save_to_preset(out, chain.metadata)
        if scoring.answers:
            write_answers(Path(out) / ANSWERS, scoring.answers, material.utterances)
    return chain


def fit_chain(
    target: str,
    *,
    epochs: Mapping[str, int],
    source: str | Sequence[str] = (),
    corpus: str | Path | Corpus | Sequence = "synthetic",
    frontend: str | Frontend | None = None,
    classes: Sequence[str] | None = None,
    merges: Mapping[str, str] | None = None,
    protocol: str = DEFAULT_PROTOCOL,
    units: Sequence[int] = (256, 256, 256, 256),
    settings: Settings | None = None,
    temperatures: Mapping[str, float] | None = None,
    progress: bool = True,
) -> Chain:
    """Fits a chain on all rows for epochs that were chosen elsewhere; it has no scores.

    What :func:`train` does once its folds have chosen the epochs, say to fit
    the same chain without one of its corpora.

    Args:
        target: the task to learn.
        epochs: how long to fit each column, by its name.
        source: the task or tasks to learn first, in order.
        corpus: what :func:`pnn_keras.open_corpus` takes, a corpus, or several.
        frontend: name of the front-end; None means ``egemaps``.
        classes: emotion classes of the target; None means the corpus's own.
        merges: labels that count as another class.
        protocol: the protocol that says which rows there are to hear.
        units: widths of the hidden layers.
        settings: batch size, learning rate and so on.
        temperatures: of the softmax of each column, by its name; else 1.
        progress: whether to show progress bars.

    Raises:
        UserError: the request cannot work, or a column's epochs are missing.
    """
    settings = settings or Settings()
    sources = [source] if isinstance(source, str) else list(source)
    check_request(target, sources, "training", None)
    missing = [t for t in (*sources, target) if column_name(t) not in epochs]
    if missing:
        raise UserError(
            f"Each column is fitted for some epochs. Received: none for {', '.join(missing)}"
        )
    material = load_material(open_corpora(corpus), frontend, progress=progress)
    task = make_task(target, material.utterances, classes, merges)
    source_tasks = [make_task(spec, material.utterances) for spec in sources]
    labelled = task.targets(material.utterances) >= 0
    division = open_protocol(protocol, material.utterances, labelled, 1, settings.seed)
    monitor = Monitor(progress=progress)
    learner = Learner(material, division, Shape(units), settings, monitor=monitor)
    scoring = Scoring(
        scores={each.name: {} for each in (*source_tasks, task)},
        epochs=dict(epochs),
        calibration={n: {"temperature": t} for n, t in (temperatures or {}).items()},
    )
    chain = _fit_all(Bench(learner, task, source_tasks), None, scoring)
    chain.metadata = describe_training(
        chain,
        base=None,
        material=material,
        tasks=[task, *source_tasks],
        division=division,
        scaling="training",
        scoring=scoring,
        settings=settings,
        command=None,
    )
    return chain


def _named(target: str, base: Base | None, corpora: Sequence[Corpus]) -> str:
    """The target's name beside the tasks of the chain given; says so where it is another."""
    name = own_name(target, base, corpora)
    if name != target:
        warnings.warn(
            f"The chain given answers {target} already; the new column is called {name}",
            stacklevel=3,
        )
    return name


def check_request(target, sources, scaling, base: Base | None) -> None:
    """Refuses a scaling or tasks that no chain can be trained with, before audio is opened."""
    if scaling not in SCALINGS:
        raise UserError(f"scaling is one of {', '.join(SCALINGS)}. Received: {scaling!r}")
    earlier = [task.name for task in base.chain.tasks] if base is not None else []
    names = [*earlier, *sources, target]
    labels = [parse_task(spec)[0] for spec in (*sources, target)]
    if scaling == "speaker" and set(labels) & set(REFUSED):
        raise UserError(
            "Per-speaker scaling is refused for speaker and gender columns: it removes what they "
            f"look for. Received: {', '.join((*sources, target))}. Use training or corpus"
        )
    again = sorted(set(earlier) & set(sources))
    if again:
        raise UserError(
            f"The chain given answers {', '.join(again)} already, and the target reads it: leave "
            "out that source"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"Each task of a chain has one column. Twice here: {', '.join(twice)}. "
            "Name the corpus to tell two apart: emotion@CREMA-D"
        )


def _fit_all(bench: Bench, base: Base | None, scoring: Scoring) -> Chain:
    """The chain fitted on all rows, with the epochs and temperatures that the folds chose."""
    learner, read = bench.learner, bench.learner.base
    material = learner.material
    chain = Chain(name="chain") if base is None else _copy(base.chain)
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
            last=[scoring.epochs[column_name(task.name)]],
            batches=Batches.of([fold], learner.settings.batch_size),
        )
        column = fitted.column.member(0)
        column.temperature = scoring.temperatures.get(column.name, 1.0)
        chain.append(column)
        shared = [tap[0] for tap in fitted.taps]
        read = read.add(fitted.column.name, shared, fitted.column.tap_units)
    chain.freeze()
    return chain


def _adapted(base: Base, learner: Learner, target: Task) -> Base:
    """The chain given with the scaling of all rows that the target is fitted on."""
    first = learner.division.folds[0]
    (rows,) = learner.scaling_rows(target, [Fold(np.r_[first.heard, first.test], [], [])])
    features = learner.material.features
    inputs = {column.frontend: features[column.frontend][rows] for column in base.columns}
    return dataclasses.replace(base, chain=adapted(base.chain, inputs), adapted=True)


def _column(learner: Learner, task: Task, sources: Sources, target: bool) -> Column:
    """A column of the chain, seeded as the first member."""
    if target:
        return learner.target_column(task, sources, members=[0])
    return learner.column(task, [0], sources, units=learner.shape.of_source(task.name))


def _copy(chain: Chain) -> Chain:
    """The same chain again, so that the caller's stays as it is."""
    copied = Chain.from_config(chain.get_config())
    copied.set_weights(chain.get_weights())
    return copied

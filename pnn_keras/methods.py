"""How a target is learned: from scratch, or beside frozen source columns."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.chain import Chain
from pnn_keras.column import Column, column_name
from pnn_keras.corpora import open_corpus
from pnn_keras.corpus import Corpus, Utterance, pool
from pnn_keras.errors import AudioError, PnnKerasError, ProtocolError, UserError
from pnn_keras.folder import check_writable
from pnn_keras.frontends import Frontend, create_frontend
from pnn_keras.monitor import Monitor
from pnn_keras.protocol import Fold, Protocol, check_hearing, make_protocol, source_fold
from pnn_keras.statistics import confusion_matrix, recalls, uar
from pnn_keras.store import extract_features
from pnn_keras.task import Task, make_task, parse_task
from pnn_keras.training import Fit, Hearing, Settings, fit_column, hear

#: What a column's scaler may be fitted on; the second is transductive.
SCALINGS = ("training", "corpus")

#: The protocol of a score unless another is asked for.
DEFAULT_PROTOCOL = "speaker-5-fold"


@dataclasses.dataclass(frozen=True)
class Shape:
    """The shape of the columns that are trained.

    Args:
        units: widths of the hidden layers.
        dropout: share of each hidden layer dropped in training.
        lateral: ``"dense"`` or ``"adapter"``.
        adapter_units: width of the adapters' projections, or None.
        source_units: widths of the source columns; None takes ``units``.
    """

    units: Sequence[int] = (256, 256, 256, 256)
    dropout: float = 0.5
    lateral: str = "dense"
    adapter_units: int | None = None
    source_units: Sequence[int] | None = None


@dataclasses.dataclass(frozen=True)
class Material:
    """Everything that a chain can be trained on: utterances and their features.

    Args:
        corpora: the corpora.
        utterances: those with usable audio, ``n`` of them.
        frontend: the front-end of the columns that are trained.
        features: by the name of each front-end, float32 ``(n, dimension)``.
        skipped: utterances left out, with the reason.
    """

    corpora: tuple[Corpus, ...]
    utterances: tuple[Utterance, ...]
    frontend: Frontend
    features: Mapping[str, np.ndarray]
    skipped: tuple[tuple[str, str], ...]


def train(
    target: str,
    *,
    source: str | Sequence[str] = (),
    corpus: str | Path | Corpus | Sequence = "synthetic",
    frontend: str | Frontend | None = None,
    from_model: str | Path | Chain | None = None,
    classes: Sequence[str] | None = None,
    merges: Mapping[str, str] | None = None,
    protocol: str = DEFAULT_PROTOCOL,
    repeats: int = 1,
    scaling: str = "training",
    units: Sequence[int] = (256, 256, 256, 256),
    source_units: Sequence[int] | None = None,
    dropout: float = 0.5,
    lateral: str = "dense",
    adapter_units: int | None = None,
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
        from_model: a trained chain to extend, or where it lies.
        classes: emotion classes of the target; None means the corpus's own.
        merges: labels that count as another class, see
            :func:`pnn_keras.task.make_task`.
        protocol: see :func:`pnn_keras.protocol.make_protocol`.
        repeats: how often all folds are dealt anew.
        scaling: ``"training"`` fits each scaler on training rows;
            ``"corpus"`` on all rows of the column's corpus, test rows
            included: the paper's way, and transductive.
        units: widths of the hidden layers.
        source_units: widths of the source columns; None takes ``units``.
        dropout: share of each hidden layer dropped in training.
        lateral: ``"dense"`` or ``"adapter"``.
        adapter_units: width of the adapters' projections, or None.
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
    corpora = open_corpora(corpus, strict)
    material = load_material(corpora, base, frontend, strict, workers, progress)
    shape = Shape(units, dropout, lateral, adapter_units, source_units)
    run = Run(material, base, shape, settings, scaling, Monitor(tensorboard, progress))
    task = make_task(target, material.utterances, classes, merges)
    source_tasks = [make_task(spec, material.utterances) for spec in sources]
    labelled = task.targets(material.utterances) >= 0
    division = make_protocol(protocol, material.utterances, labelled, repeats, settings.seed)
    _refuse_heard(base, material.utterances)
    scores, epochs = run.score(task, source_tasks, division, reads)
    chain = run.fit_all(task, source_tasks, division, reads, epochs)
    chain.metadata = _metadata(
        chain,
        base,
        material,
        task,
        source_tasks,
        division,
        scaling,
        scores,
        epochs,
        settings,
        command,
    )
    if out is not None:
        chain.save_to_preset(out, chain.metadata)
    return chain


class Run:
    """One training run: scores every column on the folds, then fits the chain on all rows."""

    def __init__(self, material, base, shape, settings, scaling, monitor) -> None:
        self.material, self.base, self.shape = material, base, shape
        self.settings, self.scaling, self.monitor = settings, scaling, monitor
        self.hears = _input_name(material.frontend)
        self.features = material.features[self.hears]
        self.base_taps = _base_taps(base, material)

    def score(self, task: Task, sources: Sequence[Task], division: Protocol, reads):
        """Scores of every column over the folds, and the epochs that they chose."""
        taps, widths = dict(self.base_taps), _widths(self.base)
        scores, epochs = {}, {}
        for source in sources:
            folds = self.source_folds(source, division)
            column, fit, answers, hidden = self.fit(
                source, folds, taps, widths, source.name, units=self.shape.source_units
            )
            taps[column.name], widths[column.name] = hidden, column.tap_units
            epochs[column.name] = _median(fit)
            scores[source.name] = {"column": self._score(source, folds, answers, division.repeats)}
        targets = task.targets(self.material.utterances)
        read = _read_names(widths, reads)
        results = {}
        for method, names in (("prognet", read), ("dnn", [])) if read else (("dnn", []),):
            column, fit, answers, _ = self.fit(
                task,
                division.folds,
                {name: taps[name] for name in names},
                {name: widths[name] for name in names},
                f"{task.name} {method}",
            )
            score = score_answers(targets, answers, division.folds, task, division.repeats)
            results[method] = {**score, "best_epochs": fit.best_epoch.tolist()}
            epochs.setdefault(column.name, _median(fit))
        scores[task.name] = results
        return scores, epochs

    def fit_all(self, task, sources, division, reads, epochs) -> Chain:
        """The chain fitted on all rows, each column for the epochs that the folds chose."""
        chain = Chain(name="chain") if self.base is None else _copy(self.base)
        chain.frontends[self.hears] = self.material.frontend.config()
        taps, widths = dict(self.base_taps), _widths(self.base)
        scored = division.folds[0]
        rows = np.concatenate([scored.heard, scored.test])
        for source in sources:
            own = self._rows_of(source, rows)
            column, _, _, hidden = self.fit(
                source,
                [_all_rows(own)],
                taps,
                widths,
                f"{source.name}, all rows",
                epochs[column_name(source.name)],
                self.shape.source_units,
            )
            chain.append(column.member(0))
            taps[column.name], widths[column.name] = [tap[0] for tap in hidden], column.tap_units
        read = _read_names(widths, reads)
        column, _, _, _ = self.fit(
            task,
            [_all_rows(np.sort(rows))],
            {name: taps[name] for name in read},
            {name: widths[name] for name in read},
            f"{task.name}, all rows",
            epochs[column_name(task.name)],
        )
        chain.append(column.member(0))
        chain.freeze()
        return chain

    def fit(self, task, folds, taps, widths, title, epochs: int | None = None, units=None):
        """Fits one column on every fold: the column, how it went, answers and taps."""
        settings = self.settings
        if epochs is not None:
            settings = dataclasses.replace(settings, epochs=epochs)
        column = Column(
            task,
            dimension=self.features.shape[1],
            sources=widths,
            units=units or self.shape.units,
            dropout=self.shape.dropout,
            lateral=self.shape.lateral,
            adapter_units=self.shape.adapter_units,
            frontend=self.hears,
            members=len(folds),
            seed=[_seed(settings.seed, task.name, i) for i in range(len(folds))],
        )
        hearing = Hearing(self.features, {name: taps[name] for name in widths})
        targets = task.targets(self.material.utterances)
        scaling_rows = None if self.scaling == "training" else [np.flatnonzero(targets >= 0)]
        with self.monitor.watch(title, settings.epochs, column.task.classes) as on_epoch:
            fit = fit_column(column, hearing, targets, folds, settings, on_epoch, scaling_rows)
        answers, hidden = hear(column, hearing)
        return column, fit, answers, hidden

    def _rows_of(self, source: Task, rows: np.ndarray) -> np.ndarray:
        """The rows that a source learns from: the target's, or another corpus's."""
        targets = source.targets(self.material.utterances)
        own = rows[targets[rows] >= 0]
        return own if len(own) else np.flatnonzero(targets >= 0)

    def source_folds(self, source: Task, division: Protocol) -> list[Fold]:
        """The source's rows in every fold, checked against what they must not hear."""
        utterances = self.material.utterances
        targets = source.targets(utterances)
        folds = []
        for number, fold in enumerate(division.folds):
            rows = self._rows_of(source, fold.train)
            shared = np.isin(rows, fold.train).all()
            seed = self.settings.seed + (number if shared else 0)
            own = source_fold(
                source.label, utterances, targets, rows, fold.test if shared else rows[:0], seed
            )
            check_hearing(own, fold, utterances, division.speaker_disjoint)
            folds.append(own)
        return folds

    def _score(self, source: Task, folds, answers, repeats) -> dict:
        """The source's score: on the target's test rows, or on its own stop rows."""
        targets = source.targets(self.material.utterances)
        if all(len(fold.test) for fold in folds):
            return score_answers(targets, answers, folds, source, repeats)
        # Unknown speakers are no class of a speaker recogniser, and another
        # corpus's source is not tested here: its stop rows are all there is.
        stopping = [Fold(fold.train, fold.stop, fold.stop) for fold in folds]
        pooled = score_answers(targets, answers, stopping, source, len(folds))
        return {**pooled, "role": "stop"}


def score_answers(
    targets: np.ndarray,
    answers: np.ndarray,
    folds: Sequence[Fold],
    task: Task,
    repeats: int = 1,
) -> dict:
    """Scores the answers of all members on their test rows.

    The headline is the UAR of one repeat's pooled out-of-fold answers, averaged
    over repeats; beside it stands the mean and the standard deviation of the
    folds' own UARs, each over the classes present in the fold.

    Args:
        targets: class numbers, ``(n,)``.
        answers: class probabilities, ``(members, n, classes)``.
        folds: one per member, repeat by repeat.
        task: whose classes they are.
        repeats: number of repeats.

    Returns:
        ``uar``, ``uar_folds_mean``, ``uar_folds_sd``, ``absent`` (how many
        classes are missing from test folds, over all folds), ``recalls`` by class,
        ``confusion`` (rows are true classes, summed over repeats), ``classes``,
        ``utterances`` and ``role``.
    """
    count = len(task.classes)
    confusions = np.stack(
        [
            confusion_matrix(targets[fold.test], answers[member, fold.test].argmax(axis=-1), count)
            for member, fold in enumerate(folds)
        ]
    )
    pooled = confusions.reshape(repeats, -1, count, count).sum(axis=1)
    by_fold = uar(confusions)
    spread = by_fold.reshape(repeats, -1)
    several = spread.shape[1] > 1
    by_class = np.nanmean(recalls(pooled), axis=0)
    return {
        "uar": float(uar(pooled).mean()),
        "uar_folds_mean": float(np.nanmean(by_fold)),
        "uar_folds_sd": float(np.std(spread, axis=1, ddof=1).mean()) if several else 0.0,
        "absent": int(np.isnan(recalls(confusions)).sum()),
        "recalls": {name: float(r) for name, r in zip(task.classes, by_class, strict=True)},
        "confusion": pooled.sum(axis=0).tolist(),
        "classes": list(task.classes),
        "utterances": int(pooled[0].sum()),
        "role": "test",
    }


def check_request(target, sources, scaling, base) -> None:
    """Refuses a scaling or tasks that no chain can be trained with, before audio is opened."""
    if scaling == "speaker":
        raise UserError(
            "Per-speaker scaling is refused for a chain that is to be used: one clip has no "
            "speaker statistics, and it removes what speaker and gender columns look for. "
            f"Use one of {', '.join(SCALINGS)}"
        )
    if scaling not in SCALINGS:
        raise UserError(f"scaling is one of {', '.join(SCALINGS)}. Received: {scaling!r}")
    names = [*(task.name for task in (base.tasks if base is not None else [])), *sources, target]
    for spec in (*sources, target):
        parse_task(spec)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"Each task of a chain has one column. Twice here: {', '.join(twice)}. "
            "Name the corpus to tell two apart: emotion@CREMA-D"
        )


def open_corpora(corpus, strict: bool) -> tuple[Corpus, ...]:
    """Opens one or several corpora, each given by what names it or as itself."""
    given = [corpus] if isinstance(corpus, (str, Path, Corpus)) else list(corpus)
    if not given:
        raise UserError("At least one corpus is needed, or none to use the synthetic one")
    return tuple(c if isinstance(c, Corpus) else open_corpus(c, strict=strict) for c in given)


def _base(from_model) -> Chain | None:
    if from_model is None or isinstance(from_model, Chain):
        return from_model
    from pnn_keras.zoo import load

    return load(from_model)


def load_material(corpora, base, frontend, strict, workers, progress) -> Material:
    """Opens the audio of all corpora through every front-end that is needed."""
    utterances = pool(corpora)
    own = _own_frontend(base, frontend)
    needed = {_input_name(own): own}
    for name, config in (base.frontends if base is not None else {}).items():
        if name not in needed:  # the caller's own need not be known by name
            needed[name] = create_frontend(config)
    extracted = {
        name: extract_features(utterances, each, workers=workers, progress=progress, strict=strict)
        for name, each in needed.items()
    }
    valid = np.logical_and.reduce([features.valid for features in extracted.values()])
    failures = tuple(f for features in extracted.values() for f in features.failures)
    if not valid.any():
        raise AudioError(f"No recording is usable; the first: {failures[0][0]}: {failures[0][1]}")
    kept = tuple(u for u, good in zip(utterances, valid, strict=True) if good)
    tables = {name: features.values[valid] for name, features in extracted.items()}
    return Material(corpora, kept, own, tables, failures)


def _own_frontend(base, frontend) -> Frontend:
    if isinstance(frontend, Frontend):
        return frontend
    if frontend is None and base is not None:
        return create_frontend(base.frontends[base.columns[-1].frontend])
    return create_frontend(frontend or "egemaps")


def _input_name(frontend: Frontend) -> str:
    """The name of a front-end's input: unique, and fit for a SavedModel's argument."""
    option = frontend.options().get("feature_set")
    if option in (None, "eGeMAPSv02"):
        return frontend.name if frontend.stored else f"{frontend.name}_{frontend.key[:8]}"
    return f"{frontend.name}_{option}"


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


def _base_taps(base: Chain | None, material: Material) -> dict[str, list[np.ndarray]]:
    """What the columns of the given chain make of all utterances."""
    taps: dict[str, list[np.ndarray]] = {}
    for column in base.columns if base is not None else []:
        _, taps[column.name] = hear(column, Hearing(material.features[column.frontend], taps))
    return taps


def _widths(base: Chain | None) -> dict[str, list[int]]:
    return {c.name: c.tap_units for c in base.columns} if base is not None else {}


def _read_names(widths: Mapping, reads: Sequence[str] | None) -> list[str]:
    """The columns that the target reads, in the order of the chain."""
    if reads is None:
        return list(widths)
    wanted = {column_name(name) for name in reads}
    unknown = sorted(wanted - set(widths))
    if unknown:
        raise UserError(
            f"No earlier column is called {', '.join(unknown)}. "
            f"Columns: {', '.join(widths) or 'none'}"
        )
    return [name for name in widths if name in wanted]


def _all_rows(rows: np.ndarray) -> Fold:
    return Fold(np.sort(rows), rows[:0], rows[:0])


def _median(fit: Fit) -> int:
    return int(np.median(fit.best_epoch))


def _seed(seed: int, name: str, member: int) -> int:
    """A seed for one member of one column, the same in every run and grouping."""
    return (seed * 1_000_003 + zlib.crc32(name.encode()) + member * 9_973) % 2**24


def _metadata(
    chain, base, material, task, sources, division, scaling, scores, epochs, settings, command
) -> dict:
    """What the card and later commands need to know: protocol, scores, provenance."""
    earlier = (getattr(base, "metadata", None) or {}) if base is not None else {}
    heard = _heard(material, [task, *sources])
    before = earlier.get("heard", {})
    protocol = {
        "name": division.name,
        "speaker_disjoint": division.speaker_disjoint,
        "transductive": scaling != "training",
        "folds": len(division.folds) // division.repeats,
        "repeats": division.repeats,
        "hash": division.hash,
    }
    versions = ("pnn-keras", "tensorflow", "keras", "numpy")
    return {
        "target": task.name,
        "method": "prognet" if "prognet" in scores[task.name] else "dnn",
        "sources": [t.name for t in chain.tasks if t.name != task.name],
        "corpora": [*earlier.get("corpora", []), *map(_describe, material.corpora)],
        "frontend": material.frontend.config(),
        "protocol": protocol,
        "protocols": {**earlier.get("protocols", {}), **dict.fromkeys(scores, protocol)},
        "scores": {**earlier.get("scores", {}), **scores},
        "epochs": epochs,
        "settings": dataclasses.asdict(settings),
        "heard": {
            "speakers": sorted({*before.get("speakers", ()), *heard["speakers"]}),
            "contents": sorted({*before.get("contents", ()), *heard["contents"]}),
        },
        "notes": [w for corpus in material.corpora for w in corpus.warnings],
        "skipped": [list(failure) for failure in material.skipped],
        "versions": {name: _version(name) for name in versions},
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
    }


def _heard(material: Material, tasks: Sequence[Task]) -> dict:
    """Speakers and recordings that some column of the chain was fitted on."""
    used = [u for u in material.utterances if any(task.value(u) is not None for task in tasks)]
    return {
        "speakers": sorted({u.speaker_id for u in used if u.speaker is not None}),
        "contents": sorted({u.content for u in used}),
    }


def _describe(corpus: Corpus) -> dict:
    info = corpus.info
    return {
        "name": corpus.name,
        "licence": info.licence,
        "citation": info.citation,
        "synthetic": info.synthetic,
        "clips": len(corpus),
        "speakers": list(corpus.classes("speaker")),
        "warnings": list(corpus.warnings),
        "skipped": [[skipped.id, skipped.reason] for skipped in corpus.skipped],
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise PnnKerasError(f"{name} is not installed as a package: {error}") from error

"""``pnn-keras train`` and ``pnn-keras tune``: learning a chain, and a column's shape."""

from __future__ import annotations

import itertools
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pnn_keras.cli.learning import learning_arguments
from pnn_keras.cli.options import (
    DATA,
    FITTING,
    NETWORK,
    OUTPUT,
    Augment,
    Band,
    BatchSize,
    Classes,
    Corpora,
    Epochs,
    FrontendName,
    Lateral,
    LearningRate,
    Merges,
    NoClassWeights,
    Patience,
    ProtocolName,
    Quiet,
    Scaling,
    ScalingName,
    Seed,
    Sources,
    Strict,
    Target,
    Workers,
    option,
)
from pnn_keras.cli.parsing import file_name, parse_widths, with_band

#: Widths of the paper's columns.
PAPER_UNITS = (256, 256, 256, 256)


def train(
    target: Target,
    source: Sources = None,
    corpus: Corpora = None,
    frontend: FrontendName = None,
    band: Band = None,
    augment: Augment = 0,
    from_model: Annotated[
        str | None,
        option("--from", metavar="MODEL", help="Trained chain to extend.", panel=DATA),
    ] = None,
    classes: Classes = None,
    merge: Merges = None,
    units: Annotated[
        str | None,
        option(
            "--units",
            metavar="N,N,...",
            help="Widths of the hidden layers; with --tuned, of the sources. "
            "Default: 256,256,256,256.",
            panel=NETWORK,
        ),
    ] = None,
    tuned: Annotated[
        Path | None,
        option(
            "--tuned",
            metavar="RUN",
            help="Folder of a search: the target takes its widths.",
            panel=NETWORK,
        ),
    ] = None,
    dropout: Annotated[
        float, option("--dropout", help="Share of hidden units dropped.", panel=NETWORK)
    ] = 0.5,
    lateral: Annotated[
        Lateral,
        option("--lateral", help="Lateral weights, or non-linear adapters.", panel=NETWORK),
    ] = Lateral.dense,
    adapter_units: Annotated[
        int | None,
        option("--adapter-units", min=1, help="Width of the adapters.", panel=NETWORK),
    ] = None,
    reads: Annotated[
        list[str] | None,
        option(
            "--reads",
            metavar="TASK",
            help="Earlier column that the target reads. Repeatable. Default: all.",
            panel=NETWORK,
        ),
    ] = None,
    protocol: ProtocolName = "speaker-5-fold",
    repeats: Annotated[
        int, option("--repeats", min=1, help="How often the folds are dealt anew.", panel=FITTING)
    ] = 1,
    scaling: ScalingName = Scaling.training,
    epochs: Epochs = 600,
    batch_size: BatchSize = 64,
    learning_rate: LearningRate = 0.0005,
    patience: Patience = 100,
    no_class_weights: NoClassWeights = False,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        option(
            "--out",
            metavar="DIR",
            help="New folder to save the chain in. Default: models/TARGET-from-SOURCES.",
            panel=OUTPUT,
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None,
        option("--tensorboard", metavar="DIR", help="Folder for TensorBoard logs.", panel=OUTPUT),
    ] = None,
    strict: Strict = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Learn the sources, then the target beside them; score on held-out folds; save.

    The scores stand next to those of a network from scratch on the same folds.
    The chain that is saved is then fitted on all rows.
    """
    from pnn_keras import terminal
    from pnn_keras.folder import check_writable

    folder = out or _free_folder(target, [*_stems(from_model), *(source or [])])
    check_writable(folder)
    if tensorboard is not None:
        check_writable(tensorboard, existing=True)
    widths = parse_widths(units)
    shared = learning_arguments(
        target=target,
        source=source,
        corpus=corpus,
        frontend=with_band(frontend, band),
        augment=augment,
        classes=classes,
        merge=merge,
        protocol=protocol,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        patience=patience,
        no_class_weights=no_class_weights,
        seed=seed,
        strict=strict,
        workers=workers,
        quiet=quiet,
    )
    from pnn_keras.chain_training import train as run

    chain = run(
        **shared,
        from_model=from_model,
        repeats=repeats,
        scaling=scaling.value,
        units=_tuned_units(tuned) or widths or PAPER_UNITS,
        source_units=widths or PAPER_UNITS,
        dropout=dropout,
        lateral=lateral.value,
        adapter_units=adapter_units,
        reads=reads,
        out=folder,
        tensorboard=tensorboard,
        command=shlex.join(["pnn-keras", *sys.argv[1:]]),
    )
    terminal.warn_of_failures(chain.metadata.get("skipped") or [])
    terminal.show_scores(chain.metadata)
    terminal.show_next(str(folder), not quiet, _comparison(from_model, target, corpus))


def tune(
    target: Target,
    source: Sources = None,
    corpus: Corpora = None,
    frontend: FrontendName = None,
    band: Band = None,
    augment: Augment = 0,
    classes: Classes = None,
    merge: Merges = None,
    trials: Annotated[
        int, option("--trials", min=1, help="How many shapes to try.", panel=FITTING)
    ] = 20,
    protocol: ProtocolName = "speaker-5-fold",
    epochs: Epochs = 600,
    batch_size: BatchSize = 64,
    learning_rate: LearningRate = 0.0005,
    patience: Patience = 100,
    no_class_weights: NoClassWeights = False,
    seed: Seed = 0,
    out: Annotated[
        Path,
        option(
            "--out",
            metavar="RUN",
            help="Folder of the search; an unfinished one is resumed.",
            panel=OUTPUT,
        ),
    ] = Path("tuned"),
    strict: Strict = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Search the target column's widths with keras-tuner, on stop folds alone."""
    from pnn_keras import terminal
    from pnn_keras.folder import check_writable

    check_writable(out, existing=True)
    shared = learning_arguments(
        target=target,
        source=source,
        corpus=corpus,
        frontend=with_band(frontend, band),
        augment=augment,
        classes=classes,
        merge=merge,
        protocol=protocol,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        patience=patience,
        no_class_weights=no_class_weights,
        seed=seed,
        strict=strict,
        workers=workers,
        quiet=quiet,
    )
    from pnn_keras.tuning import tune as search

    best = search(**shared, trials=trials, out=out, seed=seed)
    terminal.show_tuned(best, str(out))


def _comparison(from_model: str | None, target: str, corpus: Sequence[str] | None) -> str | None:
    """The command that tests what the chain given brings, where there is one."""
    if from_model is None or not target.startswith("emotion"):
        return None
    specs = [word for spec in corpus or [] for word in ("--corpus", spec)]
    return shlex.join(["experiment", "run", "extend-preset", "--from", from_model, *specs])


def _stems(from_model: str | None) -> list[str]:
    return [] if from_model is None else [Path(from_model).stem]


def _free_folder(target: str, sources: Sequence[str]) -> Path:
    """The first folder below ``models`` that does not exist yet."""
    name = file_name("-".join([target, *(["from", *sources] if sources else [])]))
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(folder for name in names if not os.path.lexists(folder := Path("models", name)))


def _tuned_units(run: Path | None) -> list[int] | None:
    if run is None:
        return None
    from pnn_keras.tuning import load_tuned

    return load_tuned(run)["units"]

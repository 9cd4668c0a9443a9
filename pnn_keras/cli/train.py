"""``pnn-keras train`` and ``pnn-keras tune``: learning a chain, and a column's shape."""

from __future__ import annotations

import itertools
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

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
from pnn_keras.cli.parsing import file_name, parse_names, parse_widths, with_band
from pnn_keras.cli.tuned import PAPER_UNITS, tuned_arguments
from pnn_keras.errors import UserError


def train(
    context: typer.Context,
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
    adapt: Annotated[
        bool,
        option(
            "--adapt",
            help="With --from: fit its columns' scalers anew on the training rows, for another "
            "room, microphone or language.",
            panel=DATA,
        ),
    ] = False,
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
            help="Folder of a search, or a recipe (TOML): all that was found is taken, where no "
            "option says otherwise.",
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
    compare: Annotated[
        list[str] | None,
        option(
            "--compare",
            metavar="METHOD,...",
            help="Methods to score on the same folds besides: svm, ptft, ... Repeatable.",
            panel=FITTING,
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
    found = tuned_arguments(tuned, context, widths)
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
        learning_rate=found.pop("learning_rate", learning_rate),
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
        adapt=adapt,
        repeats=repeats,
        scaling=scaling.value,
        **{
            "units": widths or PAPER_UNITS,
            "source_units": widths or PAPER_UNITS,
            "dropout": dropout,
            "lateral": lateral.value,
            "adapter_units": adapter_units,
            **found,
        },
        reads=reads,
        out=folder,
        tensorboard=tensorboard,
        compare=[name for text in compare or () for name in parse_names(text)],
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
        int, option("--trials", min=1, help="How many candidates to try.", panel=FITTING)
    ] = 20,
    oracle: Annotated[
        str,
        option(
            "--oracle",
            metavar="NAME",
            help="What chooses the next candidate: random, bayesian or hyperband.",
            panel=FITTING,
        ),
    ] = "random",
    space: Annotated[
        Path | None,
        option(
            "--space",
            metavar="FILE.toml",
            help="What to choose from: depths, widths, source_depths, source_widths, laterals, "
            "adapter_units, reads, dropouts, learning_rates.",
            panel=NETWORK,
        ),
    ] = None,
    lost_after: Annotated[
        float,
        option(
            "--lost-after",
            metavar="SECONDS",
            help="In a shared search: without a sign for so long a worker is lost.",
            panel=FITTING,
        ),
    ] = 60.0,
    protocol: ProtocolName = "speaker-5-fold",
    epochs: Epochs = 600,
    batch_size: BatchSize = 64,
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
    """Search every column's shape, how sources are read, dropout and learning rate.

    keras-tuner chooses; stop rows alone score. With KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP and
    KERASTUNER_ORACLE_PORT the process is the chief (an ID with "chief" in it) or a worker of a
    search that several share; all are started with the same options.
    """
    from pnn_keras import terminal
    from pnn_keras.folder import check_writable

    check_writable(out, existing=True)
    if space is not None and not space.is_file():
        raise UserError(f"{space} cannot be read: no such file. Check the path: --space")
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
        learning_rate=0.0005,  # the search chooses it
        patience=patience,
        no_class_weights=no_class_weights,
        seed=seed,
        strict=strict,
        workers=workers,
        quiet=quiet,
    )
    from pnn_keras.tuning import tune as search

    best = search(
        **shared,
        trials=trials,
        out=out,
        seed=seed,
        oracle=oracle,
        space=space,
        lost_after=lost_after,
    )
    if "worker" in best:
        terminal.show_worker(best)
    else:
        terminal.show_tuned(best, str(out))


def _comparison(from_model: str | None, target: str, corpus: Sequence[str] | None) -> str | None:
    """The command that tests what the chain given brings, where there is one."""
    if from_model is None or not target.startswith("emotion"):
        return None
    specs = [word for spec in corpus or [] for word in ("--corpus", spec)]
    return shlex.join(["experiment", "run", "extend-preset", "--from", from_model, *specs])


def _stems(from_model: str | None) -> list[str]:
    from pnn_keras.model_address import model_name

    return [] if from_model is None else [model_name(from_model)]


def _free_folder(target: str, sources: Sequence[str]) -> Path:
    """The first folder below ``models`` that does not exist yet."""
    name = file_name("-".join([target, *(["from", *sources] if sources else [])]))
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(folder for name in names if not os.path.lexists(folder := Path("models", name)))

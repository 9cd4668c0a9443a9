"""``pnn-keras experiment``: methods compared on the same folds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pnn_keras.cli.options import (
    OUTPUT,
    Corpora,
    Quiet,
    Scaling,
    Strict,
    Workers,
    option,
)
from pnn_keras.cli.parsing import parse_names, with_band
from pnn_keras.cli.quiet import start_tensorflow

experiment_app = typer.Typer(
    no_args_is_help=True, help="Compare methods on the same folds: list, show, run."
)

#: The table of choices in the help.
CHOICES = "Choices (default: the experiment's)"

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="An experiment: see experiment list; or a TOML file.")
]
ClassChoice = Annotated[
    str | None,
    option(
        "--classes",
        metavar="A,B,...",
        help="Emotion classes: paper (the paper's four), all (the corpus's own), or a list.",
        panel=CHOICES,
    ),
]
Repeats = Annotated[
    int | None, option("--repeats", min=1, help="How often folds are dealt anew.", panel=CHOICES)
]
FrontendChoice = Annotated[
    str | None, option("--frontend", metavar="NAME", help="Front-end.", panel=CHOICES)
]
BandChoice = Annotated[
    str | None,
    option(
        "--band",
        metavar="LOW-HIGH",
        help="With --frontend logmel: the frequencies in Hz that are listened to.",
        panel=CHOICES,
    ),
]
AugmentChoice = Annotated[
    int | None,
    option(
        "--augment",
        metavar="N",
        min=0,
        help="With --frontend logmel: masked versions of each training row to learn from.",
        panel=CHOICES,
    ),
]
ScalingChoice = Annotated[
    Scaling | None, option("--scaling", help="What scalers are fitted on.", panel=CHOICES)
]
EpochsChoice = Annotated[
    int | None, option("--epochs", min=1, help="Most passes over the rows.", panel=CHOICES)
]
BatchChoice = Annotated[
    int | None, option("--batch-size", min=1, help="Most rows per update.", panel=CHOICES)
]
RateChoice = Annotated[
    float | None, option("--learning-rate", help="Learning rate of Adam.", panel=CHOICES)
]
PatienceChoice = Annotated[
    int | None,
    option("--patience", min=1, help="Epochs without a better stop fold.", panel=CHOICES),
]
FromModel = Annotated[
    str | None,
    option(
        "--from",
        metavar="MODEL",
        help="Trained chain that the studies extend: extend-preset needs one.",
    ),
]
SeedChoice = Annotated[int | None, option("--seed", min=0, help="Of everything.", panel=CHOICES)]


@experiment_app.command("list")
def experiment_list() -> None:
    """List the experiments that have a name."""
    from pnn_keras import terminal

    start_tensorflow()
    from pnn_keras.experiments import EXPERIMENTS

    terminal.show_experiments(
        {
            name: each.title + (" Needs --from" if each.extends else "")
            for name, each in EXPERIMENTS.items()
        }
    )


@experiment_app.command("show")
def experiment_show(
    name: Name,
    corpus: Corpora = None,
    from_model: FromModel = None,
    classes: ClassChoice = None,
    repeats: Repeats = None,
    frontend: FrontendChoice = None,
    band: BandChoice = None,
    augment: AugmentChoice = None,
    scaling: ScalingChoice = None,
    epochs: EpochsChoice = None,
    batch_size: BatchChoice = None,
    learning_rate: RateChoice = None,
    patience: PatienceChoice = None,
    seed: SeedChoice = None,
) -> None:
    """Print an experiment as TOML, every default spelled out: a file to start from."""
    from pnn_keras import terminal

    start_tensorflow()
    from pnn_keras.experiments import show_experiment, write_experiment

    changes = _changes(
        classes,
        repeats,
        with_band(frontend, band),
        augment,
        scaling,
        epochs,
        batch_size,
        learning_rate,
        patience,
        seed,
    )
    terminal.write(
        write_experiment(show_experiment(name, corpus or (), changes, from_model)).rstrip()
    )


@experiment_app.command("run")
def experiment_run(
    name: Name,
    corpus: Corpora = None,
    from_model: FromModel = None,
    classes: ClassChoice = None,
    repeats: Repeats = None,
    frontend: FrontendChoice = None,
    band: BandChoice = None,
    augment: AugmentChoice = None,
    scaling: ScalingChoice = None,
    epochs: EpochsChoice = None,
    batch_size: BatchChoice = None,
    learning_rate: RateChoice = None,
    patience: PatienceChoice = None,
    seed: SeedChoice = None,
    out: Annotated[
        Path | None,
        option(
            "--out",
            metavar="RUN",
            help="Folder of the run; an unfinished one is resumed. Default: runs/NAME.",
            panel=OUTPUT,
        ),
    ] = None,
    reuse: Annotated[
        list[str] | None,
        option(
            "--reuse",
            metavar="RUN",
            help="Another run: what it has answered of this experiment's questions, on the same "
            "folds and in the same way, is taken over. Repeatable.",
            panel=OUTPUT,
        ),
    ] = None,
    strict: Strict = False,
    workers: Workers = None,
    processes: Annotated[
        int | None,
        option(
            "--processes",
            min=1,
            help="Processes that compute, each with its share of the cores; more than one show no "
            "progress bars. Default: one per core, as far as the machine's memory goes (5 GiB "
            "each).",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Run an experiment, or go on with one that was interrupted."""
    from pnn_keras import terminal

    changes = _changes(
        classes,
        repeats,
        with_band(frontend, band),
        augment,
        scaling,
        epochs,
        batch_size,
        learning_rate,
        patience,
        seed,
    )
    start_tensorflow()
    from pnn_keras.experiments import open_experiment, read_run, run_experiment

    experiment, opened = open_experiment(name, corpus or (), changes, strict, from_model)
    terminal.announce(opened)
    try:
        folder = run_experiment(
            experiment,
            opened,
            out,
            progress=not quiet,
            strict=strict,
            workers=workers,
            processes=processes,
            reuse=reuse or (),
            on_part=(lambda part, line: None) if quiet else lambda part, line: terminal.note(line),
        )
    except KeyboardInterrupt:
        if not quiet:
            terminal.note("Finished parts are kept: the same command goes on.")
        raise
    terminal.warn_of_failures(read_run(folder).record["skipped"])
    from pnn_keras.report import render_summary

    terminal.show(render_summary(folder))
    terminal.show_run(str(folder), hints=not quiet)


def _changes(
    classes, repeats, frontend, augment, scaling, epochs, batch_size, learning_rate, patience, seed
) -> dict[str, object]:
    """The choices that were made, by the names that experiments have for them."""
    if classes is not None and classes not in ("paper", "all"):
        classes = tuple(parse_names(classes))
    return {
        "classes": classes,
        "repeats": repeats,
        "frontend": frontend,
        "augment": augment,
        "scaling": None if scaling is None else scaling.value,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "patience": patience,
        "seed": seed,
    }

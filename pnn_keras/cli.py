"""The command line: commands only. What they do lies in the other rooms.

TensorFlow is imported by the commands that need it, so that ``--help`` is quick.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from pnn_keras.errors import PnnKerasError, UserError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Progressive neural networks for speech: speaker, gender, emotion.",
)
corpus_app = typer.Typer(no_args_is_help=True, help="Known corpora: list, check, download.")
zoo_app = typer.Typer(no_args_is_help=True, help="The presets that ship with the package.")
app.add_typer(corpus_app, name="corpus")
app.add_typer(zoo_app, name="zoo")

Corpora = Annotated[
    list[str],
    typer.Option(
        "--corpus",
        metavar="SPEC",
        help="A folder, NAME=FOLDER, a table (CSV, TSV, parquet) or the name of a corpus below "
        "the folder that PNN_KERAS_DATA names. Repeatable. Without it: the synthetic corpus.",
    ),
]
Sources = Annotated[
    list[str],
    typer.Option("--source", metavar="TASK", help="A task to learn first. Repeatable, in order."),
]
Target = Annotated[
    str,
    typer.Option("--target", metavar="TASK", help="speaker, gender, emotion, or TASK@CORPUS."),
]
Classes = Annotated[
    str | None, typer.Option(metavar="A,B,C", help="Emotion classes of the target.")
]
Merges = Annotated[
    list[str],
    typer.Option("--merge", metavar="LABEL=CLASS", help="Count a label as a class. Repeatable."),
]
FrontendName = Annotated[
    str | None,
    typer.Option(
        "--frontend", help="egemaps, egemaps:ComParE_2016, egemaps:eGeMAPSv01b, embeddings:TABLE."
    ),
]
ProtocolName = Annotated[
    str,
    typer.Option(
        "--protocol",
        help="speaker-5-fold (or another number), leave-one-speaker-out, or the "
        "speaker-dependent paper-10-fold.",
    ),
]
Epochs = Annotated[int, typer.Option(min=1, help="Most epochs of a column.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Rows per update, at most.")]
LearningRate = Annotated[float, typer.Option(help="Learning rate of Adam.")]
Patience = Annotated[
    int, typer.Option(min=1, help="Epochs without a better stop fold before a fold ends.")
]
NoClassWeights = Annotated[
    bool, typer.Option("--no-class-weights", help="Do not weigh the classes equally.")
]
Seed = Annotated[int, typer.Option(help="Seed of folds, weights, dropout and shuffling.")]
Strict = Annotated[bool, typer.Option(help="Let a single unusable recording end the run.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Recordings to extract at a time; default: processors.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bars.")]
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="A preset's name, its folder, or a .keras file.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.callback(invoke_without_command=True)
def common(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
) -> None:
    if debug:
        os.environ["PNN_KERAS_DEBUG"] = "1"
    if version:
        from pnn_keras import __version__

        print(f"pnn-keras {__version__}")
        raise typer.Exit


@app.command()
def train(
    target: Target,
    source: Sources = [],  # noqa: B006 - typer copies defaults
    corpus: Corpora = [],  # noqa: B006
    frontend: FrontendName = None,
    from_model: Annotated[
        str | None, typer.Option("--from", metavar="MODEL", help="A trained chain to extend.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to save the chain; must not exist.")
    ] = None,
    classes: Classes = None,
    merge: Merges = [],  # noqa: B006
    protocol: ProtocolName = "speaker-5-fold",
    repeats: Annotated[int, typer.Option(min=1, help="How often the folds are dealt anew.")] = 1,
    scaling: Annotated[
        str, typer.Option(help="training, or corpus: the paper's, with test rows, transductive.")
    ] = "training",
    units: Annotated[str, typer.Option(help="Widths of the hidden layers.")] = "256,256,256,256",
    tuned: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Take the widths that `tune` found.")
    ] = None,
    dropout: Annotated[float, typer.Option(help="Share of hidden units dropped.")] = 0.5,
    lateral: Annotated[str, typer.Option(help="Lateral connections: dense or adapter.")] = "dense",
    adapter_units: Annotated[
        int | None, typer.Option(min=1, help="Width of the adapters' projections.")
    ] = None,
    reads: Annotated[
        list[str], typer.Option(metavar="TASK", help="Columns the target reads; default: all.")
    ] = [],  # noqa: B006
    epochs: Epochs = 600,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = 0.0005,
    patience: Patience = 100,
    no_class_weights: NoClassWeights = False,
    seed: Seed = 0,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write TensorBoard logs there.")
    ] = None,
    strict: Strict = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Learn the sources, then the target beside them; score on held-out speakers; save."""
    from pnn_keras import terminal

    folder = out or _free_folder(target, source)
    if folder.exists():
        raise UserError(f"{folder} exists already. Name another folder with --out")
    opened = _open_corpora(corpus, strict)
    terminal.announce(opened)
    from pnn_keras.methods import train as run
    from pnn_keras.training import Settings

    chain = run(
        target,
        source=source,
        corpus=opened,
        frontend=frontend,
        from_model=from_model,
        classes=_names(classes),
        merges=_pairs(merge),
        protocol=protocol,
        repeats=repeats,
        scaling=scaling,
        units=_tuned_units(tuned) if tuned else _widths(units),
        dropout=dropout,
        lateral=lateral,
        adapter_units=adapter_units,
        reads=reads or None,
        settings=Settings(
            epochs, batch_size, learning_rate, patience, not no_class_weights, seed
        ),
        out=folder,
        tensorboard=tensorboard,
        progress=not quiet,
        strict=strict,
        workers=workers,
        command=shlex.join(["pnn-keras", *sys.argv[1:]]),
    )
    terminal.show_scores(chain.metadata)
    terminal.show_next(folder)


@app.command()
def predict(
    model: Model,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Audio files.")],
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: AsJson = False,
    embeddings: Annotated[
        Path | None, typer.Option(metavar="TABLE", help="Vectors of the files, if it needs them.")
    ] = None,
    strict: Strict = False,
    workers: Workers = None,
) -> None:
    """Answer every task of a chain for each file.

    A file that cannot be used is reported and skipped; the exit code is 1 if
    none could be used, or with --strict at the first.
    """
    if csv and as_json:
        raise UserError("Pass --csv or --json, not both")
    from pnn_keras import terminal
    from pnn_keras.zoo import load

    chain = load(model)
    tables = None
    if embeddings is not None:
        tables = {name: embeddings for name in chain.frontends if name.startswith("embeddings")}
    answers = chain.predict_audio(
        files, strict=strict, progress=len(files) > 50, workers=workers, tables=tables
    )
    terminal.show_answers(files, answers, "csv" if csv else "json" if as_json else "table")
    for file, answer in zip(files, answers, strict=True):
        if "error" in answer:
            terminal.warn(f"skipped {file}: {answer['error']}")
    if all("error" in answer for answer in answers):
        raise typer.Exit(1)


@app.command()
def evaluate(
    model: Model,
    corpus: Annotated[str, typer.Option(metavar="SPEC", help="The corpus to score on.")],
    task: Annotated[str | None, typer.Option(help="The one task to score.")] = None,
    allow_heard: Annotated[
        bool, typer.Option(help="Score speakers that it has heard too, marked as such.")
    ] = False,
    unheard_only: Annotated[
        bool, typer.Option(help="Leave out what it has heard.")
    ] = False,
    merge: Merges = [],  # noqa: B006
    as_json: AsJson = False,
    strict: Strict = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Score a trained chain on a corpus; refuses speakers that it has heard."""
    from pnn_keras import terminal
    from pnn_keras.corpora import open_corpus

    opened = open_corpus(corpus, strict=strict)
    from pnn_keras.evaluation import evaluate as score
    from pnn_keras.zoo import load

    result = score(
        load(model),
        opened,
        task=task,
        allow_heard=allow_heard,
        unheard_only=unheard_only,
        merges=_pairs(merge),
        workers=workers,
        progress=not quiet,
        strict=strict,
    )
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        terminal.show_evaluation(result)


@app.command()
def export(
    model: Model,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where the model folders lie.")] = Path(
        "export/models"
    ),
    name: Annotated[str | None, typer.Option(help="Name of the model; default: its own.")] = None,
) -> None:
    """Write a SavedModel with the next free version number."""
    from pnn_keras.export import export_chain
    from pnn_keras.zoo import load

    written = export_chain(load(model), to, name=name or Path(model).stem)
    print(f"Exported to {written}")


@app.command()
def tune(
    target: Target,
    source: Sources = [],  # noqa: B006
    corpus: Corpora = [],  # noqa: B006
    frontend: FrontendName = None,
    classes: Classes = None,
    merge: Merges = [],  # noqa: B006
    protocol: ProtocolName = "speaker-5-fold",
    trials: Annotated[int, typer.Option(min=1, help="How many shapes to try.")] = 20,
    out: Annotated[
        Path, typer.Option(help="Folder of the search; an unfinished one is resumed.")
    ] = Path("tuned"),
    epochs: Epochs = 600,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = 0.0005,
    patience: Patience = 100,
    no_class_weights: NoClassWeights = False,
    seed: Seed = 0,
    strict: Strict = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Search the target column's widths with keras-tuner, on stop folds alone."""
    from pnn_keras import terminal

    opened = _open_corpora(corpus, strict)
    terminal.announce(opened)
    from pnn_keras.training import Settings
    from pnn_keras.tuning import tune as search

    best = search(
        target,
        source=source,
        corpus=opened,
        frontend=frontend,
        classes=_names(classes),
        merges=_pairs(merge),
        protocol=protocol,
        trials=trials,
        out=out,
        settings=Settings(
            epochs, batch_size, learning_rate, patience, not no_class_weights, seed
        ),
        seed=seed,
        progress=not quiet,
        strict=strict,
        workers=workers,
    )
    widths = ",".join(map(str, best["units"]))
    print(f"Best of {best['trials']} trials: --units {widths}, stop UAR {best['stop_uar']:.3f}")
    print(f"Use it: pnn-keras train --target {target} --tuned {out} ...")


@corpus_app.command("list")
def corpus_list() -> None:
    """List the corpora that are recognised."""
    from pnn_keras import terminal
    from pnn_keras.corpora import list_corpora

    terminal.show_corpora(list_corpora())


@corpus_app.command("check")
def corpus_check(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="As --corpus of train.")],
    as_json: AsJson = False,
    strict: Strict = False,
) -> None:
    """Summarise a corpus: clips, hours, speakers, classes, defects."""
    from pnn_keras import terminal
    from pnn_keras.corpora import open_corpus
    from pnn_keras.corpora.check import render, summarise

    summary = summarise(open_corpus(spec, strict=strict), strict=strict)
    if as_json:
        print(json.dumps(summary, indent=2))
    else:
        terminal.show(render(summary))


@corpus_app.command("get")
def corpus_get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a corpus.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="Folder to put it in.")] = Path("."),
) -> None:
    """Download a freely available corpus; for others, say where to apply."""
    from pnn_keras.corpora.download import get

    print(get(name, to))


@zoo_app.command("list")
def zoo_list() -> None:
    """List the presets that ship with the package."""
    from pnn_keras.zoo import list_presets

    for name in list_presets():
        print(name)


@zoo_app.command("show")
def zoo_show(model: Model) -> None:
    """Print the card of a preset."""
    from pnn_keras.zoo import find

    card = find(model) / "README.md"
    if not card.is_file():
        raise UserError(f"{model} has no card: {card} is missing")
    print(card.read_text(encoding="utf-8"))


@zoo_app.command("verify")
def zoo_verify(model: Model) -> None:
    """Check that a preset is whole, loads and answers."""
    from pnn_keras.zoo import verify

    print(json.dumps(verify(model), indent=2))


def main() -> None:
    """Runs the command line; every error ends as one line and an exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    try:
        # Click would print "Aborted!" for Ctrl-C and hide which it was.
        code = app(standalone_mode=False, prog_name="pnn-keras")
    except Exception as error:
        code = _fail(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def _fail(error: Exception) -> int:
    """Prints an error as one line; gives the exit code."""
    if os.environ.get("PNN_KERAS_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if hasattr(error, "exit_code") and hasattr(error, "show"):  # click's usage errors
        error.show()
        return error.exit_code
    if type(error).__name__ == "Abort":
        print("interrupted", file=sys.stderr)
        return 130
    if isinstance(error, BrokenPipeError):
        # Nobody reads on; the interpreter must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    print(f"error: {_in_words(error)}", file=sys.stderr)
    return 2 if isinstance(error, UserError) else 1


def _in_words(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, PnnKerasError):
        return text
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"no space left on the device ({error.filename or 'a file'}). Free some space"
    if isinstance(error, OSError):
        return text
    return f"{type(error).__name__}: {text}. This is a bug; --debug shows where"


def _open_corpora(specs: list[str], strict: bool) -> list:
    from pnn_keras.corpora import open_corpus

    return [open_corpus(spec, strict=strict) for spec in specs or ["synthetic"]]


def _free_folder(target: str, sources: list[str]) -> Path:
    """The first folder below ``models`` that does not exist yet."""
    name = "-".join([target, *(["from", *sources] if sources else [])])
    for number in range(1, 10_000):
        folder = Path("models") / (name if number == 1 else f"{name}-{number}")
        if not folder.exists():
            return folder
    raise UserError("The folder models is full; name another with --out")


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _pairs(texts: list[str]) -> dict[str, str] | None:
    pairs = [text.partition("=") for text in texts]
    if any(not (label and sign and name) for label, sign, name in pairs):
        raise UserError(f"A merge is LABEL=CLASS, e.g. excited=happy. Received: {texts}")
    return {label: name for label, _, name in pairs} or None


def _widths(text: str) -> list[int]:
    try:
        return [int(width) for width in text.split(",")]
    except ValueError as error:
        raise UserError(f"--units is widths with commas, e.g. 256,128. Received: {text}") from error


def _tuned_units(run: Path) -> list[int]:
    from pnn_keras.tuning import load_tuned

    return load_tuned(run)["units"]

"""The command line: commands only. What they do lies in the other rooms.

TensorFlow, Keras, pandas and rich are imported by the commands that need them,
so that ``pnn-keras --help`` answers at once.
"""

from __future__ import annotations

import enum
import errno
import itertools
import json
import logging
import os
import re
import shlex
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pnn_keras.errors import PnnKerasError, UserError

FAILED, WRONG, INTERRUPTED = 1, 2, 130

#: How much TensorFlow tells of itself; what the user has set stays.
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"

#: The tables of `train --help`.
DATA, NETWORK, FITTING, OUTPUT = "Data", "Network", "Fitting and scoring", "Output"

#: Widths of the paper's columns.
PAPER_UNITS = (256, 256, 256, 256)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="MODEL is the name of a preset (see: pnn-keras zoo list), a preset folder or a "
    ".keras file. Exit codes: 0 done, 1 failed, 2 wrong request, 130 interrupted.",
)
corpus_app = typer.Typer(no_args_is_help=True, help="Known corpora: list, check, download.")
zoo_app = typer.Typer(no_args_is_help=True, help="The presets that ship with the package.")


class Lateral(enum.StrEnum):
    """How the target reads a source column."""

    dense = "dense"
    adapter = "adapter"


class Scaling(enum.StrEnum):
    """What the scaler of a column is fitted on."""

    training = "training"
    corpus = "corpus"
    speaker = "speaker"


def _option(*names: str, panel: str | None = None, **settings):
    """An option, shown by ``--help`` in the table ``panel``."""
    return typer.Option(*names, rich_help_panel=panel, **settings)


_CORPUS = "Folder, table (CSV, TSV, parquet), NAME=FOLDER, or a name below $PNN_KERAS_DATA."
_TASK = "speaker, gender, emotion, or TASK@CORPUS"

Sources = Annotated[
    list[str] | None,
    _option(
        "--source",
        metavar="TASK",
        help=f"Task to learn first: {_TASK}. Repeatable, in order.",
        panel=DATA,
    ),
]
Target = Annotated[
    str, _option("--target", metavar="TASK", help=f"Task to learn: {_TASK}.", panel=DATA)
]
Corpora = Annotated[
    list[str] | None,
    _option(
        "--corpus",
        metavar="SPEC",
        help=f"{_CORPUS} Repeatable. Default: the built-in synthetic corpus, which nobody spoke.",
        panel=DATA,
    ),
]
FrontendName = Annotated[
    str | None,
    _option(
        "--frontend",
        metavar="NAME",
        help="egemaps, egemaps:eGeMAPSv01b, egemaps:ComParE_2016, or embeddings:TABLE. "
        "Default: egemaps, or that of --from.",
        panel=DATA,
    ),
]
Classes = Annotated[
    str | None,
    _option(
        "--classes",
        metavar="A,B,...",
        help="Emotion classes of the target, in order. Default: those of the corpus.",
        panel=DATA,
    ),
]
Merges = Annotated[
    list[str] | None,
    _option(
        "--merge",
        metavar="LABEL=CLASS",
        help="Count one emotion as another, e.g. excited=happy. Repeatable.",
        panel=DATA,
    ),
]
ProtocolName = Annotated[
    str,
    _option(
        "--protocol",
        metavar="NAME",
        help="speaker-5-fold (or another number), leave-one-speaker-out, leave-one-session-out, "
        "official, cross-corpus:A>B, or the speaker-dependent paper-10-fold.",
        panel=FITTING,
    ),
]
Epochs = Annotated[
    int, _option("--epochs", min=1, help="Most passes over the training rows.", panel=FITTING)
]
BatchSize = Annotated[
    int, _option("--batch-size", min=1, help="Most rows per update.", panel=FITTING)
]
LearningRate = Annotated[
    float, _option("--learning-rate", help="Learning rate of Adam.", panel=FITTING)
]
Patience = Annotated[
    int,
    _option(
        "--patience",
        min=1,
        help="Epochs without a better stop fold before a fold ends.",
        panel=FITTING,
    ),
]
NoClassWeights = Annotated[
    bool,
    _option("--no-class-weights", help="Let frequent classes weigh more.", panel=FITTING),
]
Seed = Annotated[
    int, _option("--seed", min=0, help="Of folds, weights, dropout, shuffling.", panel=FITTING)
]
Strict = Annotated[bool, _option("--strict", help="Fail at the first unusable recording.")]
Workers = Annotated[
    int | None,
    _option(
        "--workers", min=1, help="Recordings extracted at a time. Default: one per processor."
    ),
]
Quiet = Annotated[bool, _option("--quiet", "-q", help="No progress bars and no hints.")]
AsJson = Annotated[bool, _option("--json", help="Print JSON, for machines.")]
Embeddings = Annotated[
    list[str] | None,
    _option(
        "--embeddings",
        metavar="TABLE",
        help="Vectors of the files, for a chain that hears embeddings; INPUT=TABLE where it "
        "hears several.",
    ),
]
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="A preset's name, its folder, or a .keras file.")
]


def _version(wanted: bool) -> None:
    if wanted:
        from pnn_keras import __version__

        print(f"pnn-keras {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, _option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, _option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Progressive neural networks for speech: speaker, gender, emotion."""


@app.command()
def train(
    target: Target,
    source: Sources = None,
    corpus: Corpora = None,
    frontend: FrontendName = None,
    from_model: Annotated[
        str | None,
        _option("--from", metavar="MODEL", help="Trained chain to extend.", panel=DATA),
    ] = None,
    classes: Classes = None,
    merge: Merges = None,
    units: Annotated[
        str | None,
        _option(
            "--units",
            metavar="N,N,...",
            help="Widths of the hidden layers; with --tuned, of the sources. "
            "Default: 256,256,256,256.",
            panel=NETWORK,
        ),
    ] = None,
    tuned: Annotated[
        Path | None,
        _option(
            "--tuned",
            metavar="RUN",
            help="Folder of a search: the target takes its widths.",
            panel=NETWORK,
        ),
    ] = None,
    dropout: Annotated[
        float, _option("--dropout", help="Share of hidden units dropped.", panel=NETWORK)
    ] = 0.5,
    lateral: Annotated[
        Lateral,
        _option("--lateral", help="Lateral weights, or non-linear adapters.", panel=NETWORK),
    ] = Lateral.dense,
    adapter_units: Annotated[
        int | None,
        _option("--adapter-units", min=1, help="Width of the adapters.", panel=NETWORK),
    ] = None,
    reads: Annotated[
        list[str] | None,
        _option(
            "--reads",
            metavar="TASK",
            help="Earlier column that the target reads. Repeatable. Default: all.",
            panel=NETWORK,
        ),
    ] = None,
    protocol: ProtocolName = "speaker-5-fold",
    repeats: Annotated[
        int, _option("--repeats", min=1, help="How often the folds are dealt anew.", panel=FITTING)
    ] = 1,
    scaling: Annotated[
        Scaling,
        _option(
            "--scaling",
            help="Fit scalers on training rows; on whole corpora, the paper's way; or "
            "standardise each speaker's rows. The last two are transductive.",
            panel=FITTING,
        ),
    ] = Scaling.training,
    epochs: Epochs = 600,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = 0.0005,
    patience: Patience = 100,
    no_class_weights: NoClassWeights = False,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        _option(
            "--out",
            metavar="DIR",
            help="New folder to save the chain in. Default: models/TARGET-from-SOURCES.",
            panel=OUTPUT,
        ),
    ] = None,
    tensorboard: Annotated[
        Path | None,
        _option("--tensorboard", metavar="DIR", help="Folder for TensorBoard logs.", panel=OUTPUT),
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

    _check_tasks(target, source)
    folder = out or _free_folder(target, [*_stems(from_model), *(source or [])])
    if os.path.lexists(folder):
        raise UserError(f"{folder} exists already. Name another folder with --out, or remove it")
    widths, merges = _widths(units), _pairs(merge)
    opened = _open_corpora(corpus, strict)
    terminal.announce(opened)
    _start_tensorflow()
    from pnn_keras.chain_training import train as run
    from pnn_keras.schedule import Settings

    chain = run(
        target,
        source=source or (),
        corpus=opened,
        frontend=frontend,
        from_model=from_model,
        classes=_names(classes),
        merges=merges,
        protocol=protocol,
        repeats=repeats,
        scaling=scaling.value,
        units=_tuned_units(tuned) or widths or PAPER_UNITS,
        source_units=widths or PAPER_UNITS,
        dropout=dropout,
        lateral=lateral.value,
        adapter_units=adapter_units,
        reads=reads,
        settings=Settings(epochs, batch_size, learning_rate, patience, not no_class_weights, seed),
        out=folder,
        tensorboard=tensorboard,
        progress=not quiet,
        strict=strict,
        workers=workers,
        command=shlex.join(["pnn-keras", *sys.argv[1:]]),
    )
    terminal.warn_of_failures(chain.metadata.get("skipped") or [])
    terminal.show_scores(chain.metadata)
    terminal.show_next(str(folder), hints=not quiet)


@app.command()
def predict(
    model: Model,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Recordings, or folders of recordings."),
    ],
    csv: Annotated[bool, _option("--csv", help="Print CSV, with all probabilities.")] = False,
    as_json: AsJson = False,
    embeddings: Embeddings = None,
    strict: Strict = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Answer every task of a chain for each recording.

    A recording that cannot be used is reported, and its row says so. The exit
    code is 1 if none could be used, or with --strict at the first one.
    """
    if csv and as_json:
        raise UserError("Pass --csv or --json, not both")
    from pnn_keras import terminal

    recordings = _recordings(files)
    _start_tensorflow()
    from pnn_keras.zoo import load

    chain = load(model)
    answers = chain.predict_audio(
        recordings,
        strict=strict,
        progress=not quiet,
        workers=workers,
        tables=_tables(chain.frontends, embeddings),
    )
    classes = {task.name: task.classes for task in chain.tasks}
    form = "csv" if csv else "json" if as_json else "table"
    terminal.show_answers(recordings, answers, classes, form)
    failures = [(f, a["error"]) for f, a in zip(recordings, answers, strict=True) if "error" in a]
    terminal.warn_of_failures(failures, most=None)
    if len(failures) == len(recordings):
        raise PnnKerasError("No recording could be used")


@app.command()
def evaluate(
    model: Model,
    corpus: Annotated[str, _option("--corpus", metavar="SPEC", help=_CORPUS)],
    task: Annotated[
        str | None, _option("--task", metavar="TASK", help="Score this task alone.")
    ] = None,
    allow_heard: Annotated[
        bool, _option("--allow-heard", help="Score speakers that it has heard too; marked.")
    ] = False,
    unheard_only: Annotated[
        bool, _option("--unheard-only", help="Leave out what it has heard.")
    ] = False,
    merge: Merges = None,
    as_json: AsJson = False,
    embeddings: Embeddings = None,
    strict: Strict = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Score a trained chain on a corpus; speakers that it has heard are refused."""
    from pnn_keras import terminal

    merges = _pairs(merge)
    opened = _open_corpora([corpus], strict)[0]
    terminal.announce([opened])
    _start_tensorflow()
    from pnn_keras.evaluation import evaluate as score
    from pnn_keras.zoo import load

    chain = load(model)
    result = score(
        chain,
        opened,
        task=task,
        allow_heard=allow_heard,
        unheard_only=unheard_only,
        merges=merges,
        tables=_tables(chain.frontends, embeddings),
        workers=workers,
        progress=not quiet,
        strict=strict,
    )
    if as_json:
        terminal.write(json.dumps({"model": model, **result}, indent=2))
    else:
        terminal.show_evaluation(result)


@app.command()
def tune(
    target: Target,
    source: Sources = None,
    corpus: Corpora = None,
    frontend: FrontendName = None,
    classes: Classes = None,
    merge: Merges = None,
    trials: Annotated[
        int, _option("--trials", min=1, help="How many shapes to try.", panel=FITTING)
    ] = 20,
    protocol: ProtocolName = "speaker-5-fold",
    epochs: Epochs = 600,
    batch_size: BatchSize = 32,
    learning_rate: LearningRate = 0.0005,
    patience: Patience = 100,
    no_class_weights: NoClassWeights = False,
    seed: Seed = 0,
    out: Annotated[
        Path,
        _option(
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

    _check_tasks(target, source)
    merges = _pairs(merge)
    opened = _open_corpora(corpus, strict)
    terminal.announce(opened)
    _start_tensorflow()
    from pnn_keras.schedule import Settings
    from pnn_keras.tuning import tune as search

    best = search(
        target,
        source=source or (),
        corpus=opened,
        frontend=frontend,
        classes=_names(classes),
        merges=merges,
        protocol=protocol,
        trials=trials,
        out=out,
        settings=Settings(epochs, batch_size, learning_rate, patience, not no_class_weights, seed),
        seed=seed,
        progress=not quiet,
        strict=strict,
        workers=workers,
    )
    terminal.show_tuned(best, str(out))


@app.command()
def export(
    model: Model,
    to: Annotated[
        Path, _option("--to", metavar="DIR", help="Folder of all exported models.")
    ] = Path("export/models"),
    name: Annotated[
        str | None,
        _option("--name", metavar="NAME", help="Name to be served under. Default: MODEL's own."),
    ] = None,
) -> None:
    """Write a SavedModel with the next free version number, for TensorFlow Serving."""
    from pnn_keras import terminal
    from pnn_keras.export import export_chain
    from pnn_keras.zoo import find, load

    name = name or _file_name(find(model).resolve().stem)
    _start_tensorflow()
    terminal.write(f"Exported: {export_chain(load(model), to, name=name)}")


@corpus_app.command("list")
def corpus_list() -> None:
    """List the corpora that are recognised, with their licences."""
    from pnn_keras import terminal
    from pnn_keras.corpora import list_corpora
    from pnn_keras.corpora.download import ARCHIVES

    terminal.show_corpora(list_corpora(), ARCHIVES)


@corpus_app.command("check")
def corpus_check(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help=_CORPUS)],
    as_json: AsJson = False,
    strict: Strict = False,
) -> None:
    """Sum up a corpus: clips, hours, speakers, classes, defects."""
    from pnn_keras import terminal
    from pnn_keras.corpora import open_corpus
    from pnn_keras.corpora.check import render, summarise

    summary = summarise(open_corpus(spec, strict=strict), strict=strict)
    if as_json:
        terminal.write(json.dumps(summary, indent=2))
    else:
        terminal.show(render(summary))


@corpus_app.command("get")
def corpus_get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A corpus: see corpus list.")],
    to: Annotated[
        Path | None,
        _option(
            "--to",
            metavar="DIR",
            help="Folder to put it below. Default: $PNN_KERAS_DATA, else this one.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Download a freely available corpus; for others, say where to apply."""
    from pnn_keras import terminal
    from pnn_keras.corpora import DATA_VARIABLE
    from pnn_keras.corpora.download import get

    folder = to or Path(os.environ.get(DATA_VARIABLE) or ".")
    terminal.write(str(get(name, folder, progress=not quiet)))


@zoo_app.command("list")
def zoo_list() -> None:
    """List the presets that ship with the package."""
    from pnn_keras import terminal
    from pnn_keras.preset import read_preset
    from pnn_keras.zoo import find, list_presets

    terminal.show_presets({name: read_preset(find(name)).metadata for name in list_presets()})


@zoo_app.command("show")
def zoo_show(model: Model) -> None:
    """Show what a preset answers, its scores and its training data; piped, its card."""
    from pnn_keras import terminal
    from pnn_keras.preset import CARD, read_preset
    from pnn_keras.zoo import find

    preset = read_preset(find(model))
    terminal.show_preset(preset.metadata, preset.folder / CARD)


@zoo_app.command("verify")
def zoo_verify(model: Model) -> None:
    """Check that a preset is whole, loads and answers."""
    from pnn_keras import terminal
    from pnn_keras.zoo import verify

    _start_tensorflow()
    terminal.show_verified(verify(model))


app.add_typer(corpus_app, name="corpus")
app.add_typer(zoo_app, name="zoo")


def main() -> None:
    """Runs the command line of this process; every error ends as one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal need not speak UTF-8, nor a file's name: a mark is better than a crash.
        stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        sys.exit(_run())


def _run() -> int:
    try:
        # Not standalone: click would print "Aborted!" for Ctrl-C, and boxes for wrong options.
        code = app(standalone_mode=False, prog_name="pnn-keras")
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = _leave_pipe()
    except SystemExit as error:
        # A pipe that broke in the middle of a command, of which click makes an exit.
        code = _leave_pipe() if error.code == FAILED else error.code
    except Exception as error:
        code = _fail(error, debug="--debug" in sys.argv)
    if code == INTERRUPTED:
        print("interrupted", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _leave_pipe() -> int:
    """Nobody reads on (``| head``): what is still to be written goes nowhere, quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())
    return FAILED


def _fail(error: Exception, debug: bool) -> int:
    """Prints an error as one line; gives the exit code."""
    # Typer 0.29 brings click along under another name, so its errors go by what they can do.
    if type(error).__name__ == "Abort":
        return INTERRUPTED
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()  # the help
        return WRONG
    from pnn_keras import terminal

    if hasattr(error, "exit_code") and hasattr(error, "format_message"):
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "pnn-keras"
        terminal.fail(f"{error.format_message().rstrip('.')} (see: {command} --help)")
        return error.exit_code
    if debug:
        traceback.print_exception(error)
    terminal.fail(_in_words(error))
    return WRONG if isinstance(error, UserError) else FAILED


def _in_words(error: Exception) -> str:
    """An error in words: ours say what to do, to the system's that is added."""
    if isinstance(error, PnnKerasError):
        return str(error)
    if not isinstance(error, OSError):
        return (
            f"{type(error).__name__}: {error}. This is a bug in pnn-keras; "
            "`pnn-keras --debug ...` shows where"
        )
    place = "a file" if error.filename is None else str(error.filename)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"No space left on device while writing {place}. Free some space"
    if isinstance(error, PermissionError):
        return f"No permission for {place}. Choose another place, or change its permissions"
    if isinstance(error, FileNotFoundError):
        return f"There is no {place}. Check the path"
    return f"{place}: {error.strerror or error}"


def _show_warning(message, *where, **more) -> None:
    from pnn_keras import terminal

    terminal.warn(str(message))


def _start_tensorflow() -> None:
    """Imports TensorFlow without its greetings, unless the user asks for them.

    Some are printed before any setting of TensorFlow's counts, so they are kept
    from the terminal itself.
    """
    if LOG_LEVEL in os.environ or "--debug" in sys.argv:
        return
    os.environ[LOG_LEVEL] = "3"
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.stderr.flush()
    own, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(own, 2)
        os.close(own)
        os.close(nowhere)


def _check_tasks(target: str, sources: Sequence[str] | None) -> None:
    """Refuses unknown tasks before any audio is opened or made."""
    from pnn_keras.task import parse_task

    for spec in (target, *(sources or [])):
        parse_task(spec)


def _open_corpora(specs: Sequence[str] | None, strict: bool) -> list:
    from pnn_keras.corpora import open_corpus

    return [open_corpus(spec, strict=strict) for spec in specs or ["synthetic"]]


def _recordings(files: Sequence[str]) -> list[str]:
    """The files, and those below the folders."""
    from pnn_keras.audio import SUFFIXES

    found = []
    for file in files:
        if not os.path.isdir(file):
            found.append(file)
            continue
        below = sorted(p for p in Path(file).rglob("*") if p.suffix.casefold() in SUFFIXES)
        if not below:
            raise UserError(f"The folder {file} holds no recording ({', '.join(SUFFIXES)})")
        found.extend(map(str, below))
    return found


def _tables(frontends: Mapping[str, Mapping], given: Sequence[str] | None) -> dict[str, str]:
    """Which table of vectors gives which of a chain's inputs."""
    inputs = [name for name, config in frontends.items() if config.get("name") == "embeddings"]
    tables = {}
    for text in given or []:
        name, equals, table = text.partition("=")
        if equals and name in inputs:
            tables[name] = table
        elif len(inputs) == 1:
            tables[inputs[0]] = text
        else:
            heard = ", ".join(inputs) or "no embeddings"
            raise UserError(
                f"--embeddings is INPUT=TABLE, and this chain hears {heard}. Received: {text!r}"
            )
    return tables


def _stems(from_model: str | None) -> list[str]:
    return [] if from_model is None else [Path(from_model).stem]


def _file_name(text: str) -> str:
    """A text as a part of a path that no shell and no server stumbles over."""
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("-.") or "chain"


def _free_folder(target: str, sources: Sequence[str]) -> Path:
    """The first folder below ``models`` that does not exist yet."""
    name = _file_name("-".join([target, *(["from", *sources] if sources else [])]))
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(folder for name in names if not os.path.lexists(folder := Path("models", name)))


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _pairs(texts: Sequence[str] | None) -> dict[str, str] | None:
    pairs = {}
    for text in texts or []:
        label, sign, name = (part.strip() for part in text.partition("="))
        if not (label and sign and name):
            raise UserError(f"A merge is LABEL=CLASS, e.g. excited=happy. Received: {text!r}")
        pairs[label] = name
    return pairs or None


def _widths(text: str | None) -> list[int] | None:
    if text is None:
        return None
    widths = [width.strip() for width in text.split(",")]
    if not all(re.fullmatch("[0-9]+", width) and int(width) for width in widths):
        raise UserError(f"--units is widths with commas, e.g. 256,128. Received: {text!r}")
    return [int(width) for width in widths]


def _tuned_units(run: Path | None) -> list[int] | None:
    if run is None:
        return None
    from pnn_keras.tuning import load_tuned

    return load_tuned(run)["units"]

"""``pnn-keras predict`` and ``pnn-keras evaluate``: a trained chain answers, and is scored."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pnn_keras.cli.options import (
    CORPUS,
    Adapt,
    AsJson,
    Embeddings,
    Heads,
    Merges,
    Model,
    Quiet,
    Strict,
    Workers,
    option,
)
from pnn_keras.cli.parsing import parse_pairs, parse_tables
from pnn_keras.cli.quiet import start_tensorflow
from pnn_keras.errors import PnnKerasError, UserError


def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A preset's name, folder or address, or a .keras file; with --server, the name "
            "under which it is served. May be left out where the server's address names it, or "
            "there is only one.",
        ),
    ],
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="Recordings, or folders of recordings."),
    ] = None,
    server: Annotated[
        str | None,
        option(
            "--server",
            metavar="URL",
            help="Ask a model server, http://HOST:PORT or grpc://HOST:PORT; /v1/models/NAME may "
            "follow.",
        ),
    ] = None,
    deadline: Annotated[
        float, option("--deadline", help="With --server: seconds until an answer is late.")
    ] = 60.0,
    frontend: Annotated[
        str | None,
        option(
            "--frontend",
            metavar="NAME",
            help="With --server: what a model that takes features alone was trained with. "
            "Default: egemaps.",
        ),
    ] = None,
    adapt: Adapt = False,
    heads: Annotated[
        Heads,
        option(
            "--heads",
            help="open leaves a source that names speakers out, which knows those it was trained "
            "on alone; all has it.",
        ),
    ] = Heads.open,
    csv: Annotated[bool, option("--csv", help="Print CSV, with all probabilities.")] = False,
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

    options = {"strict": strict, "progress": not quiet, "workers": workers}
    if server is None:
        if frontend is not None:
            raise UserError("A chain knows its front-end; --frontend goes with --server")
        recordings = _recordings(_some(files))
        options["adapt"] = adapt
        answers, classes = _ask_chain(model, recordings, embeddings, heads, options)
    else:
        if embeddings:
            raise UserError("With --server, pass --frontend embeddings:TABLE, not --embeddings")
        if adapt:
            raise UserError("A served model scales as in training; --adapt goes without --server")
        name, files = _served_model(server, model, files or [])
        recordings = _recordings(_some(files))
        settings = {"deadline": deadline, "frontend": frontend or "egemaps"}
        answers, classes = _ask_server(server, name, recordings, settings, options)
    form = "csv" if csv else "json" if as_json else "table"
    terminal.show_answers(recordings, answers, classes, form)
    failures = [(f, a["error"]) for f, a in zip(recordings, answers, strict=True) if "error" in a]
    terminal.warn_of_failures(failures, most=None)
    if len(failures) == len(recordings):
        raise PnnKerasError("No recording could be used")


def evaluate(
    model: Model,
    corpus: Annotated[str, option("--corpus", metavar="SPEC", help=CORPUS)],
    task: Annotated[
        str | None, option("--task", metavar="TASK", help="Score this task alone.")
    ] = None,
    allow_heard: Annotated[
        bool, option("--allow-heard", help="Score speakers that it has heard too; marked.")
    ] = False,
    unheard_only: Annotated[
        bool, option("--unheard-only", help="Leave out what it has heard.")
    ] = False,
    adapt: Adapt = False,
    merge: Merges = None,
    as_json: AsJson = False,
    embeddings: Embeddings = None,
    strict: Strict = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Score a trained chain on a corpus; speakers that it has heard are refused."""
    from pnn_keras import terminal
    from pnn_keras.corpora import open_corpus

    merges = parse_pairs(merge)
    opened = open_corpus(corpus, strict=strict)
    terminal.announce([opened])
    start_tensorflow()
    from pnn_keras.evaluation import evaluate as score
    from pnn_keras.zoo import load

    chain = load(model, progress=not quiet)
    result = score(
        chain,
        opened,
        task=task,
        allow_heard=allow_heard,
        unheard_only=unheard_only,
        adapt=adapt,
        merges=merges,
        tables=parse_tables(chain.frontends, embeddings),
        workers=workers,
        progress=not quiet,
        strict=strict,
    )
    if as_json:
        terminal.write(json.dumps({"model": model, **result}, indent=2))
    else:
        terminal.show_evaluation(result)


def _ask_chain(
    model: str,
    recordings: Sequence[str],
    embeddings: Sequence[str] | None,
    heads: Heads,
    options: Mapping,
) -> tuple[list[dict], dict]:
    """A chain's answers, and the classes of each task."""
    start_tensorflow()
    from pnn_keras.zoo import load

    chain = load(model, progress=options["progress"])
    tables = parse_tables(chain.frontends, embeddings)
    answers = chain.predict_audio(recordings, tables=tables, **options)
    # A source that knows its training speakers takes every stranger for one of them.
    closed = [t.name for t in chain.tasks[:-1] if t.label == "speaker" and heads is Heads.open]
    for name in closed:
        for answer in answers:
            answer.pop(name, None)
    return answers, {task.name: task.classes for task in chain.tasks if task.name not in closed}


def _ask_server(
    server: str, name: str | None, recordings: Sequence[str], settings: Mapping, options: Mapping
) -> tuple[list[dict], dict]:
    """A served model's answers, and the classes of each task."""
    from pnn_keras.serving import Client

    if server.startswith("grpc"):
        start_tensorflow()
    with Client(server, name, **settings) as client:
        answers = client.predict(recordings, **options)
    given = next((answer for answer in answers if "error" not in answer), {})
    tasks = {task: value for task, value in given.items() if "probabilities" in value}
    return answers, {task: list(value["probabilities"]) for task, value in tasks.items()}


def _served_model(server: str, first: str, others: list[str]) -> tuple[str | None, list[str]]:
    """The served model's name, or None, and the recordings.

    The first argument is a recording where the address names the model already,
    or where it ends as a recording does.
    """
    from pnn_keras.audio import SUFFIXES
    from pnn_keras.serving.client_address import parse_address

    if parse_address(server).model or Path(first).suffix.casefold() in SUFFIXES:
        return None, [first, *others]
    return first, others


def _some(files: list[str] | None) -> list[str]:
    if not files:
        raise UserError("Missing argument 'FILE...' (see: pnn-keras predict --help)")
    return files


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

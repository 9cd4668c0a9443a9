"""``pnn-keras corpus``: the corpora that are known, what is wrong with one, and getting one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from pnn_keras.cli.options import CORPUS, AsJson, Quiet, Strict, option

corpus_app = typer.Typer(no_args_is_help=True, help="Known corpora: list, check, download.")


@corpus_app.command("list")
def corpus_list() -> None:
    """List the corpora that are recognised, with their licences."""
    from pnn_keras import terminal
    from pnn_keras.corpora import list_corpora
    from pnn_keras.corpora.download import ARCHIVES

    terminal.show_corpora(list_corpora(), ARCHIVES)


@corpus_app.command("check")
def corpus_check(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help=CORPUS)],
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
        option(
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

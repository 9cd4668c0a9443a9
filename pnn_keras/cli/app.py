"""The application: every command, in the order in which the help lists them."""

from __future__ import annotations

from typing import Annotated

import typer

from pnn_keras.cli.corpus import corpus_app
from pnn_keras.cli.experiment import experiment_app
from pnn_keras.cli.export import export
from pnn_keras.cli.inspect import inspect
from pnn_keras.cli.options import option
from pnn_keras.cli.predict import evaluate, predict
from pnn_keras.cli.report import audit, report
from pnn_keras.cli.rollout import rollout
from pnn_keras.cli.serve import serve
from pnn_keras.cli.train import train, tune
from pnn_keras.cli.zoo import zoo_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="MODEL is the name of a preset (see: pnn-keras zoo list), a preset folder, a .keras "
    "file, https://HOST/FILE#sha256=HEX or hf://OWNER/NAME[@REVISION]. Exit codes: 0 done, "
    "1 failed, 2 wrong request, 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from pnn_keras import __version__

        print(f"pnn-keras {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Progressive neural networks for speech: speaker, gender, emotion."""


for _command in (train, predict, evaluate, inspect, tune, export, serve, rollout, report, audit):
    app.command()(_command)
app.add_typer(experiment_app, name="experiment")
app.add_typer(corpus_app, name="corpus")
app.add_typer(zoo_app, name="zoo")

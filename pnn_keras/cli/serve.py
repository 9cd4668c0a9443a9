"""``pnn-keras serve``: trained chains and SavedModels, answered for over REST and gRPC."""

from __future__ import annotations

import asyncio
import enum
import logging
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from pnn_keras.cli.options import option
from pnn_keras.cli.parsing import file_name
from pnn_keras.cli.quiet import start_tensorflow


class Engine(enum.StrEnum):
    """What answers the requests."""

    development = "development"
    tensorflow_model_server = "tensorflow_model_server"


def serve(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="A preset's name, folder or address, a .keras file, a folder of exported "
            "versions, or a SavedModel of anyone's.",
        ),
    ],
    host: Annotated[
        str, option("--host", metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    rest_port: Annotated[
        int, option("--rest-port", min=0, max=65535, help="Port of REST and of the page; 0: any.")
    ] = 8501,
    port: Annotated[int, option("--port", min=0, max=65535, help="Port of gRPC; 0: any.")] = 8500,
    engine: Annotated[
        Engine,
        option("--engine", help="tensorflow_model_server: the real one, installed or in Docker."),
    ] = Engine.development,
    request_log: Annotated[
        bool, option("--request-log", help="Print a line of JSON for each request.")
    ] = False,
) -> None:
    """Serve models on this machine, as TensorFlow Serving would."""
    from pnn_keras.serving.needed import check_installed

    check_installed()
    with tempfile.TemporaryDirectory(prefix="pnn-keras-serve-") as scratch:
        served = _served(models, Path(scratch))
        if engine is Engine.tensorflow_model_server:
            raise typer.Exit(_run_engine(served, Path(scratch), port, rest_port))
        _run(served, host, port, rest_port, request_log)


def _served(models: list[str], scratch: Path) -> list:
    from pnn_keras import terminal
    from pnn_keras.model_address import model_name
    from pnn_keras.serving.finding import check_names, find_served, is_base

    start_tensorflow()
    found = []
    for model in models:
        if not is_base(Path(model)):
            terminal.note(f"Preparing {model}")
        found.append(find_served(model, file_name(model_name(model)), scratch))
    check_names(found)
    return found


def _run(served: list, host: str, port: int, rest_port: int, request_log: bool) -> None:
    from pnn_keras import terminal
    from pnn_keras.serving.config import Batching
    from pnn_keras.serving.server import Server, serve
    from pnn_keras.serving.settings import Settings

    def ready(server: Server) -> None:
        for name, model in server.models.served.items():
            versions = ", ".join(map(str, model.available)) or "none that loads"
            terminal.note(f"Serving {name}, version {versions}")
        address = f"http://{host}:{server.rest_port}"
        terminal.note(f"REST on {address}/v1/models/, gRPC on {host}:{server.port}")
        terminal.note(f"Try it: {address}/ (Ctrl-C stops)")

    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    settings = Settings(
        models=tuple(served),
        host=host,
        port=port,
        rest_port=rest_port,
        batching=Batching(split=True),
        health=True,
        request_log=sys.stdout if request_log else None,
    )
    asyncio.run(serve(settings, ready))


def _run_engine(served: list, scratch: Path, port: int, rest_port: int) -> int:
    from pnn_keras import terminal
    from pnn_keras.serving.engine import engine_command, run_engine

    command = engine_command(served, scratch, port, rest_port)
    terminal.note("Running " + " ".join(command))
    return run_engine(command)

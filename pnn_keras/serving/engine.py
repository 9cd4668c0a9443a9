"""The real tensorflow_model_server, from the PATH or through Docker, with the same folders."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pnn_keras.deployment.files import IMAGE
from pnn_keras.errors import UserError
from pnn_keras.serving.config import Model

#: The program.
BINARY = "tensorflow_model_server"


def engine_command(
    models: Sequence[Model],
    scratch: Path,
    port: int,
    rest_port: int,
    which: Callable[[str], str | None] = shutil.which,
) -> list[str]:
    """How TensorFlow Serving is started for these models.

    Args:
        models: the models.
        scratch: where the model config is written.
        port: the gRPC port.
        rest_port: the REST port.
        which: finds a program on the PATH.

    Returns:
        The program and its arguments. From the PATH it listens on all addresses,
        as the program knows no other way; Docker's ports are on loopback.

    Raises:
        UserError: neither the program nor Docker is there.
    """
    config = scratch / "models.config"
    if binary := which(BINARY):
        config.write_text(_config({model.name: str(model.base_path) for model in models}))
        return [
            binary,
            f"--port={port}",
            f"--rest_api_port={rest_port}",
            f"--model_config_file={config}",
        ]
    if not (docker := which("docker")):
        raise UserError(
            f"--engine {BINARY} needs {BINARY} or docker on the PATH, and neither is there. "
            "Install one of them, or leave --engine out for the development server"
        )
    config.write_text(_config({model.name: f"/models/{model.name}" for model in models}))
    mounts = [f"{model.base_path}:/models/{model.name}:ro" for model in models]
    mounts.append(f"{config}:/models/models.config:ro")
    return [
        docker,
        "run",
        "--rm",
        "--init",  # the server, as the first process of the container, would hear no signal
        f"--publish=127.0.0.1:{port}:8500",
        f"--publish=127.0.0.1:{rest_port}:8501",
        *(f"--volume={mount}" for mount in mounts),
        "--entrypoint=tensorflow_model_server",
        IMAGE,
        "--port=8500",
        "--rest_api_port=8501",
        "--model_config_file=/models/models.config",
    ]


def run_engine(command: Sequence[str]) -> int:
    """Runs the program until it has ended; a signal to end is passed on, and waited for.

    It leads a process group of its own: what is typed at the terminal reaches it
    once, through here.

    Args:
        command: the program and its arguments.

    Returns:
        Its exit code; 128 and the signal's number where a signal ended it.

    Example:

    >>> run_engine([sys.executable, "-c", "raise SystemExit(3)"])
    3
    """
    process, early = None, []

    def pass_on(number: int, frame) -> None:
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in _ending()}
    try:
        process = subprocess.Popen(command, process_group=0 if before else None)
        for number in early:
            process.send_signal(number)
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _ending() -> list[int]:
    """The signals that ask for an end, but for those that this process was told to ignore."""
    if sys.platform == "win32":
        return []
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    return [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]


def _config(paths: dict[str, str]) -> str:
    entries = "".join(
        f"  config {{ name: {json.dumps(name)} base_path: {json.dumps(path)} "
        'model_platform: "tensorflow" }\n'
        for name, path in paths.items()
    )
    return f"model_config_list {{\n{entries}}}\n"

"""The real tensorflow_model_server, from the PATH or through Docker, with the same folders."""

from __future__ import annotations

import json
import shutil
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
        f"--publish=127.0.0.1:{port}:8500",
        f"--publish=127.0.0.1:{rest_port}:8501",
        *(f"--volume={mount}" for mount in mounts),
        "--entrypoint=tensorflow_model_server",
        IMAGE,
        "--port=8500",
        "--rest_api_port=8501",
        "--model_config_file=/models/models.config",
    ]


def _config(paths: dict[str, str]) -> str:
    entries = "".join(
        f"  config {{ name: {json.dumps(name)} base_path: {json.dumps(path)} "
        'model_platform: "tensorflow" }\n'
        for name, path in paths.items()
    )
    return f"model_config_list {{\n{entries}}}\n"

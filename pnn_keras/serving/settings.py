"""How a server is set up."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from pnn_keras.serving.config import METRICS_PATH, Batching, Model


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a server serves, and where.

    Attributes:
        models: the models; empty where a config file names them.
        config_file: a file of models, read when the server starts, or None.
        config_poll: seconds between looks at that file; 0 for never again.
        version_poll: seconds between looks for new versions; 0 for one look alone.
        host: the address to listen on.
        port: the gRPC port; None is off, 0 lets the system choose.
        rest_port: the REST port; None is off, 0 lets the system choose.
        grpc_socket_path: a Unix socket for gRPC; empty is off.
        grpc_channel_arguments: ``key=value`` with commas.
        ssl_config_file: a file with key and certificate for gRPC, or None.
        health: whether gRPC's health service answers.
        batching: how requests are joined; None computes each alone.
        metrics_path: where Prometheus reads; None is off.
        rest_timeout: the longest time of a REST request, in seconds.
        most_bytes: the largest request.
        cors: whether pages of other sites may ask through REST.
        free_labels: whether new labels may name versions that are not loaded.
        request_log: where requests are logged as JSON, or None.
        grace: seconds that requests may take to end when the server stops.
    """

    models: Sequence[Model] = ()
    config_file: Path | None = None
    config_poll: float = 0
    version_poll: float = 1
    host: str = "127.0.0.1"
    port: int | None = 8500
    rest_port: int | None = 8501
    grpc_socket_path: str = ""
    grpc_channel_arguments: str = ""
    ssl_config_file: str | None = None
    health: bool = False
    batching: Batching | None = None
    metrics_path: str | None = METRICS_PATH
    rest_timeout: float = 30.0
    most_bytes: int = 128 << 20
    cors: bool = False
    free_labels: bool = False
    request_log: TextIO | None = None
    grace: float = 30.0

"""TensorFlow Serving's flags, for ``python -m pnn_keras.serving``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pnn_keras.errors import UserError
from pnn_keras.serving.config import METRICS_PATH, Batching, Model, read_batching, read_monitoring
from pnn_keras.serving.settings import Settings

#: Flags of the real server that mean nothing here; they are taken, so that commands still work.
_IDLE = (
    "enable_model_warmup",
    "enable_profiler",
    "enforce_session_run_timeout",
    "file_system_poll_wait_seconds_during_load",
    "flush_filesystem_caches",
    "grpc_max_threads",
    "load_retry_interval_micros",
    "max_num_load_retries",
    "num_load_threads",
    "num_tflite_interpreters_per_pool",
    "num_tflite_pools",
    "num_unload_threads",
    "num_request_iterations_for_warmup",
    "per_process_gpu_memory_fraction",
    "prefer_tflite_model",
    "remove_unused_fields_from_bundle_metagraph",
    "rest_api_num_threads",
    "saved_model_tags",
    "tensorflow_inter_op_parallelism",
    "tensorflow_intra_op_parallelism",
    "tensorflow_session_config_file",
    "tensorflow_session_parallelism",
    "thread_pool_factory_config_file",
    "total_model_memory_limit_bytes",
    "xla_cpu_compilation_enabled",
)


def parse_flags(arguments: Sequence[str]) -> Settings:
    """Settings from TensorFlow Serving's flags, ``--flag=value`` or ``--flag value``.

    Args:
        arguments: what follows the program's name.

    Returns:
        The settings, files read.

    Raises:
        UserError: flags contradict each other, or a file is wrong.
        SystemExit: a flag is unknown, or help was asked for.

    Example:

    >>> settings = parse_flags(["--model_base_path=/models/voice", "--model_name", "voice"])
    >>> settings.models[0].name, settings.port, settings.rest_port
    ('voice', 8500, 8501)
    """
    given = _parser().parse_args(list(arguments))
    models, config_file = _models(given)
    return Settings(
        models=models,
        config_file=config_file,
        config_poll=max(0, given.model_config_file_poll_wait_seconds),
        version_poll=max(0, given.file_system_poll_wait_seconds),
        host=given.host,
        port=given.port,
        rest_port=given.rest_api_port,
        grpc_socket_path=given.grpc_socket_path,
        grpc_channel_arguments=given.grpc_channel_arguments,
        ssl_config_file=given.ssl_config_file or None,
        health=given.enable_grpc_healthcheck_service,
        batching=_batching(given),
        metrics_path=(
            read_monitoring(given.monitoring_config_file)
            if given.monitoring_config_file
            else METRICS_PATH
        ),
        rest_timeout=given.rest_api_timeout_in_ms / 1e3,
        most_bytes=given.max_request_bytes,
        cors=given.rest_api_enable_cors_support,
        free_labels=given.allow_version_labels_for_unavailable_models,
        request_log=_request_log(given.request_log),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m pnn_keras.serving",
        description="A development server with the surface and the flags of "
        "tensorflow_model_server.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--port", type=_port, default=8500, help="gRPC port; 0 is off, auto any free one")
    add("--rest_api_port", type=_port, default=8501, help="REST port; 0 is off, auto any free one")
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--model_name", default="default", help="name of the model below --model_base_path")
    add("--model_base_path", default="", help="folder that holds a folder for each version")
    add("--model_config_file", default="", help="ModelServerConfig as text, in place of these two")
    polled = {"type": float, "metavar": "SECONDS"}
    add("--model_config_file_poll_wait_seconds", default=0, help="0: read once", **polled)
    add("--file_system_poll_wait_seconds", default=1, help="0: looked at once", **polled)
    add("--monitoring_config_file", default="", help="MonitoringConfig as text")
    _switch(parser, "--enable_batching", "join requests of different clients")
    add("--batching_parameters_file", default="", help="BatchingParameters as text")
    add("--rest_api_timeout_in_ms", type=_positive, default=30000, help="longest REST request")
    _switch(parser, "--rest_api_enable_cors_support", "let pages of other sites ask")
    _switch(parser, "--allow_version_labels_for_unavailable_models", "label what is not loaded")
    _switch(parser, "--enable_grpc_healthcheck_service", "answer grpc.health.v1")
    add("--grpc_socket_path", default="", help="Unix socket to listen on too")
    add("--grpc_channel_arguments", default="", help="key=value,...")
    add("--ssl_config_file", default="", help="SSLConfig as text, for gRPC")
    add("--max_request_bytes", type=_positive, default=Settings.most_bytes, help="largest request")
    add("--request_log", default="", metavar="FILE", help="JSON line per request; - is stdout")
    for name in _IDLE:
        add(f"--{name}", nargs="?", help=argparse.SUPPRESS)
    return parser


def _switch(parser: argparse.ArgumentParser, name: str, words: str) -> None:
    parser.add_argument(name, type=_truth, nargs="?", const=True, default=False, help=words)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise argparse.ArgumentTypeError(f"expected true or false. Received: {text!r}")
    return text.lower() in ("true", "1")


def _port(text: str) -> int | None:
    """A port as the settings have it: None is off, 0 any free one."""
    if text == "auto":
        return 0
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is 0 to 65535, or auto. Received: {text!r}")
    return int(text) or None


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0. Received: {text!r}")
    return int(text)


def _models(given: argparse.Namespace) -> tuple[tuple[Model, ...], Path | None]:
    if given.model_config_file:
        if given.model_base_path:
            raise UserError("Give --model_config_file or --model_base_path, not both")
        return (), Path(given.model_config_file)
    if not given.model_base_path:
        raise UserError("Give --model_base_path (with --model_name) or --model_config_file")
    base_path = Path(os.path.abspath(given.model_base_path))
    return (Model(given.model_name, base_path),), None


def _batching(given: argparse.Namespace) -> Batching | None:
    if not given.batching_parameters_file:
        return Batching() if given.enable_batching else None
    if not given.enable_batching:
        raise UserError("--batching_parameters_file has no meaning without --enable_batching")
    return read_batching(given.batching_parameters_file)


def _request_log(path: str):
    if not path:
        return None
    return sys.stdout if path == "-" else open(path, "a", encoding="utf-8")

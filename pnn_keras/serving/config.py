"""Configuration files: models, batching, monitoring and TLS, as text protos."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from pnn_keras.errors import UserError
from pnn_keras.serving.protos import BatchingParameters, MonitoringConfig
from pnn_keras.serving.status import StatusError, invalid
from pnn_keras.serving.versions import Policy

#: Where metrics are read, unless the monitoring config says otherwise.
METRICS_PATH = "/monitoring/prometheus/metrics"


@dataclasses.dataclass(frozen=True)
class Model:
    """One model of a model config.

    Attributes:
        name: the name that requests use.
        base_path: the folder that holds a folder for each version.
        policy: which versions are served.
        labels: names for versions.
    """

    name: str
    base_path: Path
    policy: Policy = Policy()
    labels: tuple[tuple[str, int], ...] = ()


@dataclasses.dataclass(frozen=True)
class Batching:
    """How requests are joined.

    Attributes:
        most_rows: rows of the largest batch.
        timeout: the longest wait for company, in seconds.
        most_waiting: batches that may wait; beyond them a request is UNAVAILABLE.
        threads: batches computed at a time.
        sizes: batches are padded up to the next of these; empty for none.
        pad_inputs: whether inputs of different shapes are padded to join.
        split: whether a request larger than a batch is cut, not refused.
    """

    most_rows: int = 1000
    timeout: float = 0.0
    most_waiting: int = 10
    threads: int = os.cpu_count() or 1
    sizes: tuple[int, ...] = ()
    pad_inputs: bool = False
    split: bool = False


def read_text(path: str | os.PathLike, message):
    """A text proto from a file.

    Args:
        path: the file.
        message: an empty message of the type that it holds.

    Returns:
        The same message, filled.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    from google.protobuf import text_format

    kind = type(message).__name__
    try:
        return text_format.Parse(Path(path).read_text(encoding="utf-8"), message)
    except OSError as error:
        raise UserError(
            f"Cannot read {path}: {error.strerror}. It should hold a {kind}"
        ) from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(f"Invalid protobuf file: {path} is no {kind} in text: {error}") from error


def read_models(path: str | os.PathLike) -> list[Model]:
    """The models of a ``--model_config_file``.

    Raises:
        UserError: the file is wrong; the message says where.
    """
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    try:
        return models_of(read_text(path, ModelServerConfig()))
    except StatusError as error:
        raise UserError(f"{path}: {error.message}") from error


def models_of(config) -> list[Model]:
    """The models of a ``ModelServerConfig``.

    Raises:
        StatusError: INVALID_ARGUMENT; a name is missing or twice there, a base
            path is not absolute, or a platform is missing or not TensorFlow.
    """
    if config.WhichOneof("config") == "custom_model_config":
        raise invalid("Custom model config is not supported")
    found: dict[str, Model] = {}
    for entry in config.model_config_list.config:
        model = _model(entry)
        if model.name in found:
            raise invalid(f"Illegal to list model {model.name} multiple times in config list")
        found[model.name] = model
    return list(found.values())


def _model(entry) -> Model:
    if not entry.name:
        raise invalid("Expected each model of the config to have a name")
    _check_platform(entry)
    if not os.path.isabs(entry.base_path):
        raise invalid(
            f"Expected model {entry.name} to have an absolute path or URI; "
            f"got base_path()={entry.base_path}"
        )
    labels = tuple(sorted(entry.version_labels.items()))
    return Model(entry.name, Path(entry.base_path), _policy(entry), labels)


def _check_platform(entry) -> None:
    """TensorFlow, said in one of two ways; nothing is not enough for TensorFlow Serving."""
    if entry.model_type and entry.model_platform:
        raise invalid(
            f"Model {entry.name}: illegal setting both model_type (deprecated) and model_platform"
        )
    if not (entry.model_type or entry.model_platform):
        raise invalid(
            f"Model {entry.name}: illegal setting neither model_type (deprecated) nor "
            "model_platform; expected model_platform: 'tensorflow'"
        )
    if entry.model_type not in (_UNSPECIFIED, _TENSORFLOW):
        raise invalid(f"Model {entry.name}: model_type {entry.model_type} is not supported")
    if entry.model_platform not in ("", "tensorflow"):
        raise invalid(
            f"Model {entry.name}: unsupported model_platform {entry.model_platform!r}; "
            "expected 'tensorflow'"
        )


#: Values of ``ModelType``.
_UNSPECIFIED, _TENSORFLOW = 0, 1


def _policy(entry) -> Policy:
    policy = entry.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return Policy(latest=0)
    if choice == "specific":
        if not policy.specific.versions:
            raise invalid(f"Model {entry.name}: the specific policy names no version")
        return Policy(specific=tuple(policy.specific.versions))
    return Policy(latest=policy.latest.num_versions or 1)


def read_batching(path: str | os.PathLike) -> Batching:
    """The settings of a ``--batching_parameters_file``; what it leaves out has its default.

    Raises:
        UserError: the file is wrong; the message says where.
    """
    read = read_text(path, BatchingParameters())
    given = {}
    for field, name in _BATCHING.items():
        if read.HasField(field):
            given[name] = getattr(read, field).value
    if "timeout" in given:
        given["timeout"] /= 1e6
    settings = Batching(
        **given, sizes=tuple(read.allowed_batch_sizes), pad_inputs=read.pad_variable_length_inputs
    )
    _check_batching(path, settings)
    return settings


_BATCHING = {
    "max_batch_size": "most_rows",
    "batch_timeout_micros": "timeout",
    "max_enqueued_batches": "most_waiting",
    "num_batch_threads": "threads",
    "enable_large_batch_splitting": "split",
}


def _check_batching(path, settings: Batching) -> None:
    for name in ("most_rows", "most_waiting", "threads"):
        if getattr(settings, name) < 1:
            field = next(field for field, ours in _BATCHING.items() if ours == name)
            raise UserError(f"{path}: {field} must be at least 1")
    if settings.timeout < 0:
        raise UserError(f"{path}: batch_timeout_micros must not be negative")
    sizes = settings.sizes
    if not sizes:
        return
    if any(low >= high for low, high in zip(sizes, sizes[1:], strict=False)) or sizes[0] < 1:
        raise UserError(f"{path}: allowed_batch_sizes entries must be monotonically increasing")
    if sizes[-1] != settings.most_rows:
        raise UserError(
            f"{path}: last entry in allowed_batch_sizes must match max_batch_size; "
            f"last entry was {sizes[-1]}; expected {settings.most_rows}"
        )


def read_monitoring(path: str | os.PathLike) -> str | None:
    """The path of the metrics that a ``--monitoring_config_file`` names; None where it is off.

    Raises:
        UserError: the file is wrong.
    """
    config = read_text(path, MonitoringConfig()).prometheus_config
    if not config.enable:
        return None
    metrics = config.path or METRICS_PATH
    if not metrics.startswith("/"):
        raise UserError(f"{path}: the path of the metrics starts with '/'. Received: {metrics!r}")
    return metrics

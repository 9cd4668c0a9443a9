"""The flags of TensorFlow Serving, and the real server's command line."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from pnn_keras.deployment.files import IMAGE
from pnn_keras.errors import UserError
from pnn_keras.serving.config import Batching, Model, Policy
from pnn_keras.serving.engine import engine_command
from pnn_keras.serving.flags import parse_flags

BASE = "--model_base_path=/models/voice"


def test_defaults_are_those_of_tensorflow_serving():
    settings = parse_flags([BASE])
    assert settings.models == (Model("default", Path("/models/voice"), Policy()),)
    assert (settings.host, settings.port, settings.rest_port) == ("127.0.0.1", 8500, 8501)
    assert settings.batching is None
    assert settings.version_poll == 1
    assert settings.rest_timeout == 30
    assert settings.metrics_path == "/monitoring/prometheus/metrics"
    assert (settings.health, settings.free_labels) == (False, False)


def test_a_flag_and_its_value_may_be_two_words():
    settings = parse_flags(["--model_base_path", "/models/voice", "--model_name", "voice"])
    assert settings.models[0].name == "voice"


@pytest.mark.parametrize(
    ("flag", "attribute", "value"),
    [
        ("--port=0", "port", None),
        ("--rest_api_port=0", "rest_port", None),
        ("--port=auto", "port", 0),
        ("--rest_api_port=9000", "rest_port", 9000),
        ("--enable_batching", "batching", Batching()),
        ("--enable_batching=true", "batching", Batching()),
        ("--enable_batching=false", "batching", None),
        ("--rest_api_timeout_in_ms=1500", "rest_timeout", 1.5),
        ("--file_system_poll_wait_seconds=0", "version_poll", 0),
        ("--grpc_socket_path=/tmp/s", "grpc_socket_path", "/tmp/s"),
        ("--grpc_channel_arguments=a=1", "grpc_channel_arguments", "a=1"),
        ("--enable_grpc_healthcheck_service", "health", True),
        ("--allow_version_labels_for_unavailable_models=true", "free_labels", True),
        ("--rest_api_enable_cors_support", "cors", True),
        ("--ssl_config_file=/s", "ssl_config_file", "/s"),
        ("--file_system_poll_wait_seconds=2.5", "version_poll", 2.5),
        ("--host=0.0.0.0", "host", "0.0.0.0"),
        ("--max_request_bytes=100", "most_bytes", 100),
        ("--tensorflow_session_parallelism=4", "port", 8500),
        ("--remove_unused_fields_from_bundle_metagraph=false", "port", 8500),
    ],
)
def test_a_flag_sets_what_it_says(flag, attribute, value):
    assert getattr(parse_flags([BASE, flag]), attribute) == value


def test_models_may_come_from_a_file_that_is_read_again():
    settings = parse_flags(
        ["--model_config_file=/c", "--model_config_file_poll_wait_seconds", "10"]
    )
    assert (settings.models, settings.config_file, settings.config_poll) == ((), Path("/c"), 10)


def test_a_file_says_where_the_metrics_are(tmp_path):
    (tmp_path / "monitoring.config").write_text("prometheus_config { enable: true path: '/m' }")
    settings = parse_flags([BASE, f"--monitoring_config_file={tmp_path}/monitoring.config"])
    assert settings.metrics_path == "/m"


@pytest.mark.parametrize(
    "flag",
    ["--port=70000", "--port=x", "--enable_batching=maybe", "--unknown=1", "--rest_api_timeout=1"],
)
def test_a_wrong_flag_is_refused(flag, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_flags([BASE, flag])
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "--model_base_path"),
        ([BASE, "--model_config_file=/c"], "not both"),
        ([BASE, "--batching_parameters_file=/b"], "--enable_batching"),
        ([BASE, "--enable_batching", "--batching_parameters_file=/none"], "Cannot read /none"),
        ([BASE, "--monitoring_config_file=/none"], "Cannot read /none"),
    ],
)
def test_flags_that_cannot_work_are_refused_in_words(flags, words):
    with pytest.raises(UserError, match=words):
        parse_flags(flags)


MODELS = [Model("voice", Path("/exported/voice")), Model("other", Path("/exported/other"))]


def config_of(path):
    return text_format.Parse(path.read_text(), ModelServerConfig()).model_config_list.config


def test_the_real_server_gets_the_same_folders(tmp_path):
    command = engine_command(MODELS, tmp_path, 1, 2, which={"tensorflow_model_server": "/tfs"}.get)
    config = tmp_path / "models.config"
    assert command == ["/tfs", "--port=1", "--rest_api_port=2", f"--model_config_file={config}"]
    assert [entry.base_path for entry in config_of(config)] == [
        "/exported/voice",
        "/exported/other",
    ]


def test_docker_mounts_the_same_folders_and_listens_on_loopback(tmp_path):
    command = engine_command(MODELS, tmp_path, 1, 2, which={"docker": "/docker"}.get)
    assert command[:3] == ["/docker", "run", "--rm"]
    assert "--init" in command  # or a container's first process hears no signal to end
    assert "--publish=127.0.0.1:2:8501" in command
    assert "--volume=/exported/voice:/models/voice:ro" in command
    assert IMAGE in command
    assert [entry.base_path for entry in config_of(tmp_path / "models.config")] == [
        "/models/voice",
        "/models/other",
    ]


def test_without_the_real_server_the_error_says_what_to_install(tmp_path):
    with pytest.raises(UserError, match="needs tensorflow_model_server or docker on the PATH"):
        engine_command(MODELS, tmp_path, 1, 2, which=lambda name: None)

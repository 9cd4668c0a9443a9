"""Deployment files against the parsers and schemas of those who read them.

The schemas hold the parts of the Compose Specification and of the Kubernetes API that the files
use, and allow nothing else, so that a misspelt key fails. No container is started here.
"""

import json
import re
import socketserver
import subprocess
import threading
from pathlib import Path

import jsonschema
import pytest
import yaml
from google.protobuf import text_format

from pnn_keras.deployment import ServedModel, deployment_files

ROOT = Path(__file__).parents[1]

#: The flags of tensorflow_model_server that the files may use.
FLAGS = {
    "port",
    "rest_api_port",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "allow_version_labels_for_unavailable_models",
    "enable_batching",
    "batching_parameters_file",
    "monitoring_config_file",
    "tensorflow_intra_op_parallelism",
    "tensorflow_inter_op_parallelism",
}

HEARS = ServedModel("made", (1,), {"stable": 1, "canary": 1}, hears_audio=True)
FILES = deployment_files([HEARS])
COMPOSE = yaml.safe_load(FILES["compose.yaml"])
SERVING = COMPOSE["services"]["serving"]
OBJECTS = {item["kind"]: item for item in yaml.safe_load_all(FILES["kubernetes.yaml"])}
POD = OBJECTS["Deployment"]["spec"]["template"]
CONTAINER = POD["spec"]["containers"][0]


def check(item, schema):
    text = (Path(__file__).parent / "schemas" / f"{schema}.schema.json").read_text()
    jsonschema.validate(item, json.loads(text), cls=jsonschema.Draft202012Validator)


def messages():
    return pytest.importorskip("pnn_keras.serving.protos", reason="needs the server's messages")


def batching(model=HEARS):
    text = deployment_files([model])["batching.config"]
    return text_format.Parse(text, messages().BatchingParameters())


def test_compose_file_fits_its_schema():
    check(COMPOSE, "compose")


@pytest.mark.parametrize("kind", OBJECTS)
def test_kubernetes_object_fits_its_schema(kind):
    check(OBJECTS[kind], "kubernetes")


#: What these hold is named by whoever writes the file.
FREE = {"annotations", "labels", "matchLabels", "nodeSelector", "selector", "services"}


def mistakes(item, holder=""):
    """Copies of ``item``, in each of which one key is misspelt, after that key."""
    keys = list(item) if isinstance(item, dict) else range(len(item))
    for key in keys:
        if isinstance(item, dict) and holder not in FREE:
            yield key, {("x" + k if k == key else k): value for k, value in item.items()}
        if isinstance(item[key], dict | list):
            for name, wrong in mistakes(item[key], key):
                copy = item.copy()
                copy[key] = wrong
                yield name, copy


@pytest.mark.parametrize(
    ("item", "schema"),
    [*((item, "kubernetes") for item in OBJECTS.values()), (COMPOSE, "compose")],
    ids=[*OBJECTS, "compose"],
)
def test_misspelt_key_is_refused_wherever_it_stands(item, schema):
    passed = []
    for name, wrong in mistakes(item):
        try:
            check(wrong, schema)
            passed.append(name)
        except jsonschema.ValidationError:
            pass
    assert passed == []


def test_allowed_batch_sizes_grow_up_to_the_maximum():
    read = batching()
    sizes = list(read.allowed_batch_sizes)
    assert sizes == sorted(set(sizes))
    assert sizes[0] == 1
    assert sizes[-1] == read.max_batch_size.value


def test_every_batching_parameter_is_a_positive_number():
    read = batching()
    for name in ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches"):
        assert getattr(read, name).value > 0, name


def test_batches_threads_and_cpus_are_as_many():
    cpus = SERVING["deploy"]["resources"]["limits"]["cpus"]
    assert CONTAINER["resources"]["limits"]["cpu"] == cpus
    assert f"--tensorflow_intra_op_parallelism={cpus}" in SERVING["command"]
    assert batching().num_batch_threads.value == int(cpus)


def test_waveforms_of_different_length_are_padded_and_vectors_are_not():
    reads = ServedModel("made", (1,), {"stable": 1}, dimension=88)
    assert batching().pad_variable_length_inputs is True
    assert batching(reads).pad_variable_length_inputs is False


def test_metrics_are_where_prometheus_is_told_to_look():
    read = text_format.Parse(FILES["monitoring.config"], messages().MonitoringConfig())
    assert read.prometheus_config.enable is True
    path = read.prometheus_config.path
    assert POD["metadata"]["annotations"]["prometheus.io/path"] == path
    assert f"http://127.0.0.1:8501{path}" in FILES["README.md"]


def test_both_start_the_server_with_the_same_flags():
    assert SERVING["command"] == CONTAINER["args"]
    assert SERVING["entrypoint"] == CONTAINER["command"] == ["tensorflow_model_server"]
    assert SERVING["image"] == CONTAINER["image"]


def test_server_knows_each_flag():
    given = [re.fullmatch(r"--(\w+)=\S+", flag) for flag in SERVING["command"]]
    assert {match[1] for match in given} == FLAGS


def test_configuration_files_of_the_flags_are_written():
    named = {flag.split("=/config/")[1] for flag in SERVING["command"] if "=/config/" in flag}
    assert named == {name for name in FILES if name.endswith(".config")}


def test_server_is_not_older_than_the_tensorflow_that_exports():
    pins = (ROOT / "constraints.txt").read_text()
    exporter = re.search(r"^tensorflow==(\d+)\.(\d+)", pins, re.M)
    server = re.fullmatch(r"tensorflow/serving:(\d+)\.(\d+)\.\d+", SERVING["image"])
    assert tuple(map(int, server.groups())) >= tuple(map(int, exporter.groups()))


def test_ports_are_open_on_loopback_alone():
    assert SERVING["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]


def test_models_and_configuration_are_mounted_for_reading_alone():
    assert all(volume["read_only"] for volume in SERVING["volumes"])
    mounts = {mount["name"]: mount.get("readOnly") for mount in CONTAINER["volumeMounts"]}
    assert mounts == {"models": True, "config": True, "tmp": None}


def test_kubernetes_objects_find_each_other():
    labels = POD["metadata"]["labels"]
    assert OBJECTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["Service"]["spec"]["selector"] == labels
    target = OBJECTS["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == OBJECTS["Deployment"]["metadata"]["name"]
    (claim,) = [v for v in POD["spec"]["volumes"] if "persistentVolumeClaim" in v]
    claimed = claim["persistentVolumeClaim"]["claimName"]
    assert claimed == OBJECTS["PersistentVolumeClaim"]["metadata"]["name"]
    volumes = {volume["name"] for volume in POD["spec"]["volumes"]}
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == volumes


def test_probes_ask_for_the_model_and_liveness_for_the_port():
    for probe in ("startupProbe", "readinessProbe"):
        assert CONTAINER[probe]["httpGet"] == {"path": "/v1/models/made", "port": "rest"}
    assert CONTAINER["livenessProbe"]["tcpSocket"] == {"port": "rest"}


def test_pod_stops_only_after_it_left_the_service():
    (_, seconds) = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert int(seconds) < POD["spec"]["terminationGracePeriodSeconds"]


def status(state):
    states = [{"version": "1", "state": state}]
    body = json.dumps({"model_version_status": states}, indent=1)
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}"


@pytest.mark.parametrize(
    ("answer", "healthy"),
    [
        (status("AVAILABLE"), True),
        (status("LOADING"), False),
        (status("END"), False),
        ('HTTP/1.1 404 Not Found\r\n\r\n{"error": "UNAVAILABLE"}', False),
        ("", False),
    ],
)
def test_health_check_wants_a_version_that_is_available(answer, healthy):
    """The compose file's own command, against a server that gives one answer."""
    asked = []

    class Once(socketserver.StreamRequestHandler):
        def handle(self):
            while (line := self.rfile.readline().strip()) != b"":
                asked.append(line)
            self.wfile.write(answer.encode())

    with socketserver.TCPServer(("127.0.0.1", 0), Once) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        form, *command = SERVING["healthcheck"]["test"]
        port = str(server.server_address[1])
        command = [part.replace("8501", port) for part in command]
        done = subprocess.run(command, capture_output=True, timeout=20)
    assert form == "CMD"
    assert asked[0] == b"GET /v1/models/made HTTP/1.1"
    assert (done.returncode == 0) is healthy


def test_health_check_fails_where_nobody_listens():
    _, *command = SERVING["healthcheck"]["test"]
    command = [part.replace("8501", "1") for part in command]
    assert subprocess.run(command, capture_output=True, timeout=20).returncode != 0


def test_every_page_block_is_valid_shell():
    for page in ("README.md", "ROLLOUT.md"):
        blocks = re.findall(r"```sh\n(.*?)```", FILES[page], re.S)
        assert len(blocks) >= 5
        for block in blocks:
            done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, ""), block

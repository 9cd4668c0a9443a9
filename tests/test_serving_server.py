"""The server as a process: starts, answers, ends what it has begun."""

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import grpc
import pytest
import requests
from chain_made import made_chain
from served_made import model, predict, row, running, save_made
from tensorflow_serving.apis import prediction_service_pb2_grpc

from pnn_keras.errors import UserError
from pnn_keras.serving.config import Batching
from pnn_keras.serving.protos import SSLConfig

ROW = {"instances": [[0, 0, 2]]}
WAITING = "max_batch_size { value: 64 } batch_timeout_micros { value: 1500000 }"


@pytest.fixture
def base(tmp_path):
    save_made(tmp_path / "made")
    return tmp_path / "made"


@contextlib.contextmanager
def process(*arguments, words):
    """A process that has said some words on standard error, and what they hold."""
    # Tests that run as a shell's background job would hand on that it ignores Ctrl-C. To set it
    # in the child takes a fork, which gRPC's threads in here do not always survive.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as started:
        lines = []
        try:
            for line in started.stderr:
                lines.append(line)
                if found := re.search(words, line):
                    yield started, found
                    break
            else:
                raise AssertionError("".join(lines))
        finally:
            started.kill()


def test_sigterm_finishes_what_has_begun(base, tmp_path):
    batching = tmp_path / "batching.config"
    batching.write_text(WAITING)
    flags = [f"--model_base_path={base}", "--port=auto", "--rest_api_port=auto"]
    flags += ["--enable_batching", f"--batching_parameters_file={batching}"]
    with process("pnn_keras.serving", *flags, words=r"REST API at:(\S+) ") as (started, found):
        answers = []
        url = f"http://{found[1]}/v1/models/default:predict"

        def ask():
            answers.append(requests.post(url, json=ROW, timeout=20))

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.5)  # it waits for company, for 1.5 s
        started.send_signal(signal.SIGTERM)
        thread.join()
        assert answers[0].json() == {"predictions": [[2.0, 2.0, 3.0]]}
        assert started.wait(20) == 0


def test_serve_exports_a_chain_and_ends_on_ctrl_c(tmp_path):
    made_chain().save_to_preset(tmp_path / "voice")
    arguments = ["pnn_keras", "serve", tmp_path / "voice", "--port", 0, "--rest-port", 0]
    with process(*arguments, words=r"Try it: (\S+)/ ") as (started, found):
        url = f"{found[1]}/v1/models/voice:predict"
        body = {"instances": [[0.0] * 5]}
        (answer,) = requests.post(url, json=body, timeout=20).json()["predictions"]
        assert answer["gender_classes"] == ["female", "male"]
        started.send_signal(signal.SIGINT)
        assert started.wait(20) == 0


def test_a_mistake_is_one_line_and_exit_code_2(tmp_path):
    command = [sys.executable, "-m", "pnn_keras.serving", "--model_config_file=/none"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: Cannot read /none")
    assert "Traceback" not in done.stderr


def test_serve_of_an_unknown_model_is_one_line(command):
    code, _, err = command("serve", "no-such-preset")
    assert code == 2
    assert "no-such-preset" in err.splitlines()[-1]


def test_serve_runs_the_real_server_where_it_is_installed(command, base, tmp_path, monkeypatch):
    binary = tmp_path / "bin" / "tensorflow_model_server"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nexit 3\n')
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binary.parent}:/usr/bin:/bin")
    code, _, _ = command("serve", base, "--engine", "tensorflow_model_server", "--port", 9)
    assert code == 3
    assert "--port=9 --rest_api_port=8501" in (tmp_path / "arguments").read_text()


#: Stands in for the real server: says which signals it hears, and takes its time to end.
HEARER = """#!{python}
import pathlib, signal, sys, time
heard = []
signal.signal(signal.SIGTERM, lambda *_: heard.append("TERM"))
signal.signal(signal.SIGINT, lambda *_: heard.append("INT"))
print("listening", file=sys.stderr, flush=True)
end = time.monotonic() + 30
while not heard and time.monotonic() < end:
    time.sleep(0.05)
time.sleep(0.5)
pathlib.Path({record!r}).write_text(" ".join(heard))
raise SystemExit(7)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_signal_reaches_the_real_server_which_is_waited_for(base, tmp_path, monkeypatch, number):
    binary, record = tmp_path / "bin" / "tensorflow_model_server", tmp_path / "record"
    binary.parent.mkdir()
    binary.write_text(HEARER.format(python=sys.executable, record=str(record)))
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binary.parent}:/usr/bin:/bin")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "bin"))
    arguments = ["pnn_keras", "serve", base, "--engine", "tensorflow_model_server"]
    with process(*arguments, words="listening") as (started, _):
        started.send_signal(number)
        assert started.wait(20) == 7
        assert record.read_text() == number.name.removeprefix("SIG")
    assert list(binary.parent.glob("pnn-keras-serve-*")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_real_server_that_a_signal_ends_gives_the_code_of_a_shell():
    from pnn_keras.serving.engine import run_engine

    assert run_engine(["/bin/sh", "-c", "kill -TERM $$"]) == 128 + signal.SIGTERM


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_what_was_done_at_a_signal_is_done_again_after_the_real_server():
    from pnn_keras.serving.engine import run_engine

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with pytest.raises(FileNotFoundError):
        run_engine(["/no/such/program"])
    assert [signal.getsignal(number) for number in numbers] == before


def test_serve_takes_any_saved_model_and_a_folder_of_versions(base, tmp_path):
    from pnn_keras.serving.finding import check_names, find_served

    scratch = tmp_path / "scratch"
    folder = find_served(str(base), "made", scratch)
    assert (folder.name, folder.base_path) == ("made", base)
    single = find_served(str(base / "1"), "one", scratch)
    assert (single.base_path / "1" / "saved_model.pb").is_file()
    with pytest.raises(UserError, match="Two models would be served as 'made'"):
        check_names([folder, folder])


def test_a_rest_request_that_takes_too_long_is_504(base):
    with running(model(base), batching=Batching(timeout=5), rest_timeout=0.2) as server:
        answer = requests.post(server.url + "/v1/models/made:predict", json=ROW, timeout=20)
        assert (answer.status_code, answer.json()) == (504, {"error": "Deadline exceeded"})


def test_a_grpc_deadline_is_kept(base):
    with running(model(base), batching=Batching(timeout=5)) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            with pytest.raises(grpc.RpcError) as error:
                stub.Predict(predict(x=row()), timeout=0.3)
            assert error.value.code().name == "DEADLINE_EXCEEDED"


def test_a_full_queue_is_unavailable(base):
    batching = Batching(most_rows=1, most_waiting=1, threads=1)
    with running(model(base), batching=batching) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            work = [stub.Predict.future(predict(x=row())) for _ in range(200)]
            assert {call.code().name for call in work} == {"OK", "UNAVAILABLE"}


def test_a_server_listens_on_loopback_alone(base):
    with running(model(base)) as server:
        others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
        for address in others - {"127.0.0.1", "::1", "127.0.1.1"}:
            with pytest.raises(OSError):
                socket.create_connection((address, server.rest_port), timeout=2)


def test_either_surface_can_be_off(base):
    with running(model(base), port=None) as server:
        assert server.port is None
        assert requests.get(server.url + "/readyz", timeout=5).ok
    with running(model(base), rest_port=None) as server:
        assert server.rest_port is None
    with pytest.raises(UserError, match="nobody could ask"):
        with running(model(base), port=None, rest_port=None):
            pass


def test_requests_are_logged_as_json(base, tmp_path):
    import json

    path = tmp_path / "requests.jsonl"
    with open(path, "w") as log, running(model(base), request_log=log) as server:
        requests.post(server.url + "/v1/models/made:predict", json=ROW, timeout=20)
        requests.post(server.url + "/v1/models/none:predict", json=ROW, timeout=20)
    first, second = map(json.loads, path.read_text().splitlines())
    assert (first["model"], first["version"], first["status"]) == ("made", 1, "OK")
    assert first["api"] == "Predict" and first["milliseconds"] > 0
    assert (second["status"], second["version"]) == ("NOT_FOUND", None)
    assert second["message"] == "Servable not found for request: Latest(none)"


def test_the_page_is_served_at_the_root(base, tmp_path, monkeypatch):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<title>Try it</title>")
    (tmp_path / "page" / "main.js").write_text("1")
    monkeypatch.setattr("pnn_keras.serving.site.PAGE", tmp_path / "page")
    with running(model(base)) as server:
        page = requests.get(server.url + "/", timeout=5)
        assert (page.text, page.headers["content-type"]) == (
            "<title>Try it</title>",
            "text/html; charset=utf-8",
        )
        script = requests.get(server.url + "/main.js", timeout=5)
        assert script.headers["content-type"].startswith("text/javascript")
        assert requests.get(server.url + "/../made/1/saved_model.pb", timeout=5).status_code == 404
        assert requests.get(server.url + "/%2e%2e/made", timeout=5).status_code == 404
        assert requests.get(server.url + "/models", timeout=5).ok


def test_tls_takes_key_and_certificate_from_its_file(base, tmp_path):
    if not (openssl := shutil.which("openssl")):
        pytest.skip("needs openssl, to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, stderr=-3)
    config = tmp_path / "ssl.config"
    config.write_text(
        str(SSLConfig(server_key=key.read_text(), server_cert=certificate.read_text()))
    )
    with running(model(base), ssl_config_file=str(config)) as server:
        credentials = grpc.ssl_channel_credentials(certificate.read_bytes())
        with grpc.secure_channel(f"127.0.0.1:{server.port}", credentials) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            assert stub.Predict(predict(x=row()), timeout=20).model_spec.version.value == 1


def test_metrics_are_where_the_config_says(base):
    with running(model(base), metrics_path="/m") as server:
        assert requests.get(server.url + "/m", timeout=5).status_code == 200
    with running(model(base), metrics_path=None) as server:
        url = server.url + "/monitoring/prometheus/metrics"
        assert requests.get(url, timeout=5).status_code == 404

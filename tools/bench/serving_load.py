"""How fast the development server answers, beside a bare call and a plain web server.

    tools/run python tools/bench/serving_load.py [MODEL] [--signature features] [--seconds 4]

MODEL is a preset, exported first, or a folder of exported versions. For 1, 8 and
64 clients, each of which asks again as soon as it has its answer: requests per
second, and the 50th and 99th percentile of the latency, through REST and gRPC.
Beside it in the same run:

- the bare call: the SavedModel's own function with as many rows as clients;
- the plain server: starlette under uvicorn (what FastAPI is made of), whose
  handler reads the JSON and calls Keras' ``model.predict`` on the same graph.

Clients, servers and graph share the machine's processors. ``audio_bytes`` is
asked with WAV files below --wav, or noise of two seconds without it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402

CLIENTS = (1, 8, 64)


def main() -> None:
    """Reads the command line and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="gender-emotion-emodb")
    parser.add_argument("--signature", default="features")
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    parser.add_argument("--wav", type=Path, help="folder of WAV files")
    parser.add_argument("--plain", help=argparse.SUPPRESS)  # run as the plain server
    arguments = parser.parse_args()
    if arguments.plain:
        return serve_plainly(arguments.plain, arguments.signature)
    with tempfile.TemporaryDirectory() as scratch:
        base = exported(arguments.model, Path(scratch))
        measure(base, arguments)


def exported(model: str, scratch: Path) -> Path:
    """The folder of a model's versions; exported in a process of its own, so that none is warm."""
    if Path(model).is_dir() and any(p.name.isdecimal() for p in Path(model).iterdir()):
        return Path(model).absolute()
    code = (
        "import sys; from pnn_keras.export import export_chain; from pnn_keras.zoo import load;"
        "export_chain(load(sys.argv[1]), sys.argv[2], name='model')"
    )
    subprocess.run([sys.executable, "-c", code, model, scratch], check=True)
    return scratch / "model"


def measure(base: Path, arguments: argparse.Namespace) -> None:
    """Prints a line for each way of asking and number of clients."""
    version = max((p for p in base.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name))
    values = questions(version, arguments)
    bare = {n: bare_rate(version, arguments.signature, values, n) for n in CLIENTS}
    for clients, rate in bare.items():
        print(f"bare call of {clients:2} rows{rate:32.0f} rows/s", flush=True)
    flags = [f"--model_base_path={base}", "--port=auto", "--rest_api_port=auto"]
    command = ["-m", "pnn_keras.serving", *flags, "--enable_batching"]
    with process(command) as addresses:
        rest = rates("REST", addresses["REST API at"], "default", values, arguments)
        grpc = rates("gRPC", addresses["gRPC ModelServer at"], "default", values, arguments)
    plain = [__file__, "--plain", str(version), "--signature", arguments.signature]
    with process(plain) as addresses:
        other = rates("plain", addresses["REST API at"], "default", values, arguments)
    most = CLIENTS[-1]
    for name, ours in (("REST", rest), ("gRPC", grpc)):
        print(
            f"{name} with {most} clients: {ours[most] / bare[most]:.0%} of the bare call, "
            f"{ours[most] / other[most]:.1f} times the plain server"
        )


def questions(version: Path, arguments: argparse.Namespace) -> list[tuple[str, object]]:
    """What clients ask in turn: the input's name and one row."""
    from pnn_keras.serving.loading import Servable

    signature = Servable("model", 1, version).signatures[arguments.signature]
    ((name, spec),) = signature.inputs.items()
    generator = np.random.default_rng(1)
    if spec.dtype != object:
        rows = generator.normal(size=(64, *spec.shape[1:])).astype("float32")
        return [(name, row) for row in rows]
    files = sorted(arguments.wav.rglob("*.wav"))[:200] if arguments.wav else []
    return [(name, file.read_bytes()) for file in files] or [
        (name, noise(generator)) for _ in range(64)
    ]


def noise(generator: np.random.Generator) -> bytes:
    """Two seconds of noise as a WAV file of 16 kHz."""
    import io
    import wave

    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16000, 0, "NONE", ""))
        writer.writeframes(generator.normal(0, 3000, 32000).astype("<i2").tobytes())
    return file.getvalue()


def bare_rate(version: Path, signature: str, values: list, rows: int, seconds: float = 2) -> float:
    """Rows per second of the SavedModel's own function."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(version))
    function = loaded.signatures[signature]
    name = values[0][0]
    batch = [values[i % len(values)][1] for i in range(rows)]

    def call():
        outputs = function(
            **{name: tf.constant(batch if isinstance(batch[0], bytes) else np.stack(batch))}
        )
        return {key: value.numpy() for key, value in outputs.items()}

    call()
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        call()
        calls += 1
    return calls * rows / (time.perf_counter() - start)


@contextlib.contextmanager
def process(arguments: list):
    """A server in a process of its own, and the addresses that it says it listens on."""
    command = [sys.executable, *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as started:
        addresses = {"process": started}
        for line in started.stderr:
            if found := re.search(r"(REST API at|gRPC ModelServer at)[: ](\S+) ", line):
                addresses[found[1]] = found[2]
            if "REST API at" in addresses:
                break
        else:
            raise SystemExit("a server did not start: " + " ".join(command))
        try:
            yield addresses
        finally:
            started.terminate()
            started.stderr.read()  # or it could not end for a full pipe


def rates(name: str, address: str, model: str, values: list, arguments) -> dict[int, float]:
    """Requests per second for each number of clients, printed with the latencies."""
    found = {}
    client = grpc_client if name == "gRPC" else rest_client
    for clients in CLIENTS:
        asyncio.run(load(client, address, values, arguments.signature, clients, 1))  # warm
        start = time.perf_counter()
        latencies = asyncio.run(
            load(client, address, values, arguments.signature, clients, arguments.seconds)
        )
        found[clients] = len(latencies) / (time.perf_counter() - start)
        p50, p99 = np.percentile(latencies, [50, 99]) * 1e3
        print(
            f"{name:5} {clients:2} clients: p50 {p50:8.2f} ms, p99 {p99:8.2f} ms, "
            f"{found[clients]:7.0f} requests/s",
            flush=True,
        )
    return found


async def load(client, address, values, signature, clients, seconds) -> list[float]:
    """The seconds that each request took, of clients that ask until the time is over."""
    latencies, end = [], time.perf_counter() + seconds

    async def ask_on(number: int) -> None:
        async with client(address, values, signature) as ask:
            while time.perf_counter() < end:
                start = time.perf_counter()
                await ask(number)
                latencies.append(time.perf_counter() - start)
                number += clients

    await asyncio.gather(*(ask_on(number) for number in range(clients)))
    return latencies


@contextlib.asynccontextmanager
async def rest_client(address: str, values: list, signature: str):
    """Asks over one HTTP connection; lean, so that it leaves the processors to the server."""
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 22)
    requests = _rest_requests(values, signature)

    async def ask(number: int) -> None:
        writer.write(requests[number % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode())
        await reader.readexactly(int(re.search(rb"content-length: (\d+)", head, re.I)[1]))

    yield ask
    writer.close()


_SEEN: dict = {}


def _rest_requests(values: list, signature: str) -> list[bytes]:
    if id(values) not in _SEEN:
        _SEEN[id(values)] = [_rest_request(row, signature) for _, row in values]
    return _SEEN[id(values)]


def _rest_request(row, signature: str) -> bytes:
    content = {"b64": base64.b64encode(row).decode()} if isinstance(row, bytes) else row.tolist()
    body = json.dumps({"signature_name": signature, "instances": [content]}).encode()
    head = "POST /v1/models/default:predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@contextlib.asynccontextmanager
async def grpc_client(address: str, values: list, signature: str):
    """Asks over a gRPC channel of its own."""
    import grpc

    requests = _grpc_requests(values, signature)
    async with grpc.aio.insecure_channel(
        address, [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
    ) as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")

        async def ask(number: int) -> None:
            await call(requests[number % len(requests)])

        yield ask


def _grpc_requests(values: list, signature: str) -> list[bytes]:
    import tensorflow as tf
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

    key = ("grpc", id(values))
    if key not in _SEEN:
        _SEEN[key] = []
        for name, row in values:
            request = PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = "default", signature
            request.inputs[name].CopyFrom(
                tf.make_tensor_proto([row] if isinstance(row, bytes) else row[None])
            )
            _SEEN[key].append(request.SerializeToString())
    return _SEEN[key]


def serve_plainly(version: str, signature: str) -> None:
    """The plain server: JSON in, ``model.predict``, JSON out, one request after the other."""
    import socket

    import keras
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    from pnn_keras.serving.loading import Servable

    specs = Servable("model", 1, version).signatures[signature].inputs
    ((name, spec),) = specs.items()
    kind = "string" if spec.dtype == object else "float32"
    given = keras.Input(spec.shape[1:], dtype=kind, name=name)
    layer = keras.layers.TFSMLayer(version, call_endpoint=signature)
    model = keras.Model({name: given}, layer(given))

    async def predict(request):
        rows = (await request.json())["instances"]
        outputs = model.predict({name: _plain_rows(rows)}, verbose=0)
        return JSONResponse({"predictions": _plain_answers(outputs)})

    app = Starlette(routes=[Route("/v1/models/default:predict", predict, methods=["POST"])])
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    print(f"REST API at:127.0.0.1:{listening.getsockname()[1]} ...", file=sys.stderr, flush=True)
    config = uvicorn.Config(app, log_config=None, access_log=False)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


def _plain_rows(rows: list):
    import tensorflow as tf

    if isinstance(rows[0], dict):
        return tf.constant([base64.b64decode(row["b64"]) for row in rows])
    return np.array(rows, "float32")


def _plain_answers(outputs: dict) -> list[dict]:
    texts = {
        name: np.char.decode(array.astype("S"), errors="replace")
        if array.dtype == object
        else array
        for name, array in outputs.items()
    }
    rows = len(next(iter(texts.values())))
    return [{name: array[i].tolist() for name, array in texts.items()} for i in range(rows)]


if __name__ == "__main__":
    main()

"""A server of one made model with known answers, over REST and gRPC on real sockets.

How loud a WAV is, is what the model answers: the probability of ``loud`` is the largest sample.
"""

import base64
import contextlib
import io
import json
import socket
import threading
import time
from concurrent import futures
from pathlib import Path

import numpy as np
import soundfile
from audio_made import write

import pnn_keras.serving

PAGE = Path(pnn_keras.serving.__file__).parent / "page"
CLASSES = ("quiet", "loud")
HTTP = {"INVALID_ARGUMENT": 400, "NOT_FOUND": 404, "RESOURCE_EXHAUSTED": 429, "UNAVAILABLE": 503}
OUTPUTS = {
    "level_probabilities": ("DT_FLOAT", [-1, 2]),
    "level_classes": ("DT_STRING", [-1, 2]),
    "level_label": ("DT_STRING", [-1]),
    "speaker_embedding": ("DT_FLOAT", [-1, 3]),
    "valid": ("DT_BOOL", [-1]),
    "error": ("DT_STRING", [-1]),
}
#: The inputs of each model's signatures.
MODELS = {
    "made": {
        "audio_bytes": {"audio_bytes": ("DT_STRING", [-1])},
        "features": {"features": ("DT_FLOAT", [-1, 2])},
    },
    "other": {"audio_bytes": {"audio_bytes": ("DT_STRING", [-1])}},
    "ears": {"features": {"features": ("DT_FLOAT", [-1, 3])}},
}


class Refusal(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


class Made:
    """What the server answers, and what it was asked.

    ``refusals`` are given to the next requests, one each; ``delay`` is in seconds; ``models``
    are those that it lists; ``asked`` are the inputs of all requests. Numbers come as raw bytes
    over gRPC, as typed fields with ``typed``. No row has an answer where ``unanswered`` says why.
    """

    def __init__(self):
        self.rest = self.grpc = ""
        self.reset()

    def reset(self):
        self.refusals, self.delay, self.typed, self.unanswered = [], 0.0, False, ""
        self.models, self.asked, self.metadata_asked = ["made"], [], 0

    def answer(self, model, version, signature, inputs):
        self.check(model, version)
        time.sleep(self.delay)
        self.asked.append(dict(inputs))
        (values,) = inputs.values()
        levels, errors = [], []
        for value in values:
            level, error = peak(value) if signature == "audio_bytes" else (float(value[0]), "")
            levels.append(level)
            errors.append(error or self.unanswered)
        loud, valid = np.array(levels, np.float32), np.array([not error for error in errors])
        return {
            "level_probabilities": np.stack([1 - loud, loud], axis=1) * valid[:, None],
            "level_classes": np.array([CLASSES] * len(loud), object),
            "level_label": np.array([CLASSES[bool(level > 0.5)] for level in loud], object),
            "speaker_embedding": np.ones((len(loud), 3), np.float32),
            "valid": valid,
            "error": np.array(errors, object),
        }

    def check(self, model, version=None):
        if self.refusals:
            raise Refusal(*self.refusals.pop(0))
        if model not in MODELS:
            raise Refusal("NOT_FOUND", f"Servable not found for request: Latest({model})")
        if version not in (None, 1):
            raise Refusal("NOT_FOUND", f"Servable not found for request: Specific({model}, 9)")

    def metadata(self, model, version=None):
        """A model's signatures, in the JSON form of their protocol buffer."""
        self.check(model, version)
        self.metadata_asked += 1
        return {
            name: {"inputs": tensor_infos(inputs), "outputs": tensor_infos(OUTPUTS)}
            for name, inputs in MODELS[model].items()
        }


def peak(content):
    """The largest sample of a WAV file, and why there is none."""
    try:
        samples, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    except soundfile.SoundFileError:
        return 0.0, "not a WAV file"
    return float(samples.max()), ""


def tensor_infos(tensors):
    return {
        name: {
            "dtype": dtype,
            "tensor_shape": {"dim": [{"size": str(n), "name": ""} for n in shape]},
            "name": name,
        }
        for name, (dtype, shape) in tensors.items()
    }


def clip(path, level, **options):
    """Writes a second of a constant: its largest sample is ``level`` exactly."""
    return write(path, np.full(16000, level, np.float32), **options)


def closed_port():
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving():
    """The server, listening on both protocols on loopback."""
    made = Made()
    with rest(made) as made.rest, grpc_server(made) as made.grpc:
        yield made


@contextlib.contextmanager
def rest(made):
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(rest_application(made), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def rest_application(made):
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import HTMLResponse, JSONResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    async def predict(request):
        body = json.loads(await request.body())
        inputs = {name: from_json(values) for name, values in columns(body).items()}
        given = await run_in_threadpool(
            made.answer, *named(request), body["signature_name"], inputs
        )
        outputs = {name: array.tolist() for name, array in given.items()}
        if "inputs" in body:
            return JSONResponse({"outputs": outputs})
        rows = zip(*outputs.values(), strict=True)
        return JSONResponse({"predictions": [dict(zip(outputs, r, strict=True)) for r in rows]})

    def metadata(request):
        model, version = named(request)
        signatures = {"signature_def": {"signature_def": made.metadata(model, version)}}
        spec = {"name": model, "signature_name": "", "version": "1"}
        return JSONResponse({"model_spec": spec, "metadata": signatures})

    def status(request):
        made.check(*named(request))
        fine = {"error_code": "OK", "error_message": ""}
        version = {"version": "1", "state": "AVAILABLE", "status": fine}
        return JSONResponse({"model_version_status": [version]})

    def models(request):
        return JSONResponse({"models": [{"name": name} for name in made.models]})

    def refuse(request, error):
        return JSONResponse({"error": error.message}, HTTP[error.status])

    return Starlette(
        routes=[
            Route("/models", models),
            Route("/other/{path:path}", lambda request: HTMLResponse("<h1>Some other site</h1>")),
            Route("/v1/models/{model:path}/metadata", metadata),
            Route("/v1/models/{model:path}:predict", predict, methods=["POST"]),
            Route("/v1/models/{model:path}", status),
            Mount("/", StaticFiles(directory=PAGE, html=True, check_dir=False)),
        ],
        exception_handlers={Refusal: refuse},
    )


def named(request):
    """The model and the version that a path names."""
    model, _, version = request.path_params["model"].partition("/versions/")
    return model, int(version) if version else None


def columns(body):
    """The inputs of a request by name, in column form; row form is of one input."""
    return body["inputs"] if "inputs" in body else {"audio_bytes": body["instances"]}


def from_json(values):
    return [base64.b64decode(v["b64"]) if isinstance(v, dict) else v for v in values]


@contextlib.contextmanager
def grpc_server(made):
    import grpc
    from google.protobuf.json_format import ParseDict
    from tensorflow import make_ndarray
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        get_model_status_pb2,
        model_service_pb2_grpc,
        predict_pb2,
        prediction_service_pb2_grpc,
    )

    def answers(method):
        def answer(self, request, context):
            try:
                return method(request)
            except Refusal as refusal:
                context.abort(getattr(grpc.StatusCode, refusal.status), refusal.message)

        return answer

    def meant(spec):
        return spec.name, spec.version.value if spec.HasField("version") else None

    class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
        @answers
        def Predict(request):
            inputs = {name: make_ndarray(tensor) for name, tensor in request.inputs.items()}
            signature = request.model_spec.signature_name
            outputs = made.answer(*meant(request.model_spec), signature, inputs)
            answer = predict_pb2.PredictResponse()
            for name, array in outputs.items():
                answer.outputs[name].CopyFrom(tensor_proto(array, made.typed))
            return answer

        @answers
        def GetModelMetadata(request):
            signatures = made.metadata(*meant(request.model_spec))
            answer = get_model_metadata_pb2.GetModelMetadataResponse()
            answer.model_spec.name = request.model_spec.name
            answer.model_spec.version.value = 1
            definitions = get_model_metadata_pb2.SignatureDefMap()
            ParseDict({"signature_def": signatures}, definitions)
            answer.metadata["signature_def"].Pack(definitions)
            return answer

    class Models(model_service_pb2_grpc.ModelServiceServicer):
        @answers
        def GetModelStatus(request):
            made.check(*meant(request.model_spec))
            answer = get_model_status_pb2.GetModelStatusResponse()
            answer.model_version_status.add(version=1, state=30)  # AVAILABLE
            return answer

    server = grpc.server(futures.ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Predictions(), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def tensor_proto(array, typed):
    """A tensor whose numbers are typed fields, or raw bytes (``tensor_content``)."""
    from tensorflow import make_tensor_proto

    proto = make_tensor_proto(array)
    if typed and array.dtype == np.float32:
        proto.ClearField("tensor_content")
        proto.float_val[:] = array.ravel()
    return proto

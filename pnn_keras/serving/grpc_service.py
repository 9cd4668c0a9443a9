"""The gRPC surface: PredictionService, ModelService and health, in the server's event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import grpc
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from pnn_keras.serving import tensors
from pnn_keras.serving.config import models_of
from pnn_keras.serving.core import Address, Core, Outcome
from pnn_keras.serving.loading import Servable
from pnn_keras.serving.metadata import model_metadata, model_status
from pnn_keras.serving.predicting import Question, classify, multi_inference, question, regress
from pnn_keras.serving.signature import DEFAULT
from pnn_keras.serving.status import Code, as_status, invalid

log = logging.getLogger("pnn_keras.serving")

#: The names of the services.
PREDICTION, MODEL = "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"

#: Longest message of an error, in bytes: longer ones do not fit into gRPC's trailers.
_LONGEST = 1500
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class GrpcService:
    """Answers TensorFlow Serving's gRPC requests.

    Requests are parsed here, not by grpc, which would call a client's broken
    message an internal error.

    Args:
        core: the models.
    """

    def __init__(self, core: Core):
        self._core = core

    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """What a ``grpc.aio`` server is given."""
        prediction = {
            "Predict": self._method(self._predict, predict_pb2.PredictRequest),
            "Classify": self._method(self._classify, classification_pb2.ClassificationRequest),
            "Regress": self._method(self._regress, regression_pb2.RegressionRequest),
            "MultiInference": self._method(self._infer, inference_pb2.MultiInferenceRequest),
            "GetModelMetadata": self._method(
                self._metadata, get_model_metadata_pb2.GetModelMetadataRequest
            ),
        }
        model = {
            "GetModelStatus": self._method(
                self._status, get_model_status_pb2.GetModelStatusRequest
            ),
            "HandleReloadConfigRequest": self._method(
                self._reload, model_management_pb2.ReloadConfigRequest
            ),
        }
        return [
            grpc.method_handlers_generic_handler(PREDICTION, prediction),
            grpc.method_handlers_generic_handler(MODEL, model),
        ]

    def _method(self, answer: Callable[..., Awaitable], kind: type) -> grpc.RpcMethodHandler:
        async def handle(data: bytes, context: grpc.aio.ServicerContext) -> bytes:
            try:
                request = _parsed(kind, data)
                left = context.time_remaining()
                # A client without a deadline has one of some centuries.
                async with asyncio.timeout(left if left and left < 1e6 else None):
                    return (await answer(request)).SerializeToString()
            except Exception as error:
                status = as_status(error)
                if status.code is Code.INTERNAL:
                    log.exception("A request failed")
            await context.abort(_CODES[int(status.code)], _fitting(status.message))

        return grpc.unary_unary_rpc_method_handler(handle)

    async def _predict(self, request):
        with self._core.counted("Predict", "GRPC", request.model_spec.name) as outcome:

            async def ask(servable: Servable) -> Question:
                return question(servable, request)

            outputs = await self._core.predict(_address(request.model_spec), ask, outcome)
            response = predict_pb2.PredictResponse()
            for name, array in outputs.items():
                tensors.to_proto(array, response.outputs[name])
            _echo(response.model_spec, request.model_spec, outcome)
            return response

    async def _classify(self, request):
        response = classification_pb2.ClassificationResponse()
        with self._core.counted("Classify", "GRPC", request.model_spec.name) as outcome:
            address = _address(request.model_spec)
            result = await self._core.call(address, classify, request, outcome)
            response.result.CopyFrom(result)
            _echo(response.model_spec, request.model_spec, outcome)
            return response

    async def _regress(self, request):
        response = regression_pb2.RegressionResponse()
        with self._core.counted("Regress", "GRPC", request.model_spec.name) as outcome:
            address = _address(request.model_spec)
            result = await self._core.call(address, regress, request, outcome)
            response.result.CopyFrom(result)
            _echo(response.model_spec, request.model_spec, outcome)
            return response

    async def _infer(self, request):
        if not request.tasks:
            raise invalid("Inference request must have at least one task.")
        spec = request.tasks[0].model_spec
        with self._core.counted("MultiInference", "GRPC", spec.name) as outcome:
            return await self._core.call(_address(spec), multi_inference, request, outcome)

    async def _metadata(self, request):
        _check_spec(request)
        fields = list(request.metadata_field)
        return model_metadata(self._core.models, _address(request.model_spec), fields)

    async def _status(self, request):
        _check_spec(request)
        return model_status(self._core.models, _address(request.model_spec))

    async def _reload(self, request):
        if request.config.WhichOneof("config") is None:
            raise invalid("ServerConfig has no model config list")
        models = models_of(request.config)
        # Whoever asked may give up waiting; a half-applied configuration helps nobody.
        await asyncio.shield(asyncio.ensure_future(self._core.models.apply(models)))
        return model_management_pb2.ReloadConfigResponse()


def _parsed(kind: type, data: bytes):
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise invalid(f"Cannot parse {kind.__name__}: {error}") from error


def _check_spec(request) -> None:
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")


def _address(spec) -> Address:
    choice = spec.WhichOneof("version_choice")
    return Address(
        spec.name,
        spec.version.value if choice == "version" else None,
        spec.version_label if choice == "version_label" else None,
    )


def _echo(spec, asked, outcome: Outcome) -> None:
    """Tells which version and signature answered."""
    spec.name, spec.version.value = asked.name, outcome.version
    spec.signature_name = asked.signature_name or DEFAULT


def _fitting(message: str) -> str:
    data = message.encode("utf-8", "replace")
    return message if len(data) <= _LONGEST else data[:_LONGEST].decode("utf-8", "ignore") + "..."

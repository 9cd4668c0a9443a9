"""Asking a server over gRPC, with the stubs of tensorflow-serving-api.

They import TensorFlow, which takes seconds; over REST nothing does.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pnn_keras.errors import UserError
from pnn_keras.serving.client_address import Address, Served
from pnn_keras.serving.client_errors import from_grpc, no_sense, nobody_there, too_late
from pnn_keras.serving.client_metadata import read_metadata, read_status

#: Messages of any size pass, as TensorFlow Serving lets them; repetitions are the client's own,
#: which needs a channel that tries to connect again as soon as it is asked.
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
)

#: How gRPC's own messages begin where no connection came about.
_NO_CONNECTION = ("failed to connect", "DNS resolution failed", "Name resolution failed")


class GrpcTransport:
    """What a client asks of a server, over gRPC; see :class:`RestTransport`.

    Args:
        address: the server's address.
    """

    def __init__(self, address: Address):
        import grpc
        from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
        from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

        self.server = address.base
        if address.is_secure:
            credentials = grpc.ssl_channel_credentials()
            self._channel = grpc.secure_channel(address.host, credentials, options=_OPTIONS)
        else:
            self._channel = grpc.insecure_channel(address.host, options=_OPTIONS)
        self._predictions = PredictionServiceStub(self._channel)
        self._models = ModelServiceStub(self._channel)

    def predict(
        self,
        served: Served,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        outputs: list[str],
        seconds: float,
    ) -> dict[str, np.ndarray]:
        """Asks a signature of a model; see :meth:`RestTransport.predict`."""
        from tensorflow import make_ndarray, make_tensor_proto
        from tensorflow_serving.apis.predict_pb2 import PredictRequest

        request = PredictRequest(model_spec=_spec(served, signature))
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(make_tensor_proto(array))
        answer = self._ask(self._predictions.Predict, request, seconds)
        try:
            return {name: make_ndarray(tensor) for name, tensor in answer.outputs.items()}
        except (TypeError, ValueError) as error:
            raise no_sense(self.server, f"tensors that cannot be read: {error}") from error

    def metadata(self, served: Served, seconds: float) -> dict:
        """The model's metadata, see :func:`read_metadata`."""
        from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest

        request = GetModelMetadataRequest(
            model_spec=_spec(served), metadata_field=["signature_def"]
        )
        answer = self._ask(self._predictions.GetModelMetadata, request, seconds)
        return self._read(read_metadata, answer)

    def status(self, served: Served, seconds: float) -> list[dict]:
        """The model's versions, see :func:`read_status`."""
        from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest

        request = GetModelStatusRequest(model_spec=_spec(served))
        return self._read(read_status, self._ask(self._models.GetModelStatus, request, seconds))

    def models(self, seconds: float) -> list[str]:
        """There is no list of models over gRPC.

        Raises:
            UserError: always.
        """
        raise UserError(
            f"Over gRPC a server does not say which models it has. Name one: "
            f"{self.server}/v1/models/NAME, or model='NAME'"
        )

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def _read(self, read, answer):
        """A message, by way of the JSON form that REST gives."""
        from google.protobuf.json_format import MessageToDict

        try:
            return read(MessageToDict(answer, preserving_proto_field_name=True))
        except (KeyError, TypeError, ValueError) as error:
            raise no_sense(self.server, str(answer)[:80]) from error

    def _ask(self, method, request, seconds: float):
        import grpc

        try:
            return method(request, timeout=seconds)
        except grpc.RpcError as error:
            status, said = error.code().name, error.details() or ""
            if status == "DEADLINE_EXCEEDED":
                raise too_late(self.server, seconds) from error
            if status == "UNAVAILABLE" and said.startswith(_NO_CONNECTION):
                raise nobody_there(self.server) from error
            raise from_grpc(self.server, status, said) from error


def _spec(served: Served, signature: str = ""):
    from tensorflow_serving.apis.model_pb2 import ModelSpec

    spec = ModelSpec(name=served.model, signature_name=signature)
    if served.version is not None:
        spec.version.value = served.version
    elif served.label is not None:
        spec.version_label = served.label
    return spec

"""What a server tells about its models: states of versions, signatures."""

from __future__ import annotations

import orjson
from google.protobuf import json_format

from pnn_keras.serving.core import Address
from pnn_keras.serving.models import Models
from pnn_keras.serving.status import invalid
from pnn_keras.serving.versions import state_of


def model_status(models: Models, address: Address):
    """The ``GetModelStatusResponse`` for a model or one of its versions.

    Raises:
        StatusError: NOT_FOUND; there is none.
    """
    from tensorflow_serving.apis.get_model_status_pb2 import (
        GetModelStatusResponse,
        ModelVersionStatus,
    )

    response = GetModelStatusResponse()
    for version in models.states(address.name, address.number, address.label):
        state, code, message = state_of(version)
        entry = response.model_version_status.add(version=version.number)
        entry.state = ModelVersionStatus.State.Value(state)
        entry.status.error_code, entry.status.error_message = int(code), message
    return response


def model_metadata(models: Models, address: Address, fields=("signature_def",)):
    """The ``GetModelMetadataResponse`` of a version: its SignatureDefs.

    Raises:
        StatusError: NOT_FOUND, there is none; INVALID_ARGUMENT, another field
            than ``signature_def`` is asked for, or none.
    """
    from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataResponse

    if not fields:
        raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
    for field in fields:
        if field != "signature_def":
            raise invalid(f"Metadata field {field} is not supported")
    version = models.find(address.name, address.number, address.label)
    response = GetModelMetadataResponse()
    response.model_spec.name = address.name
    response.model_spec.version.value = version.number
    response.metadata["signature_def"].Pack(_signature_defs(version.servable))
    return response


def _signature_defs(servable):
    from tensorflow_serving.apis.get_model_metadata_pb2 import SignatureDefMap

    message = SignatureDefMap()
    for name, definition in servable.signature_defs.items():
        message.signature_def[name].CopyFrom(definition)
    return message


def status_json(models: Models, address: Address) -> bytes:
    """The states of a model's versions, as REST gives them.

    Raises:
        StatusError: NOT_FOUND; there is none.
    """
    return _json(_as_dict(model_status(models, address)))


def metadata_json(models: Models, address: Address) -> bytes:
    """The signatures of a version, as REST gives them.

    Raises:
        StatusError: NOT_FOUND; there is none.
    """
    version = models.find(address.name, address.number, address.label)
    spec = {"name": address.name, "signature_name": "", "version": str(version.number)}
    signatures = _as_dict(_signature_defs(version.servable))
    return _json({"model_spec": spec, "metadata": {"signature_def": signatures}})


def _as_dict(message) -> dict:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _json(content: dict) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"

"""TensorFlow Serving's configuration messages that tensorflow-serving-api lacks.

The ``.proto`` files beside this module are read as they are, without protoc,
into a descriptor pool of their own: another package may define the same names.
"""

from __future__ import annotations

import importlib.resources
import re

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, wrappers_pb2

_FILES = ("batching_parameters", "monitoring_config", "ssl_config")
_FIELD = re.compile(r"(repeated\s+)?([\w.]+)\s+(\w+)\s*=\s*(\d+)\s*;")
_SCALARS = {
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
}


def _file(name: str, text: str) -> descriptor_pb2.FileDescriptorProto:
    """A ``.proto`` file of plain messages (no nesting, no enumerations, no maps)."""
    text = re.sub(r"//[^\n]*", "", text)
    package = re.search(r"package\s+([\w.]+)\s*;", text)[1]
    file = descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3")
    file.dependency.extend(re.findall(r'import\s+"([^"]+)"\s*;', text))
    for title, body in re.findall(r"message\s+(\w+)\s*\{([^}]*)\}", text):
        message = file.message_type.add(name=title)
        for repeated, kind, field, number in _FIELD.findall(body):
            entry = message.field.add(name=field, number=int(number), label=3 if repeated else 1)
            if kind in _SCALARS:
                entry.type = _SCALARS[kind]
            else:
                entry.type = entry.TYPE_MESSAGE
                entry.type_name = f".{kind}" if "." in kind else f".{package}.{kind}"
    return file


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    here = importlib.resources.files(__name__)
    for name in _FILES:
        text = here.joinpath(f"{name}.proto").read_text(encoding="utf-8")
        pool.AddSerializedFile(_file(f"{name}.proto", text).SerializeToString())
    return pool


_POOL = _pool()


def _message(name: str) -> type:
    return message_factory.GetMessageClass(
        _POOL.FindMessageTypeByName(f"tensorflow.serving.{name}")
    )


#: What ``--batching_parameters_file`` holds.
BatchingParameters = _message("BatchingParameters")
#: What ``--monitoring_config_file`` holds.
MonitoringConfig = _message("MonitoringConfig")
#: What ``--ssl_config_file`` holds.
SSLConfig = _message("SSLConfig")

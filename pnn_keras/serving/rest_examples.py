"""Classify and regress over REST: JSON examples in, results out."""

from __future__ import annotations

from collections.abc import Callable

from pnn_keras.serving.json_answers import write_json
from pnn_keras.serving.json_requests import parse_json, signature_name
from pnn_keras.serving.json_values import decoded, is_base64, kind_of, shown
from pnn_keras.serving.predicting import classify, regress
from pnn_keras.serving.status import invalid

_LARGEST = 3.4028234663852886e38


def _parse(body: bytes, request):
    """Fills a request with a body's ``examples`` and ``context``."""
    content = parse_json(body)
    request.model_spec.signature_name = signature_name(content)
    if "examples" not in content:
        raise invalid(
            f"JSON Value: {shown(content)} When method is classify, key 'examples' is expected "
            "and was not found"
        )
    examples = content["examples"]
    if type(examples) is not list:
        raise invalid(
            f"JSON Value: {shown(content)} Expecting 'examples' value to be an list/array"
        )
    if not examples:
        raise invalid(f"JSON Value: {shown(content)} 'examples' value is an empty array")
    if "context" in content:
        given = request.input.example_list_with_context
        _fill(given.context, content["context"])
    else:
        given = request.input.example_list
    for example in examples:
        _fill(given.examples.add(), example)
    return request


def _fill(example, content) -> None:
    if type(content) is not dict:
        raise invalid(f"Example must be JSON object but got JSON {kind_of(content)}")
    for name, value in content.items():
        feature = example.features.feature[name]
        for item in value if type(value) is list else [value]:
            _add(feature, name, item)


def _add(feature, name: str, value) -> None:
    """Adds a JSON value to a feature, whose first value decides its kind."""
    kind = _KINDS.get(type(value))
    if kind is None or (type(value) is dict and not is_base64(value)):
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {kind_of(value)}")
    known = feature.WhichOneof("kind")
    if known not in (None, kind):
        raise invalid(f"Unexpected element type in feature: {name} expecting type: {known[:-5]}")
    if kind == "bytes_list":
        text = value.encode("utf-8", "replace") if type(value) is str else decoded(value)
        feature.bytes_list.value.append(text)
    elif kind == "int64_list":
        if not -(2**63) <= value < 2**63:
            raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
        feature.int64_list.value.append(int(value))
    else:
        if _LARGEST < abs(value) < float("inf"):
            raise invalid(
                f"Cannot convert JSON value: {value} to float without loss of precision."
            )
        feature.float_list.value.append(value)


_KINDS = {
    bool: "int64_list",
    int: "int64_list",
    float: "float_list",
    str: "bytes_list",
    dict: "bytes_list",
}


def parse_classify(body: bytes):
    """The ``ClassificationRequest`` of a body.

    Raises:
        StatusError: INVALID_ARGUMENT, in TensorFlow Serving's words.
    """
    from tensorflow_serving.apis.classification_pb2 import ClassificationRequest

    return _parse(body, ClassificationRequest())


def parse_regress(body: bytes):
    """The ``RegressionRequest`` of a body.

    Raises:
        StatusError: INVALID_ARGUMENT, in TensorFlow Serving's words.
    """
    from tensorflow_serving.apis.regression_pb2 import RegressionRequest

    return _parse(body, RegressionRequest())


def write_classified(result) -> bytes:
    """A ``ClassificationResult`` as JSON: pairs of label and score for each example."""
    rows = [
        [[entry.label, _shortest(entry.score)] for entry in answer.classes]
        for answer in result.classifications
    ]
    return write_json({"results": rows})


def write_regressed(result) -> bytes:
    """A ``RegressionResult`` as JSON: a value for each example."""
    return write_json({"results": [_shortest(entry.value) for entry in result.regressions]})


def _shortest(value: float) -> float:
    """A float of 32 bits as the shortest decimal that names it."""
    import numpy as np

    return float(str(np.float32(value)))


#: For each verb: how its body is read, computed and written.
VERBS: dict[str, tuple[Callable, Callable, Callable]] = {
    "classify": (parse_classify, classify, write_classified),
    "regress": (parse_regress, regress, write_regressed),
}

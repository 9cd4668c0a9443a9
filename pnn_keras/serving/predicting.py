"""Answering requests with one loaded version: predict, classify, regress, several at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from pnn_keras.serving import tensors
from pnn_keras.serving.examples import (
    CLASSIFY,
    REGRESS,
    classifications,
    classify_outputs,
    regress_outputs,
    regressions,
    serialized,
)
from pnn_keras.serving.loading import Servable
from pnn_keras.serving.signature import DEFAULT, Signature, find
from pnn_keras.serving.status import Code, StatusError, invalid


@dataclasses.dataclass(frozen=True)
class Question:
    """What a predict request asks of a version, checked.

    Attributes:
        signature: the signature.
        inputs: arrays by name, complete, of the right types and shapes.
        outputs: the names of the outputs to compute.
    """

    signature: Signature
    inputs: Mapping[str, np.ndarray]
    outputs: tuple[str, ...]


def question(servable: Servable, request) -> Question:
    """A ``PredictRequest`` as a question to a version.

    Raises:
        StatusError: FAILED_PRECONDITION, the signature is unknown;
            INVALID_ARGUMENT, an input or a filter is wrong.
    """
    signature = find(servable.signatures, request.model_spec.signature_name)
    given = {name: tensors.to_array(name, proto) for name, proto in request.inputs.items()}
    return Question(signature, signature.checked(given), signature.chosen(request.output_filter))


def predict_now(servable: Servable, request) -> dict[str, np.ndarray]:
    """The outputs for a ``PredictRequest``, computed alone and at once.

    Raises:
        StatusError: the request or the graph is wrong.
    """
    asked = question(servable, request)
    return servable.run(asked.signature, asked.inputs, asked.outputs)


def classify(servable: Servable, request):
    """The ``ClassificationResult`` for a ``ClassificationRequest``.

    Raises:
        StatusError: the signature does not classify, or the input is wrong.
    """
    signature = _of_method(servable, request.model_spec.signature_name, CLASSIFY, "classification")
    examples = serialized(request.input)
    outputs = servable.run(signature, _fed(signature, examples), classify_outputs(signature))
    return classifications(outputs, len(examples))


def regress(servable: Servable, request):
    """The ``RegressionResult`` for a ``RegressionRequest``.

    Raises:
        StatusError: the signature does not regress, or the input is wrong.
    """
    signature = _of_method(servable, request.model_spec.signature_name, REGRESS, "regression")
    examples = serialized(request.input)
    outputs = servable.run(signature, _fed(signature, examples), regress_outputs(signature))
    return regressions(outputs, len(examples))


def multi_inference(servable: Servable, request):
    """The ``MultiInferenceResponse`` for a ``MultiInferenceRequest``: one run for all its tasks.

    Raises:
        StatusError: INVALID_ARGUMENT, tasks name a signature twice, an unknown
            one or different inputs; UNIMPLEMENTED, another method.
    """
    from tensorflow_serving.apis.inference_pb2 import MultiInferenceResponse

    tasks = _tasks(servable, request)
    examples = serialized(request.input)
    fetches = {
        (signature.name, name): signature.outputs[name].tensor
        for _, signature, names in tasks
        for name in names
    }
    feed = {next(iter(tasks[0][1].inputs.values())).tensor: examples}
    fetched = dict(zip(fetches, servable.fetch(list(fetches.values()), feed), strict=True))
    response = MultiInferenceResponse()
    for task, signature, names in tasks:
        outputs = {name: fetched[signature.name, name] for name in names}
        result = response.results.add()
        result.model_spec.name = servable.name
        result.model_spec.signature_name = signature.name
        result.model_spec.version.value = servable.version
        if task.method_name == CLASSIFY:
            result.classification_result.CopyFrom(classifications(outputs, len(examples)))
        else:
            result.regression_result.CopyFrom(regressions(outputs, len(examples)))
    return response


def _tasks(servable: Servable, request) -> list[tuple]:
    """Each task with its signature and the outputs that it needs."""
    found, inputs = [], set()
    for task in request.tasks:
        if task.model_spec.name != request.tasks[0].model_spec.name:
            raise invalid(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        name = task.model_spec.signature_name or DEFAULT
        if name in {signature.name for _, signature, _ in found}:
            raise invalid(f"Duplicate evaluation of signature: {name}")
        if name not in servable.signatures:
            raise invalid(f"Requested signature not found in model graph: {name}")
        signature = servable.signatures[name]
        outputs = {CLASSIFY: classify_outputs, REGRESS: regress_outputs}.get(task.method_name)
        if outputs is None:
            raise StatusError(
                Code.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}"
            )
        found.append((task, signature, outputs(signature)))
        inputs.add(next(iter(signature.inputs.values())).tensor)
    if not found:
        raise invalid("Inference request must have at least one task.")
    if len(inputs) > 1:
        raise invalid("Input tensor must be the same for all Signatures.")
    return found


def _of_method(servable: Servable, name: str, method: str, word: str) -> Signature:
    name = name or DEFAULT
    if name not in servable.signatures:
        raise invalid(f"No signature was found with the name: {name}")
    signature = servable.signatures[name]
    if signature.method != method:
        raise invalid(
            f"Expected {word} signature method_name to be {method}. Was: {signature.method}"
        )
    return signature


def _fed(signature: Signature, examples: np.ndarray) -> dict[str, np.ndarray]:
    return signature.checked({next(iter(signature.inputs)): examples})

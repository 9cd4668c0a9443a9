"""Classify and regress: tf.Examples in, classes with scores or values out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pnn_keras.serving.signature import Signature, type_name
from pnn_keras.serving.status import Code, StatusError, invalid

#: The method names of such signatures.
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


def serialized(given) -> np.ndarray:
    """The examples of an ``Input``, serialised, each with the context's features beneath its own.

    Args:
        given: the ``Input`` of a request.

    Returns:
        Serialised ``tf.Example`` messages ``(examples,)``, objects that are bytes.

    Raises:
        StatusError: INVALID_ARGUMENT; there is none.
    """
    kind = given.WhichOneof("kind")
    examples = list(getattr(given, kind).examples) if kind else []
    if not examples:
        raise invalid("Input is empty.")
    if kind == "example_list_with_context":
        examples = [
            _with_context(example, given.example_list_with_context.context) for example in examples
        ]
    array = np.empty(len(examples), object)
    array[:] = [example.SerializeToString() for example in examples]
    return array


def _with_context(example, context):
    whole = type(example)()
    whole.CopyFrom(context)
    for name, feature in example.features.feature.items():
        whole.features.feature[name].CopyFrom(feature)
    return whole


def classify_outputs(signature: Signature) -> tuple[str, ...]:
    """The outputs that a classification reads: ``classes``, ``scores`` or both.

    Raises:
        StatusError: INVALID_ARGUMENT or FAILED_PRECONDITION; the signature is no
            classification.
    """
    _check_method(signature, CLASSIFY, "classification")
    if len(signature.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    names = tuple(name for name in ("classes", "scores") if name in signature.outputs)
    if not names:
        raise StatusError(
            Code.FAILED_PRECONDITION,
            "Expected classification signature outputs to contain at least one of "
            f'"classes" or "scores". Signature was: {", ".join(signature.outputs)}',
        )
    return names


def regress_outputs(signature: Signature) -> tuple[str, ...]:
    """The output that a regression reads: ``outputs``.

    Raises:
        StatusError: INVALID_ARGUMENT or FAILED_PRECONDITION; the signature is no
            regression.
    """
    _check_method(signature, REGRESS, "regression")
    if len(signature.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if "outputs" not in signature.outputs:
        raise StatusError(
            Code.FAILED_PRECONDITION,
            "No regression outputs found in SignatureDef: " + ", ".join(signature.outputs),
        )
    return ("outputs",)


def _check_method(signature: Signature, method: str, word: str) -> None:
    if signature.method != method:
        raise invalid(
            f"Expected {word} signature method_name to be {method}. Was: {signature.method}"
        )
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if "inputs" not in signature.inputs:
        raise StatusError(
            Code.FAILED_PRECONDITION,
            f"No {word} inputs found in SignatureDef: " + ", ".join(signature.inputs),
        )


def classifications(outputs: Mapping[str, np.ndarray], examples: int):
    """Outputs as a ``ClassificationResult``.

    Args:
        outputs: ``classes`` string ``(examples, classes)``, ``scores`` float32
            ``(examples, classes)``, or one of them.
        examples: how many examples were asked about.

    Raises:
        StatusError: INVALID_ARGUMENT; the model answered in another shape or type.
    """
    from tensorflow_serving.apis.classification_pb2 import ClassificationResult

    for name, array in outputs.items():
        _check_classes(name, array, examples)
    sizes = {array.shape[1] for array in outputs.values()}
    if len(sizes) > 1:
        raise invalid(
            "Tensors class and score should match in dim_size(1). "
            f"Got {' vs. '.join(map(str, sorted(sizes)))}"
        )
    result = ClassificationResult()
    for row in range(examples):
        answer = result.classifications.add()
        for column in range(next(iter(sizes))):
            entry = answer.classes.add()
            if "classes" in outputs:
                entry.label = outputs["classes"][row, column].decode("utf-8", "replace")
            if "scores" in outputs:
                entry.score = outputs["scores"][row, column]
    return result


def _check_classes(name: str, array: np.ndarray, examples: int) -> None:
    if array.ndim != 2:
        raise invalid(
            f"Expected Tensor shape: [batch_size num_classes] but got {list(array.shape)}"
        )
    wanted = "DT_STRING" if name == "classes" else "DT_FLOAT"
    if array.dtype != (object if name == "classes" else np.float32):
        raise invalid(
            f"Expected {name} Tensor of {wanted}. Got: DT_{type_name(array.dtype).upper()}"
        )
    if len(array) != examples:
        raise invalid(f"Expected {name} output batch size of {examples}. Got: {len(array)}")


def regressions(outputs: Mapping[str, np.ndarray], examples: int):
    """The output as a ``RegressionResult``.

    Args:
        outputs: ``outputs`` float32 ``(examples,)`` or ``(examples, 1)``.
        examples: how many examples were asked about.

    Raises:
        StatusError: INVALID_ARGUMENT; the model answered in another shape or type.
    """
    from tensorflow_serving.apis.regression_pb2 import RegressionResult

    array = outputs["outputs"]
    if not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
        raise invalid(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] "
            f"but got {list(array.shape)}"
        )
    if len(array) != examples:
        raise invalid(
            f"Input batch size did not match output batch size: {examples} vs. {len(array)}"
        )
    if array.dtype != np.float32:
        raise invalid(
            f"Expected output Tensor of DT_FLOAT.  Got: DT_{type_name(array.dtype).upper()}"
        )
    result = RegressionResult()
    for value in array.ravel():
        result.regressions.add(value=value)
    return result

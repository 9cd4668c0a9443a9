"""Which operations a graph uses: TensorFlow Serving knows TensorFlow's own and no other."""

from __future__ import annotations

from pnn_keras.errors import UserError

# TensorFlow's own by name, but they call back into the Python process that made them.
_PYTHON = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc", "NumpyFunc"})


def check_operations(graph_def) -> None:
    """Refuses a graph that stock TensorFlow Serving could not run.

    Args:
        graph_def: the graph, a ``GraphDef`` with its function library.

    Raises:
        UserError: it uses an operation that is none of TensorFlow's core.

    Example:

    >>> from tensorflow.core.framework import graph_pb2
    >>> graph_def = graph_pb2.GraphDef()
    >>> graph_def.node.add(op="IO>AudioResample").name = "resample"
    >>> check_operations(graph_def)
    Traceback (most recent call last):
        ...
    pnn_keras.errors.UserError: TensorFlow Serving runs TensorFlow's core operations only. ...
    """
    import tensorflow as tf

    functions = {function.signature.name for function in graph_def.library.function}
    used = {node.op for node in graph_def.node}
    for function in graph_def.library.function:
        used.update(node.op for node in function.node_def)
    foreign = sorted((used - functions - set(dir(tf.raw_ops))) | (used & _PYTHON))
    if foreign:
        raise UserError(
            "TensorFlow Serving runs TensorFlow's core operations only. "
            f"Received: a graph with {', '.join(foreign)}. Take out the layer that uses them"
        )

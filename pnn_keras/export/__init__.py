"""A chain as a SavedModel: for TensorFlow Serving, and for anyone without Keras."""

from pnn_keras.export.naming import signature_name
from pnn_keras.export.writing import export_chain

__all__ = ["export_chain", "signature_name"]

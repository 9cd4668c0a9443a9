"""Serving: a development server with TensorFlow Serving's surface, and a client for both."""

from pnn_keras.serving.client import Client

__all__ = ["Client"]

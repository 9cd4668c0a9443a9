"""Serving: a development server with TensorFlow Serving's surface, and a client for both."""

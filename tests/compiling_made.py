"""Whether TensorFlow compiles what is trained."""

import contextlib


@contextlib.contextmanager
def compiling(whether):
    """Compiles training steps or runs them as they are written, until it is left."""
    import tensorflow as tf  # not before conftest.py has made it quiet

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(not whether)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)

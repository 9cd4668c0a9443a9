"""Starting TensorFlow late, and quietly."""

from __future__ import annotations

import logging
import os
import sys

#: How much TensorFlow tells of itself; what the user has set stays.
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def start_tensorflow() -> None:
    """Imports TensorFlow without its greetings, unless the user asks for them.

    Some are printed before any setting of TensorFlow's counts, so they are kept
    from the terminal itself.
    """
    if LOG_LEVEL in os.environ or "--debug" in sys.argv:
        return
    os.environ[LOG_LEVEL] = "3"
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.stderr.flush()
    own, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(own, 2)
        os.close(own)
        os.close(nowhere)

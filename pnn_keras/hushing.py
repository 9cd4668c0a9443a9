"""Importing TensorFlow without what it says of itself."""

from __future__ import annotations

import logging
import os
import sys

#: How much TensorFlow tells of itself; what the user has set stays.
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"

#: The level that asks for nothing.
NOTHING = "3"


def import_tensorflow() -> None:
    """Imports TensorFlow; where its log level asks for nothing, without its greetings.

    Some are printed before any setting of TensorFlow's counts, so they are kept
    from the terminal itself.
    """
    if os.environ.get(LOG_LEVEL) != NOTHING:
        import tensorflow  # noqa: F401

        return
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

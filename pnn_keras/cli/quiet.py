"""Starting TensorFlow late, and quietly."""

from __future__ import annotations

import os
import sys

from pnn_keras.hushing import LOG_LEVEL, NOTHING, import_tensorflow


def start_tensorflow() -> None:
    """Imports TensorFlow without its greetings, unless the user asks for them."""
    if LOG_LEVEL in os.environ or "--debug" in sys.argv:
        return
    os.environ[LOG_LEVEL] = NOTHING
    import_tensorflow()

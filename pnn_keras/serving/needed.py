"""Whether what the server is made of is installed."""

from __future__ import annotations

import importlib.util

from pnn_keras.errors import DependencyError

_NEEDED = ("grpc", "grpc_health", "httptools", "orjson", "starlette", "uvicorn")


def check_installed() -> None:
    """Says in words which packages are missing.

    Raises:
        DependencyError: some are.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise DependencyError(
            f"Serving needs {', '.join(missing)}, which is not installed. "
            "Install it with: pip install 'pnn-keras[serving]'"
        )

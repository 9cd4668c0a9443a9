"""``python -m pnn_keras.serving``: the development server with TensorFlow Serving's flags."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

# Before TensorFlow is imported, or it does not listen.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pnn_keras.errors import PnnKerasError, UserError  # noqa: E402
from pnn_keras.serving.needed import check_installed  # noqa: E402


def main() -> int:
    """Serves until SIGTERM or SIGINT; gives the exit code."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("pnn_keras").setLevel(logging.INFO)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    log = logging.getLogger("pnn_keras.serving")

    def ready(server) -> None:
        host = server.settings.host
        if server.port is not None:
            log.info("Running gRPC ModelServer at %s:%d ...", host, server.port)
        if server.rest_port is not None:
            log.info("Exporting HTTP/REST API at:%s:%d ...", host, server.rest_port)

    try:
        check_installed()
        from pnn_keras.serving.flags import parse_flags
        from pnn_keras.serving.server import serve

        asyncio.run(serve(parse_flags(sys.argv[1:]), ready))
    except PnnKerasError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the server shows outside of /v1/: the page, readiness, the list of models, metrics."""

from __future__ import annotations

from pathlib import Path

import orjson
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from pnn_keras.serving.core import Core

#: The page that lets anyone try the models.
PAGE = Path(__file__).parent / "page"


class Surface:
    """The whole HTTP surface: ``/v1/`` as it is in TensorFlow Serving, and beside it the site.

    Args:
        rest: answers what comes below ``/v1/``.
        site: answers everything else.
    """

    def __init__(self, rest, site):
        self._rest, self._site = rest, site

    async def __call__(self, scope, receive, send) -> None:
        """Answers one HTTP request."""
        below = scope["type"] == "http" and scope["path"][:4].lower() == "/v1/"
        await (self._rest if below else self._site)(scope, receive, send)


def site(core: Core, metrics_path: str | None) -> Starlette:
    """The routes outside of ``/v1/``.

    - ``/readyz``: 200 when every model answers, else 503;
    - ``/models``: the models, their versions, states and labels;
    - the metrics, where they are on;
    - everything else: files of the page, ``index.html`` at ``/``.

    Args:
        core: the models.
        metrics_path: where metrics are read; None turns them off.
    """

    async def ready(request) -> Response:
        return _json({"ready": core.models.ready}, 200 if core.models.ready else 503)

    async def models(request) -> Response:
        return _json({"models": [_described(core, name) for name in sorted(core.models.served)]})

    async def metrics(request) -> Response:
        return PlainTextResponse(core.metrics.text())

    routes = [Route("/readyz", ready), Route("/models", models)]
    if metrics_path:
        routes.append(Route(metrics_path, metrics))
    if PAGE.is_dir():
        routes.append(Mount("/", StaticFiles(directory=PAGE, html=True)))
    return Starlette(routes=routes)


def _described(core: Core, name: str) -> dict:
    versions = core.models.served[name].versions
    return {
        "name": name,
        "versions": [
            {"version": str(number), "state": versions[number].state}
            for number in sorted(versions, reverse=True)
        ],
        "labels": {k: str(v) for k, v in core.models.labels.get(name, {}).items()},
    }


def _json(content: dict, code: int = 200) -> Response:
    return Response(orjson.dumps(content), code, media_type="application/json")

"""The server: models, REST and gRPC in one event loop, from start to a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Coroutine

import uvicorn

from pnn_keras.errors import PnnKerasError, UserError
from pnn_keras.serving.batching import Batcher
from pnn_keras.serving.config import Model, read_models
from pnn_keras.serving.core import Core
from pnn_keras.serving.grpc_listening import grpc_server
from pnn_keras.serving.models import Models
from pnn_keras.serving.rest import Rest
from pnn_keras.serving.settings import Settings
from pnn_keras.serving.site import Surface, site
from pnn_keras.serving.status import StatusError

log = logging.getLogger("pnn_keras.serving")


class _Http(uvicorn.Server):
    """uvicorn, which leaves the signals to the server."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


class Server:
    """A development server with TensorFlow Serving's surface.

    Args:
        settings: what it serves, and where.

    Attributes:
        port: the gRPC port, once started; None where it is off.
        rest_port: the REST port, once started; None where it is off.
        models: its models.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self.models = Models(settings.free_labels)
        self.port: int | None = None
        self.rest_port: int | None = None
        self._core = Core(self.models, Batcher(settings.batching), settings.request_log)
        self._tasks: list[asyncio.Task] = []
        self._grpc = self._http = self._http_task = None
        self._config_seen: list[Model] | None = None

    async def start(self) -> None:
        """Listens, loads the models, then answers; a model that does not load is logged.

        Raises:
            UserError: the model config is wrong.
            PnnKerasError: a port is taken.
        """
        settings = self.settings
        wanted = list(settings.models)
        if settings.config_file:
            wanted = self._config_seen = read_models(settings.config_file)
        if not wanted:
            raise UserError("There is no model to serve: name one, or a model config file")
        if settings.port is None and settings.rest_port is None and not settings.grpc_socket_path:
            raise UserError("Both --port and --rest_api_port are 0: nobody could ask anything")
        await self._listen()
        await self._apply_first(wanted)
        if settings.version_poll:
            self._keep(self.models.keep_polling(settings.version_poll))
        if settings.config_file and settings.config_poll:
            self._keep(self._keep_reading_config())

    async def _apply_first(self, wanted: list[Model]) -> None:
        try:
            await self.models.apply(wanted)
        except StatusError as error:
            raise UserError(
                f"{error.message}. At the start no version is loaded yet: labels need "
                "--allow_version_labels_for_unavailable_models"
            ) from error

    async def _listen(self) -> None:
        settings = self.settings
        if settings.rest_port is not None:
            listening = _bound(settings.host, settings.rest_port)
            self.rest_port = listening.getsockname()[1]
            rest = Rest(self._core, settings.rest_timeout, settings.most_bytes, settings.cors)
            self._http = _Http(
                _http_config(
                    Surface(rest, site(self._core, settings.metrics_path)), settings.grace
                )
            )
            self._http_task = asyncio.ensure_future(self._http.serve(sockets=[listening]))
        if settings.port is not None or settings.grpc_socket_path:
            self._grpc, self.port = await grpc_server(self._core, settings)
            await self._grpc.start()

    def _keep(self, work: Coroutine) -> None:
        self._tasks.append(asyncio.ensure_future(work))

    async def _keep_reading_config(self) -> None:
        """Reads the model config again and again, and serves what it names now."""
        while True:
            await asyncio.sleep(self.settings.config_poll)
            try:
                wanted = await asyncio.to_thread(read_models, self.settings.config_file)
                if wanted != self._config_seen:
                    await self.models.apply(wanted)
                    self._config_seen = wanted
            except PnnKerasError as error:
                log.error("The model config was not taken: %s", error)

    async def stop(self) -> None:
        """Takes no new requests, finishes those that came, unloads the models."""
        for task in self._tasks:
            task.cancel()
        ending = []
        if self._http_task:
            self._http.should_exit = True
            ending.append(self._http_task)
        if self._grpc:
            ending.append(self._grpc.stop(self.settings.grace))
        await asyncio.gather(*ending, *self._tasks, return_exceptions=True)
        await self._core.batcher.close()
        await self.models.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off: it would hold answers back.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise PnnKerasError(
            f"Cannot listen for REST on {host}:{port}: {error.strerror}. Is another server "
            "running? Choose another --rest_api_port"
        ) from error
    return listening


def _http_config(app, grace: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(grace)),
    )


async def serve(settings: Settings, ready: Callable[[Server], None] = lambda server: None) -> None:
    """Serves until SIGTERM or SIGINT, then ends what it has begun.

    Args:
        settings: what is served, and where.
        ready: told once the server answers.

    Raises:
        UserError: the settings cannot work.
        PnnKerasError: a port is taken.
    """
    server, ended = Server(settings), asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT) if sys.platform != "win32" else ()
    for number in numbers:
        loop.add_signal_handler(number, ended.set)
    try:
        await server.start()
        ready(server)
        await ended.wait()
    finally:
        # Whoever signals a second time wants an end at once.
        for number in numbers:
            loop.remove_signal_handler(number)
        await server.stop()

"""Where and how the gRPC server listens: ports, a Unix socket, TLS, channel arguments."""

from __future__ import annotations

import grpc

from pnn_keras.errors import PnnKerasError, UserError
from pnn_keras.serving.config import read_text
from pnn_keras.serving.core import Core
from pnn_keras.serving.grpc_service import MODEL, PREDICTION, GrpcService
from pnn_keras.serving.protos import SSLConfig
from pnn_keras.serving.settings import Settings


def parse_channel_arguments(text: str) -> list[tuple[str, int | str]]:
    """``--grpc_channel_arguments``: ``key=value`` with commas; whole numbers become numbers.

    Raises:
        UserError: a part has no ``=``.

    Example:

    >>> parse_channel_arguments("grpc.max_connection_age_ms=2000,grpc.primary_user_agent=x")
    [('grpc.max_connection_age_ms', 2000), ('grpc.primary_user_agent', 'x')]
    """
    arguments: list[tuple[str, int | str]] = []
    for part in filter(None, text.split(",")):
        key, sign, value = part.partition("=")
        if not sign or not key:
            raise UserError(f"--grpc_channel_arguments is key=value,... Received: {part!r}")
        try:
            arguments.append((key, int(value)))
        except ValueError:
            arguments.append((key, value))
    return arguments


async def grpc_server(core: Core, settings: Settings) -> tuple[grpc.aio.Server, int | None]:
    """A gRPC server that listens, and has not started.

    Args:
        core: the models.
        settings: the server's.

    Returns:
        The server and its port, None where it has a Unix socket alone.

    Raises:
        PnnKerasError: the port or the socket is taken.
    """
    arguments = {
        # A second server on the same port would quietly take half of the requests.
        "grpc.so_reuseport": 0,
        "grpc.max_receive_message_length": settings.most_bytes,
        "grpc.max_send_message_length": -1,
        **dict(parse_channel_arguments(settings.grpc_channel_arguments)),
    }
    server = grpc.aio.server(options=list(arguments.items()))
    server.add_generic_rpc_handlers(GrpcService(core).handlers())
    if settings.health:
        await _add_health(server)
    port = None
    try:
        if settings.port is not None:
            port = _listen(server, _at(settings), settings.ssl_config_file)
        if settings.grpc_socket_path:
            _listen(server, f"unix:{settings.grpc_socket_path}", None)
    except RuntimeError as error:
        where = _at(settings) if settings.port is not None else settings.grpc_socket_path
        raise PnnKerasError(
            f"Cannot listen for gRPC on {where}: {error}. Is another server running? "
            "Choose another --port"
        ) from error
    return server, port


def _at(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def _listen(server: grpc.aio.Server, address: str, ssl_config_file: str | None) -> int:
    if not ssl_config_file:
        return server.add_insecure_port(address)
    config = read_text(ssl_config_file, SSLConfig())
    credentials = grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )
    return server.add_secure_port(address, credentials)


async def _add_health(server: grpc.aio.Server) -> None:
    from grpc_health.v1 import health, health_pb2, health_pb2_grpc

    servicer = health.aio.HealthServicer()
    for name in ("", PREDICTION, MODEL):
        await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)

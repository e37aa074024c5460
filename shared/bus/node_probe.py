"""Probes one node of the broker over AMQP: its properties, and the rights of a login. Nothing is left behind."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pika
from pika.exceptions import (
    AMQPError,
    ChannelClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from shared.bus.address import BusAddress
from shared.bus.topology import missing
from shared.core.errors import Unavailable

CONNECT_TIMEOUT_S, HANDSHAKE_TIMEOUT_S = 3.0, 5.0
NO_CONNECTION = "no connection"


def node_properties(url: str) -> Mapping[str, str]:
    """Properties of the node behind ``url`` (``version``, ``cluster_name`` …), after signing in.

    Raises:
        Unavailable: it does not answer, or refuses the login.
    """
    with _connection(url) as connection:
        found = connection._impl.server_properties  # pika has no public attribute for them
        return {name: str(value) for name, value in found.items()}


def may_declare(url: str) -> bool:
    """Whether the login may make a queue: it tries to declare one that ends with its connection.

    Raises:
        Unavailable: the node does not answer, or refuses the login.
    """
    with _connection(url) as connection:
        try:
            connection.channel().queue_declare(f"probe.{secrets.token_hex(8)}", exclusive=True, auto_delete=True)
        except ChannelClosedByBroker:
            return False
        return True


def missing_queues(urls: tuple[str, ...]) -> list[str]:
    """Exchanges and queues that are not there.

    Raises:
        Unavailable: no node answers.
    """
    try:
        return missing(BusAddress(broker_urls=urls))
    except (AMQPError, OSError) as error:
        raise Unavailable(_reason(error)) from error


@contextmanager
def _connection(url: str) -> Iterator[pika.BlockingConnection]:
    parameters = pika.URLParameters(url)
    parameters.socket_timeout, parameters.stack_timeout = CONNECT_TIMEOUT_S, HANDSHAKE_TIMEOUT_S
    try:
        with pika.BlockingConnection(parameters) as connection:
            yield connection
    except (AMQPError, OSError) as error:
        raise Unavailable(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Why there is no connection; pika names the refusals of a login."""
    if isinstance(error, ProbableAuthenticationError):
        return "password refused"
    return "no right to the vhost" if isinstance(error, ProbableAccessDeniedError) else NO_CONNECTION

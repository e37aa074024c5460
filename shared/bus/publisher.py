"""What a relay needs of a bus: offer a batch, learn the fate of each message."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """The fate of an offered message. Only ``CONFIRMED`` may be marked as published."""

    CONFIRMED = "confirmed"
    """Routed to every queue bound for it and safely stored there."""
    UNROUTABLE = "unroutable"
    """No queue is bound: the topology is broken; nothing was stored."""
    REFUSED = "refused"
    """The broker said no (a queue is full)."""
    UNKNOWN = "unknown"
    """The connection was lost or too slow: it may or may not be there, so it is offered again."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as the bus sees it."""

    message_id: str
    type: str
    routing_key: str
    source: str
    body: bytes


class Publisher(Protocol):
    """Two implementations: RabbitMQ by pika, the embedded bus by SQL."""

    def publish(self, batch: Sequence[Outgoing], timeout_s: float) -> list[Outcome]:
        """Offer ``batch`` and wait for all fates, at most ``timeout_s`` seconds. Never raises for a lost broker."""
        ...

    def close(self) -> None:
        """Let go of the connection. What is unconfirmed stays unknown."""
        ...

"""Names on the broker and the routes between them, derived from the table of message types."""

from functools import cache

from shared.contracts.registry import BY_KEY, MESSAGE_TYPES, QUEUES

VHOST = "troika"
FACTS = "troika.facts"
RETRY = "troika.retry"
REQUEUE = "troika.requeue"
DEAD = "troika.dead"
EXCHANGES = (FACTS, RETRY, REQUEUE, DEAD)

RETRY_TIERS: dict[str, float] = {"10s": 10.0, "1m": 60.0, "10m": 600.0}
"""Name and delay in seconds: three queues serve all others, since a dead letter keeps its routing key."""

DELIVERY_LIMIT = 8
"""Redeliveries after a crash before a message is parked: above any innocent use, so a crash loop ends in seconds."""

PARKED_SUFFIX = ".parked"
REASON_HEADER = "x-troika-reason"
ATTEMPT_HEADER = "x-troika-attempt"
DELIVERY_COUNT_HEADER = "x-delivery-count"


def parked(queue: str) -> str:
    """The queue in which messages of ``queue`` wait for an operator."""
    return queue + PARKED_SUFFIX


def retry_queue(tier: str) -> str:
    """The queue of a retry tier."""
    return f"{RETRY}.{tier}"


def retry_key(tier: str, queue: str) -> str:
    """The routing key that sends a message through ``tier`` back to ``queue``."""
    return f"{tier}.{queue}"


def replay_key(queue: str) -> str:
    """The routing key by which an operator sends a parked message back to ``queue``."""
    return f"replay.{queue}"


@cache
def bindings() -> tuple[tuple[str, str, str], ...]:
    """Every binding as (exchange, routing key, queue)."""
    rows = [(FACTS, entry.key, queue) for entry in MESSAGE_TYPES for queue in entry.consumers]
    rows += [(RETRY, f"{tier}.#", retry_queue(tier)) for tier in RETRY_TIERS]
    rows += [(REQUEUE, f"*.{queue}", queue) for queue in QUEUES]
    rows += [(DEAD, queue, parked(queue)) for queue in QUEUES]
    return tuple(rows)


@cache
def route(exchange: str, routing_key: str) -> tuple[tuple[str, float], ...]:
    """The queues a message reaches and the delay before it does, in seconds; empty if nothing is bound.

    What the broker works out from :func:`bindings`, for the embedded bus.
    """
    if exchange == FACTS:
        entry = BY_KEY.get(routing_key)
        return tuple((queue, 0.0) for queue in entry.consumers) if entry else ()
    if exchange == DEAD:
        return ((parked(routing_key), 0.0),) if routing_key in QUEUES else ()
    first, _, queue = routing_key.partition(".")
    if queue not in QUEUES:
        return ()
    if exchange == RETRY:
        return ((queue, RETRY_TIERS[first]),) if first in RETRY_TIERS else ()
    return ((queue, 0.0),) if exchange == REQUEUE else ()

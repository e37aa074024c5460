"""Places at which a process may be made to die, fail or hang: every commit, publish, confirm and ack.

The points of a service are in its ``telemetry``.

The tests' launcher installs a hook; nothing else does, and no setting or environment variable can. Without a hook a
point costs a call that reads one name. The registry is closed: a call without an entry, an entry without a call, and
a point that no test breaks are each a failing test.
"""

from collections.abc import Callable
from dataclasses import dataclass

Hook = Callable[[str], None]

EVERY_PROCESS = ("*",)
"""Role of a point that each kind of process reaches."""


@dataclass(frozen=True, slots=True)
class Point:
    """Attributes:
    where: the step at which it is, in words.
    roles: kinds of the processes that reach it.
    """

    where: str
    roles: tuple[str, ...]


POINTS: dict[str, Point] = {
    "transaction.ready": Point("all statements of a transaction have run, nothing is committed", EVERY_PROCESS),
    "transaction.committed": Point("a transaction is committed, nothing is published or answered", EVERY_PROCESS),
    "relay.claimed": Point("rows of the outbox are locked", ("relay",)),
    "relay.publishing": Point("they are about to be offered to the bus", ("relay",)),
    "relay.published": Point("the bus has answered, no row is marked", ("relay",)),
    "relay.marked": Point("rows are marked as published, nothing is committed", ("relay",)),
    "relay.committed": Point("the marks are committed", ("relay",)),
    "publisher.sent": Point("a window of messages is sent to RabbitMQ, none is confirmed", ("relay",)),
    "publisher.confirm": Point("a confirm of RabbitMQ has come and is not counted", ("relay",)),
    "embedded.stored": Point("messages stand on the embedded bus, nothing is committed", ("relay", "consume")),
    "embedded.committed": Point("they are committed, who put them there does not know it", ("relay", "consume")),
    "consume.received": Point("messages have come and are not read", ("consume",)),
    "inbox.applied": Point("effects and inbox rows are stored, nothing is committed", ("consume",)),
    "inbox.committed": Point("they are committed, the consumer does not know it", ("consume",)),
    "settle.ack": Point("a message is about to be acknowledged", ("consume",)),
    "settle.acked": Point("it is acknowledged", ("consume",)),
    "settle.retry": Point("a copy is about to go to a retry tier", ("consume",)),
    "settle.retried": Point("the copy is confirmed, the message not acknowledged", ("consume",)),
    "settle.park": Point("a copy is about to be parked", ("consume",)),
    "settle.parked": Point("the copy is confirmed, the message not acknowledged", ("consume",)),
}

_hook: Hook | None = None


def reach(name: str) -> None:
    """Report that the point ``name`` is reached. An installed hook may end, fail or hang the caller."""
    if _hook is not None:
        _hook(name)


def install(hook: Hook | None) -> None:
    """Have ``hook`` called with the name of each point that is reached; None takes it out. For the tests' launcher."""
    global _hook
    _hook = hook

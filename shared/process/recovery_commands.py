"""``resume | publish-again | receive-again``: an operator's commands that end a halt, or repair lost messages."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from shared.contracts.envelope import TYPE_PREFIX
from shared.contracts.registry import MESSAGE_TYPES, QUEUES, service_of
from shared.process.operator_command import InQuarantine, OperatorGroup
from shared.process.recovery import Recovery, recovery
from shared.process.service import Service
from shared.process.settings import RECOVER
from shared.store import outbox
from shared.store.deeds import note_deed
from shared.store.halted_queues import resume as resume_queue
from shared.store.inbox import forget_since
from shared.store.outbox import Again

BATCH = 1000
"""Rows of one transaction: what waits for one of them, an erasure or a relay, waits for milliseconds."""

PACE_S = 5.0
"""How long a batch waits for the relay before the next one: new messages stand in line behind one batch, not all."""


class Instant(click.ParamType[datetime]):
    """``2026-11-27T14:00:00Z`` or with another offset; an instant without one would be somebody's local time."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant, in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value} is no instant like 2026-11-27T14:00:00Z", param, ctx)
        if found.tzinfo is None:
            self.fail(f"{value} has no offset: write Z for UTC, or +01:00", param, ctx)
        return found.astimezone(UTC)


def add_recovery_commands(group: OperatorGroup, service: Service) -> None:
    """Add the commands to the command line of ``service``."""
    queues = [name for name in QUEUES if service_of(name) == service.name]
    types = [entry.key for entry in MESSAGE_TYPES if entry.producer == service.name]
    _add_resume(group, service, queues)
    _add_publish_again(group, service, types)
    _add_receive_again(group, service, queues)


def _add_resume(group: OperatorGroup, service: Service, queues: Sequence[str]) -> None:
    @group.command(in_quarantine=InQuarantine.RECOVERS)
    @click.argument("queue", type=click.Choice(queues))
    def resume(queue: str) -> None:
        """Let a halted QUEUE go on."""
        with recovery(service, RECOVER) as tools, tools.work.transaction() as connection:
            was_halted = resume_queue(connection, queue)
            if was_halted:
                note_deed(connection, tools.entry("queue-resumed", "queue", queue), tools.clock())
        click.echo(f"{queue} {'goes on' if was_halted else 'was not halted'}")


def _add_publish_again(group: OperatorGroup, service: Service, types: Sequence[str]) -> None:
    @group.command("publish-again", in_quarantine=InQuarantine.REFUSED)
    @click.option("--since", required=True, type=Instant(), help="Messages published at or after this instant.")
    @click.option("--type", "key", default=None, type=click.Choice(types), help="Only messages of this type.")
    def publish_again(since: datetime, key: str | None) -> None:
        """Publish messages of the last days once more; whoever has received them ignores them."""
        with recovery(service, RECOVER) as tools:
            with tools.work.transaction() as connection:
                wanted = Again(since, outbox.last_id(connection), TYPE_PREFIX + key if key else None)
                oldest = outbox.oldest_published(connection)
            detail = {"since": since.isoformat(), "type": key}
            tools.record(tools.entry("messages-published-again", "service", service.name, **detail))
            total = publish_in_batches(tools, wanted)
        click.echo(f"{total} messages are published again")
        if oldest is not None and oldest > since:
            click.echo(
                f"Nothing that was published before {oldest.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} is kept.", err=True
            )


def publish_in_batches(tools: Recovery, wanted: Again) -> int:
    """Hand messages to the relay batch by batch, at its pace; returns how many.

    If no relay publishes a batch in time, the others are handed over at once and wait for one.
    """
    total, last, is_relayed = 0, 0, True
    while True:
        with tools.work.transaction() as connection:
            count, last = outbox.publish_again(connection, wanted, last, tools.clock(), BATCH)
        total += count
        if count < BATCH:
            return total
        is_relayed = is_relayed and _is_relayed(tools, last)


def _is_relayed(tools: Recovery, last: int) -> bool:
    """Whether a relay publishes everything up to the row ``last`` within ``PACE_S``."""
    deadline = time.monotonic() + PACE_S
    while time.monotonic() < deadline:
        with tools.work.transaction() as connection:
            if not outbox.has_unpublished(connection, last):
                return True
        time.sleep(0.05)  # the relay polls as often
    return False


def _add_receive_again(group: OperatorGroup, service: Service, queues: Sequence[str]) -> None:
    @group.command("receive-again", in_quarantine=InQuarantine.REFUSED)
    @click.argument("queue", type=click.Choice(queues))
    @click.option("--since", required=True, type=Instant(), help="Messages received at or after this instant.")
    def receive_again(queue: str, since: datetime) -> None:
        """Forget that messages of QUEUE were received: published again, they have their effect once more.

        For a database that has lost rows but not its inbox. What is there stays as it is: effects go by revisions and
        deterministic ids.
        """
        with recovery(service, RECOVER) as tools:
            tools.record(tools.entry("messages-received-again", "queue", queue, since=since.isoformat()))
            total = count = _forget(tools, queue, since)
            while count == BATCH:
                count = _forget(tools, queue, since)
                total += count
        click.echo(f"{total} messages of {queue} have their effect again once they are published again")


def _forget(tools: Recovery, queue: str, since: datetime) -> int:
    with tools.work.transaction() as connection:
        return forget_since(connection, queue, since, BATCH)

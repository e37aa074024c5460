"""Commands for recovery: ``parked …``, ``resume``, ``publish-again``, ``receive-again``, ``confirm-time``.

Each is idempotent, checks the clock where time matters, and is in the audit log.
"""

import getpass
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click

from shared.cli.operator_command import InQuarantine, OperatorGroup, operator_work
from shared.cli.settings import PARKED, RECOVER, CommonSettings, Service
from shared.db.engine import open_engine
from shared.db.highest_time import confirm_time, read_highest_time
from shared.db.readiness import CheckedClock, read_database_time
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.messaging.contracts.registry import MESSAGE_TYPES, QUEUES, service_of
from shared.messaging.contracts.schemas import TYPE_PREFIX
from shared.messaging.dead_letters import Chosen, ParkedMessage, count_parked, drop, list_parked, replay
from shared.messaging.halts import allow_parking
from shared.messaging.halts import resume as resume_queue
from shared.messaging.inbox import forget_since
from shared.messaging.outbox import Again
from shared.runtime.clock import Clock, rfc3339, system_clock
from shared.runtime.errors import Quarantined, Unavailable
from shared.security.audit_log import AuditRecord, add_audit_record

OPERATOR_VARIABLE = "TROIKA_OPERATOR"
JUMPED = "the time has jumped: check it, then `troika {service} confirm-time`"


@dataclass(frozen=True, slots=True)
class Recovery:
    """Attributes:
    settings: the settings of the command.
    work: the unit of work on the service's database, with the operator's rights.
    clock: the source of the current time.
    operator: who runs the command, for the audit log.
    """

    settings: CommonSettings
    work: UnitOfWork
    clock: Clock
    operator: str

    def entry(self, action: str, kind: str, subject: str, **detail: Any) -> AuditRecord:
        """An entry of the audit log: ``action`` in the past tense, done to ``subject``, which is a ``kind``."""
        return AuditRecord(
            self.operator, action, kind, subject, {name: value for name, value in detail.items() if value}
        )

    def record(self, entry: AuditRecord) -> None:
        """Write ``entry`` to the audit log, in a separate transaction."""
        with self.work.transaction() as connection:
            add_audit_record(connection, entry, self.clock())


@contextmanager
def recovery(service: Service, process: str) -> Iterator[Recovery]:
    """Open what a command of the kind ``process`` needs; a database or bus that is down ends it with a sentence."""
    settings = service.settings(process)
    engine = open_engine(settings.database_url, application=f"troika-{service.name}-{process}")
    try:
        yield Recovery(settings, operator_work(engine, service.name), system_clock, operator_name())
    except Quarantined:
        raise
    except Unavailable as error:
        raise click.ClickException(f"{error.reason}; nothing more was done, run the command again later") from None
    finally:
        engine.dispose()


def operator_name() -> str:
    """Who runs this command: the value of TROIKA_OPERATOR, else the account that used sudo, else the account."""
    return os.environ.get(OPERATOR_VARIABLE) or os.environ.get("SUDO_USER") or getpass.getuser()


def checked_now(work: UnitOfWork, service: str) -> datetime:
    """The time, where it agrees with the database's.

    Raises:
        ClickException: it does not, or both have jumped.
    """
    clock = CheckedClock(system_clock, work, service, read_database_time)
    now = clock.final_now("retention-confirm")
    if now is None:
        raise click.ClickException(clock.problem() or JUMPED.format(service=service))
    return now


def confirmed_by(waiting: Mapping[str, int], form: str, *, yes: bool) -> bool:
    """Return whether to delete what waits: true for ``yes``, else the operator's answer; False if nothing waits.

    Raises:
        UsageError: the command is not run interactively, so it cannot ask.
        Abort: the answer is no.
    """
    if not waiting:
        click.echo(f"{form}: nothing is waiting.")
        return False
    counts = ", ".join(f"{count} {step}" for step, count in waiting.items())
    click.echo(f"{form}: {counts} are due but were not announced. First check whether a clock has jumped.")
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("use --yes when not run interactively")
    return yes or click.confirm("They cannot be restored afterwards. Delete them?", abort=True)


LISTED = 100
MAX_PARKING = 100_000
"""Messages that one command may have parked; a queue takes 200,000."""

Option = Callable[[Callable[..., None]], Callable[..., None]]


def add_parked_commands(group: OperatorGroup, service: Service) -> None:
    """Add the group of commands to the command line of ``service``."""
    parked = OperatorGroup("parked", help="Messages that could not be handled and wait for a decision.")
    group.add_command(parked)
    queues = [name for name in QUEUES if service_of(name) == service.name]
    queue = click.option("--queue", required=True, type=click.Choice(queues))
    which = click.option("--id", "message_id", default="", help="Only the message with this id; if left out, all.")
    for add in (_add_reading, _add_deciding):
        add(parked, queue, which, service)
    _add_drain(parked, queues, service)


def chosen(message_id: str = "", reason: str = "") -> Chosen:
    """Whether a message has this id and reason; an empty one matches any."""

    def is_chosen(message: ParkedMessage) -> bool:
        return message_id in ("", message.message_id) and reason in ("", message.reason)

    return is_chosen


def _add_reading(group: OperatorGroup, queue: Option, which: Option, service: Service) -> None:
    @group.command("list", in_quarantine=InQuarantine.READS)
    @queue
    def list_them(queue: str) -> None:
        """Id, type, attempts and reason of each, the oldest hundred."""
        with recovery(service, PARKED) as tools:
            found, count = list_parked(tools.settings.bus, queue, LISTED), count_parked(tools.settings.bus, queue)
        for message in found:
            click.echo(f"{message.message_id or '-'}  {message.type or '-'}  {message.attempt}  {message.reason}")
        if count > len(found):
            click.echo(f"{count - len(found)} more, {count} in all", err=True)

    @group.command(in_quarantine=InQuarantine.READS)
    @queue
    @which
    def show(queue: str, message_id: str) -> None:
        """Print the body; personal data in it are encrypted."""
        with recovery(service, PARKED) as tools:
            found = list_parked(tools.settings.bus, queue, None if message_id else LISTED)
        for message in filter(chosen(message_id), found):
            click.echo(f"{message.message_id}: {message.reason}\n{message.readable_body()}")


def _add_deciding(group: OperatorGroup, queue: Option, which: Option, service: Service) -> None:
    reason = click.option("--reason", default="", help="Only messages parked for exactly this reason.")

    @group.command("replay", in_quarantine=InQuarantine.REFUSED)
    @queue
    @which
    @reason
    def replay_them(queue: str, message_id: str, reason: str) -> None:
        """Send messages back to the queue that they came from."""
        with recovery(service, PARKED) as tools:
            record = partial(_record, tools, "parked-messages-replayed", queue, message_id, reason)
            count = replay(tools.settings.bus, queue, chosen(message_id, reason), record)
        click.echo(f"{count} replayed")

    @group.command("drop", in_quarantine=InQuarantine.REFUSED)
    @queue
    @which
    @reason
    @click.confirmation_option(prompt="Delete permanently?")
    def drop_them(queue: str, message_id: str, reason: str) -> None:
        """Delete messages permanently."""
        with recovery(service, PARKED) as tools:
            record = partial(_record, tools, "parked-messages-dropped", queue, message_id, reason)
            count = drop(tools.settings.bus, queue, chosen(message_id, reason), record)
        click.echo(f"{count} dropped")


def _add_drain(group: OperatorGroup, queues: Sequence[str], service: Service) -> None:
    @group.command(in_quarantine=InQuarantine.REFUSED)
    @click.option("--reason", required=True, help="The reason as printed by list.")
    @click.option(
        "--queue", default=None, type=click.Choice(queues), help="Only of this queue; if left out, all queues."
    )
    @click.confirmation_option(prompt="Delete permanently?")
    def drain(reason: str, queue: str | None) -> None:
        """Permanently delete all messages that are parked for this reason."""
        with recovery(service, PARKED) as tools:
            for name in [queue] if queue else queues:
                record = partial(_record, tools, "parked-messages-dropped", name, "", reason)
                count = drop(tools.settings.bus, name, chosen(reason=reason), record)
                click.echo(f"{name}: {count} dropped")


def _record(tools: Recovery, action: str, queue: str, message_id: str, reason: str, count: int) -> None:
    tools.record(tools.entry(action, "queue", queue, count=count, message_id=message_id, reason=reason))


BATCH = 1000
"""Rows of one transaction: what waits for one of them, an erasure or a relay, waits for milliseconds."""

PACE_S = 5.0
"""How long a batch waits for the relay before the next one: new messages queue behind one batch, not behind all."""


class Instant(click.ParamType[datetime]):
    """``2026-11-27T14:00:00Z`` or with another offset; an instant without one would be ambiguous local time."""

    name = "instant"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The instant, in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value} is not an instant such as 2026-11-27T14:00:00Z", param, ctx)
        if found.tzinfo is None:
            self.fail(f"{value} has no offset: write Z for UTC, or +01:00", param, ctx)
        return found.astimezone(UTC)


def add_recovery_commands(group: OperatorGroup, service: Service) -> None:
    """Add the commands to the command line of ``service``."""
    queues = [name for name in QUEUES if service_of(name) == service.name]
    types = [entry.key for entry in MESSAGE_TYPES if entry.producer == service.name]
    _add_confirm_time(group, service)
    _add_resume(group, service, queues)
    _add_publish_again(group, service, types)
    _add_receive_again(group, service, queues)


def _add_confirm_time(group: OperatorGroup, service: Service) -> None:
    @group.command("confirm-time", in_quarantine=InQuarantine.REFUSED)
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def confirm(*, yes: bool) -> None:
        """Confirm that the time is right after it has jumped: what is due is then deleted, expired and given up."""
        with recovery(service, RECOVER) as tools:
            if problem := CheckedClock(tools.clock, tools.work, service.name, read_database_time).problem():
                raise click.ClickException(problem)
            with tools.work.transaction() as connection:
                seen = read_highest_time(connection)
            if seen.seen_at is None:
                click.echo(f"{service.name}: no process has run yet")
                return
            now = tools.clock()
            click.echo(f"{service.name}: it is {rfc3339(now)}; the service ran until {rfc3339(seen.seen_at)}")
            if not yes and not sys.stdin.isatty():
                raise click.UsageError("use --yes when not run interactively")
            if not yes:
                click.confirm("What is deleted cannot be restored. Is this the right time?", abort=True)
            with tools.work.transaction() as connection:
                confirm_time(connection, now)
                before = rfc3339(seen.seen_at)
                add_audit_record(connection, tools.entry("time-confirmed", "service", service.name, before=before), now)
        click.echo(f"{service.name}: confirmed")


def _add_resume(group: OperatorGroup, service: Service, queues: Sequence[str]) -> None:
    @group.command(in_quarantine=InQuarantine.RECOVERS)
    @click.argument("queue", type=click.Choice(queues))
    @click.option("--parking", default="", metavar="REASON", help="First park messages for exactly this reason.")
    @click.option("--at-most", type=click.IntRange(1, MAX_PARKING), help="How many of them.")
    def resume(queue: str, parking: str, at_most: int | None) -> None:
        """Resume a halted QUEUE.

        With --parking, messages with that reason (as `parked list` prints it) are parked without a pause, and all
        others are handled one by one, until the queue is empty: then it resumes.
        """
        if bool(parking) != (at_most is not None):
            raise click.UsageError("--parking REASON and --at-most N belong together")
        with recovery(service, RECOVER) as tools, tools.work.transaction() as connection:
            if at_most is None:
                was_halted = resume_queue(connection, queue)
            else:
                was_halted = allow_parking(connection, queue, parking, at_most)
            if was_halted:
                entry = tools.entry("queue-resumed", "queue", queue, parking=parking, at_most=at_most)
                add_audit_record(connection, entry, tools.clock())
        resumed = "is resumed" if at_most is None else f"resumes after at most {at_most} messages are parked"
        click.echo(f"{queue} {resumed if was_halted else 'was not halted'}")


def _add_publish_again(group: OperatorGroup, service: Service, types: Sequence[str]) -> None:
    @group.command("publish-again", in_quarantine=InQuarantine.REFUSED)
    @click.option("--since", required=True, type=Instant(), help="Messages published at or after this instant.")
    @click.option("--type", "key", default=None, type=click.Choice(types), help="Only messages of this type.")
    def publish_again(since: datetime, key: str | None) -> None:
        """Publish messages of recent days again; consumers ignore those that they have already received."""
        with recovery(service, RECOVER) as tools:
            with tools.work.transaction() as connection:
                wanted = Again(since, outbox.last_id(connection), TYPE_PREFIX + key if key else None)
                oldest = outbox.oldest_published(connection)
            detail = {"since": since.isoformat(), "type": key}
            tools.record(tools.entry("messages-published-again", "service", service.name, **detail))
            total = publish_in_batches(tools, wanted)
        click.echo(f"{total} messages will be republished")
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
        """Forget that messages of QUEUE were received: when they are published again, they take effect again.

        For a database that has lost rows but not its inbox. What is there stays as it is: effects go by revisions and
        deterministic ids.
        """
        with recovery(service, RECOVER) as tools:
            tools.record(tools.entry("messages-received-again", "queue", queue, since=since.isoformat()))
            total = count = _forget(tools, queue, since)
            while count == BATCH:
                count = _forget(tools, queue, since)
                total += count
        click.echo(f"{total} messages of {queue} will take effect again when they are republished")


def _forget(tools: Recovery, queue: str, since: datetime) -> int:
    with tools.work.transaction() as connection:
        return forget_since(connection, queue, since, BATCH)

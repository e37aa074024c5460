"""``parked list | show | replay | drop | drain``: the operator's commands for messages that could not be handled."""

from collections.abc import Callable, Sequence
from functools import partial

import click

from shared.bus.parked import Chosen, ParkedMessage, count_parked, drop, list_parked, replay
from shared.contracts.registry import QUEUES, service_of
from shared.process.operator_command import InQuarantine, OperatorGroup
from shared.process.recovery import Recovery, recovery
from shared.process.service import Service
from shared.process.settings import PARKED

LISTED = 100

Option = Callable[[Callable[..., None]], Callable[..., None]]


def add_parked_commands(group: OperatorGroup, service: Service) -> None:
    """Add the group of commands to the command line of ``service``."""
    parked = OperatorGroup("parked", help="Messages that could not be handled and wait for a decision.")
    group.add_command(parked)
    queues = [name for name in QUEUES if service_of(name) == service.name]
    queue = click.option("--queue", required=True, type=click.Choice(queues))
    which = click.option("--id", "message_id", default="", help="Only the message with this id; all if left out.")
    for add in (_add_reading, _add_deciding):
        add(parked, queue, which, service)
    _add_drain(parked, queues, service)


def chosen(message_id: str = "", reason: str = "") -> Chosen:
    """Whether a message has the named id and reason; what is empty is not asked for."""

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
        """The body; what is personal in it is sealed."""
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
        """Send back to the queue it came from."""
        with recovery(service, PARKED) as tools:
            record = partial(_record, tools, "parked-messages-replayed", queue, message_id, reason)
            count = replay(tools.settings.bus, queue, chosen(message_id, reason), record)
        click.echo(f"{count} replayed")

    @group.command("drop", in_quarantine=InQuarantine.REFUSED)
    @queue
    @which
    @reason
    @click.confirmation_option(prompt="Delete for good?")
    def drop_them(queue: str, message_id: str, reason: str) -> None:
        """Delete for good."""
        with recovery(service, PARKED) as tools:
            record = partial(_record, tools, "parked-messages-dropped", queue, message_id, reason)
            count = drop(tools.settings.bus, queue, chosen(message_id, reason), record)
        click.echo(f"{count} dropped")


def _add_drain(group: OperatorGroup, queues: Sequence[str], service: Service) -> None:
    @group.command(in_quarantine=InQuarantine.REFUSED)
    @click.option("--reason", required=True, help="As list prints it.")
    @click.option(
        "--queue", default=None, type=click.Choice(queues), help="Only of this queue; all queues if left out."
    )
    @click.confirmation_option(prompt="Delete for good?")
    def drain(reason: str, queue: str | None) -> None:
        """Delete for good whatever is parked for this reason."""
        with recovery(service, PARKED) as tools:
            for name in [queue] if queue else queues:
                record = partial(_record, tools, "parked-messages-dropped", name, "", reason)
                count = drop(tools.settings.bus, name, chosen(reason=reason), record)
                click.echo(f"{name}: {count} dropped")


def _record(tools: Recovery, action: str, queue: str, message_id: str, reason: str, count: int) -> None:
    tools.record(tools.entry(action, "queue", queue, count=count, message_id=message_id, reason=reason))

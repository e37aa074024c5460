"""``parked list | show | replay | drop``: the operator's commands for messages that could not be handled."""

from collections.abc import Callable, Sequence

import click

from shared.bus.address import BusAddress
from shared.bus.parked import ParkedMessage, drop, list_parked, replay

Address = Callable[[], BusAddress]
Option = Callable[[Callable[..., None]], Callable[..., None]]


def parked_commands(queues: Sequence[str], address: Address) -> click.Group:
    """The group of commands.

    Args:
        queues: those that can be named.
        address: of the bus; asked for when a command runs.
    """
    group = click.Group("parked", help="Messages that could not be handled and wait for a decision.")
    queue = click.option("--queue", required=True, type=click.Choice(list(queues)))
    which = click.option("--id", "message_id", default="", help="Only the message with this id; all if left out.")
    for add in (_add_reading, _add_deciding):
        add(group, queue, which, address)
    return group


def chosen(message_id: str) -> Callable[[ParkedMessage], bool]:
    """Whether a message is the one named; any is if none is named."""
    return lambda message: not message_id or message.message_id == message_id


def _add_reading(group: click.Group, queue: Option, which: Option, address: Address) -> None:
    @group.command("list")
    @queue
    def list_them(queue: str) -> None:
        """Id, type, attempts and reason of each."""
        for message in list_parked(address(), queue):
            click.echo(f"{message.message_id or '-'}  {message.type or '-'}  {message.attempt}  {message.reason}")

    @group.command()
    @queue
    @which
    def show(queue: str, message_id: str) -> None:
        """The body; what is personal in it is sealed."""
        for message in filter(chosen(message_id), list_parked(address(), queue)):
            click.echo(f"{message.message_id}: {message.reason}\n{message.readable_body()}")


def _add_deciding(group: click.Group, queue: Option, which: Option, address: Address) -> None:
    @group.command("replay")
    @queue
    @which
    def replay_them(queue: str, message_id: str) -> None:
        """Send back to the queue it came from."""
        click.echo(f"{replay(address(), queue, chosen(message_id))} replayed")

    @group.command("drop")
    @queue
    @which
    @click.confirmation_option(prompt="Delete for good?")
    def drop_them(queue: str, message_id: str) -> None:
        """Delete for good."""
        click.echo(f"{drop(address(), queue, chosen(message_id))} dropped")

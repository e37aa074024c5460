"""What the service hears: events and working groups, kept as its own copy."""

from collections.abc import Mapping

from sqlalchemy import Connection

from services.registration.store.copies import keep_event, keep_working_group
from shared.contracts.envelope import TYPE_PREFIX, Message
from shared.core.errors import Poison
from shared.store.inbox import Effect

COPIES = "registration.copies"
_KEEP = {
    "event.published.v1": keep_event,
    "event.changed.v1": keep_event,
    "working-group.changed.v1": keep_working_group,
}


def effects() -> Mapping[str, Effect]:
    """What a message does, by queue."""
    return {COPIES: _keep}


def _keep(connection: Connection, message: Message) -> None:
    keep = _KEEP.get(message.type.removeprefix(TYPE_PREFIX))
    if keep is None:
        raise Poison("a type this queue does not expect")
    keep(connection, message.data)

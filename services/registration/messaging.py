"""What the service consumes: events and working groups, kept as its own copy, and what became of mails."""

from collections.abc import Mapping

from sqlalchemy import Connection

from services.registration.intake.consumers import handle_mail
from services.registration.store.copies import keep_event, keep_working_group
from shared.contracts.envelope import TYPE_PREFIX, Message
from shared.core.errors import Poison
from shared.store.inbox import Effect

COPIES = "registration.copies"
MAIL = "registration.mail"
_UPSERTS = {
    "event.published.v1": keep_event,
    "event.changed.v1": keep_event,
    "working-group.changed.v1": keep_working_group,
}


def effects() -> Mapping[str, Effect]:
    """What a message does, by queue."""
    return {COPIES: _upsert, MAIL: handle_mail}


def _upsert(connection: Connection, message: Message) -> None:
    upsert = _UPSERTS.get(message.type.removeprefix(TYPE_PREFIX))
    if upsert is None:
        raise Poison("a type this queue does not expect")
    upsert(connection, message.data)

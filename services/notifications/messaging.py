"""What the service hears: events, kept as its own copy, and registrations, each of which causes a mail."""

import base64
import binascii
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from services.notifications.domain.kinds import KIND_OF_MESSAGE
from services.notifications.usecases.note_event import note_event
from services.notifications.usecases.note_registration import Contact, ToldRegistration, note_registration
from shared.contracts.envelope import Message
from shared.core.clock import Clock
from shared.core.errors import Poison
from shared.core.sealing import Unsealable, Vault, open_sealed
from shared.store.inbox import Effect

COPIES = "notifications.copies"
MAIL = "notifications.mail"
EVENT_KEYS = ("event.published.v1", "event.changed.v1")


@dataclass(frozen=True, slots=True)
class Intake:
    """What the effects need.

    Attributes:
        clock: of the project.
        private_keys: open what is sealed to this service, newest first.
        vault: closes it again for the table.
        mail_domain: what Message-IDs end with.
    """

    clock: Clock
    private_keys: tuple[bytes, ...]
    vault: Vault
    mail_domain: str


def effects(intake: Intake) -> Mapping[str, Effect]:
    """What a message does, by queue."""

    def keep(connection: Connection, message: Message) -> None:
        if message.routing_key not in EVENT_KEYS:
            raise Poison("a type this queue does not expect")
        note_event(connection, intake.clock, message.data)

    def mail(connection: Connection, message: Message) -> None:
        told = read_registration(message, list(intake.private_keys))
        note_registration(connection, intake.clock, intake.vault, intake.mail_domain, told)

    return {COPIES: keep, MAIL: mail}


def read_registration(message: Message, private_keys: list[bytes]) -> ToldRegistration:
    """What a checked message says of a registration, with its sealed part opened.

    Raises:
        Poison: of another type, or its sealed part does not open or lacks something.
    """
    kind = KIND_OF_MESSAGE.get(message.routing_key)
    if kind is None:
        raise Poison("a type this queue does not expect")
    data = message.data
    return ToldRegistration(
        kind=kind,
        number=data.get("attempt") or data["revision"],
        registration_id=_identity(data["registration_id"]),
        revision=data["revision"],
        status=data["status"],
        person_ref=data["person_ref"],
        form=data["form"],
        event=data["event"],
        language=data["language"],
        position=data["position"],
        occurred_at=data["occurred_at"],
        contact=_contact(data["sealed"], private_keys),
        correlation_id=message.correlation_id,
    )


def _identity(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise Poison("registration_id is not a UUID") from None


def _contact(sealed: str, private_keys: list[bytes]) -> Contact:
    try:
        content = open_sealed(private_keys, base64.b64decode(sealed, validate=True))
    except (Unsealable, binascii.Error):
        raise Poison("sealed part does not open") from None
    contact = Contact(*(_text(content, name) for name in ("name", "address", "token", "time_zone")))
    if not contact.address or not contact.token:
        raise Poison("sealed part has no address or no link")
    return contact


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    if value is not None and not isinstance(value, str):
        raise Poison(f"sealed part: {name} is not text")
    return value or ""

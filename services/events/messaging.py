"""Incoming messages, checked by the listener, and the use case each one is for."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from services.events.store.contacts import MailContact
from services.events.store.forms import upsert_form
from services.events.store.roster import Registered
from services.events.usecases.erase_registration import COUNTED_BY, NOBODY, erase_registration
from services.events.usecases.note_contact import note_contact
from services.events.usecases.note_registration import note_registration, note_registrations
from shared.contracts.envelope import Message
from shared.store.inbox import BatchEffect, Effect
from shared.store.unit_of_work import UnitOfWork

_SAME_NAME = (
    "registration_id",
    "form",
    "form_kind",
    "status",
    "revision",
    "person_ref",
    "working_group",
    "representative",
    "organisation_id",
    "country",
    "mode",
    "language",
    "partner",
    "position",
    "occurred_at",
    "attend",
)

_OF_THE_ERASED = ("registration_id", "form", "form_kind", "status", "revision", "occurred_at")
ERASED = "person.erased.v1"


def effects(work: UnitOfWork) -> Mapping[str, Effect]:
    """What a message from each queue does. All effects live in the transaction that the inbox gives them."""
    del work
    return {
        "events.rollup": BatchEffect(on_registration, on_registrations),
        "events.contact": on_mail,
        "events.copies": on_form,
    }


def on_registration(connection: Connection, message: Message) -> None:
    """A registration is what the message says, unless something newer is known; or nobody is on it any more."""
    if message.routing_key == ERASED:
        erase_registration(connection, _grave(message))
        return
    note_registration(connection, _registered(message))


def on_registrations(connection: Connection, messages: Sequence[Message]) -> None:
    """Registrations are what their messages say, unless something newer is known."""
    if any(message.routing_key == ERASED for message in messages):
        for message in messages:
            on_registration(connection, message)
        return
    note_registrations(connection, [_registered(message) for message in messages])


def _registered(message: Message) -> Registered:
    content = message.data
    known: dict[str, Any] = {name: content.get(name) for name in _SAME_NAME}
    return Registered(event_id=content.get("event"), **known)


def _grave(message: Message) -> Registered:
    """What a message says of a registration that has nobody on it any more."""
    content = message.data
    told: dict[str, Any] = {name: content[name] for name in _OF_THE_ERASED}
    return Registered(event_id=content["event"], **told, **NOBODY, **COUNTED_BY)


def on_form(connection: Connection, message: Message) -> None:
    """A form is what the message says, unless something newer is known."""
    upsert_form(connection, message.data)


def on_mail(connection: Connection, message: Message) -> None:
    """A mail went out; only those about a registration are contact with somebody on a roster."""
    content = message.data
    if content["about"] != "registration":
        return
    note_contact(
        connection,
        MailContact(content["mail_id"], content["subject"], content["kind"], content["occurred_at"]),
    )

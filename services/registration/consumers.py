"""Consumers: events, working groups, hotels, resources and audit records become copies.

Outcomes of mails are stored, and so are decisions on proposals.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, text

from services.registration.access.store import store_entry
from services.registration.forms.service import upsert_event, upsert_resource, upsert_working_group
from services.registration.people.details import handle_decision
from services.registration.sealed_lists.store import upsert_hotel
from shared.db.readiness import MAX_DIFFERENCE
from shared.messaging.contracts.schemas import TYPE_PREFIX, Message
from shared.messaging.inbox import Effect
from shared.runtime.errors import Poison

COPIES = "registration.copies"
MAIL = "registration.mail"
PROPOSALS = "registration.proposals"
_UPSERTS: Mapping[str, Callable[[Connection, Mapping[str, Any]], object]] = {
    "event.published.v1": upsert_event,
    "event.changed.v1": upsert_event,
    "working-group.changed.v1": upsert_working_group,
    "hotel.changed.v1": upsert_hotel,
    "resource.published.v1": upsert_resource,
    "events-audit.recorded.v1": partial(store_entry, "events"),
    "notifications-audit.recorded.v1": partial(store_entry, "notifications"),
}


def effects(private_keys: Sequence[bytes]) -> Mapping[str, Effect]:
    """What a message does, by queue. ``private_keys`` open what is sealed to this service, newest first."""

    def decide(connection: Connection, message: Message) -> None:
        handle_decision(connection, message, private_keys)

    return {COPIES: _upsert, MAIL: handle_mail, PROPOSALS: decide}


def _upsert(connection: Connection, message: Message) -> None:
    upsert = _UPSERTS.get(message.type.removeprefix(TYPE_PREFIX))
    if upsert is None:
        raise Poison("a type this queue does not expect")
    upsert(connection, message.data)


CONFIRMATION, REGISTRATION = "confirmation", "registration"
SENT, BOUNCED, SUPPRESSED = "mail.sent.v1", "mail.bounced.v1", "mail.suppressed.v1"

# received_at is the database's time and minted_at the decider's: they may differ by so much
_SENT = text("""
    UPDATE candidate c SET mailed_at = :at FROM confirmation_link l
    WHERE l.id = CAST(:link AS uuid) AND c.address_ref = l.address_ref AND c.mailed_at IS NULL
        AND c.received_at <= l.minted_at + :difference
""")
_CHANGE_SENT = text("""
    UPDATE address_change c SET mailed_at = :at FROM confirmation_link l
    WHERE l.id = CAST(:link AS uuid) AND c.address_ref = l.address_ref AND c.mailed_at IS NULL
        AND c.received_at <= l.minted_at + :difference
""")
_ENDED = text("""
    WITH link AS (SELECT address_ref, minted_at FROM confirmation_link WHERE id = CAST(:link AS uuid)),
    waiting AS (DELETE FROM waiting_address w USING link WHERE w.address_ref = link.address_ref),
    changes AS (DELETE FROM address_change c USING link WHERE c.address_ref = link.address_ref
        AND c.received_at <= link.minted_at + :difference),
    candidates AS (DELETE FROM candidate c USING link WHERE c.address_ref = link.address_ref
        AND c.received_at <= link.minted_at + :difference RETURNING c.submission)
    UPDATE submission s SET became = NULL FROM candidates WHERE s.id = candidates.submission
""")


_LOG = text("""
    INSERT INTO mail_log (mail_id, outcome, registration_id, kind, occurred_at)
    SELECT CAST(:mail_id AS uuid), :outcome, id, :kind, :occurred_at FROM registration
    WHERE id = CAST(:subject AS uuid) AND erased_at IS NULL
    ON CONFLICT DO NOTHING
""")
"""What is sent again has the same id: its person sees it once."""


_END_MAILED = text("""
    DELETE FROM managing_link WHERE registration_id = CAST(:subject AS uuid) AND minted_at = :caused_at
""")
"""A link that was mailed to an address that does not exist (any longer) may reach another person one day."""


def handle_mail(connection: Connection, message: Message) -> None:
    """Record the outcome of a mail about a registration; one about a confirmation decides about candidates."""
    data: Mapping[str, Any] = message.data
    if data["about"] == REGISTRATION:
        connection.execute(_LOG, {**data, "outcome": message.routing_key.split(".")[1]})
        if _is_refused(message):
            connection.execute(_END_MAILED, data)
    elif data["about"] == CONFIRMATION:
        _handle_confirmation(connection, message, data)


def _handle_confirmation(connection: Connection, message: Message, data: Mapping[str, Any]) -> None:
    values = {"link": data["subject"], "difference": MAX_DIFFERENCE}
    if message.routing_key == SENT:
        for statement in (_SENT, _CHANGE_SENT):
            connection.execute(statement, values | {"at": data["occurred_at"]})
    elif message.routing_key == SUPPRESSED or _is_refused(message):
        connection.execute(_ENDED, values)


def _is_refused(message: Message) -> bool:
    """Whether no mail reaches the address. A mail that was given up for another reason may be sent again."""
    return message.routing_key == BOUNCED and bool(message.data["refused"])

"""Questions after the confirmation: reminders of missing details, and decisions about proposals."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from services.registration.forms.opening import OPEN_EVENT_STATUSES
from services.registration.forms.store import StoredForm, all_forms
from services.registration.people.messages import DETAILS_REQUESTED, RegistrationMessages, fact_about
from services.registration.people.store import PERSON, to_person
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.schemas import Message
from shared.runtime.errors import Poison
from shared.security.sealing import Unsealable, open_sealed

SUBMITTED, RETURNED = "submitted", "returned"

_LOCK = text("""
    SELECT erased_at IS NOT NULL FROM registration WHERE id = CAST(:proposal_id AS uuid) FOR NO KEY UPDATE
""")
_KEEP = text("UPDATE registration SET lapses_at = NULL WHERE id = CAST(:proposal_id AS uuid)")
_UPSERT = text("""
    INSERT INTO proposal_state (registration_id, revision, answers_revision, status, note, event_id, decided_at)
    VALUES (CAST(:proposal_id AS uuid), :revision, :answers_revision, :status, :note, :event, :occurred_at)
    ON CONFLICT (registration_id) DO UPDATE SET revision = excluded.revision,
        answers_revision = excluded.answers_revision, status = excluded.status, note = excluded.note,
        event_id = excluded.event_id, decided_at = excluded.decided_at
    WHERE proposal_state.revision < excluded.revision
""")


@dataclass(frozen=True, slots=True)
class ProposalState:
    """What coordinators have decided about a proposal.

    Attributes:
        status: ``submitted``, ``accepted``, ``scheduled``, ``returned`` or ``declined``.
        note: the note of the coordinators; may be empty.
        event_id: the slug of the side event that it became; None before.
    """

    status: str = SUBMITTED
    note: str = ""
    event_id: str | None = None


def state_at(found: Mapping[str, Any] | None, revision: int) -> ProposalState:
    """Return the state of a proposal whose registration has ``revision``.

    Args:
        found: the newest decision, a row of ``proposal_state``; None before the first. A decision that returned an
            earlier text is outdated: the person has changed the proposal, so it is submitted again.
    """
    if found is None:
        return ProposalState()
    again = found["status"] == RETURNED and found["answers_revision"] < revision
    return ProposalState(SUBMITTED if again else found["status"], found["note"], found["event_id"])


def handle_decision(connection: Connection, message: Message, private_keys: Sequence[bytes]) -> None:
    """Store a decision of coordinators, unless a newer one is known or the person was erased.

    The proposal does not lapse from then on.

    Raises:
        Poison: the note cannot be decrypted, or there is no such registration.
    """
    data = message.data
    erased = connection.execute(_LOCK, data).scalar()
    if erased is None:
        raise Poison("a decision about an unknown proposal")
    if not erased:
        connection.execute(_UPSERT, {**data, "note": _note(data["note"], private_keys)})
        connection.execute(_KEEP, data)


def _note(sealed: str, private_keys: Sequence[bytes]) -> str:
    try:
        note = open_sealed(list(private_keys), base64.b64decode(sealed, validate=True)).get("note")
    except (Unsealable, binascii.Error):
        raise Poison("the note cannot be decrypted") from None
    if not isinstance(note, str):
        raise Poison("the note is not text")
    return note


FIRST_DELAY = timedelta(hours=1)
"""From the seat to the first reminder."""

BEFORE_DEADLINE = (timedelta(days=14), timedelta(days=3))
"""How long before the deadline the second and third reminders are sent."""

MIN_INTERVAL = timedelta(days=2)
"""Minimum time between two reminders to one person."""

BATCH = 500

_DUE = text(
    PERSON
    + """
    WHERE r.form = :form AND r.status = 'confirmed' AND r.erased_at IS NULL AND r.details_at IS NULL
        AND r.verified_at IS NOT NULL
        AND r.details_reminders = :sent AND r.confirmed_at <= :confirmed_before
        AND (r.details_reminded_at IS NULL OR r.details_reminded_at <= :reminded_before)
    ORDER BY r.id LIMIT :limit FOR UPDATE OF r SKIP LOCKED
    """
)
_REMINDED = text("""
    UPDATE registration SET details_reminders = details_reminders + 1, details_reminded_at = :now
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")


@dataclass(frozen=True, slots=True)
class DetailsReminder:
    """A reminder that is due now on a form.

    Attributes:
        sent: how many reminders a person has had who gets this one.
    """

    form: str
    sent: int


def remind_of_details(work: UnitOfWork, messages: RegistrationMessages, now: datetime) -> None:
    """Publish a request for each person whose reminder is due, at most ``BATCH`` for each form and reminder.

    ``tend`` calls this repeatedly.

    Args:
        work: the unit of work on the service's database.
        messages: the writer of registration messages to the outbox.
        now: the time of a checked clock.
    """
    with work.transaction() as connection:
        due = [reminder for form in all_forms(connection) for reminder in reminders_due(form, now)]
    for reminder in due:
        with work.transaction() as connection:
            _remind(connection, messages, reminder, now)


def reminders_due(form: StoredForm, now: datetime) -> list[DetailsReminder]:
    """Return which reminders of a form are due: none if nothing is asked later, or if reminding is pointless."""
    opening, until = form.opening, form.opening.details_until
    if not asks_later(form) or (until is not None and until <= now):
        return []
    if opening.needs_event and opening.event_status not in OPEN_EVENT_STATUSES:
        return []
    later = (
        [] if until is None else [number for number, before in enumerate(BEFORE_DEADLINE, 1) if now >= until - before]
    )
    return [DetailsReminder(form.slug, sent) for sent in (0, *later)]


def asks_later(form: StoredForm) -> bool:
    """Return whether a form has questions after the confirmation.

    The definition is not parsed: a form that cannot be read must not keep the data of all others from being deleted.
    """
    return any(field.get("after_confirmation") for field in form.definition["fields"])


def _remind(connection: Connection, messages: RegistrationMessages, reminder: DetailsReminder, now: datetime) -> None:
    values = {
        "form": reminder.form,
        "sent": reminder.sent,
        "confirmed_before": now - FIRST_DELAY,
        "reminded_before": now - MIN_INTERVAL,
        "limit": BATCH,
    }
    people = [to_person(row) for row in connection.execute(_DUE, values)]
    if not people:
        return
    messages.add(connection, [fact_about(DETAILS_REQUESTED, person) for person in people], now)
    connection.execute(_REMINDED, {"ids": [person.registration.id for person in people], "now": now})

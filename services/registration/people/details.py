"""Reminds people, by mail, of what is asked after the confirmation and is still missing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from services.registration.forms.opening import OPEN_EVENT_STATUSES
from services.registration.forms.store import StoredForm, all_forms
from services.registration.people.messages import DETAILS_REQUESTED, RegistrationMessages, fact_about
from services.registration.people.store import PERSON, to_person
from shared.store.unit_of_work import UnitOfWork

FIRST_DELAY = timedelta(hours=1)
"""From the seat to the first reminder."""

BEFORE_DEADLINE = (timedelta(days=14), timedelta(days=3))
"""How long before it is too late the second and the third reminder go."""

MIN_INTERVAL = timedelta(days=2)
"""At least so long lies between two reminders to one person."""

BATCH = 500

_DUE = text(
    PERSON
    + """
    WHERE r.form = :form AND r.status = 'confirmed' AND r.erased_at IS NULL AND r.details_at IS NULL
        AND r.verified_at IS NOT NULL
        AND r.details_reminders = :sent AND r.confirmed_at <= :confirmed_before
        AND (r.details_reminded_at IS NULL OR r.details_reminded_at <= :reminded_before)
    ORDER BY r.id LIMIT :most FOR UPDATE OF r SKIP LOCKED
    """
)
_REMINDED = text("""
    UPDATE registration SET details_reminders = details_reminders + 1, details_reminded_at = :now
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder that is due now on a form.

    Attributes:
        sent: how many reminders somebody has had who gets this one.
    """

    form: str
    sent: int


def remind_of_details(work: UnitOfWork, messages: RegistrationMessages, now: datetime) -> None:
    """Publish a request for each person whose reminder is due, at most ``BATCH`` for each form and reminder.

    Args:
        work: on the service's database. The caller calls again and again.
        messages: of the service.
        now: of a checked clock.
    """
    with work.transaction() as connection:
        due = [reminder for form in all_forms(connection) for reminder in reminders_due(form, now)]
    for reminder in due:
        with work.transaction() as connection:
            _remind(connection, messages, reminder, now)


def reminders_due(form: StoredForm, now: datetime) -> list[Reminder]:
    """Return which reminders go now on a form: none where nothing is asked later, or while it would be in vain."""
    opening, until = form.opening, form.opening.details_until
    if not asks_later(form) or (until is not None and until <= now):
        return []
    if opening.needs_event and opening.event_status not in OPEN_EVENT_STATUSES:
        return []
    later = (
        [] if until is None else [number for number, before in enumerate(BEFORE_DEADLINE, 1) if now >= until - before]
    )
    return [Reminder(form.slug, sent) for sent in (0, *later)]


def asks_later(form: StoredForm) -> bool:
    """Return whether a form leaves questions for after the confirmation.

    The definition is not parsed: a form that cannot be read must not keep the data of all others from being deleted.
    """
    return any(field.get("after_confirmation") for field in form.definition["fields"])


def _remind(connection: Connection, messages: RegistrationMessages, reminder: Reminder, now: datetime) -> None:
    values = {
        "form": reminder.form,
        "sent": reminder.sent,
        "confirmed_before": now - FIRST_DELAY,
        "reminded_before": now - MIN_INTERVAL,
        "most": BATCH,
    }
    people = [to_person(row) for row in connection.execute(_DUE, values)]
    if not people:
        return
    messages.add(connection, [fact_about(DETAILS_REQUESTED, person) for person in people], now)
    connection.execute(_REMINDED, {"ids": [person.registration.id for person in people], "now": now})

"""Promote: give free seats to those who wait. A step inside the transactions that free seats."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.registration.domain.opening import OPEN_EVENT_STATUSES
from services.registration.domain.registration import Registration
from services.registration.domain.seats import Seats, promotable, promote
from services.registration.outgoing import PROMOTED, registration_message
from services.registration.store.forms import StoredForm, save_seats
from services.registration.store.registrations import next_in_line, store_change, store_confirmed
from shared.store import outbox


def promote_waiting(
    connection: Connection, form: StoredForm, seats: Seats, now: datetime, reason: str
) -> list[Registration]:
    """Confirm as many of those who wait as the one inequality allows, in order of arrival, and store the seats.

    Args:
        connection: of a transaction that holds the lock on the form's seats.
        form: as it was locked.
        seats: as they are after whatever freed one.
        reason: why somebody is promoted, for the audit trail that coordinators see.

    Returns:
        who was confirmed.
    """
    notice = max(timedelta(minutes=form.promotion_notice_minutes), timedelta(hours=form.closes_hours_before))
    takes_place = form.event_id is None or form.event_status in OPEN_EVENT_STATUSES
    count = promotable(seats, form.starts_at, notice, now) if takes_place else 0
    lucky = [_confirmed(registration) for registration in next_in_line(connection, form.slug, count)] if count else []
    for registration in lucky:
        store_confirmed(connection, registration, seats.capacity, now)
        store_change(connection, registration, reason, now, seats.capacity)
    outbox.add(connection, [registration_message(PROMOTED, registration, now) for registration in lucky])
    save_seats(connection, form.slug, promote(seats, len(lucky)))
    return lucky


def _confirmed(registration: Registration) -> Registration:
    return replace(registration, status="confirmed", revision=registration.revision + 1)

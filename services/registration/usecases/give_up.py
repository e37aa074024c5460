"""Give up: seats whose hold has run out go to those who wait, and what was never confirmed expires.

Nothing depends on when this runs: a hold that has run out counts for nothing wherever a seat is decided. It only sees
to it that those who wait need not wait for the next registration.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from services.registration.domain.registration import Registration
from services.registration.outgoing import EXPIRED, registration_message
from services.registration.store.forms import find_form, lock_seats
from services.registration.store.holds import (
    forms_with_holds_run_out,
    lock_overdue,
    release_holds,
    store_expired,
)
from services.registration.store.registrations import store_change
from services.registration.usecases.promote import promote_waiting
from shared.store import outbox

MOST_AT_ONCE = 200


def give_up(connection: Connection, now: datetime) -> None:
    """Promote after holds that have run out by ``now``, and expire up to 200 registrations that are overdue.

    Args:
        connection: in a transaction of the caller, who calls again and again.
    """
    for slug in forms_with_holds_run_out(connection, now):
        lock_seats(connection, slug)
        form = find_form(connection, slug, now)
        if form is not None:
            release_holds(connection, slug, now)
            promote_waiting(connection, form, form.seats, now, "a seat was not confirmed in time")
    overdue = [_expired(registration) for registration in lock_overdue(connection, now, MOST_AT_ONCE)]
    if not overdue:
        return
    store_expired(connection, overdue)
    for registration in overdue:
        store_change(connection, registration, "the address was not confirmed in time", now)
    outbox.add(connection, [registration_message(EXPIRED, registration, now) for registration in overdue])


def _expired(registration: Registration) -> Registration:
    return replace(registration, status="expired", revision=registration.revision + 1, hold_until=None, expires_at=None)

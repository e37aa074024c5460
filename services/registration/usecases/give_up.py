"""Give up: seats whose hold has run out go to those who wait, and what was never confirmed expires.

Nothing depends on when this runs: a hold that has run out counts for nothing wherever a seat is decided. It only sees
to it that those who wait need not wait for the next registration, nor, where a seat was withheld from them because the
event was postponed or about to begin, for the next change of the seats.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from services.registration.domain.promotion import decide_promotion
from services.registration.domain.registration import Registration
from services.registration.outgoing import EXPIRED, registration_message
from services.registration.store.forms import StoredForm, find_form, lock_seats
from services.registration.store.holds import (
    forms_with_seats_to_give,
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
    for slug, has_run_out in forms_with_seats_to_give(connection, now):
        if has_run_out:
            _give_what_was_held(connection, slug, now)
        else:
            _give_what_was_withheld(connection, slug, now)
    overdue = [_expired(registration) for registration in lock_overdue(connection, now, MOST_AT_ONCE)]
    if not overdue:
        return
    store_expired(connection, overdue)
    for registration in overdue:
        store_change(connection, registration, "the address was not confirmed in time", now)
    outbox.add(connection, [registration_message(EXPIRED, registration, now) for registration in overdue])


def _give_what_was_held(connection: Connection, slug: str, now: datetime) -> None:
    """Seats that nobody has confirmed in time."""
    lock_seats(connection, slug)
    form = find_form(connection, slug, now)
    if form is not None:
        release_holds(connection, slug, now)
        promote_waiting(connection, form, form.seats, now, "a seat was not confirmed in time")


def _give_what_was_withheld(connection: Connection, slug: str, now: datetime) -> None:
    """Seats that nobody was given because the event was off, or about to begin, once that is no longer so."""
    if not _can_promote(find_form(connection, slug, now), now):
        return
    lock_seats(connection, slug)
    form = find_form(connection, slug, now)
    if form is not None and _can_promote(form, now):
        promote_waiting(connection, form, form.seats, now, "a free seat could be given again")


def _can_promote(form: StoredForm | None, now: datetime) -> bool:
    return form is not None and decide_promotion(form.opening, form.seats, form.notice, now).count > 0


def _expired(registration: Registration) -> Registration:
    return replace(registration, status="expired", revision=registration.revision + 1, hold_until=None, expires_at=None)

"""Give up: seats whose hold has run out go to those who wait, and what was never confirmed expires.

Nothing depends on when this runs: a hold that has run out counts for nothing wherever a seat is decided. It only sees
to it that those who wait need not wait for the next registration, nor, where a seat was withheld from them because the
event was postponed or about to begin, for the next change of the seats.
"""

from datetime import datetime

from sqlalchemy import Connection

from services.registration.domain.promotion import decide_promotion
from services.registration.outgoing import EXPIRED, registration_message
from services.registration.store.forms import StoredForm, find_form, lock_seats
from services.registration.store.holds import DueForm, due_forms, lock_overdue, release_holds, store_expired
from services.registration.usecases.promote import promote_waiting
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

MOST_AT_ONCE = 200
"""Registrations of one form that expire in one transaction: nobody can register on it meanwhile."""


def give_up(work: UnitOfWork, now: datetime) -> None:
    """Promote after holds that have run out by ``now``, and expire up to 200 overdue registrations of each form.

    A transaction for each form: it locks the seats of that form alone, so it can wait for nobody in a circle, and
    keeps nobody waiting on another form.

    Args:
        work: on the service's database. The caller calls again and again.
        now: of the caller's clock.
    """
    with work.transaction() as connection:
        due = due_forms(connection, now)
    for form in due:
        with work.transaction() as connection:
            _give_up_on(connection, form, now)


def _give_up_on(connection: Connection, due: DueForm, now: datetime) -> None:
    """The seats first: nobody registers, or confirms an address, while it is decided who is given up."""
    is_certain = due.has_run_out or due.is_overdue
    if not is_certain and not _can_promote(find_form(connection, due.slug, now), now):
        return
    lock_seats(connection, due.slug)
    form = find_form(connection, due.slug, now)
    if form is None:
        return
    if due.has_run_out:
        release_holds(connection, due.slug, now)
        promote_waiting(connection, form, form.seats, now, "a seat was not confirmed in time")
    elif _can_promote(form, now):
        promote_waiting(connection, form, form.seats, now, "a free seat could be given again")
    if due.is_overdue:
        _expire(connection, due.slug, now)


def _expire(connection: Connection, slug: str, now: datetime) -> None:
    overdue = [registration.given_up() for registration in lock_overdue(connection, slug, now, MOST_AT_ONCE)]
    if overdue:
        store_expired(connection, overdue, now)
        outbox.add(connection, [registration_message(EXPIRED, registration, now) for registration in overdue])


def _can_promote(form: StoredForm | None, now: datetime) -> bool:
    return form is not None and decide_promotion(form.opening, form.seats, form.notice, now).count > 0

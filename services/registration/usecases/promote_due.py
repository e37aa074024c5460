"""Promote when time alone frees a seat: where one was withheld because the event was postponed, for instance."""

from datetime import datetime

from sqlalchemy import text

from services.registration.domain.promotion import decide_promotion
from services.registration.people.messages import RegistrationMessages
from services.registration.store.forms import find_form, lock_seats
from services.registration.usecases.promote import promote_waiting
from shared.store.unit_of_work import UnitOfWork

_WAITING = text("""
    SELECT form FROM seat WHERE waiting > 0 AND (capacity IS NULL OR capacity > confirmed) ORDER BY form
""")


def promote_due(work: UnitOfWork, messages: RegistrationMessages, now: datetime) -> None:
    """Give free seats to those who wait on each form, in a transaction for each.

    Args:
        work: on the service's database. The caller calls again and again.
        messages: of the service.
        now: of a checked clock.
    """
    with work.transaction() as connection:
        forms = list(connection.execute(_WAITING).scalars())
    for slug in forms:
        with work.transaction() as connection:
            lock_seats(connection, slug)
            form = find_form(connection, slug)
            if form is not None and decide_promotion(form.opening, form.seats, form.notice, now).count:
                promote_waiting(connection, messages, form, form.seats, now, "a free seat could be given again")

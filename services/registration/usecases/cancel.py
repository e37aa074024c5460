"""Cancel: somebody gives their place back by their link; the next in line gets it at once."""

from dataclasses import replace

from services.registration.domain.opening import is_over
from services.registration.domain.registration import LIVE
from services.registration.domain.seats import give_back
from services.registration.outgoing import CANCELLED, registration_message
from services.registration.store.forms import find_form, lock_seats
from services.registration.store.registrations import (
    Person,
    find_by_token,
    lock_by_token,
    store_cancelled,
    store_change,
)
from services.registration.usecases.promote import promote_waiting
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import token_hash
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork


def cancel(work: UnitOfWork, clock: Clock, token: str) -> Person:
    """Cancel the registration that ``token`` opens; doing it again, or after the start, changes nothing.

    Returns:
        the registration as it is afterwards.

    Raises:
        DomainError: ``not-found`` if the token opens nothing.
    """
    digest = token_hash(token)
    with work.transaction() as connection:
        found = find_by_token(connection, digest)
        if found is None:
            raise DomainError("not-found")
        lock_seats(connection, found.registration.form)
        person, now = lock_by_token(connection, digest), clock()
        form = find_form(connection, found.registration.form, now)
        if form is None or person is None:
            raise DomainError("not-found")
        if person.registration.status not in LIVE or is_over(form.opening, now):
            return person
        cancelled = replace(person.registration, status="cancelled", revision=person.registration.revision + 1)
        store_cancelled(connection, cancelled, now)
        store_change(connection, cancelled, "cancelled by link", now)
        outbox.add(connection, [registration_message(CANCELLED, cancelled, now)])
        seats = give_back(form.seats, person.registration.status)
        promote_waiting(connection, form, seats, now, "a seat was given back")
        return replace(person, registration=cancelled)

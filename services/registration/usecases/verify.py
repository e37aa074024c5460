"""Verify: the owner of an address confirms it by their link; only now the place is given for good."""

from dataclasses import replace

from services.registration.domain.verifying import decide_verified
from services.registration.outgoing import ARRIVALS, registration_message
from services.registration.store.forms import find_form, lock_seats, save_seats
from services.registration.store.registrations import (
    Person,
    find_by_token,
    lock_by_token,
    store_change,
    store_verified,
)
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.core.ids import token_hash
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

REASONS = {True: "the address was confirmed in time", False: "the address was confirmed when no seat was kept for it"}


def verify(work: UnitOfWork, clock: Clock, token: str) -> Person:
    """Confirm the address of the registration that ``token`` opens; doing it again changes nothing.

    Returns:
        the registration as it is afterwards.

    Raises:
        DomainError: ``not-found`` if the token opens nothing; ``form-closed`` with the reason if it is too late.
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
        before = person.registration
        if before.status != "unverified":
            return person
        place, seats = decide_verified(form.opening, form.seats, before, now)
        after = replace(
            before,
            status=place.status,
            position=place.position,
            revision=before.revision + 1,
            verified=True,
            hold_until=None,
            expires_at=None,
        )
        store_verified(connection, after, seats.capacity, now)
        store_change(connection, after, REASONS[before.holds_seat(now)], now, seats.capacity)
        outbox.add(connection, [registration_message(ARRIVALS[after.status], after, now)])
        save_seats(connection, form.slug, seats)
        return replace(person, registration=after)

"""Verify: the owner of an address confirms it by a link; only now the place is given for good."""

from dataclasses import replace

from sqlalchemy import Connection

from services.registration.domain.registration import LIVE, Registration
from services.registration.domain.seats import Place
from services.registration.domain.verifying import decide_verified
from services.registration.outgoing import ARRIVALS, registration_message
from services.registration.store.forms import StoredForm, save_seats
from services.registration.store.registrations import Person, store_change, store_verified
from services.registration.usecases.locking import Locked, lock_own, lock_to_verify
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

REASONS = {True: "the address was confirmed in time", False: "the address was confirmed when no seat was kept for it"}


def verify(work: UnitOfWork, clock: Clock, token: str) -> tuple[Person, StoredForm]:
    """Confirm the address whose link ``token`` is. The link is used up by it; a moment later it still says the same.

    Returns:
        the registration as it is afterwards, with a seat or on the waiting list, and its form, whose seats may be those
        from before.

    Raises:
        DomainError: ``not-found`` if the link opens nothing, or nothing any more; ``form-closed`` with the reason if it
            is too late for a place.
    """
    with work.transaction() as connection:
        locked = lock_to_verify(connection, clock, token)
        person = _confirm(connection, locked)
    if person.registration.status not in LIVE:
        raise DomainError("not-found")
    return person, locked.form


def verify_by_own(work: UnitOfWork, clock: Clock, token: str) -> Person:
    """Confirm an address by its owner's own link: of a registration to which no link was mailed for this alone.

    That is one from before there were such links. Doing it again changes nothing, nor does it once it is overdue.

    Returns:
        the registration as it is afterwards.

    Raises:
        DomainError: as :func:`verify`.
    """
    with work.transaction() as connection:
        return _confirm(connection, lock_own(connection, clock, token))


def _confirm(connection: Connection, locked: Locked) -> Person:
    before, now = locked.registration, locked.now
    if before.status != "unverified":
        return locked.person
    if before.is_overdue(now):
        return replace(locked.person, registration=before.given_up())
    place, seats = decide_verified(locked.form.opening, locked.form.seats, before, now)
    after = _verified(before, place)
    store_verified(connection, after, seats.capacity, now)
    store_change(connection, after, REASONS[before.holds_seat(now)], now, seats.capacity)
    outbox.add(connection, [registration_message(ARRIVALS[after.status], after, now)])
    save_seats(connection, locked.form.slug, seats)
    return replace(locked.person, registration=after)


def _verified(before: Registration, place: Place) -> Registration:
    return replace(
        before,
        status=place.status,
        position=place.position,
        revision=before.revision + 1,
        verified=True,
        hold_until=None,
        expires_at=None,
    )

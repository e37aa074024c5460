"""Verify: the owner of an address confirms it by their link; only now the place is given for good."""

from dataclasses import replace

from sqlalchemy import Connection

from services.registration.domain.registration import Registration
from services.registration.domain.seats import Place
from services.registration.domain.verifying import decide_verified
from services.registration.outgoing import ARRIVALS, EXPIRED, registration_message
from services.registration.store.forms import save_seats
from services.registration.store.holds import store_expired
from services.registration.store.registrations import Person, store_change, store_verified
from services.registration.usecases.locking import Locked, lock_own
from shared.core.clock import Clock
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

REASONS = {True: "the address was confirmed in time", False: "the address was confirmed when no seat was kept for it"}


def verify(work: UnitOfWork, clock: Clock, token: str) -> Person:
    """Confirm the address of the registration that ``token`` opens; doing it again changes nothing.

    One whose last moment has passed is given up instead.

    Returns:
        the registration as it is afterwards.

    Raises:
        DomainError: ``not-found`` if the token opens nothing; ``form-closed`` with the reason if it is too late.
    """
    with work.transaction() as connection:
        locked = lock_own(connection, clock, token)
        before, now = locked.registration, locked.now
        if before.status != "unverified":
            return locked.person
        if before.is_overdue(now):
            return _give_up(connection, locked)
        place, seats = decide_verified(locked.form.opening, locked.form.seats, before, now)
        after = _verified(before, place)
        store_verified(connection, after, seats.capacity, now)
        store_change(connection, after, REASONS[before.holds_seat(now)], now, seats.capacity)
        outbox.add(connection, [registration_message(ARRIVALS[after.status], after, now)])
        save_seats(connection, locked.form.slug, seats)
        return replace(locked.person, registration=after)


def _give_up(connection: Connection, locked: Locked) -> Person:
    """Too late, whether or not somebody has cleared up: nothing depends on when that is done."""
    expired = locked.registration.given_up()
    store_expired(connection, [expired], locked.now)
    outbox.add(connection, [registration_message(EXPIRED, expired, locked.now)])
    return replace(locked.person, registration=expired)


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

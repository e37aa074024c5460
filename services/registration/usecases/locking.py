"""Lock a registration: how every change of one begins, in the one order that everybody keeps."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.registration.domain.opening import is_over
from services.registration.domain.registration import LIVE, Registration
from services.registration.store.forms import StoredForm, find_form, lock_seats
from services.registration.store.registrations import Person, find_person, lock_person
from shared.core.clock import Clock
from shared.core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Locked:
    """A registration that nobody else changes until the transaction ends, and its form with the seats locked.

    ``now`` is from after the locks.
    """

    person: Person
    form: StoredForm
    now: datetime

    @property
    def registration(self) -> Registration:
        """As it is under the lock."""
        return self.person.registration

    @property
    def can_be_given_back(self) -> bool:
        """Whether there is a place, and the event has not begun."""
        return self.registration.status in LIVE and not is_over(self.form.opening, self.now)


def lock_known(connection: Connection, clock: Clock, registration_id: str) -> Locked:
    """The registration with this id (a UUID).

    Raises:
        DomainError: ``not-found``.
    """
    found = find_person(connection, registration_id)
    if found is None:
        raise DomainError("not-found")
    return lock_found(connection, clock, found)


def lock_found(connection: Connection, clock: Clock, found: Person) -> Locked:
    """Seats first, then the registration, then the clock and the form: what waited must not see what was before.

    Raises:
        DomainError: ``not-found`` if it is gone meanwhile.
    """
    lock_seats(connection, found.registration.form)
    person, now = lock_person(connection, found.registration.id), clock()
    form = find_form(connection, found.registration.form)
    if form is None or person is None:
        raise DomainError("not-found")
    return Locked(person, form, now)

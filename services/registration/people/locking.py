"""Lock a registration: how every change of one begins, in the one order that everybody keeps."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.forms.opening import is_over
from services.registration.forms.store import StoredForm, find_form, lock_seats
from services.registration.people.model import LIVE, Registration
from services.registration.people.store import Person, find_person, lock_person
from shared.core.clock import Clock
from shared.core.errors import DomainError

_PAUSE = text("SELECT pg_advisory_xact_lock(:lock)")

DECIDER_LOCK = 7240018
"""Advisory lock of whoever decides, for one transaction."""


def pause_decider(connection: Connection) -> None:
    """Wait until no batch is being decided, and let none begin before this transaction ends.

    Comes before every other lock: a batch locks seats while it has this one.
    """
    connection.execute(_PAUSE, {"lock": DECIDER_LOCK})


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

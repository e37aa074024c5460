"""Decide: a coordinator gives a free seat to somebody who waits, or cancels for somebody who cannot."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from services.registration.forms.seats import OUT_OF_TURN, give_back, promote
from services.registration.forms.store import save_seats
from services.registration.people.locking import Locked, lock_known
from services.registration.people.messages import CANCELLED, PROMOTED, RegistrationMessages, fact_about
from services.registration.people.model import check_cancelling, check_confirming
from services.registration.people.store import Person, store_cancelled, store_change, store_confirmed
from services.registration.people.waiting_list import PromotionLine, note_promotion, promote_waiting
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork

CONFIRM, CANCEL = "confirmed", "cancelled"
"""What a registration can be decided to be."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Attributes:
    registration_id: UUID text.
    revision: of the registration, as the coordinator has seen it.
    status: ``confirmed`` or ``cancelled``.
    by: name of the coordinator's key.
    """

    registration_id: str
    revision: int
    status: str
    by: str


def decide(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, decision: Decision) -> Person:
    """Do what was decided; returns the registration as it is afterwards. The person is told by mail.

    Raises:
        DomainError: ``not-found``; ``changed-meanwhile`` if it is not as the coordinator has seen it; or what
            :func:`check_confirming` and :func:`check_cancelling` say.
    """
    with work.transaction() as connection:
        locked = lock_known(connection, clock, decision.registration_id)
        if locked.registration.revision != decision.revision:
            raise DomainError("changed-meanwhile", "read it again and repeat your change")
        if decision.status == CONFIRM:
            return _give_seat(connection, messages, locked, decision.by)
        check_cancelling(locked.form.opening, locked.registration, locked.now)
        return _cancel(connection, messages, locked, decision.by)


def _give_seat(connection: Connection, messages: RegistrationMessages, locked: Locked, by: str) -> Person:
    before, seats, now = locked.registration, locked.form.seats, locked.now
    check_confirming(locked.form.opening, seats, before, now)
    fact = fact_about(PROMOTED, locked.person, status="confirmed", revision=before.revision + 1)
    confirmed = fact.registration
    store_confirmed(connection, confirmed, seats.capacity, now)
    store_change(connection, confirmed, "confirmed by a coordinator", now, seats.capacity, by=by)
    messages.add(connection, [fact], now)
    withheld = OUT_OF_TURN if seats.waiting > 1 else ""
    line = PromotionLine(now, "a coordinator decided", seats.capacity, seats.free, seats.waiting, 1, withheld)
    note_promotion(connection, locked.form.slug, line)
    save_seats(connection, locked.form.slug, promote(seats, 1))
    return replace(locked.person, registration=confirmed)


def _cancel(connection: Connection, messages: RegistrationMessages, locked: Locked, by: str) -> Person:
    """A place is given back; the next in line gets it at once."""
    before, now = locked.registration, locked.now
    fact = fact_about(CANCELLED, locked.person, status="cancelled", revision=before.revision + 1)
    store_cancelled(connection, fact.registration, now)
    store_change(connection, fact.registration, "cancelled by a coordinator", now, by=by)
    messages.add(connection, [fact], now)
    seats = give_back(locked.form.seats, before.status)
    promote_waiting(connection, messages, locked.form, seats, now, "a seat was given back")
    return replace(locked.person, registration=fact.registration)

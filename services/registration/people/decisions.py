"""Decide: a coordinator gives a seat to somebody who waits, or cancels for somebody who cannot.

A seat beyond the order or the capacity, or one that is reserved for others, needs a reason. Reasons are chosen from a
list: they stay in the audit log, and nothing there may say who a participant is.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from services.registration.forms.seats import OUT_OF_TURN, Seats, give_back, give_seat
from services.registration.forms.store import save_seats
from services.registration.people.locking import Locked, lock_known
from services.registration.people.messages import CANCELLED, PROMOTED, RegistrationMessages, fact_about
from services.registration.people.model import check_cancelling, check_confirming
from services.registration.people.store import Person, store_cancelled, store_change, store_confirmed
from services.registration.people.waiting_list import CONFIRMED_NOW, PromotionLine, note_promotion, promote_waiting
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork

CONFIRM, CANCEL, OFFER, WITHDRAW = "confirmed", "cancelled", "offered", "withdrawn"
"""What a registration can be decided to be."""

SEAT_REASONS = {
    "speaker": "they speak at the event",
    "representative": "they represent their working group",
    "replacement": "they replace a person who cannot come",
    "agreed": "agreed with their organisation or with a partner",
    "mistake": "a mistake had put them back",
    "other": "another reason, known to the coordinators",
}
"""Why somebody gets a seat out of order, or beyond what is free, by the word that is sent."""


def check_reason(reason: str) -> None:
    """Refuse a reason that is not on the list; an empty one is none.

    Raises:
        DomainError: ``unknown-reason``.
    """
    if reason and reason not in SEAT_REASONS:
        raise DomainError("unknown-reason", f"one of {', '.join(SEAT_REASONS)}")


@dataclass(frozen=True, slots=True)
class Decision:
    """Attributes:
    registration_id: UUID text.
    revision: of the registration, as the coordinator has seen it.
    status: ``confirmed``, ``cancelled``, ``offered`` (a seat is held for them) or ``withdrawn`` (not any more).
    by: name of the coordinator's key.
    reason: one of ``SEAT_REASONS``; with one a seat is given beyond what is free too. Empty for none.
    hours: how long an offer stands; None: as the form says. It ends with the last promotion before the start anyway.
    """

    registration_id: str
    revision: int
    status: str
    by: str
    reason: str = ""
    hours: int | None = None


def decide(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, decision: Decision) -> Person:
    """Do what was decided; returns the registration as it is afterwards. The person is told by mail.

    Raises:
        DomainError: ``not-found``, ``unknown-reason``; ``changed-meanwhile`` if it is not as the coordinator has seen
            it; or what :func:`check_confirming` and :func:`check_cancelling` say.
    """
    check_reason(decision.reason)
    with work.transaction() as connection:
        locked = lock_known(connection, clock, decision.registration_id)
        if locked.registration.revision != decision.revision:
            raise DomainError("changed-meanwhile", "read it again and repeat your change")
        if decision.status == CONFIRM:
            return _give_seat(connection, messages, locked, decision)
        check_cancelling(locked.form.opening, locked.registration, locked.now)
        return _cancel(connection, messages, locked, decision.by)


def _give_seat(connection: Connection, messages: RegistrationMessages, locked: Locked, decision: Decision) -> Person:
    before, seats, now = locked.registration, locked.form.seats, locked.now
    check_confirming(locked.form.opening, seats, before, now, beyond=bool(decision.reason))
    fact = fact_about(PROMOTED, locked.person, **CONFIRMED_NOW, revision=before.revision + 1)
    confirmed, after = fact.registration, give_seat(seats, before.who, before.hold)
    allowed = None if seats.capacity is None else max(seats.capacity, after.taken)
    store_confirmed(connection, confirmed, allowed, now)
    store_change(connection, confirmed, _confirmed_because(decision.reason, after), now, allowed, by=decision.by)
    messages.add(connection, [fact], now)
    if not before.hold:
        note_promotion(connection, locked.form.slug, out_of_turn(seats, now))
    save_seats(connection, locked.form.slug, after)
    return replace(locked.person, registration=confirmed)


def out_of_turn(seats: Seats, now: datetime) -> PromotionLine:
    """The line of the waiting list's history by which a coordinator's decision is told to those who wait on."""
    withheld = OUT_OF_TURN if seats.in_line > 1 else ""
    return PromotionLine(now, "a coordinator decided", seats.capacity, seats.free, seats.in_line, 1, withheld)


def _confirmed_because(reason: str, after: Seats) -> str:
    """For the history: why, and by how many the form is over its capacity since."""
    beyond = 0 if after.capacity is None else max(0, after.taken - after.capacity)
    why = f": {SEAT_REASONS[reason]}" if reason else ""
    return f"confirmed by a coordinator{why}" + (f" ({beyond} beyond the capacity)" if beyond else "")


def _cancel(connection: Connection, messages: RegistrationMessages, locked: Locked, by: str) -> Person:
    """A place is given back; the next in line gets it at once."""
    before, now = locked.registration, locked.now
    fact = fact_about(
        CANCELLED,
        locked.person,
        status="cancelled",
        offer_expires_at=None,
        offer_passed=False,
        revision=before.revision + 1,
    )
    store_cancelled(connection, fact.registration, now)
    store_change(connection, fact.registration, "cancelled by a coordinator", now, by=by)
    messages.add(connection, [fact], now)
    seats = give_back(locked.form.seats, before.status, before.who, before.hold)
    promote_waiting(connection, messages, locked.form, seats, now, "a seat was given back")
    return replace(locked.person, registration=fact.registration)

"""Decide about one registration: give a seat, offer one, withdraw an offer, or cancel for a person who cannot.

A seat beyond the order or the capacity, or one that is reserved for others, needs a reason. Reasons are chosen from a
list: they stay in the audit log, which must not identify a participant.

A person answers an offer on their own page (see ``intake/deciding_commands.py``); a coordinator can confirm them
instead. An offer that was declined or has expired leaves its person on the waiting list, but out of line: a seat comes
to them only by a coordinator's decision. One that is withdrawn puts them back in line. Offers expire by a checked clock
alone, and not while an answer that was received in time waits for the decider.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.registration.forms.opening import is_over
from services.registration.forms.seats import OUT_OF_TURN, Seats, give_back, give_seat, hold_seat, let_pass
from services.registration.forms.store import find_form, first_in_line, lock_seats, save_seats
from services.registration.people.lapsing import LAPSED
from services.registration.people.messages import (
    CANCELLED,
    OFFER_ENDED,
    PROMOTED,
    Fact,
    RegistrationMessages,
    fact_about,
)
from services.registration.people.model import check_cancelling, check_confirming, check_offering
from services.registration.people.store import (
    Locked,
    Person,
    end_lapse,
    expired_offers,
    forms_with_expired_offers,
    forms_with_lapsed,
    lapsed_people,
    lock_known,
    store_cancelled,
    store_change,
    store_confirmed,
    store_offer,
)
from services.registration.people.waiting_list import (
    CONFIRMED_NOW,
    PromotionLine,
    offer_seat,
    offer_until,
    promote_waiting,
    record_promotion,
)
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError

CONFIRM, CANCEL, OFFER, WITHDRAW = "confirmed", "cancelled", "offered", "withdrawn"
"""The possible decisions."""

SEAT_REASONS = {
    "speaker": "they speak at the event",
    "representative": "they represent their working group",
    "replacement": "they replace a person who cannot attend",
    "agreed": "agreed with their organisation or with a partner",
    "mistake": "a mistake had cost them their place",
    "other": "another reason, known to the coordinators",
}
"""Why a person gets a seat out of order, or beyond what is free, by the word that is sent."""


def check_reason(reason: str) -> None:
    """Refuse a reason that is not on the list; an empty one is none.

    Raises:
        DomainError: ``unknown-reason``.
    """
    if reason and reason not in SEAT_REASONS:
        raise DomainError("unknown-reason", f"one of {', '.join(SEAT_REASONS)}")


@dataclass(frozen=True, slots=True)
class SeatDecision:
    """A decision of a coordinator about a person's seat.

    Attributes:
        registration_id: the id of the registration, UUID text.
        revision: the revision of the registration that the coordinator has seen.
        status: ``confirmed``, ``cancelled``, ``offered`` (a seat is held for them) or ``withdrawn`` (not any more).
        by: the name of the coordinator's key.
        reason: one of ``SEAT_REASONS``; with one a seat is given beyond what is free too. Empty for none.
        hours: how long an offer is valid; None for the form's ``offer_hours``. It ends at the latest with the last
            promotion before the start.
    """

    registration_id: str
    revision: int
    status: str
    by: str
    reason: str = ""
    hours: int | None = None


def decide(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, decision: SeatDecision) -> Person:
    """Confirm or cancel a registration; returns it as it is afterwards. The person gets a mail.

    Raises:
        DomainError: ``not-found``, ``unknown-reason``; ``edit-conflict`` if it is not as the coordinator has seen
            it; or the errors of :func:`check_confirming` and :func:`check_cancelling`.
    """
    check_reason(decision.reason)
    with work.transaction() as connection:
        locked = lock_known(connection, clock, decision.registration_id)
        _check_revision(locked, decision.revision)
        if decision.status == CONFIRM:
            return _give_seat(connection, messages, locked, decision)
        check_cancelling(locked.form.opening, locked.registration, locked.now)
        return _cancel(connection, messages, locked, decision.by)


def _give_seat(
    connection: Connection, messages: RegistrationMessages, locked: Locked, decision: SeatDecision
) -> Person:
    before, seats, now = locked.registration, locked.form.seats, locked.now
    check_confirming(locked.form.opening, seats, before, now, beyond=bool(decision.reason))
    fact = fact_about(PROMOTED, locked.person, **CONFIRMED_NOW, lapses_at=None, revision=before.revision + 1)
    confirmed, after = fact.registration, give_seat(seats, before.who, before.hold)
    allowed = None if seats.capacity is None else max(seats.capacity, after.taken)
    store_confirmed(connection, confirmed, allowed, now)
    store_change(connection, confirmed, _confirmed_because(decision.reason, after), now, allowed, by=decision.by)
    messages.add(connection, [fact], now)
    if not before.hold:
        record_promotion(connection, locked.form.slug, out_of_turn(seats, now))
    save_seats(connection, locked.form.slug, after)
    return replace(locked.person, registration=confirmed)


def out_of_turn(seats: Seats, now: datetime) -> PromotionLine:
    """Return the history line that explains a coordinator's decision to those who are still on the waiting list."""
    withheld = OUT_OF_TURN if seats.in_line > 1 else ""
    return PromotionLine(now, "a coordinator decided", seats.capacity, seats.free, seats.in_line, 1, withheld)


def _confirmed_because(reason: str, after: Seats) -> str:
    """For the history: why, and by how many the form is over its capacity since."""
    beyond = 0 if after.capacity is None else max(0, after.taken - after.capacity)
    return f"confirmed by a coordinator{_because(reason)}" + (f" ({beyond} beyond the capacity)" if beyond else "")


def _cancel(connection: Connection, messages: RegistrationMessages, locked: Locked, by: str) -> Person:
    """Cancel; the next person in line gets the seat at once."""
    before, now = locked.registration, locked.now
    fact = _cancelled(locked.person)
    store_cancelled(connection, fact.registration, now)
    store_change(connection, fact.registration, "cancelled by a coordinator", now, by=by)
    messages.add(connection, [fact], now)
    seats = give_back(locked.form.seats, before.status, before.who, before.hold)
    promote_waiting(connection, messages, locked.form, seats, now, "a seat was given back")
    return replace(locked.person, registration=fact.registration)


FREED = "an offered seat is free again"


def decide_seat(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, decision: SeatDecision) -> Person:
    """Carry out a decision of any kind; returns the registration as it is afterwards.

    Raises:
        DomainError: as :func:`offer`, :func:`withdraw` and :func:`decide`.
    """
    if decision.status == OFFER:
        return offer(work, clock, messages, decision)
    if decision.status == WITHDRAW:
        return withdraw(work, clock, messages, decision)
    return decide(work, clock, messages, decision)


def offer(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, decision: SeatDecision) -> Person:
    """Hold a seat for a person who waits and mail them; returns the registration as it is afterwards.

    Raises:
        DomainError: ``not-found``, ``unknown-reason``, ``reason-missing`` out of order; ``edit-conflict`` if it is
            not as the coordinator has seen it; or the errors of :func:`check_offering`.
    """
    check_reason(decision.reason)
    with work.transaction() as connection:
        locked = lock_known(connection, clock, decision.registration_id)
        _check_revision(locked, decision.revision)
        before, form, now = locked.registration, locked.form, locked.now
        seats = form.seats
        check_offering(form.opening, seats, before, now)
        if not decision.reason and first_in_line(connection, form.slug) != before.id:
            raise DomainError("reason-missing", "offering a seat out of order needs a reason")
        until = offer_until(form, now, timedelta(hours=decision.hours or seats.offer_hours))
        why = f"offered by a coordinator{_because(decision.reason)}"
        fact = offer_seat(connection, locked.person, form, until, seats.capacity, why, now, decision.by)
        messages.add(connection, [fact], now)
        if not before.hold:
            record_promotion(connection, form.slug, out_of_turn(seats, now))
        save_seats(connection, form.slug, hold_seat(seats, before.who, before.hold))
        return replace(locked.person, registration=fact.registration)


def withdraw(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, decision: SeatDecision) -> Person:
    """Withdraw an offer: the person is back on the waiting list, and the seat goes to the next person.

    Raises:
        DomainError: ``not-found``, ``edit-conflict``, ``not-offered``.
    """
    with work.transaction() as connection:
        locked = lock_known(connection, clock, decision.registration_id)
        _check_revision(locked, decision.revision)
        if locked.registration.hold != "offered":
            raise DomainError("not-offered", "they have no offer")
        why = "the offer was withdrawn by a coordinator"
        fact = _end(connection, locked.person, why, locked.now, passed=False, by=decision.by)
        messages.add(connection, [fact], locked.now)
        seats = let_pass(locked.form.seats, locked.registration.who, back_in_line=True)
        promote_waiting(connection, messages, locked.form, seats, locked.now, FREED)
        return replace(locked.person, registration=fact.registration)


def expire_offers(work: UnitOfWork, messages: RegistrationMessages, now: datetime) -> None:
    """End the offers that have expired, with one transaction for each form; the seats go to the next in line.

    An offer that was answered in time stays for a day (``UNDECIDED_AT_MOST``) while the answer waits for the decider.
    ``tend`` calls this repeatedly.

    Args:
        work: the unit of work on the service's database.
        messages: the writer of registration messages to the outbox.
        now: the time of a checked clock.
    """
    with work.transaction() as connection:
        forms = forms_with_expired_offers(connection, now)
    for slug in forms:
        with work.transaction() as connection:
            _expire(connection, messages, slug, now)


def _expire(connection: Connection, messages: RegistrationMessages, slug: str, now: datetime) -> None:
    lock_seats(connection, slug)
    form, people = find_form(connection, slug), expired_offers(connection, slug, now)
    if form is None or not people:
        return
    seats = form.seats
    for person in people:
        messages.add(connection, [_end(connection, person, "the offer has expired", now, passed=True)], now)
        seats = let_pass(seats, person.registration.who)
    promote_waiting(connection, messages, form, seats, now, FREED)


LAPSED_AT_ONCE = 200
"""Registrations on one form that lapse in one transaction."""


def end_lapsed(work: UnitOfWork, messages: RegistrationMessages, now: datetime) -> bool:
    """Cancel the registrations whose owners have used no link in time, with one transaction for each form.

    The seats go to the next in line. Everyone gets a mail, with a link to register again. No registration lapses after
    its event. ``tend`` calls this repeatedly.

    Args:
        work: the unit of work on the service's database.
        messages: the writer of registration messages to the outbox.
        now: the time of a checked clock, after no jump of the time.

    Returns:
        whether more of them are due now.
    """
    with work.transaction() as connection:
        forms = forms_with_lapsed(connection, now)
    more = False
    for slug in forms:
        with work.transaction() as connection:
            more = _end_lapsed_on(connection, messages, slug, now) == LAPSED_AT_ONCE or more
    return more


def _end_lapsed_on(connection: Connection, messages: RegistrationMessages, slug: str, now: datetime) -> int:
    lock_seats(connection, slug)
    form = find_form(connection, slug)
    people = lapsed_people(connection, slug, now, LAPSED_AT_ONCE) if form is not None else []
    if form is None or not people:
        return 0
    if is_over(form.opening, now):  # as for every cancellation: who came stays counted
        end_lapse(connection, [person.registration.id for person in people])
        return len(people)
    seats = form.seats
    for person in people:
        before = person.registration
        fact = replace(_cancelled(person), lapsed=True)
        store_cancelled(connection, fact.registration, now)
        store_change(connection, fact.registration, LAPSED, now)
        messages.add(connection, [fact], now)
        seats = give_back(seats, before.status, before.who, before.hold)
    promote_waiting(connection, messages, form, seats, now, "a registration has lapsed")
    return len(people)


def _cancelled(person: Person) -> Fact:
    return fact_about(
        CANCELLED,
        person,
        status="cancelled",
        offer_expires_at=None,
        offer_passed=False,
        lapses_at=None,
        revision=person.registration.revision + 1,
    )


def _end(
    connection: Connection, person: Person, why: str, now: datetime, *, passed: bool, by: str | None = None
) -> Fact:
    revision = person.registration.revision + 1
    fact = fact_about(OFFER_ENDED, person, offer_expires_at=None, offer_passed=passed, revision=revision)
    store_offer(connection, fact.registration)
    store_change(connection, fact.registration, why, now, by=by)
    return fact


def _check_revision(locked: Locked, seen: int) -> None:
    if locked.registration.revision != seen:
        raise DomainError("edit-conflict", "read it again and repeat your change")


def _because(reason: str) -> str:
    return f": {SEAT_REASONS[reason]}" if reason else ""

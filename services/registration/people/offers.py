"""Offers of seats: a seat is held for somebody who waits until they answer, or for as long as the offer stands.

A person answers on their own page (see ``intake/offer_deciding.py``); a coordinator can confirm them instead. An offer
that was declined or has expired leaves its person on the waiting list, but out of line: a seat comes to them only by a
coordinator's decision. One that is withdrawn puts them back in line. Offers expire by a checked clock alone.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from services.registration.forms.seat_store import first_in_line
from services.registration.forms.seats import hold_seat, let_pass
from services.registration.forms.store import find_form, lock_seats, save_seats
from services.registration.people.decisions import (
    OFFER,
    SEAT_REASONS,
    WITHDRAW,
    Decision,
    check_reason,
    decide,
    out_of_turn,
)
from services.registration.people.locking import Locked, lock_known
from services.registration.people.messages import OFFER_ENDED, Fact, RegistrationMessages, fact_about
from services.registration.people.model import check_offering
from services.registration.people.offer_store import expired_offers, forms_with_expired_offers, store_offer
from services.registration.people.store import Person, store_change
from services.registration.people.waiting_list import (
    note_promotion,
    offer_seat,
    offer_until,
    promote_waiting,
)
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork

FREED = "an offered seat is free again"


def decide_seat(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, decision: Decision) -> Person:
    """Do what was decided, whichever decision it is; returns the registration as it is afterwards.

    Raises:
        DomainError: as :func:`offer`, :func:`withdraw` and :func:`decide`.
    """
    if decision.status == OFFER:
        return offer(work, clock, messages, decision)
    return (withdraw if decision.status == WITHDRAW else decide)(work, clock, messages, decision)


def offer(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, decision: Decision) -> Person:
    """Hold a seat for somebody who waits and mail them; returns the registration as it is afterwards.

    Raises:
        DomainError: ``not-found``, ``unknown-reason``, ``reason-missing`` out of order; ``changed-meanwhile`` if it is
            not as the coordinator has seen it; or what :func:`check_offering` says.
    """
    check_reason(decision.reason)
    with work.transaction() as connection:
        locked = lock_known(connection, clock, decision.registration_id)
        _check_revision(locked, decision.revision)
        before, form, now = locked.registration, locked.form, locked.now
        seats = form.seats
        check_offering(form.opening, seats, before, now)
        if not decision.reason and first_in_line(connection, form.slug) != before.id:
            raise DomainError("reason-missing", "out of order a seat is offered for a reason")
        until = offer_until(form, now, timedelta(hours=decision.hours or seats.offer_hours))
        why = f"offered by a coordinator{_because(decision.reason)}"
        fact = offer_seat(connection, locked.person, until, seats.capacity, why, now, decision.by)
        messages.add(connection, [fact], now)
        if not before.hold:
            note_promotion(connection, form.slug, out_of_turn(seats, now))
        save_seats(connection, form.slug, hold_seat(seats, before.who, before.hold))
        return replace(locked.person, registration=fact.registration)


def withdraw(work: UnitOfWork, clock: Clock, messages: RegistrationMessages, decision: Decision) -> Person:
    """Withdraw an offer: the person is back on the waiting list, and the seat goes to the next person.

    Raises:
        DomainError: ``not-found``, ``changed-meanwhile``, ``not-offered``.
    """
    with work.transaction() as connection:
        locked = lock_known(connection, clock, decision.registration_id)
        _check_revision(locked, decision.revision)
        if locked.registration.hold != "offered":
            raise DomainError("not-offered", "no seat is offered to them")
        why = "the offer was withdrawn by a coordinator"
        fact = _end(connection, locked.person, why, locked.now, passed=False, by=decision.by)
        messages.add(connection, [fact], locked.now)
        seats = let_pass(locked.form.seats, locked.registration.who, back_in_line=True)
        promote_waiting(connection, messages, locked.form, seats, locked.now, FREED)
        return replace(locked.person, registration=fact.registration)


def expire_offers(work: UnitOfWork, messages: RegistrationMessages, now: datetime) -> None:
    """End the offers that have expired, on each form in a transaction of its own; the seats go to who is next.

    Args:
        work: on the service's database. The caller calls again and again.
        messages: of the service.
        now: of a checked clock.
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
        raise DomainError("changed-meanwhile", "read it again and repeat your change")


def _because(reason: str) -> str:
    return f": {SEAT_REASONS[reason]}" if reason else ""

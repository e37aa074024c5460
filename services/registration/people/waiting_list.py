"""The waiting list.

Free seats go to waiting people, in the transaction that frees them, or by time. Time frees a seat, for example, if it
was withheld because the event was postponed. Each decision is recorded, with the reason why the people who still wait
got no seat. Coordinators see the seats of a form: the numbers, what is reserved, and who waits for what reason.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from services.registration.forms.changes import Promote
from services.registration.forms.seats import (
    DECIDED_BY_HAND,
    DOMAIN_SHARE,
    NO_FREE_SEAT,
    NOT_TAKING_PLACE,
    RESERVED,
    TOO_LATE,
    Promotion,
    Seats,
    decide_promotion,
    fits,
    seats_after,
)
from services.registration.forms.service import check_slug
from services.registration.forms.store import StoredForm, find_form, lock_seats, save_seats, whole_line
from services.registration.people.lapsing import lapses_after_seat
from services.registration.people.messages import OFFERED as OFFERED_MESSAGE
from services.registration.people.messages import PROMOTED, Fact, RegistrationMessages, fact_about
from services.registration.people.store import (
    PERSON,
    Person,
    lock_chosen,
    next_in_line,
    store_change,
    store_confirmed,
    store_offer,
    to_person,
)
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.vocabulary.promotion import BY_HAND, WITH_OFFERS

log = logging.getLogger(__name__)

_NOTE = text("""
    INSERT INTO promotion (form, decided_at, cause, capacity, free, waiting, promoted, withheld)
    VALUES (:form, :decided_at, :cause, :capacity, :free, :waiting, :promoted, :withheld)
""")
_WHILE_WAITING = text("""
    SELECT p.decided_at, p.cause, p.capacity, p.free, p.waiting, p.promoted, p.withheld
    FROM promotion p
    WHERE p.form = :form AND p.decided_at >= :since AND (CAST(:until AS timestamptz) IS NULL OR p.decided_at < :until)
    ORDER BY p.id DESC LIMIT :limit
""")


_TO_DECIDE = text("""
    SELECT count(*) FROM seat s JOIN form f ON f.slug = s.form LEFT JOIN event_copy e ON e.id = f.event_id
    WHERE f.promotion_mode = :by_hand AND s.waiting > s.offered + s.passed
        AND (s.capacity IS NULL OR s.capacity > s.confirmed + s.offered)
        AND (e.starts_at IS NULL OR e.starts_at > :now)
""")


@dataclass(frozen=True, slots=True)
class PromotionLine:
    """One decision about a form's waiting list.

    Attributes:
        cause: the event that may have freed a seat.
        capacity: the capacity then in force; None for no limit.
        free: the number of seats that were free before anyone was promoted; None for no limit.
        waiting: how many waited before.
        promoted: how many of them got a seat, from the front of the line except for ``out-of-turn``.
        withheld: why the others did not: ``out-of-turn``, or as in ``Promotion``; empty if no one was left.
    """

    decided_at: datetime
    cause: str
    capacity: int | None
    free: int | None
    waiting: int
    promoted: int
    withheld: str


def record_promotion(connection: Connection, form: str, line: PromotionLine) -> None:
    """Add a line."""
    values = {name: getattr(line, name) for name in PromotionLine.__slots__}
    connection.execute(_NOTE, {**values, "form": form})


def promotions_between(
    connection: Connection, form: str, since: datetime, until: datetime | None, limit: int
) -> Sequence[PromotionLine]:
    """Up to ``limit`` decisions about a form's waiting list, from ``since`` on and before ``until``, newest first."""
    values = {"form": form, "since": since, "until": until, "limit": limit}
    return [PromotionLine(*row) for row in connection.execute(_WHILE_WAITING, values)]


_FORMS_TO_DECIDE = text("""
    SELECT s.form FROM seat s JOIN form f ON f.slug = s.form
    WHERE s.waiting > s.offered + s.passed AND (s.capacity IS NULL OR s.capacity > s.confirmed + s.offered)
        AND f.promotion_mode <> :by_hand ORDER BY s.form
""")


def promote_waiting(
    connection: Connection,
    messages: RegistrationMessages,
    form: StoredForm,
    seats: Seats,
    now: datetime,
    reason: str,
) -> list[Person]:
    """Confirm as many waiting people as the condition allows, in order of receipt, and store the seats.

    The decision is recorded, also for those who still wait.

    Args:
        connection: the connection of a transaction that holds the lock on the form's seats.
        messages: the writer of registration messages to the outbox.
        form: the form, read under that lock.
        seats: the seats after one was freed.
        reason: the reason for the promotion, for the history that coordinators see.

    Returns:
        the people who got or were offered a seat, as they were before.
    """
    decided = _decide(connection, form, seats, now)
    waiting = _those_chosen(connection, form.slug, decided)
    if len(waiting) < decided.count:
        # A wrong count affects one form: tend continues with the other forms, and the audit (A2) names this one.
        log.error("fewer people wait than are counted", extra={"form": form.slug, "counted": seats.in_line})
        decided = replace(decided, count=len(waiting), after=None)
    if seats.mode == WITH_OFFERS:
        until = offer_until(form, now, timedelta(hours=seats.offer_hours))
        facts = [offer_seat(connection, person, form, until, seats.capacity, reason, now) for person in waiting]
    else:
        facts = [_confirm(connection, person, form, seats.capacity, reason, now) for person in waiting]
    messages.add(connection, facts, now)
    if seats.in_line:
        record_promotion(connection, form.slug, _line(seats, decided, waiting, reason, now))
    save_seats(connection, form.slug, seats_after(seats, decided))
    return waiting


def promote_if_possible(
    connection: Connection, messages: RegistrationMessages, form: StoredForm, now: datetime, reason: str
) -> None:
    """As :func:`promote_waiting`, where nothing is recorded unless a person gets a seat."""
    decided = _decide(connection, form, form.seats, now)
    if decided.count and _those_chosen(connection, form.slug, decided):
        promote_waiting(connection, messages, form, form.seats, now, reason)


def _decide(connection: Connection, form: StoredForm, seats: Seats, now: datetime) -> Promotion:
    line = whole_line(connection, form.slug) if seats.pools and seats.in_line else ()
    return decide_promotion(form.opening, seats, form.notice, now, line)


def _those_chosen(connection: Connection, form: str, decided: Promotion) -> list[Person]:
    if decided.chosen:
        return lock_chosen(connection, decided.chosen)
    return next_in_line(connection, form, decided.count) if decided.count else []


def _confirm(
    connection: Connection, person: Person, form: StoredForm, capacity: int | None, reason: str, now: datetime
) -> Fact:
    before = person.registration
    lapses_at = lapses_after_seat(before.lapses_at, now, form.starts_at)
    fact = fact_about(PROMOTED, person, **CONFIRMED_NOW, lapses_at=lapses_at, revision=before.revision + 1)
    store_confirmed(connection, fact.registration, capacity, now)
    store_change(connection, fact.registration, reason, now, capacity)
    return fact


CONFIRMED_NOW = {"status": "confirmed", "offer_expires_at": None, "offer_passed": False}
"""What changes of a registration that gets a seat."""


def offer_seat(
    connection: Connection,
    person: Person,
    form: StoredForm,
    until: datetime,
    capacity: int | None,
    reason: str,
    now: datetime,
    by: str | None = None,
) -> Fact:
    """Hold a seat for a person who waits; returns the fact that causes the mail to them.

    Args:
        form: the form of the registration; its event bounds how long the registration is kept without an act.
        until: when the offer expires.
        capacity: the capacity now in force; None for no limit.
        reason: the reason for the history of the registration.
        by: the name of the coordinator's key; None where no coordinator decided.
    """
    before = person.registration
    fact = fact_about(
        OFFERED_MESSAGE,
        person,
        offer_expires_at=until,
        offer_passed=False,
        lapses_at=lapses_after_seat(before.lapses_at, now, form.starts_at, until),
        revision=before.revision + 1,
    )
    store_offer(connection, fact.registration)
    store_change(connection, fact.registration, reason, now, capacity, by=by)
    return fact


def offer_until(form: StoredForm, now: datetime, lasts: timedelta) -> datetime:
    """When an offer made now expires: never later than the last promotion, or where that is past, than the form."""
    bounds, closes_at = [now + lasts], form.opening.over_at
    if form.starts_at is not None and closes_at is not None:
        last = form.starts_at - form.notice
        bounds.append(last if last > now else closes_at)
    return min(bounds)


def _line(seats: Seats, decided: Promotion, promoted: list[Person], cause: str, now: datetime) -> PromotionLine:
    return PromotionLine(
        decided_at=now,
        cause=cause,
        capacity=seats.capacity,
        free=seats.free,
        waiting=seats.in_line,
        promoted=len(promoted),
        withheld=decided.withheld,
    )


def promoting(messages: RegistrationMessages) -> Promote:
    """Return :func:`promote_waiting` with the messages of the service, as changes of a form call it."""
    return lambda connection, form, seats, now, reason: promote_waiting(connection, messages, form, seats, now, reason)


def count_to_decide(work: UnitOfWork, now: datetime) -> int:
    """Return the number of forms in manual promotion mode that have free seats and people who wait."""
    with work.transaction() as connection:
        return int(connection.execute(_TO_DECIDE, {"by_hand": BY_HAND, "now": now}).scalar() or 0)


def promote_due(work: UnitOfWork, messages: RegistrationMessages, now: datetime) -> None:
    """Give free seats to those who wait on each form, in a transaction for each.

    ``tend`` calls this repeatedly.

    Args:
        work: the unit of work on the service's database.
        messages: the writer of registration messages to the outbox.
        now: the time of a checked clock.
    """
    with work.transaction() as connection:
        forms = list(connection.execute(_FORMS_TO_DECIDE, {"by_hand": BY_HAND}).scalars())
    for slug in forms:
        with work.transaction() as connection:
            lock_seats(connection, slug)
            form = find_form(connection, slug)
            if form is not None:
                promote_if_possible(connection, messages, form, now, "a free seat could be given again")


MAX_SHOWN_WAITING = 200

OFFERED, PASSED, NEXT = "offered", "offer-passed", "next"
REASONS = (OFFERED, PASSED, NEXT, NO_FREE_SEAT, RESERVED, DOMAIN_SHARE, TOO_LATE, NOT_TAKING_PLACE, DECIDED_BY_HAND)
"""Why a person waits."""

_WAITING = text(
    PERSON + "WHERE r.form = :form AND r.status = 'waitlisted' ORDER BY r.received_at, r.submission LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class WaitingPerson:
    """A person who waits.

    Attributes:
        why: one of ``REASONS``.
        pools: the numbers, from 0, of the reservations that they match.
    """

    person: Person
    why: str
    pools: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SeatsView:
    """The seats of a form.

    Attributes:
        waiting: the first of those who wait, in order, up to ``MAX_SHOWN_WAITING``.
        beyond: the number of taken seats beyond the capacity.
    """

    form: StoredForm
    waiting: Sequence[WaitingPerson]
    beyond: int


def show_seats(work: UnitOfWork, clock: Clock, slug: str) -> SeatsView:
    """The seats of a form as they are now.

    Raises:
        DomainError: ``form-unknown``.
    """
    check_slug(slug)
    with work.transaction() as connection:
        now, form = clock(), find_form(connection, slug)
        if form is None:
            raise DomainError("form-unknown")
        seats = form.seats
        line = whole_line(connection, slug) if seats.pools else ()
        decided = decide_promotion(form.opening, seats, form.notice, now, line)
        waiting = [_waiting(person, seats, decided) for person in _people(connection, slug)]
    beyond = 0 if seats.capacity is None else max(0, seats.taken - seats.capacity)
    return SeatsView(form, waiting, beyond)


def why_waiting(person: Person, seats: Seats, decided: Promotion) -> str:
    """Why a person on the waiting list has no seat, one of ``REASONS``; ``decided`` is about the line as it is now."""
    registration = person.registration
    if registration.hold:
        return OFFERED if registration.hold == "offered" else PASSED
    if decided.withheld in (TOO_LATE, NOT_TAKING_PLACE):
        return decided.withheld
    if seats.left == 0:
        return NO_FREE_SEAT
    if fits(seats, registration.who):
        return DECIDED_BY_HAND if seats.mode == BY_HAND else NEXT
    assert seats.capacity is not None
    return DOMAIN_SHARE if not seats.pools.has_domain_room(registration.who, seats.capacity) else RESERVED


def _people(connection: Connection, slug: str) -> list[Person]:
    return [to_person(row) for row in connection.execute(_WAITING, {"form": slug, "limit": MAX_SHOWN_WAITING})]


def _waiting(person: Person, seats: Seats, decided: Promotion) -> WaitingPerson:
    who = person.registration.who
    pools = tuple(number for number, pool in enumerate(seats.pools.pools) if pool.reservation.matches(who))
    return WaitingPerson(person, why_waiting(person, seats, decided), pools)

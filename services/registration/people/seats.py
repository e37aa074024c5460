"""The seats of one form: the numbers, what is reserved, and everybody who waits with the reason why they do."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from services.registration.forms.seat_store import whole_line
from services.registration.forms.seats import (
    BY_HAND,
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
)
from services.registration.forms.service import check_slug
from services.registration.forms.store import StoredForm, find_form
from services.registration.people.store import PERSON, Person, to_person
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork

MOST_SHOWN = 200

OFFERED, PASSED, NEXT = "offered", "offer-passed", "next"
REASONS = (OFFERED, PASSED, NEXT, NO_FREE_SEAT, RESERVED, DOMAIN_SHARE, TOO_LATE, NOT_TAKING_PLACE, DECIDED_BY_HAND)
"""Why somebody waits."""

_WAITING = text(
    PERSON + "WHERE r.form = :form AND r.status = 'waitlisted' ORDER BY r.received_at, r.submission LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class WaitingPerson:
    """Somebody who waits.

    Attributes:
        why: one of ``REASONS``.
        pools: numbers, from 0, of the reservations that they match.
    """

    person: Person
    why: str
    pools: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SeatsView:
    """The seats of a form.

    Attributes:
        waiting: the first of those who wait, in order, up to ``MOST_SHOWN``.
        beyond: by how many more seats are taken than there are.
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
    """Why somebody on the waiting list has no seat, one of ``REASONS``; ``decided`` is about the line as it is now."""
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
    return [to_person(row) for row in connection.execute(_WAITING, {"form": slug, "most": MOST_SHOWN})]


def _waiting(person: Person, seats: Seats, decided: Promotion) -> WaitingPerson:
    who = person.registration.who
    pools = tuple(number for number, pool in enumerate(seats.pools.pools) if pool.reservation.matches(who))
    return WaitingPerson(person, why_waiting(person, seats, decided), pools)

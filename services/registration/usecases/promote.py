"""Promote: give free seats to those who wait. A step inside the transactions that free seats."""

from datetime import datetime

from sqlalchemy import Connection

from services.registration.domain.promotion import Promotion, decide_promotion
from services.registration.domain.seats import Seats, promote
from services.registration.people.messages import PROMOTED, RegistrationMessages, fact_about
from services.registration.store.forms import StoredForm, save_seats
from services.registration.store.promotions import PromotionLine, note_promotion
from services.registration.store.registrations import Person, next_in_line, store_change, store_confirmed


def promote_waiting(
    connection: Connection,
    messages: RegistrationMessages,
    form: StoredForm,
    seats: Seats,
    now: datetime,
    reason: str,
) -> list[Person]:
    """Confirm as many of those who wait as the one inequality allows, in order of arrival, and store the seats.

    What was decided is recorded, for those who go on waiting too.

    Args:
        connection: of a transaction that holds the lock on the form's seats.
        messages: of the service.
        form: as it was locked.
        seats: as they are after whatever freed one.
        now: the time.
        reason: why somebody is promoted, for the history that coordinators see.

    Returns:
        who was confirmed, as they were before.
    """
    decided = decide_promotion(form.opening, seats, form.notice, now)
    waiting = next_in_line(connection, form.slug, decided.count) if decided.count else []
    facts = []
    for person in waiting:
        fact = fact_about(PROMOTED, person, status="confirmed", revision=person.registration.revision + 1)
        store_confirmed(connection, fact.registration, seats.capacity, now)
        store_change(connection, fact.registration, reason, now, seats.capacity)
        facts.append(fact)
    messages.add(connection, facts, now)
    if seats.waiting:
        note_promotion(connection, form.slug, _line(seats, decided, waiting, reason, now))
    save_seats(connection, form.slug, promote(seats, len(waiting)))
    return waiting


def _line(seats: Seats, decided: Promotion, promoted: list[Person], cause: str, now: datetime) -> PromotionLine:
    return PromotionLine(
        decided_at=now,
        cause=cause,
        capacity=seats.capacity,
        free=seats.free,
        waiting=seats.waiting,
        promoted=len(promoted),
        withheld=decided.withheld,
    )

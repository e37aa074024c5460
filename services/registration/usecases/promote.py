"""Promote: give free seats to those who wait, in the transaction that frees them, or when time alone does.

Time frees one where it was withheld because the event was postponed, for instance.
"""

from datetime import datetime

from sqlalchemy import Connection, text

from services.registration.domain.promotion import Promotion, decide_promotion
from services.registration.domain.seats import Seats, promote
from services.registration.people.messages import PROMOTED, RegistrationMessages, fact_about
from services.registration.store.forms import StoredForm, find_form, lock_seats, save_seats
from services.registration.store.promotions import PromotionLine, note_promotion
from services.registration.store.registrations import Person, next_in_line, store_change, store_confirmed
from shared.store.unit_of_work import UnitOfWork

_WAITING = text("""
    SELECT form FROM seat WHERE waiting > 0 AND (capacity IS NULL OR capacity > confirmed) ORDER BY form
""")


def promote_waiting(
    connection: Connection,
    messages: RegistrationMessages,
    form: StoredForm,
    seats: Seats,
    now: datetime,
    reason: str,
) -> list[Person]:
    """Confirm as many of those who wait as the one inequality allows, in order of receipt, and store the seats.

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


def promote_due(work: UnitOfWork, messages: RegistrationMessages, now: datetime) -> None:
    """Give free seats to those who wait on each form, in a transaction for each.

    Args:
        work: on the service's database. The caller calls again and again.
        messages: of the service.
        now: of a checked clock.
    """
    with work.transaction() as connection:
        forms = list(connection.execute(_WAITING).scalars())
    for slug in forms:
        with work.transaction() as connection:
            lock_seats(connection, slug)
            form = find_form(connection, slug)
            if form is not None and decide_promotion(form.opening, form.seats, form.notice, now).count:
                promote_waiting(connection, messages, form, form.seats, now, "a free seat could be given again")

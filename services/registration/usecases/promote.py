"""Promote: give free seats to those who wait. A step inside the transactions that free seats."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from services.registration.domain.promotion import Promotion, decide_promotion
from services.registration.domain.registration import Registration
from services.registration.domain.seats import Seats, promote
from services.registration.outgoing import PROMOTED, registration_message
from services.registration.store.forms import StoredForm, save_seats
from services.registration.store.promotions import PromotionLine, note_promotion
from services.registration.store.registrations import next_in_line, store_change, store_confirmed
from shared.store import outbox


def promote_waiting(
    connection: Connection, form: StoredForm, seats: Seats, now: datetime, reason: str
) -> list[Registration]:
    """Confirm as many of those who wait as the one inequality allows, in order of arrival, and store the seats.

    What was decided is written down, for those who go on waiting too.

    Args:
        connection: of a transaction that holds the lock on the form's seats.
        form: as it was locked.
        seats: as they are after whatever freed one.
        reason: why somebody is promoted, for the audit trail that coordinators see.

    Returns:
        who was confirmed.
    """
    decided = decide_promotion(form.opening, seats, form.notice, now)
    waiting = next_in_line(connection, form.slug, decided.count) if decided.count else []
    lucky = [_confirmed(registration) for registration in waiting]
    for registration in lucky:
        store_confirmed(connection, registration, seats.capacity, now)
        store_change(connection, registration, reason, now, seats.capacity)
    outbox.add(connection, [registration_message(PROMOTED, registration, now) for registration in lucky])
    if seats.waiting:
        note_promotion(connection, form.slug, _line(seats, decided, lucky, reason, now))
    save_seats(connection, form.slug, promote(seats, len(lucky)))
    return lucky


def _confirmed(registration: Registration) -> Registration:
    return replace(registration, status="confirmed", revision=registration.revision + 1)


def _line(seats: Seats, decided: Promotion, lucky: list[Registration], cause: str, now: datetime) -> PromotionLine:
    return PromotionLine(
        decided_at=now,
        cause=cause,
        capacity=seats.capacity,
        free=seats.free,
        waiting=seats.waiting,
        promoted=len(lucky),
        through_position=lucky[-1].position if lucky else None,
        withheld=decided.withheld,
    )

"""Who of those who wait gets a seat when one may be free, and why the others do not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.registration.domain.opening import OPEN_EVENT_STATUSES, Opening
from services.registration.domain.seats import Seats, promotable

NO_FREE_SEAT, TOO_LATE, NOT_TAKING_PLACE = "no-free-seat", "too-late", "not-taking-place"
OUT_OF_TURN = "out-of-turn"
"""A coordinator gave the seat to one of those who wait, wherever in line."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """A decision about a waiting list.

    Attributes:
        count: how many of those who wait get a seat now, first come first.
        withheld: why the rest does not: ``no-free-seat``, ``too-late`` (so shortly before the start nobody is told to
            come any more) or ``not-taking-place``; empty if nobody is left waiting.
    """

    count: int
    withheld: str


def decide_promotion(opening: Opening, seats: Seats, notice: timedelta, now: datetime) -> Promotion:
    """What becomes of those who wait, given the seats as they are after whatever freed one.

    Args:
        notice: how long before the start the last person is promoted.
    """
    if opening.needs_event and opening.event_status not in OPEN_EVENT_STATUSES:
        return Promotion(0, NOT_TAKING_PLACE if seats.waiting else "")
    count = promotable(seats, opening.starts_at, notice, now)
    if count == seats.waiting:
        return Promotion(count, "")
    has_seat = seats.free is None or seats.free > count
    return Promotion(count, TOO_LATE if has_seat else NO_FREE_SEAT)

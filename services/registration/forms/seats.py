"""Seats of one form: who gets one, who waits, who is next. Every rule about capacity is here and nowhere else."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.registration.forms.opening import OPEN_EVENT_STATUSES, Opening


@dataclass(frozen=True, slots=True)
class Seats:
    """Attributes:
    capacity: None for no limit.
    confirmed: seats taken.
    waiting: people on the waiting list.
    last_position: the highest position ever given; positions are never given twice.
    waiting_list: whether there is one.
    """

    capacity: int | None
    confirmed: int
    waiting: int
    last_position: int
    waiting_list: bool

    @property
    def free(self) -> int | None:
        """Seats that may be given now; None for no limit. Never negative."""
        return None if self.capacity is None else max(0, self.capacity - self.confirmed)

    @property
    def word(self) -> str:
        """What the public may know: ``open``, ``waiting-list`` or ``full``; never a number."""
        if self.free is None or (self.free > 0 and not self.waiting):
            return "open"
        return "waiting-list" if self.waiting_list else "full"


@dataclass(frozen=True, slots=True)
class Place:
    """What a newcomer gets: ``confirmed``, or ``waitlisted`` at a position from 1."""

    status: str
    position: int | None = None


def next_place(seats: Seats) -> Place | None:
    """What somebody who registers now gets; None if the form is full and has no waiting list."""
    if seats.word == "open":
        return Place("confirmed")
    return Place("waitlisted", seats.last_position + 1) if seats.word == "waiting-list" else None


def take(seats: Seats, place: Place) -> Seats:
    """The seats after ``place`` was given to a newcomer."""
    if place.status == "confirmed":
        return replace(seats, confirmed=seats.confirmed + 1)
    return replace(seats, waiting=seats.waiting + 1, last_position=seats.last_position + 1)


def give_back(seats: Seats, status: str) -> Seats:
    """The seats after somebody with ``status`` has cancelled."""
    if status == "confirmed":
        return replace(seats, confirmed=seats.confirmed - 1)
    return replace(seats, waiting=seats.waiting - 1)


def promotable(seats: Seats, starts_at: datetime | None, notice: timedelta, now: datetime) -> int:
    """How many of those who wait get a seat now.

    Args:
        starts_at: of the event; None if it has no date.
        notice: nobody is promoted later than this before the start: they could not come any more.
    """
    if starts_at is not None and now > starts_at - notice:
        return 0
    return seats.waiting if seats.free is None else min(seats.waiting, seats.free)


def promote(seats: Seats, count: int) -> Seats:
    """The seats after ``count`` of those who waited were given one."""
    return replace(seats, confirmed=seats.confirmed + count, waiting=seats.waiting - count)


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

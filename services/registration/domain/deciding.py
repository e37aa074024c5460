"""What a coordinator may decide about one registration; shown on its page, and checked again under the lock."""

from datetime import datetime

from services.registration.domain.opening import OPEN_EVENT_STATUSES, Opening, is_over
from services.registration.domain.registration import LIVE, Registration
from services.registration.domain.seats import Seats
from shared.core.errors import DomainError


def check_confirming(opening: Opening, seats: Seats, registration: Registration, now: datetime) -> None:
    """Whether somebody who waits can be given a seat, whatever their number in line and however late it is.

    Raises:
        DomainError: ``not-waiting``, ``event-over``, ``not-taking-place``, ``no-free-seat``.
    """
    if registration.status != "waitlisted":
        raise DomainError("not-waiting", "only somebody on the waiting list can be given a seat")
    if is_over(opening, now):
        raise DomainError("event-over", "the event has begun")
    if opening.needs_event and opening.event_status not in OPEN_EVENT_STATUSES:
        raise DomainError("not-taking-place", "as things stand the event does not take place")
    if seats.free is not None and seats.free < 1:
        raise DomainError("no-free-seat", "every seat is taken; raise the capacity of the form first")


def check_cancelling(opening: Opening, registration: Registration, now: datetime) -> None:
    """Whether a place can be given back.

    Raises:
        DomainError: ``no-place``, ``event-over``.
    """
    if registration.status not in LIVE:
        raise DomainError("no-place", "there is no place to give back")
    if is_over(opening, now):
        raise DomainError("event-over", "the event has begun")

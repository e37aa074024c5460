"""What the owner of an address gets on confirming it, early or late."""

from datetime import datetime

from services.registration.domain.opening import Opening, closed_reason, event_reason
from services.registration.domain.registration import Registration
from services.registration.domain.seats import Place, Seats, let_go, next_place, take, verified_place
from shared.core.errors import DomainError

NEVER = frozenset({"held", "cancelled"})
"""What can be with the event so that also a seat that is kept is worth nothing, whether the form is open or not."""


def decide_verified(opening: Opening, seats: Seats, registration: Registration, now: datetime) -> tuple[Place, Seats]:
    """The place of an unverified registration whose address is confirmed now, and the seats afterwards.

    A hold that has not run out is turned into a seat even if the form has closed meanwhile. After that a free seat
    is given, else a place on the waiting list, as to anybody who registers now.

    Raises:
        DomainError: ``form-closed`` with the reason, also ``full``.
    """
    holds, reason = registration.holds_seat(now), closed_reason(opening, now)
    if (never := event_reason(opening, now)) in NEVER:
        raise DomainError("form-closed", never)
    if reason and not holds:
        raise DomainError("form-closed", reason)
    others = let_go(seats) if holds else seats
    place = verified_place(others) if holds else next_place(others)
    if place is None:
        raise DomainError("form-closed", "full")
    return place, take(others, place)

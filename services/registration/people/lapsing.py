"""When a registration lapses that was made without any proof that its owner exists: on a form without verification.

It is cancelled then unless its owner has used a link by a deliberate act, or a coordinator has entered, corrected,
confirmed or merged it. Pure rules; ``decisions.end_lapsed`` carries them out.
"""

from datetime import datetime, timedelta

SEAT_HELD_DAYS = 7
"""For how many days such a registration holds its place, unless the settings have another number."""

SEAT_FREE_BEFORE = timedelta(hours=24)
"""So long before the start of the event such a place is free again, for people who wait."""

MIN_TO_ACT = timedelta(hours=24)
"""A place that would lapse sooner than this does not lapse."""

PROMOTED_HELD = timedelta(hours=48)
"""For so long at least a person who gets a seat from the waiting list, or is offered one, holds it."""


LAPSED = "lapsed: its owner has used no link"
"""In the history of a registration, why it was cancelled."""


def lapses_at(now: datetime, held: timedelta, starts_at: datetime | None) -> datetime | None:
    """Return when a registration made now lapses; None (never) if its owner would have less than a day.

    Args:
        held: how long it holds its place, ``SEAT_HELD_DAYS`` or as the settings say.
        starts_at: the start of the event; None while it has no date.
    """
    at = now + held
    if starts_at is not None:
        at = min(at, starts_at - SEAT_FREE_BEFORE)
    return at if at >= now + min(MIN_TO_ACT, held) else None


def lapses_after_seat(
    before: datetime | None, now: datetime, starts_at: datetime | None, offer_until: datetime | None = None
) -> datetime | None:
    """Return when the registration of a person who now gets a seat from the waiting list, or is offered one, lapses.

    Args:
        before: when it lapsed so far; None for never.
        starts_at: the start of the event. If it leaves the person less than ``PROMOTED_HELD``, the registration does
            not lapse.
        offer_until: the end of the offer, if the seat is offered: a registration never lapses before it.
    """
    if before is None:
        return None
    at = max(before, now + PROMOTED_HELD, offer_until or now)
    return None if at > before and starts_at is not None and at > starts_at - SEAT_FREE_BEFORE else at

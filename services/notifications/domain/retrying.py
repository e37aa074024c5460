"""When a mail is tried again, when it is given up, and what becomes of a handover that nobody knows the end of."""

from datetime import datetime, timedelta

from services.notifications.domain.kinds import KINDS
from shared.core.retry import delay_before

FIRST_DELAY_S = 30.0
LONGEST_DELAY_S = 4 * 3600.0
GIVE_UP_AFTER = timedelta(hours=72)
"""Longer than a weekend; RFC 5321 (4.5.4.1) asks an MTA for four to five days, and ours stands before one."""

EVENT_DELAY = timedelta(seconds=5)
"""Until an event's own message is here, which travels by another queue."""

RESENT, GIVEN_UP = "resent", "given_up"


def next_try(attempts: int, created_at: datetime, now: datetime) -> datetime | None:
    """When to try again after the relay did not take a mail; None: never, it is given up.

    Args:
        attempts: made so far, 1 after the first.
        created_at: when the mail's row was made.
        now: the time of this failure.
    """
    if now - created_at >= GIVE_UP_AFTER:
        return None
    return now + timedelta(seconds=delay_before(attempts, base_s=FIRST_DELAY_S, cap_s=LONGEST_DELAY_S))


def when_event_is_here(created_at: datetime, now: datetime) -> datetime | None:
    """When to look again for the event that a mail is about; None: never, it is given up."""
    return None if now - created_at >= GIVE_UP_AFTER else now + EVENT_DELAY


def resolve_unknown(kind: str, unknowns: int, *, untrue: bool) -> str:
    """What to do about a mail that was handed over or not: ``RESENT`` (once, same Message-ID) or ``GIVEN_UP``.

    Args:
        kind: of the mail.
        unknowns: how often its handover ended so, this time included.
        untrue: whether it would say something untrue by now.
    """
    return RESENT if KINDS[kind].resent and unknowns == 1 and not untrue else GIVEN_UP

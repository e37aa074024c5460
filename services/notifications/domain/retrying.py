"""When a mail is tried again, when it is given up, and what becomes of a handover that nobody knows the end of."""

from datetime import datetime, timedelta

from services.notifications.domain.kinds import KINDS

FIRST_DELAY_S = 30.0
LONGEST_DELAY_S = 4 * 3600.0
"""Bounds of the wait after the relay did not take a mail, which doubles with each attempt and is spread out."""

GIVE_UP_AFTER = timedelta(hours=72)
"""Longer than a weekend; RFC 5321 (4.5.4.1) asks an MTA for four to five days, and ours stands before one."""

MIN_ATTEMPTS = 10
"""A mail is given up only after so many attempts as well, the last one included: by the delays these take about four
hours, so that no clock alone gives it up, nor a sender that was away for three days."""

MIN_POSTPONEMENTS = 720
"""The same for waiting for a message of our own: an hour of looks ``EVENT_DELAY`` apart."""

EVENT_DELAY = timedelta(seconds=5)
"""Until an event's own message is here, which travels by another queue."""

RESENT, LEFT, GIVEN_UP = "resent", "left", "given_up"


def is_over(created_at: datetime, tries: int, min_tries: int, now: datetime) -> bool:
    """Whether a mail is given up instead of tried again: after a number of tries *and* a time.

    Args:
        created_at: when the mail's row was made.
        tries: so far, the current one included.
        min_tries: ``MIN_ATTEMPTS`` or ``MIN_POSTPONEMENTS``.
        now: a time that was compared with the database's.
    """
    return tries >= min_tries and now - created_at >= GIVE_UP_AFTER


def resolve_unknown(kind: str, unknowns: int, *, untrue: bool) -> str:
    """What to do about a mail that was handed over or not.

    Args:
        kind: of the mail.
        unknowns: how often its handover ended so, this time included.
        untrue: whether it would say something untrue by now.

    Returns:
        ``RESENT`` once, with the same Message-ID; ``LEFT`` the second time, for somebody to look after; ``GIVEN_UP`` if
        a second copy is worth nothing or a nuisance.
    """
    if untrue or not KINDS[kind].resent:
        return GIVEN_UP
    return RESENT if unknowns == 1 else LEFT

"""News of a changed event: the rule by which events says what will be mailed, and notifications mails it. Pure."""

from datetime import datetime, timedelta

SHOWN = ("starts_at", "ends_at", "time_zone", "status", "mode", "place", "city", "join_url", "title")
"""Fields of an event whose change is mailed to participants; a title counts in English."""

NEWS_WAIT = timedelta(minutes=1)
"""Delay of the news of a change: further changes within it go out in the same mail."""
MAX_WAIT = timedelta(minutes=5)
"""Maximum delay of the news of a change, even if further changes keep arriving."""

REMOTE_POSSIBLE = "remote-possible"
NEWS_KINDS = (
    "event-rescheduled",
    "event-postponed",
    "event-cancelled",
    "event-revived",
    "event-confirmed",
    "event-changed",
    REMOTE_POSSIBLE,
)
"""Kinds of mail about a changed event; the last one is for people on a form of the kind ``interest``."""


def due_after(began_at: datetime, changed_at: datetime) -> datetime:
    """Return when news of changes are sent: the first was made at ``began_at``, the last at ``changed_at`` (aware)."""
    return min(changed_at + NEWS_WAIT, began_at + MAX_WAIT)

"""Who is shown where an event is joined online, and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.registration.forms.opening import OPEN_EVENT_STATUSES

ONLINE_MODES = ("online", "hybrid")
JOINING_KINDS = ("webinar", "attendance", "delegation", "interest")
"""Kinds of form whose people may join the form's event. Those of ``interest`` asked to be told that they can."""

OPEN_ENDED = timedelta(hours=12)
"""How long after its start an event without an end can be joined."""


@dataclass(frozen=True, slots=True)
class OnlineEvent:
    """What decides whether an event can be joined online, as last heard; aware moments, None without a date."""

    status: str
    mode: str
    join_url: str | None
    starts_at: datetime | None
    ends_at: datetime | None


def join_address(status: str, form_kind: str, event: OnlineEvent | None, now: datetime) -> str:
    """Return where a registration joins its event online, or an empty string if it does not.

    Args:
        status: of the registration.
        form_kind: kind of its form.
        event: of the form; None without one.
        now: the time, aware.
    """
    if event is None or status != "confirmed" or form_kind not in JOINING_KINDS:
        return ""
    if event.status not in OPEN_EVENT_STATUSES or event.mode not in ONLINE_MODES or event.starts_at is None:
        return ""
    over_at = event.ends_at or event.starts_at + OPEN_ENDED
    url = event.join_url or ""
    return url if now < over_at and url.startswith("https://") else ""

"""Decides whether a participant may join an event online, from the newest known state of the event.

Mails, reminders and pages never contain the address of the meeting, so they stay valid when the event is rescheduled or
that address changes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.registration.forms.opening import OPEN_EVENT_STATUSES

ONLINE_MODES = ("online", "hybrid")
JOINING_KINDS = ("webinar", "attendance", "delegation", "interest")
"""Kinds of form whose people may join the form's event. Those of ``interest`` asked to be told that they can."""

JOINABLE_WITHOUT_END = timedelta(hours=12)
"""How long after its start an event without an end can be joined."""


class JoinState(StrEnum):
    """Whether somebody can join now, or why not."""

    OPEN = "open"
    EARLY = "early"
    NO_ADDRESS = "no-address"
    OVER = "over"
    CANCELLED = "cancelled"
    POSTPONED = "postponed"
    NO_SEAT = "no-seat"
    NOT_ONLINE = "not-online"


@dataclass(frozen=True, slots=True)
class Meeting:
    """Facts that decide whether a registration may join its event online; instants are aware.

    Attributes:
        form: slug; ``form_kind`` is its kind.
        status: of the registration; ``language`` is that of its mails.
        verified: the address of the registration is verified.
        changed_at: when the registration last changed.
        event_status: None for a form without an event, or while nothing is known of it. So is ``mode``.
        minutes_before: how long before the start people can join: a setting of the form.
    """

    form: str
    form_kind: str
    status: str
    language: str
    verified: bool
    changed_at: datetime
    event_status: str | None
    mode: str | None
    join_url: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    minutes_before: int


@dataclass(frozen=True, slots=True)
class Joining:
    """Attributes:
    address: of the meeting; empty unless the state is ``open``.
    opens_at: from when people can join; None without a date.
    """

    state: JoinState
    address: str = ""
    opens_at: datetime | None = None


def decide_joining(meeting: Meeting, now: datetime) -> Joining:
    """Return whether the person of a registration can join its event at ``now`` (aware), and where."""
    if meeting.status != "confirmed":
        return Joining(JoinState.NO_SEAT)
    if meeting.event_status in ("cancelled", "postponed"):
        return Joining(JoinState(meeting.event_status))
    if meeting.event_status == "held":
        return Joining(JoinState.OVER)
    starts_at = meeting.starts_at
    if not _is_online(meeting) or starts_at is None:
        return Joining(JoinState.NOT_ONLINE)
    if now >= (meeting.ends_at or starts_at + JOINABLE_WITHOUT_END):
        return Joining(JoinState.OVER)
    opens_at = starts_at - timedelta(minutes=meeting.minutes_before)
    if now < opens_at:
        return Joining(JoinState.EARLY, opens_at=opens_at)
    address = meeting.join_url or ""
    if not address.startswith("https://"):
        return Joining(JoinState.NO_ADDRESS, opens_at=opens_at)
    return Joining(JoinState.OPEN, address, opens_at)


def _is_online(meeting: Meeting) -> bool:
    known = meeting.event_status in OPEN_EVENT_STATUSES and meeting.mode in ONLINE_MODES
    return known and meeting.form_kind in JOINING_KINDS

"""Whether a form takes registrations now, and if not, why; and whether a participant may join its event online.

Joining is decided from the newest known state of the event. Mails, reminders and pages never contain the address of the
meeting, so they stay valid when the event is rescheduled or that address changes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.vocabulary.form_kinds import FORM_KINDS, is_open_until_end

OPEN_EVENT_STATUSES = frozenset({"tentative", "confirmed"})
END_UNKNOWN_AFTER = timedelta(hours=12)
"""How long after its start an event without an end counts as over, and can no longer be joined."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What decides whether a form is open.

    Attributes:
        switched_on: whether a coordinator has switched it on.
        needs_event: whether the form belongs to an event.
        event_status: the status of the event as last published; None if nothing was published about it yet.
        starts_at: the start of the event; None if it has no date.
        ends_at: the end of the event; None if it has no date.
        kind: the kind of the form.
        closes_hours_before: how long before the start the guest list closes; 0 if it stays open until then.
        opens_at: the time at which a coordinator lets it open; None for no bound.
        closes_at: the time at which a coordinator lets it close; None for no bound.
        own_changes_until: the end of the time in which people may change their answers, as a coordinator has set it;
            None for the rule.
        open_until: whether the form is open until the ``start`` or the ``end`` of the event; None for the rule.
        mode: the mode of the event, as last published; None if nothing is known about it.
    """

    switched_on: bool
    needs_event: bool
    event_status: str | None
    starts_at: datetime | None
    ends_at: datetime | None = None
    kind: str = "webinar"
    closes_hours_before: int = 0
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    own_changes_until: datetime | None = None
    open_until: str | None = None
    mode: str | None = None

    @property
    def until_the_end(self) -> bool:
        """Whether people may register while the event is on: as the form says, else those who attend online."""
        if self.open_until is not None:
            return self.open_until == "end"
        return is_open_until_end(self.kind, online=self.mode == "online")

    @property
    def over_at(self) -> datetime | None:
        """When people can no longer register, change their answers or cancel: the start or the end of the event."""
        return self.ends_at if self.until_the_end and self.ends_at is not None else self.starts_at

    def is_on(self, now: datetime) -> bool:
        """Whether the event has begun and is not over."""
        if self.starts_at is None or now < self.starts_at:
            return False
        return now < (self.ends_at or self.starts_at + END_UNKNOWN_AFTER)

    @property
    def guest_list_closes_at(self) -> datetime | None:
        """When the guest list closes; None if there is none, or no date."""
        if self.starts_at is None or not self.closes_hours_before:
            return None
        return self.starts_at - timedelta(hours=self.closes_hours_before)

    @property
    def changes_until(self) -> datetime | None:
        """Until when people may change their answers; None for always.

        That is what a coordinator has set, else the time at which the form or the guest list closes; the start of the
        event ends it in any case.
        """
        closing = self.own_changes_until or _earliest(self.closes_at, self.guest_list_closes_at)
        return _earliest(closing, self.over_at)

    @property
    def details_until(self) -> datetime | None:
        """Until when people may give what is asked after the confirmation; None for always.

        The closing of the form does not end it: people who confirm late or are promoted later give it later.
        """
        return _earliest(self.own_changes_until or self.guest_list_closes_at, self.over_at)


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)


def is_over(opening: Opening, now: datetime) -> bool:
    """Whether it is too late to register for the event: it has begun, or ended if the form is open until its end."""
    return opening.over_at is not None and opening.over_at <= now


def closed_reason(opening: Opening, now: datetime) -> str:
    """Why the form is closed; empty if it is open.

    One of ``closed``, ``not-open``, ``cancelled``, ``postponed``, ``begun``, ``held``, ``guest-list-closed``.
    """
    return set_reason(opening, now) or event_reason(opening, now)


def set_reason(opening: Opening, now: datetime) -> str:
    """Why coordinators have the form closed, by switch or hours: ``closed`` or ``not-open``; empty if they do not."""
    if not opening.switched_on or (opening.closes_at is not None and opening.closes_at <= now):
        return "closed"
    return "not-open" if opening.opens_at is not None and now < opening.opens_at else ""


def event_reason(opening: Opening, now: datetime) -> str:
    """Return why the form's event takes no registrations, independent of the form's settings; empty if it does."""
    if not opening.needs_event:
        return ""
    if opening.event_status in (None, "draft"):
        return "not-open"
    if opening.event_status not in OPEN_EVENT_STATUSES:
        return str(opening.event_status)
    if is_over(opening, now):
        return "begun" if opening.is_on(now) else "held"
    closes_at = opening.guest_list_closes_at
    return "guest-list-closed" if closes_at is not None and closes_at <= now else ""


ONLINE_MODES = ("online", "hybrid")


class JoinState(StrEnum):
    """Whether a person can join now, or why not."""

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
    """The facts that decide whether a registration may join its event online; instants are aware.

    Attributes:
        form: the slug; ``form_kind`` is its kind.
        status: the status of the registration; ``language`` is that of its mails.
        verified: whether the address of the registration is verified.
        changed_at: when the registration last changed.
        event_status: the status of the event; None for a form without an event, or while nothing is known about it. So
            is ``mode``.
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
    """Whether and where people can join an event online.

    Attributes:
        address: the address of the meeting; empty unless the state is ``open``.
        opens_at: the time from which people can join; None without a date.
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
    if now >= (meeting.ends_at or starts_at + END_UNKNOWN_AFTER):
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
    return known and FORM_KINDS[meeting.form_kind].joins_online

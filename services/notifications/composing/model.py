"""What a mail is made of: plain values that the sender copies from the stores. Pure: it reads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.notifications.mails.kinds import (
    ATTENDING,
    BULLETIN_TEST,
    INVITATION,
    KINDS,
    NEWS_KINDS,
    PROPOSAL,
    RECOVERY,
    REGISTRATIONS,
    REMINDER_KINDS,
    SCHEDULED,
)

MailKind = str
"""The name of a kind of mail; each but the bulletin and its test has its wording in every language."""

WORDED_KINDS: tuple[MailKind, ...] = tuple(name for name in KINDS if name not in ("bulletin", BULLETIN_TEST))

LATE_REMINDER = "reminder-late"
"""The wording of a reminder that goes later than it was due: it names no distance to the event."""

CANCELLED = "cancelled-by-you"

_TO_PROPOSERS = (
    *("changed", CANCELLED, "link", "details", "address-changed", "address-restored"),
    *("event-postponed", "event-revived", "reminder-7-days", "reminder-1-day", LATE_REMINDER),
)
_PAIRS = (
    *(("confirmation", form_kind) for form_kind in ("delegation", "working_group", "interest")),
    ("verification", REGISTRATIONS),
    (INVITATION, RECOVERY),
    *((text, PROPOSAL) for text in _TO_PROPOSERS),
)
VARIANTS: Mapping[tuple[str, str], str] = {pair: "-".join(pair) for pair in _PAIRS}
"""Wordings of their own, by wording and kind of form. A subject or heading of which there is none is the kind's."""

TEXTS: tuple[str, ...] = (*WORDED_KINDS, LATE_REMINDER, *VARIANTS.values())
"""Names of the wordings."""

SIDE_EVENT = "side_event"
"""The kind of event whose title and summary were proposed by others."""

CalendarMethod = Literal["REQUEST", "CANCEL"]
"""What a calendar part asks of the recipient's calendar (RFC 5546, section 1.4)."""

CALENDAR_METHODS: Mapping[MailKind, CalendarMethod] = {
    "confirmation": "REQUEST",
    "promotion": "REQUEST",
    SCHEDULED: "REQUEST",
    "changed": "REQUEST",
    CANCELLED: "CANCEL",
    "event-rescheduled": "REQUEST",
    "event-postponed": "CANCEL",
    "event-cancelled": "CANCEL",
    "event-revived": "REQUEST",
    "event-confirmed": "REQUEST",
    "event-changed": "REQUEST",
}
"""Kinds that are not here carry no calendar part."""

SEAT_KINDS = ("confirmation", "promotion", SCHEDULED, *NEWS_KINDS, *REMINDER_KINDS)
"""Kinds that lead people who have a seat to where they join."""


@dataclass(frozen=True, slots=True)
class EventCopy:
    """An event as notifications knows it.

    ``starts_at`` and ``ends_at`` are aware; a postponed event has none, or the last one it had. ``time_zone`` is an
    IANA name. ``revision`` begins at 1. ``join_url`` stands in no mail and no calendar. ``last_starts_at`` and
    ``last_ends_at`` are of the date before this one, which may stand in people's calendars.
    """

    id: str
    title: str
    summary: str
    starts_at: datetime | None
    ends_at: datetime | None
    time_zone: str
    status: str
    mode: str
    city: str | None
    place: str | None
    join_url: str | None
    revision: int
    series: str | None = None
    series_number: int | None = None
    last_starts_at: datetime | None = None
    last_ends_at: datetime | None = None
    kind: str = ""

    @property
    def by_coordinators(self) -> bool:
        """Whether coordinators wrote its title and summary; those of a side event are its proposer's."""
        return self.kind != SIDE_EVENT

    @property
    def has_date(self) -> bool:
        """Whether there is a moment to put in a calendar."""
        return self.starts_at is not None and self.status != "postponed"


@dataclass(frozen=True, slots=True)
class MailRecipient:
    """The one person a mail goes to.

    ``name`` was typed by whoever filled in the form. It is shown only when ``address_confirmed``: until the owner of
    the address has acted on a link of ours, nothing from the form stands in a mail, so that nobody can make us
    write their words to a stranger. ``language`` is a BCP 47 tag, ``time_zone`` an IANA name or empty, ``position``
    the place on the waiting list. ``status`` and ``form_kind`` are of the registration. ``token`` is of the link that
    only this mail carries: to the person's own page, or the confirmation link that the mail is about; empty for a mail
    that nothing in the registration has caused. ``view`` and ``join`` are of the registration's read-only link and of
    the link to the meeting, empty if there is none.
    """

    name: str
    address: str
    language: str
    time_zone: str
    token: str
    view: str = ""
    join: str = ""
    position: int | None = None
    address_confirmed: bool = False
    status: str = "confirmed"
    form_kind: str = "webinar"

    @property
    def proposes(self) -> bool:
        """Whether the registration is a proposal."""
        return self.form_kind == PROPOSAL


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """The one entry a person has for an event, over all their registrations for it.

    ``key`` is the UID's part before the ``@``, ``changes`` the sum of the registrations' revisions. ``seated`` says
    whether one of them has a seat; ``view`` is the token of its read-only link, or of the mail's own registration if
    none has. ``alarm_minutes`` is how long before the start the calendar alerts its owner; None leaves that to the
    calendar.
    """

    key: str
    changes: int
    seated: bool
    view: str
    alarm_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class EventTime:
    """The time of an event before it moved. Moments are aware."""

    starts_at: datetime
    ends_at: datetime | None
    time_zone: str


@dataclass(frozen=True, slots=True)
class BulletinText:
    """One language of a bulletin; paragraphs of ``text`` are parted by empty lines."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class MailContext:
    """Everything one mail needs.

    ``mail_id`` names the mail for ever, through every attempt. ``public_url`` has no slash at its end. ``mail_from``
    is a mailbox people read. ``now`` is aware. ``event`` is None for a form without one, or a bulletin.
    ``entry`` is what the recipient's calendar holds of it, None if it can hold nothing.
    ``attend`` is the event that people on the form are asked to attend as well, ``group`` the title of their working
    group, ``title`` that of their proposal as they wrote it, ``note`` what coordinators say to it (empty for none),
    ``before`` when the event was to be, ``recording`` an address, ``unsubscribe`` that of a bulletin's way out,
    ``late`` whether a reminder goes later than its own words are true, ``until`` how long a change of address can be
    taken back, or a seat is held, ``by_coordinator`` whether a coordinator has registered the recipient.
    """

    mail_id: str
    kind: MailKind
    recipient: MailRecipient
    event: EventCopy | None
    public_url: str
    mail_from: str
    organiser_name: str
    now: datetime
    entry: CalendarEntry | None = None
    attend: EventCopy | None = None
    group: str | None = None
    before: EventTime | None = None
    title: str = ""
    note: str = ""
    recording: str | None = None
    bulletin: BulletinText | None = None
    unsubscribe: str | None = None
    late: bool = False
    until: datetime | None = None
    by_coordinator: bool = False

    @property
    def is_test(self) -> bool:
        """Whether it is a copy to the coordinator who writes the bulletin."""
        return self.kind == BULLETIN_TEST

    @property
    def text(self) -> str:
        """The name of the wording."""
        text = LATE_REMINDER if self.late else self.kind
        return VARIANTS.get((text, self.recipient.form_kind), text)

    @property
    def calendar_method(self) -> CalendarMethod | None:
        """REQUEST, CANCEL, or None: nothing about this mail concerns the recipient's calendar.

        That is so if the kind has no calendar part, there is no date, the event does not take place, or the person
        has no seat. Whoever cancels gets a CANCEL in any case (a calendar without the entry ignores it), unless another
        registration of theirs has a seat: then the entry stays, and leads to that one from now on.
        """
        method = CALENDAR_METHODS.get(self.kind)
        if method is None or self.event is None or self.entry is None or self.recipient.form_kind not in ATTENDING:
            return None
        if self.kind == CANCELLED:
            method = "REQUEST" if self.entry.seated else "CANCEL"
        elif not self.entry.seated:
            return None
        if method == "CANCEL":
            return method if self.event.starts_at or self.event.last_starts_at else None
        return method if self.event.has_date and self.event.status != "cancelled" else None

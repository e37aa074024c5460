"""The parts of a mail: plain values that the sender copies from the stores. Pure: it reads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.notifications.mails.kinds import (
    BULLETIN_TEST,
    CANCELLED,
    KINDS,
    LAPSED,
    CalendarMethod,
)
from shared.vocabulary.form_kinds import IN_CALENDARS, PROPOSAL

WORDED_KINDS = tuple(name for name in KINDS if name not in ("bulletin", BULLETIN_TEST))
"""The kinds with a wording in every language; the words of the others are those of a bulletin."""

LATE_REMINDER = "reminder-late"
"""The wording of a late reminder: it does not mention how far away the event is."""

_PAIRS = (*((kind.name, variant) for kind in KINDS.values() for variant in kind.variants), (LATE_REMINDER, PROPOSAL))
VARIANTS: Mapping[tuple[str, str], str] = {pair: "-".join(pair) for pair in _PAIRS}
"""Variants of a wording, by wording and kind of form or promotion mode. A subject or heading without a variant is that
of the kind."""

TEXTS: tuple[str, ...] = (*WORDED_KINDS, LATE_REMINDER, *VARIANTS.values())
"""Names of the wordings."""

SIDE_EVENT = "side_event"
"""The kind of event whose title and summary were proposed by others."""


@dataclass(frozen=True, slots=True)
class EventCopy:
    """The copy of an event in notifications.

    ``starts_at`` and ``ends_at`` are aware; a postponed event has none, or the last one it had. ``time_zone`` is an
    IANA name. ``revision`` begins at 1. ``join_url`` appears in no mail and no calendar. ``last_starts_at`` and
    ``last_ends_at`` are the previous date, which people's calendars may still contain.
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
        """Whether coordinators wrote its title and summary; those of a side event are from its proposer."""
        return self.kind != SIDE_EVENT

    @property
    def has_date(self) -> bool:
        """Whether there is a time for a calendar."""
        return self.starts_at is not None and self.status != "postponed"


@dataclass(frozen=True, slots=True)
class MailRecipient:
    """The person to whom a mail is sent.

    ``name`` is from the form, which anyone could have filled in. It is shown only if ``address_confirmed``: until the
    owner of the address has used one of our links, a mail contains nothing from the form, so that no one can use us to
    send their text to someone else. ``language`` is a BCP 47 tag, ``time_zone`` an IANA name or empty, ``position`` the
    place on the waiting list. ``status`` and ``form_kind`` are of the registration. ``token`` is of the link that only
    this mail contains: to the person's own page, or the confirmation link; empty for a mail that the registration did
    not cause. ``view`` and ``join`` are the tokens of the registration's read-only link and of the link to the meeting,
    empty if there is none.
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
    """The calendar entry of a person for an event, for all their registrations.

    ``key`` is the part of the UID before the ``@``, ``changes`` the sum of the registrations' revisions. ``seated``:
    whether one of them has a seat. ``view`` is the token of its read-only link, or of the mail's own registration if
    none has. ``alarm_minutes``: how long before the start the calendar alerts; None leaves that to the calendar.
    """

    key: str
    changes: int
    seated: bool
    view: str
    alarm_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class PreviousTime:
    """The time of an event before it moved; aware datetimes."""

    starts_at: datetime
    ends_at: datetime | None
    time_zone: str


@dataclass(frozen=True, slots=True)
class BulletinText:
    """One language of a bulletin; empty lines separate the paragraphs of ``text``."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class MailContext:
    """The content of one mail.

    ``mail_id`` is the same in every attempt. ``public_url`` has no slash at its end. ``mail_from`` is a mailbox that
    people read. ``now`` is aware. ``event`` is None for a form without one, or a bulletin. ``entry`` is the recipient's
    calendar entry, None if there can be none. ``attend`` is another event that people on the form should attend,
    ``group`` the title of their working group, ``title`` that of their proposal, ``note`` the coordinators' answer
    to it (or empty), ``before`` the previous time of the event, ``recording`` a URL, ``unsubscribe`` the unsubscribe
    link of a bulletin, ``late`` whether a reminder is so late that its words are wrong, ``until`` how long a change of
    address can be undone, a seat is held, or a link has to be used, ``lapsed`` whether none was used in time,
    ``by_coordinator`` whether a coordinator registered the recipient,
    ``promotion_mode`` how those who wait get free seats, or empty in other mails and where it is not known.
    """

    mail_id: str
    kind: str
    recipient: MailRecipient
    event: EventCopy | None
    public_url: str
    mail_from: str
    organiser_name: str
    now: datetime
    entry: CalendarEntry | None = None
    attend: EventCopy | None = None
    group: str | None = None
    before: PreviousTime | None = None
    title: str = ""
    note: str = ""
    recording: str | None = None
    bulletin: BulletinText | None = None
    unsubscribe: str | None = None
    late: bool = False
    until: datetime | None = None
    by_coordinator: bool = False
    promotion_mode: str = ""
    lapsed: bool = False

    @property
    def is_test(self) -> bool:
        """Whether it is a test copy of a bulletin."""
        return self.kind == BULLETIN_TEST

    @property
    def text(self) -> str:
        """The name of the wording."""
        text = LATE_REMINDER if self.late else self.kind
        if self.lapsed:
            return VARIANTS[text, LAPSED]
        return VARIANTS.get((text, self.promotion_mode or self.recipient.form_kind), text)

    @property
    def calendar_method(self) -> CalendarMethod | None:
        """REQUEST, CANCEL, or None for a mail without a calendar part.

        None if the kind has no calendar part, there is no date, the event does not take place, or the person has no
        seat. A person who cancels always gets a CANCEL (a calendar without the entry ignores it), unless another
        registration of theirs has a seat: then the entry stays and links to that one.
        """
        method = KINDS[self.kind].calendar
        if method is None or self.event is None or self.entry is None or self.recipient.form_kind not in IN_CALENDARS:
            return None
        if self.kind == CANCELLED:
            method = "REQUEST" if self.entry.seated else "CANCEL"
        elif not self.entry.seated:
            return None
        if method == "CANCEL":
            return method if self.event.starts_at or self.event.last_starts_at else None
        return method if self.event.has_date and self.event.status != "cancelled" else None

"""What a mail is made of: plain values, copied from the stores by the sender. Must never read anything itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

MailKind = Literal["confirmation", "waiting-list", "promotion", "cancelled-by-you", "attempt-repeated"]
"""The kinds of transactional mail; each has its wording in every language."""

KINDS: tuple[MailKind, ...] = get_args(MailKind)

CalendarMethod = Literal["REQUEST", "CANCEL"]
"""What a calendar part asks of the recipient's calendar (RFC 5546, section 1.4)."""

CALENDAR_METHODS: dict[MailKind, CalendarMethod] = {
    "confirmation": "REQUEST",
    "promotion": "REQUEST",
    "cancelled-by-you": "CANCEL",
}
"""Kinds that are not here carry no calendar part."""


@dataclass(frozen=True, slots=True)
class EventCopy:
    """An event as notifications knows it.

    ``starts_at`` and ``ends_at`` are aware; a postponed event has none, or the last one it had. ``time_zone`` is an
    IANA name. ``revision`` begins at 1. ``join_url`` goes to confirmed participants only.
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

    @property
    def has_date(self) -> bool:
        """Whether there is a moment to put in a calendar."""
        return self.starts_at is not None and self.status != "postponed"


@dataclass(frozen=True, slots=True)
class Recipient:
    """The one person a mail goes to.

    ``name`` was typed by whoever filled in the form. It is shown only when ``address_confirmed``: until the owner of
    the address has acted on a link of ours, nothing from the form stands in a mail, so that nobody can make us
    write their words to a stranger. ``language`` is a BCP 47 tag, ``time_zone`` an IANA name or empty, ``position``
    the place on the waiting list, ``revision`` begins at 1.
    """

    registration_id: str
    name: str
    address: str
    language: str
    time_zone: str
    token: str
    revision: int
    position: int | None = None
    address_confirmed: bool = False


@dataclass(frozen=True, slots=True)
class MailContext:
    """Everything one mail needs.

    ``mail_id`` names the mail for ever, through every attempt. ``public_url`` has no slash at its end. ``mail_from``
    is a mailbox people read. ``now`` is aware.
    """

    mail_id: str
    kind: MailKind
    recipient: Recipient
    event: EventCopy
    public_url: str
    mail_from: str
    organiser_name: str
    now: datetime

    @property
    def calendar_method(self) -> CalendarMethod | None:
        """REQUEST, CANCEL, or None: the kind has no calendar part, or the event has no date or does not take place."""
        method = CALENDAR_METHODS.get(self.kind)
        if not self.event.has_date or (method == "REQUEST" and self.event.status == "cancelled"):
            return None
        return method

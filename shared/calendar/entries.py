"""Calendar entries of a person: the UID and SEQUENCE of one event, and links that open a new entry on the web.

A person has one entry for an event, however many forms of it they are registered on. Calendars distinguish entries by
UID and changes by SEQUENCE (RFC 5546, 2.1.4). Both follow from the event and the person's registrations alone, so
mails and downloaded files agree, in any order of arrival.

Neither vendor documents the format of its links in full. Google's is that of its former event publisher guide:
``dates`` in UTC or as days, the last one exclusive. Outlook's are those last reported to work, in 2026: for personal
accounts InteractionDesignFoundation/add-event-to-calendar-docs issue 48, for work and school OfficeDev/office-js issue
6749. Both vendors read the description as HTML, so no angle bracket may reach them, and Outlook shows ``+`` for a
space. A link holds no UID: the entry that it makes is the person's own, and no mail changes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote, urlsplit

from shared.calendar.ics import CalendarEvent, all_day_dates, clean


def personal_key(person_ref: str, event: str) -> str:
    """Return the UID's part before the ``@``: always the same for this person and event, revealing neither.

    Args:
        person_ref: keyed hash of the address, 64 hex digits: it does not lead to an address without the key.
        event: slug.
    """
    return sha256(f"{person_ref} {event}".encode()).hexdigest()[:32]


def personal_uid(key: str, public_url: str) -> str:
    """Return the UID of a person's entry.

    Args:
        key: the person's key in calendars, see :func:`personal_key`.
        public_url: address of the whole system. A change of its host orphans the entries in people's calendars.
    """
    return f"{key}@{_host(public_url)}"


def public_uid(event_id: str, public_url: str) -> str:
    """Return the UID of an event in every public calendar: it never changes, so that a new date moves the entry."""
    return f"event-{event_id}@{_host(public_url)}"


def sequence_of(event_revision: int, changes: int) -> int:
    """Return the SEQUENCE of a person's entry: 0 at first, larger with each change of the event or a registration.

    Args:
        event_revision: the revision of the event, from 1.
        changes: sum of the revisions of all the person's registrations for the event, ended ones too. Revisions never
            fall and registrations only become more, so neither does the sum.
    """
    return event_revision + changes - 2


def _host(public_url: str) -> str:
    return urlsplit(public_url).hostname or "localhost"


MAX_LINK_OCTETS = 2000
"""Some proxies and mail programs cut longer addresses."""

MAX_TITLE_OCTETS = 600
MAX_LOCATION_OCTETS = 400
"""Encoded, as the link contains them. The rest is left to the description."""

ENTRY_WITHOUT_END = timedelta(hours=1)
"""How long an entry is whose event has no end: both calendars want one."""

GOOGLE = "https://calendar.google.com/calendar/render"
OUTLOOK = {
    "outlook": "https://outlook.live.com/calendar/0/deeplink/compose",
    "office": "https://outlook.office.com/calendar/deeplink/compose",
}
_BRACKETS = str.maketrans("<>", "‹›")


@dataclass(frozen=True, slots=True)
class CalendarLinks:
    """Addresses that add one event to a calendar.

    Attributes:
        file: path of an .ics file with the event.
        google: the address for Google Calendar.
        outlook: the address for personal Outlook accounts (outlook.live.com).
        office: the address for work and school accounts of Outlook (outlook.office.com).
    """

    file: str
    google: str
    outlook: str
    office: str


def calendar_links(event: CalendarEvent, file: str) -> CalendarLinks:
    """Return all links to ``event``; ``file`` is the path of its .ics file."""
    return CalendarLinks(file, google_link(event), outlook_link(event, "outlook"), outlook_link(event, "office"))


def google_link(event: CalendarEvent) -> str:
    """Return the link that opens a new entry in Google Calendar.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: the event's zone does not exist.
    """
    days = all_day_dates(event)
    start, end = (_google_text(day) for day in (days or _instants(event)))
    zone = {} if days else {"ctz": event.time_zone}
    fixed = {"action": "TEMPLATE", "dates": f"{start}/{end}", **zone}
    return _link(GOOGLE, fixed, {"text": event.title, "location": event.location}, ("details", event), "\n")


def outlook_link(event: CalendarEvent, kind: str) -> str:
    """Return the link that opens a new entry in Outlook on the web; ``kind`` is a key of ``OUTLOOK``.

    Raises as :func:`google_link`.
    """
    days = all_day_dates(event)
    start, end = (_iso_text(day) for day in (days or _instants(event)))
    fixed = {"path": "/calendar/action/compose", "rru": "addevent", "startdt": start, "enddt": end}
    if days:
        fixed["allday"] = "true"
    return _link(OUTLOOK[kind], fixed, {"subject": event.title, "location": event.location}, ("body", event), "<br>")


def _instants(event: CalendarEvent) -> tuple[datetime, datetime]:
    ends_at = event.ends_at if event.ends_at is not None and event.ends_at > event.starts_at else None
    return event.starts_at.astimezone(UTC), (ends_at or event.starts_at + ENTRY_WITHOUT_END).astimezone(UTC)


def _google_text(when: date) -> str:
    return f"{when:%Y%m%dT%H%M%SZ}" if isinstance(when, datetime) else f"{when:%Y%m%d}"


def _iso_text(when: date) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}" if isinstance(when, datetime) else f"{when:%Y-%m-%d}"


def _link(
    base: str, fixed: Mapping[str, str], texts: Mapping[str, str], details: tuple[str, CalendarEvent], line_break: str
) -> str:
    """Assemble a link of at most ``MAX_LINK_OCTETS``: title and place are cut, and the description fills the rest."""
    limits = (MAX_TITLE_OCTETS, MAX_LOCATION_OCTETS)
    cut = [(name, _encoded(_plain(text), limit)) for (name, text), limit in zip(texts.items(), limits, strict=True)]
    query = "&".join([*(f"{name}={quote(value, safe='')}" for name, value in fixed.items()), *map("=".join, cut)])
    link, (name, event) = f"{base}?{query}", details
    left = MAX_LINK_OCTETS - len(link) - len(f"&{name}=")
    last = quote(f"{line_break}{line_break}{event.url}", safe="") if event.url else ""
    description = _encoded(_plain(event.description), left - len(last), line_break)
    body = description + last if description else quote(event.url, safe="")
    return f"{link}&{name}={body}" if body and len(body) <= left else link


def _plain(text: str) -> str:
    """``text`` as no reader of HTML takes for markup."""
    return clean(text).translate(_BRACKETS)


def _encoded(text: str, limit: int, line_break: str = " ") -> str:
    """``text`` percent-encoded, at most ``limit`` octets: cut between characters, with an ellipsis, if it is longer."""
    pieces = [quote(line_break if character == "\n" else character, safe="") for character in text]
    if sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    ellipsis, kept, size = quote("…"), [], 0
    for piece in pieces:
        size += len(piece)
        if size + len(ellipsis) > limit:
            break
        kept.append(piece)
    return "".join([*kept, ellipsis]) if kept else ""

"""A context becomes one message (RFC 5322), with a calendar part where the kind has one.

It never sends anything and reads no store.

A message with a calendar has the structure that the large calendar providers use::

    multipart/mixed
    ├── multipart/alternative
    │   ├── text/plain
    │   ├── text/html
    │   └── text/calendar; method=REQUEST      what Outlook, Gmail and Apple Mail act on
    └── application/ics; invite.ics            the same bytes, for clients that only know attachments

Outlook recognises an invitation only in the first child of ``multipart/mixed`` and wants ``text/calendar`` there
(MS-STANOICAL, notes on RFC 6047 section 2.4). The last alternative is the richest, so the calendar is last. The
attachment has another type, so that no client counts a second invitation. Without a calendar:
``multipart/alternative``.

The calendar part is one event with one attendee, an invitation or its cancellation (RFC 5545, 5546, 6047). UID and
SEQUENCE are those of :mod:`shared.calendar.entries`: one entry for each person and event. A client that gets two mails
in the wrong order keeps the one with the larger SEQUENCE (RFC 5546, section 2.1.4). The entry is ``CLASS:PRIVATE``:
colleagues with whom a calendar is shared see "busy". Not every program respects that, so the entry contains only the
read-only link.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import format_datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.notifications.composing.mime import (
    assembled,
    domain_of,
    mailbox,
    mailbox_header,
    multipart,
    octets_part,
    text_header,
    text_part,
)
from services.notifications.composing.model import CalendarEntry, EventCopy, MailContext
from services.notifications.composing.texts import Wording, defuse, wording
from services.notifications.composing.view import _page, has_meeting, place_line, subject_of, title_of, values_of
from services.notifications.mails.kinds import CalendarMethod
from shared.calendar.entries import personal_uid, sequence_of
from shared.calendar.ics import CalendarEvent, CalendarUser, Status, write_invitation
from shared.i18n.languages import best_language

PRODUCT = "Notifications"


def invitation(context: MailContext, method: CalendarMethod) -> bytes:
    """Return an iCalendar object that adds the event to the recipient's calendar (REQUEST) or removes it (CANCEL).

    Returns:
        UTF-8 with CRLF line ends, folded at 75 octets.

    Raises:
        ValueError: the event has and had no date, so there is no calendar entry; or an address is unusable.
        zoneinfo.ZoneInfoNotFoundError: the event's zone does not exist.
    """
    event, held = context.event, context.entry
    starts_at, ends_at = (None, None) if event is None else _date(event, method)
    if event is None or held is None or starts_at is None:
        raise ValueError("an event without a date has no calendar part")
    return write_invitation(_entry(context, event, held, method, (starts_at, ends_at)), PRODUCT, method)


def _date(event: EventCopy, method: CalendarMethod) -> tuple[datetime | None, datetime | None]:
    """Return start and end of the entry; a removed entry may be in the calendar at the previous date."""
    if event.starts_at is None and method == "CANCEL":
        return event.last_starts_at, event.last_ends_at
    return event.starts_at, event.ends_at


def _entry(
    context: MailContext,
    event: EventCopy,
    held: CalendarEntry,
    method: CalendarMethod,
    date: tuple[datetime, datetime | None],
) -> CalendarEvent:
    starts_at, ends_at = date
    words = wording(best_language(context.recipient.language))
    link = _page(context, "v", held.view)
    return CalendarEvent(
        uid=personal_uid(held.key, context.public_url),
        sequence=sequence_of(event.revision, held.changes),
        stamped_at=context.now,
        starts_at=starts_at,
        ends_at=ends_at,
        time_zone=event.time_zone,
        status=_status(event, method),
        title=title_of(event),
        description=_description(event, words, words.labelled(_link_label(context, held, words, method), link), method),
        location=place_line(event, words),
        url=link,
        private=True,
        alarm_minutes=held.alarm_minutes,
        organizer=CalendarUser(mailbox(context.mail_from), defuse(context.organiser_name, 60)),
        attendee=_attendee(context, method),
    )


def _status(event: EventCopy, method: CalendarMethod) -> Status:
    if method == "CANCEL":
        return "CANCELLED"
    return "TENTATIVE" if event.status == "tentative" else "CONFIRMED"


def _link_label(context: MailContext, held: CalendarEntry, words: Wording, method: CalendarMethod) -> str:
    """Return the label of the read-only link, which is that of the registration with the seat."""
    if method == "REQUEST" and context.event is not None and has_meeting(context.event):
        return words.calendar_join
    proposes = context.recipient.proposes and held.view == context.recipient.view
    return words.see_link_proposal if proposes else words.see_link


def _description(event: EventCopy, words: Wording, link: str, method: CalendarMethod) -> str:
    summary = event.summary if event.by_coordinators else defuse(event.summary, len(event.summary))
    lines = [summary] if summary else []
    if method == "REQUEST" and event.status == "tentative":
        lines.append(words.tentative)
    return "\n\n".join([*lines, link])


def _attendee(context: MailContext, method: CalendarMethod) -> CalendarUser:
    recipient = context.recipient
    parameters = {"cutype": "INDIVIDUAL", "role": "REQ-PARTICIPANT", "rsvp": "FALSE"}
    if method == "REQUEST":
        parameters["partstat"] = "ACCEPTED"  # they asked for the seat, so their calendar need not ask again
    name = defuse(recipient.name, 60) if recipient.address_confirmed else ""
    return CalendarUser(mailbox(recipient.address), name, tuple(parameters.items()))


@dataclass(frozen=True, slots=True)
class MailText:
    """The texts of a mail: subject, plain text and HTML."""

    subject: str
    plain: str
    html: str


def write(context: MailContext) -> MailText:
    """Return the texts of a mail.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: the event's zone does not exist.
    """
    words = wording(best_language(context.recipient.language))
    subject = subject_of(context, words)
    values = values_of(context, words) | {"subject": subject}
    plain, html = (_templates().get_template(name).render(values) for name in ("mail.txt", "mail.html"))
    return MailText(subject, plain, html)


def render(context: MailContext, message_id: str = "") -> bytes:
    """Return the whole mail for the transport. The same context gives the same bytes in each attempt.

    Args:
        context: content of the mail.
        message_id: the stored one, with angle brackets; by default the mail's id and the sender's domain.

    Raises:
        UnusableAddress: the recipient's or the sender's address is not one mailbox, or not in ASCII.
        zoneinfo.ZoneInfoNotFoundError: the event's zone does not exist.
    """
    text = write(context)
    mark = hashlib.blake2b(context.mail_id.encode(), digest_size=12).hexdigest()
    return assembled(_body(context, text, mark), _headers(context, text.subject, message_id))


def _body(context: MailContext, text: MailText, mark: str) -> Message:
    texts = [text_part(text.plain, "plain"), text_part(text.html, "html")]
    method = context.calendar_method
    if method is None:
        return multipart("alternative", texts, mark)
    calendar = invitation(context, method)
    calendar_part = octets_part(calendar, "text", "calendar", {"charset": "utf-8", "method": method}, "")
    attached = octets_part(calendar, "application", "ics", {}, 'attachment; filename="invite.ics"')
    return multipart("mixed", [multipart("alternative", [*texts, calendar_part], f"_{mark}"), attached], mark)


def _headers(context: MailContext, subject: str, message_id: str) -> list[tuple[str, str]]:
    headers = [
        ("From", mailbox_header("From", _display_name(context.organiser_name), mailbox(context.mail_from))),
        ("To", mailbox(context.recipient.address)),
        ("Subject", text_header("Subject", subject)),
        ("Date", format_datetime(context.now.astimezone(UTC))),
        ("Message-ID", message_id or f"<{context.mail_id}@{domain_of(context.mail_from)}>"),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834: automatic responders do not answer this
        ("Content-Language", best_language(context.recipient.language)),
    ]
    if context.bulletin is not None:  # RFC 2919: mail programs sort and mute bulletins by it
        headers.append(("List-Id", f"<bulletins.{domain_of(context.mail_from)}>"))
    if context.unsubscribe is not None:  # RFC 8058; never folded: readers of one-click links do not unfold it
        headers.append(("List-Unsubscribe", f"<{context.unsubscribe}>"))
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return headers


def _display_name(text: str) -> str:
    """Return a name for From without the special characters of address lists (RFC 5322, section 3.2.3)."""
    return " ".join(defuse(text, 60).translate({ord(c): " " for c in '()<>[]:;@\\,"'}).split())


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("services.notifications.composing"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

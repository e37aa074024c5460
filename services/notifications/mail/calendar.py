"""The calendar part: one event, one attendee, as an invitation or as its cancellation (RFC 5545, 5546, 6047).

UID and SEQUENCE are those of :mod:`shared.calendar.entries`: one entry a person and event. A client that gets two mails
in the wrong order keeps the one with the larger SEQUENCE (RFC 5546, section 2.1.4).

The entry is ``CLASS:PRIVATE``, since taking part may be nobody else's business: colleagues with whom a calendar is
shared see "busy". Its only link is the read-only one, since not every program keeps that promise.
"""

from datetime import datetime
from urllib.parse import quote

from services.notifications.mail.content import CalendarEntry, CalendarMethod, EventCopy, MailContext
from services.notifications.mail.defusing import defuse, safe_link, written_line
from services.notifications.mail.mailbox import mailbox
from services.notifications.mail.wording import Wording, language_for, wording
from shared.calendar.entries import personal_uid, sequence_of
from shared.calendar.ics import CalendarEvent, CalendarUser, Status, write_invitation
from shared.i18n.zones import place_text

PRODUCT = "Notifications"


def invitation(context: MailContext, method: CalendarMethod) -> bytes:
    """An iCalendar object that puts the event in the recipient's calendar (REQUEST) or takes it out (CANCEL).

    Returns:
        UTF-8 with CRLF line ends, folded at 75 octets.

    Raises:
        ValueError: the event has and had no date, so there is nothing a calendar could hold; or an address is unusable.
        zoneinfo.ZoneInfoNotFoundError: the event's zone does not exist.
    """
    event, held = context.event, context.entry
    starts_at = _start(event, method)
    if event is None or held is None or starts_at is None:
        raise ValueError("an event without a date has no calendar part")
    return write_invitation(_entry(context, event, held, method, starts_at), PRODUCT, method)


def _start(event: EventCopy | None, method: CalendarMethod) -> datetime | None:
    """When the entry begins; one that is taken out may stand in the calendar at the date before."""
    if event is None:
        return None
    return event.starts_at or (event.last_starts_at if method == "CANCEL" else None)


def _entry(
    context: MailContext, event: EventCopy, held: CalendarEntry, method: CalendarMethod, starts_at: datetime
) -> CalendarEvent:
    words = wording(language_for(context.recipient.language))
    link = _page(context, "v", held.view)
    return CalendarEvent(
        uid=personal_uid(held.key, context.public_url),
        sequence=sequence_of(event.revision, held.changes),
        stamped_at=context.now,
        starts_at=starts_at,
        ends_at=event.ends_at,
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


def personal_link(context: MailContext) -> str:
    """The recipient's own page. Opening it changes nothing: mail scanners do."""
    return _page(context, "r", context.recipient.token)


def confirmation_link(context: MailContext) -> str:
    """The page that lists everything pending for the recipient's address. Opening it changes nothing."""
    return _page(context, "c", context.recipient.token)


def view_link(context: MailContext) -> str:
    """The page that shows event, time and status of the registration, and nobody's name."""
    return _page(context, "v", context.recipient.view)


def undo_link(context: MailContext) -> str:
    """The page by which a former address is restored. Opening it changes nothing."""
    return _page(context, "r/undo", context.recipient.token)


def join_link(context: MailContext) -> str:
    """The link that leads to the meeting near its time. The address of the meeting itself stands in no mail and no
    calendar: both are forwarded and shared, and the address may change.
    """
    return _page(context, "j", context.recipient.join)


def _page(context: MailContext, kind: str, token: str) -> str:
    return f"{context.public_url.rstrip('/')}/{kind}/{quote(token, safe='')}"


def has_meeting(event: EventCopy) -> bool:
    """Whether the event is online, at an address that can be a link."""
    return event.mode in ("online", "hybrid") and safe_link(event.join_url) is not None


def title_of(event: EventCopy) -> str:
    """The title of an event: as coordinators wrote it, or defused if it is a proposer's."""
    return written_line(event.title) if event.by_coordinators else defuse(event.title)


def place_line(event: EventCopy, words: Wording) -> str:
    """Where the event is, in one line: place and city, or the word for online, or both."""
    place, city = ("", "") if event.mode == "online" else (event.place, event.city)
    return written_line(place_text(place, city, "" if event.mode == "in_person" else words.online, words.language))


def _status(event: EventCopy, method: CalendarMethod) -> Status:
    if method == "CANCEL":
        return "CANCELLED"
    return "TENTATIVE" if event.status == "tentative" else "CONFIRMED"


def _link_label(context: MailContext, held: CalendarEntry, words: Wording, method: CalendarMethod) -> str:
    """What stands before the read-only link, which is that of the registration with the seat."""
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
        parameters["partstat"] = "ACCEPTED"  # they asked for the seat, so their calendar need not ask them again
    name = defuse(recipient.name, 60) if recipient.address_confirmed else ""
    return CalendarUser(mailbox(recipient.address), name, tuple(parameters.items()))

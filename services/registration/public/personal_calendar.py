"""The calendar entry of one person: what it holds, its links and its file."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import Response

from services.registration.embed.strings import page_texts
from services.registration.forms.opening import OPEN_EVENT_STATUSES
from services.registration.forms.service import PublicEvent, find_public_event
from services.registration.forms.store import PublicForm
from services.registration.public.context import PublicContext
from services.registration.public.responses import see_other
from shared.calendar.entries import CalendarLinks, calendar_links, personal_uid, sequence_of
from shared.calendar.ics import MEDIA_TYPE, CalendarEvent, write_file
from shared.http.headers import personal
from shared.i18n.when import place_text
from shared.vocabulary.form_kinds import FORM_KINDS

PRODUCT = "Registration"


FILE = "calendar.ics"
"""The last part of the path of a person's file."""


@dataclass(frozen=True, slots=True)
class PersonalEntry:
    """What distinguishes a person's entry from others.

    Attributes:
        key: the UID's part before the ``@``.
        changes: the sum of the revisions of the person's registrations for the event; 1 where nothing may depend on
            them.
    """

    key: str
    changes: int


def personal_event(
    context: PublicContext, form: PublicForm, entry: PersonalEntry, language: str
) -> CalendarEvent | None:
    """Return a form's event for a person who has a seat; None if there is nothing to put in a calendar.

    There is nothing for a form by which no one takes part in an event, and if the event has no date, currently does not
    take place, or is over.
    """
    if form.event_id is None or not FORM_KINDS[form.kind].in_calendars:
        return None
    with context.work.single_statement() as connection:
        event = find_public_event(connection, form.event_id)
    now = context.clock()
    if event is None or event.starts_at is None or event.status not in OPEN_EVENT_STATUSES:
        return None
    if (event.ends_at or event.starts_at) <= now:
        return None
    query = urlencode({"lang": language})
    return CalendarEvent(
        uid=personal_uid(entry.key, context.public_url),
        sequence=sequence_of(event.revision, entry.changes),
        stamped_at=now,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        time_zone=event.time_zone,
        status="TENTATIVE" if event.status == "tentative" else "CONFIRMED",
        title=event.title.in_language(language),
        description=_description(event, language),
        location=event_place(event, language),
        url=f"{context.public_url}/programme/{event.id}?{query}",
        private=True,
        alarm_minutes=form.alarm_minutes,
    )


def links_to(event: CalendarEvent, file: str, language: str) -> CalendarLinks:
    """Return the links that add an event to a calendar. A link cannot mark a date as tentative, so the title does.

    Args:
        event: the event, see :func:`personal_event`.
        file: the path of its calendar file.
        language: the language of the title.
    """
    if event.status != "TENTATIVE":
        return calendar_links(event, file)
    title = page_texts().text("calendar.tentative-title", language, title=event.title)
    return calendar_links(replace(event, title=title), file)


def file_response(event: CalendarEvent | None, page_path: str) -> Response:
    """Return the file of an event, or redirect to the page that states why there is none."""
    if event is None:
        return see_other(page_path)
    response = Response(write_file(event, PRODUCT), content_type=f"{MEDIA_TYPE}; charset=utf-8")
    response.headers["Content-Disposition"] = 'inline; filename="event.ics"'
    return personal(response)


def _description(event: PublicEvent, language: str) -> str:
    tentative = page_texts().text("when.tentative", language) if event.status == "tentative" else ""
    return "\n\n".join(part for part in (event.summary.in_language(language), tentative) if part)


def event_place(event: PublicEvent, language: str) -> str:
    """Return where an event takes place, in words; empty if that is not known."""
    place, city = ("", "") if event.mode == "online" else (event.place, event.city)
    online = "" if event.mode == "in_person" else page_texts().text("calendar.online", language)
    return place_text(place, city, online, language)

"""The event behind a managing link as a calendar file, and the links to it."""

from flask import Blueprint, Response, request

from services.registration.intake.form_view import FormView
from services.registration.own.pages import (
    gone,
)
from services.registration.own.service import OwnPage, show_own
from services.registration.own.store import OwnRegistration
from services.registration.public.context import PublicContext
from services.registration.public.personal_calendar import (
    FILE,
    PersonalEntry,
    file_response,
    links_to,
    personal_event,
)
from services.registration.public.submitted import own_language
from shared.calendar.entries import CalendarLinks, personal_key
from shared.calendar.ics import CalendarEvent
from shared.http.access import by_link
from shared.runtime.errors import DomainError
from shared.security.rate_limits import limited


def add_own_calendar(blueprint: Blueprint, context: PublicContext) -> None:
    """``/r/<token>/calendar.ics``."""

    @blueprint.get(f"/<token>/{FILE}")
    @by_link
    @limited("link")
    def own_calendar(token: str) -> Response:
        try:
            own, form = show_own(context.work, token, context.form_view, context.clock())
        except DomainError:
            return gone(context)
        language = own_language(request.args.to_dict(), own.person.registration.language)
        return file_response(own_event(context, own, form, language), f"/r/{token}?lang={language}")


def own_calendar_links(context: PublicContext, token: str, shown: OwnPage, language: str) -> CalendarLinks | None:
    """Return the links to the event of a managing link; None if there is nothing to put in a calendar."""
    event = own_event(context, shown.own, shown.form, language)
    return None if event is None else links_to(event, f"/r/{token}/{FILE}?lang={language}", language)


def own_event(context: PublicContext, own: OwnRegistration, form: FormView, language: str) -> CalendarEvent | None:
    """Return the entry that the person has in their calendar; None without a seat, or without an event to attend."""
    registration = own.person.registration
    if registration.status != "confirmed" or own.event_id is None:
        return None
    key = personal_key(registration.person_ref, own.event_id)
    return personal_event(context, form.stored, PersonalEntry(key, own.changes), language)

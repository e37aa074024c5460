"""The page on which a form begins, and the page that makes a form for each side event that has none."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.registration.forms import wording as form_words
from services.registration.forms.designer_fields import first_questions, words_of
from services.registration.forms.drafts import DraftsContext
from services.registration.forms.service import list_forms, list_partners
from services.registration.forms.side_events import (
    BareEvent,
    FormsWanted,
    events_without_form,
    make_forms,
    preview_forms,
)
from services.registration.forms.store import StoredForm
from shared.http.access import holder, needs, needs_all_forms, require_touch
from shared.http.headers import personal
from shared.i18n.languages import Text
from shared.i18n.when import compact_day, zone_name
from shared.messaging.contracts.schemas import SLUG
from shared.runtime.errors import DomainError
from shared.runtime.ids import MAX_LENGTH, free_slug, slug_from

NUMBER = re.compile("[0-9]{1,6}(?![0-9])(?!.*[0-9])")
"""The last number of an id."""

PATH = "/console/registrations/form-drafts"
NEW = "/registrations/new-form"
MAX_NUMBER = len("-999")
MAX_TITLE = 250
"""Characters of an event's title that the title of its form takes over."""


def typed_values() -> MultiDict[str, str]:
    """The submitted values, without NUL, which the database cannot store."""
    pairs = request.form.items(multi=True)
    return MultiDict([(name, text.replace("\x00", "")) for name, text in pairs])


def add_new_form(blueprint: Blueprint, context: DraftsContext) -> None:
    """``/console/registrations/new-form``, and the button of a form that begins a draft of a change."""

    @blueprint.get(NEW)
    @needs_all_forms("coordinator")
    def new_form() -> Response:
        event, start = request.args.get("event", ""), request.args.get("start", "webinar")
        start = start if start in form_words.KINDS else "attendance"
        if not _is_slug(event):
            return _new_page(context, {"start": f"standard/{start}"}, {})
        title = context.event_titles().get(event) or cleaned_title(request.args.get("title", "")) or event
        first = {"event": event, "slug": _free(context, event), "title": f"Register for {title}"}
        before = forerunner(event, list_forms(context.work))
        if before is None:
            return _new_page(context, {**first, "start": f"standard/{context.usual_kind(event, start)}"}, {})
        title = renumbered(before.title, before.event_id or "", event)
        return _new_page(context, {**first, "start": f"form/{before.slug}", "title": title}, {})

    _add_start(blueprint, context)


def _add_start(blueprint: Blueprint, context: DraftsContext) -> None:
    @blueprint.post(NEW)
    @needs_all_forms("coordinator")
    def start_form() -> AnyResponse:
        typed = typed_values()
        values = {name: typed.get(name, "").strip() for name in ("slug", "title", "event", "start")}
        values["slug"] = values["slug"] or _free(context, slug_from(values["title"]))
        faults = _faults(context, values)
        content = None if faults else _first_content(context, values)
        if content is None:
            return _new_page(context, values, faults, 422)
        try:
            context.start(values["slug"], content, holder().name)
        except DomainError as refusal:
            if refusal.code != "already-exists":
                raise
            return _new_page(context, values, {"slug": "There is already a draft with this short name."}, 409)
        return redirect(f"{PATH}/{values['slug']}", 303)

    @blueprint.post("/registrations/forms/<slug>/draft")
    @needs("coordinator")
    def start_draft(slug: str) -> AnyResponse:
        require_touch(slug)
        try:
            context.start(slug, None, holder().name)
        except DomainError as refusal:
            if refusal.code != "already-exists":
                raise
        return redirect(f"{PATH}/{slug}", 303)


def _faults(context: DraftsContext, values: Mapping[str, str]) -> dict[str, str]:
    faults: dict[str, str] = {}
    if values["event"] and not _is_slug(values["event"]):
        raise BadRequest("unknown event")
    if not _is_slug(values["slug"]):
        faults["slug"] = "Use lower-case letters, digits and single hyphens, at most 80."
    elif values["slug"] in {form.slug for form in list_forms(context.work)}:
        free = _free(context, values["slug"])
        faults["slug"] = f"There is already a form with this short name. {free} is free."
    if not 1 <= len(values["title"]) <= 300:
        faults["title"] = "Enter a title of at most 300 characters."
    return faults


def _free(context: DraftsContext, slug: str) -> str:
    """``slug``, or with a number behind it if a form or a draft has it already."""
    taken = {form.slug for form in list_forms(context.work)} | {draft.slug for draft in context.drafts()}
    return free_slug(slug[: MAX_LENGTH - MAX_NUMBER].rstrip("-"), taken) if slug in taken else slug


def _is_slug(text: str) -> bool:
    return len(text) <= 80 and re.fullmatch(SLUG, text) is not None


def cleaned_title(title: str) -> str:
    """The title of an event that this service does not know yet, from a link of the console."""
    return title.replace("\x00", "").strip()[:MAX_TITLE]


def _first_content(context: DraftsContext, values: Mapping[str, str]) -> dict[str, Any]:
    start = values["start"]
    own: dict[str, Any] = {"title": {"en": values["title"]}, **({"event": values["event"]} if values["event"] else {})}
    if start.startswith("standard/"):
        kind = start.removeprefix("standard/")
        if kind not in form_words.KINDS:
            raise BadRequest("unknown kind")
        return {"kind": kind, "fields": first_questions(kind), **own}
    copied = context.describe(start.removeprefix("form/"))
    titles = {
        language: renumbered(title, copied.get("event") or "", values["event"])
        for language, title in Text.of(copied["title"]).as_mapping.items()
    }
    if titles.get("en") == values["title"]:  # else those of the other languages differ in meaning
        own["title"] = titles
    return {**{name: value for name, value in copied.items() if name != "event"}, **own}


def forerunner(event: str, forms: Sequence[StoredForm]) -> StoredForm | None:
    """The form of the last event before ``event`` in its series, by their ids: webinar-10 comes before webinar-11."""
    number = NUMBER.search(event)
    if number is None:
        return None
    same = f"{event[: number.start()]}{{}}{event[number.end() :]}"
    before = [(int(found.group()), form) for form in forms if (found := NUMBER.search(form.event_id or ""))
              and form.event_id == same.format(found.group()) and int(found.group()) < int(number.group())]  # fmt: skip
    return max(before, key=lambda pair: pair[0])[1] if before else None


def renumbered(title: str, old: str, new: str) -> str:
    """Return ``title`` with the number of the event ``old``, as a whole number, replaced by that of ``new``."""
    was, now = NUMBER.search(old), NUMBER.search(new)
    return re.sub(rf"(?<![0-9]){was.group()}(?![0-9])", now.group(), title) if was and now else title


def _begun(context: DraftsContext, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """(short name, title) of the drafts of new forms for the same event, or with the same short name."""
    event, slug = values.get("event", ""), values.get("slug", "")
    return [
        (draft.slug, words_of(draft.content.get("title")).get("en") or draft.slug)
        for draft in context.drafts()
        if (event and draft.based_on is None and draft.content.get("event") == event) or draft.slug == slug
    ]


def _new_page(
    context: DraftsContext, values: Mapping[str, str], faults: Mapping[str, str], status: int = 200
) -> Response:
    starts = [(f"standard/{kind}", f"Usual questions: {word.lower()}") for kind, word in form_words.KINDS.items()]
    starts += [(f"form/{form.slug}", f"Copy of: {form.title}") for form in list_forms(context.work)]
    events = [("", "None"), *context.event_choices(values.get("event", "")).items()]
    drafts = _begun(context, values)
    page = render_template(
        "registrations/new_form.html", values=values, faults=faults, starts=starts, events=events, drafts=drafts
    )
    return personal(make_response(page, status))


SIDE_EVENTS_PATH = "/registrations/side-event-forms"
MAX_SEATS = 1_000_000


def add_side_event_forms(blueprint: Blueprint, context: DraftsContext) -> None:
    """``/console/registrations/side-event-forms``."""

    @blueprint.get(SIDE_EVENTS_PATH)
    @needs_all_forms("coordinator")
    def bare_events() -> Response:
        return _page(context, MultiDict(), first=True)

    @blueprint.post(SIDE_EVENTS_PATH)
    @needs_all_forms("coordinator")
    def make_them() -> AnyResponse:
        typed = request.form
        faults: dict[str, str] = {}
        wanted = _wanted(typed, faults)
        if not typed.getlist("event"):
            faults["events"] = "Tick at least one side event."
        if faults or typed.get("go") == "back":
            return _page(context, typed, faults=faults, status=422 if faults else 200)
        try:
            if typed.get("go") != "do":
                return _page(context, typed, preview=preview_forms(context, wanted))
            made = make_forms(context, wanted, holder().name)
        except DomainError as error:
            gone = {"events": f"The list has changed: {error.detail}. Check it and try again."}
            return _page(context, typed, faults=gone, status=409)
        if any(form.problem for form in made):
            return _page(context, MultiDict(), made=made)
        return redirect(f"/console{SIDE_EVENTS_PATH}?made={len(made)}", 303)


def _wanted(typed: MultiDict[str, str], faults: dict[str, str]) -> FormsWanted:
    seats: dict[str, int | None] = {}
    for event in typed.getlist("event"):
        text = typed.get(f"seats-{event}", "").strip()
        if text and not (text.isascii() and text.isdigit() and int(text[:9]) <= MAX_SEATS and len(text) < 9):
            faults[f"seats-{event}"] = f"Enter a number up to {MAX_SEATS}, or leave it empty for no limit."
            continue
        seats[event] = int(text) if text else None
    return FormsWanted(seats, tuple(dict.fromkeys(typed.getlist("partner"))))


def _page(
    context: DraftsContext,
    typed: MultiDict[str, str],
    *,
    first: bool = False,
    faults: Mapping[str, str] | None = None,
    status: int = 200,
    **more: object,
) -> Response:
    events = events_without_form(context)
    ticked = {event.id for event in events if not event.taken} if first else set(typed.getlist("event"))
    made = request.args.get("made", "")
    page = render_template(
        "registrations/side_event_forms.html",
        **{"preview": None, "made": [], **more},
        events=events,
        ticked=ticked,
        seats={event.id: typed.get(f"seats-{event.id}", "") for event in events},
        partners=list_partners(context.work, None),
        chosen=set(typed.getlist("partner")),
        faults=faults or {},
        local=_local,
        number=int(made) if made.isascii() and made.isdigit() and len(made) < 4 else 0,
    )
    return personal(make_response(page, status))


def _local(instant: datetime, event: BareEvent) -> str:
    """When something is in the event's zone, as the timetable has it: ``Wed 3 Feb 2027, 09:00 Geneva time``."""
    there = instant.astimezone(ZoneInfo(event.time_zone))
    return f"{compact_day(there)}, {there:%H:%M} {zone_name(there, event.time_zone, 'en', event.city)}"

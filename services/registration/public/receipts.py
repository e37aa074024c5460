"""The receipt of a submission, as a page and for programs, and *my registrations*, a mail with the link to all of them.

A person with a receipt may know the outcome of its submission. The answer of *my registrations*, its time and the
statement that it runs are the same for every address: the decider processes the address later.

The event of a form is an entry of one person's calendar: a file to download, and links to calendars on the web.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import quote, urlencode

from flask import Blueprint as PageBlueprint
from flask import Response, jsonify, request

from services.registration.embed.pages import RECEIPTS_PATH
from services.registration.embed.receipt_pages import (
    MyNotice,
    MyPage,
    ReceiptPage,
    ReceiptStatus,
    my_path,
    receipt_path,
    render_my,
    render_receipt,
    render_receipt_gone,
)
from services.registration.embed.strings import page_texts
from services.registration.forms.opening import OPEN_EVENT_STATUSES
from services.registration.forms.service import PublicEvent, every_origin, find_public_event, first_form
from services.registration.forms.store import PublicForm
from services.registration.intake.mail_lines import are_mails_held
from services.registration.public.api import FormQuery, ReceiptStateSchema
from services.registration.public.context import (
    PublicContext,
    attempt_number,
    event_time,
    language_of,
    page,
    page_style_of,
    see_other,
    title_of,
)
from services.registration.public.submissions import allow, client_network, preflight, receipt_content, with_preflight
from shared.calendar.entries import CalendarLinks, calendar_links, personal_uid, sequence_of
from shared.calendar.ics import MEDIA_TYPE, CalendarEvent, write_file
from shared.http.access import public
from shared.http.headers import personal
from shared.http.problems import ProblemSchema, retry_after_s
from shared.http.request_data import Blueprint, require_form
from shared.i18n.when import place_text
from shared.public_forms.addresses import normal_address
from shared.runtime.errors import DomainError, Unavailable
from shared.security.rate_limits import limited
from shared.vocabulary.form_kinds import FORM_KINDS


def receipts_blueprint(context: PublicContext) -> Any:
    """``/v1/receipts/{receipt}``."""
    blueprint = Blueprint("receipts", __name__, url_prefix="/v1/receipts", description="Receipts of submissions")

    @blueprint.route("/<receipt>", methods=["GET"])
    @blueprint.arguments(FormQuery, location="query")
    @blueprint.response(200, ReceiptStateSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @public
    @limited("link")
    @with_preflight
    def show(query: dict[str, Any], receipt: str) -> Response:
        """The outcome of a submission; the receipt authorises the request."""
        content = receipt_content(context, receipt)
        content["calendar"] = _links(
            context, receipt, content, language_of({"lang": query["lang"]}, None), context.public_url
        )
        content["mails_held"] = _are_mails_held(context, content["status"])
        response = jsonify(ReceiptStateSchema().dump(content))
        response.headers["Cache-Control"] = "no-store"
        return allow(response, context.known_origins(content["form"]))

    @blueprint.route("/<receipt>", methods=["OPTIONS"])
    @blueprint.doc(summary="May another origin read this receipt?")
    @blueprint.response(204)
    @public
    def ask_to_read(receipt: str) -> Response:  # noqa: ARG001 - the path's
        return preflight(every_origin(context.work), "GET")

    return blueprint


def receipt_pages_blueprint(context: PublicContext) -> PageBlueprint:
    """``/receipts/<receipt>``."""
    blueprint = PageBlueprint("receipt_pages", __name__)

    @blueprint.get(f"/receipts/<receipt>/{FILE}")
    @public
    @limited("link")
    def receipt_calendar(receipt: str) -> Response:
        language = language_of(request.args.to_dict(), None)
        try:
            content = receipt_content(context, receipt)
        except DomainError:
            content = {}
        return file_response(_event(context, content, language), receipt_path(receipt, language))

    @blueprint.get("/receipts/<receipt>")
    @public
    @limited("link")
    def receipt_page(receipt: str) -> Response:
        style = page_style_of(language_of(request.args.to_dict(), None), {}, None)
        try:
            content = receipt_content(context, receipt)
            view = context.form_view(content["form"])
        except DomainError:
            return page(render_receipt_gone(style), style, status=404)
        shown = ReceiptPage(
            style=style,
            title=title_of(view.stored, view.definition, style.language),
            event_time=event_time(view.stored),
            form_kind=view.stored.kind,
            status=cast(ReceiptStatus, content["status"]),
            code=content["code"],
            attempt=attempt_number(),
            calendar=_links(context, receipt, content, style.language),
            mails_held=_are_mails_held(context, content["status"]),
            promotion_mode=view.stored.seats.mode,
        )
        return page(render_receipt(shown), style)

    return blueprint


def _are_mails_held(context: PublicContext, status: str) -> bool:
    """Whether a person with this outcome waits for a mail, and so many do that it takes longer: of no one's address."""
    if status not in ("received", "check-your-mail"):
        return False
    with context.work.single_statement() as connection:
        return are_mails_held(connection, context.clock(), context.mails_an_hour)


def _event(context: PublicContext, content: Mapping[str, Any], language: str) -> CalendarEvent | None:
    """The event of a receipt that states that a seat was given. Nothing depends on who is registered."""
    key = content.get("calendar_key")
    if key is None:
        return None
    return personal_event(context, context.form_view(content["form"]).stored, PersonalEntry(key, 1), language)


def _links(
    context: PublicContext, receipt: str, content: Mapping[str, Any], language: str, base: str = ""
) -> CalendarLinks | None:
    """The links to the event of a receipt; that to the file begins with ``base``."""
    event = _event(context, content, language)
    if event is None:
        return None
    query = urlencode({"lang": language})
    file = f"{base}{RECEIPTS_PATH}/{quote(receipt)}/{FILE}?{query}"
    return links_to(event, file, language)


def my_registrations_blueprint(context: PublicContext) -> PageBlueprint:
    """``/my``."""
    blueprint = PageBlueprint("my_registrations", __name__)

    @blueprint.get("/my")
    @public
    def show() -> Response:
        return _page(sent="sent" in request.args)

    @blueprint.post("/my")
    @public
    @limited("intake")
    def send() -> Response:
        require_form()
        typed = request.form.get("email", "")
        try:
            address = normal_address(typed)
        except ValueError:
            return _page(address=typed[:MAX_SHOWN], notice="address", status=422)
        if not request.form.get("website"):
            try:
                _store(context, address)
            except Unavailable:
                response = _page(address=typed, notice="busy", status=503)
                response.headers["Retry-After"] = str(retry_after_s())
                return response
        language = language_of(request.form.to_dict(), None)
        return see_other(f"{my_path(language)}&sent=1")

    return blueprint


MAX_SHOWN = 254
"""Characters of what was typed, that are shown again."""


def _store(context: PublicContext, address: str) -> None:
    """One row for the decider. It names the first form of all, as every row names one; without any there is no one."""
    slug = first_form(context.work)
    if not slug:
        return
    view = context.form_view(slug)
    language = language_of(request.form.to_dict(), None)
    context.intake.request_list(view, address, language, client_network(context))


def _page(*, sent: bool = False, address: str = "", notice: MyNotice = "", status: int = 200) -> Response:
    style = page_style_of(language_of(request.values.to_dict(), None), {}, None)
    return page(render_my(MyPage(style, sent, address, notice)), style, status=status)


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

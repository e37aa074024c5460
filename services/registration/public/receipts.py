"""The receipt of a submission, as a page and for programs, and *my registrations*, a mail with the link to all of them.

A person with a receipt may know the outcome of its submission. The answer of *my registrations*, its time and the
statement that it runs are the same for every address: the decider processes the address later.

The event of a form is an entry of one person's calendar: a file to download, and links to calendars on the web.
"""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote, urlencode

from flask import Blueprint as PageBlueprint
from flask import Response, jsonify, request

from services.registration.embed.pages import RECEIPTS_PATH
from services.registration.embed.receipt_pages import (
    ReceiptPage,
    ReceiptStatus,
    receipt_path,
    render_receipt,
    render_receipt_gone,
)
from services.registration.forms.service import every_origin
from services.registration.intake.mail_lines import are_mails_held
from services.registration.public.api import FormQuery, ReceiptStateSchema
from services.registration.public.context import PublicContext, event_time, page_style_of, title_of
from services.registration.public.personal_calendar import FILE, PersonalEntry, file_response, links_to, personal_event
from services.registration.public.responses import page
from services.registration.public.submissions import allow, preflight, receipt_content, with_preflight
from services.registration.public.submitted import attempt_number, language_of
from shared.calendar.entries import CalendarLinks
from shared.calendar.ics import CalendarEvent
from shared.http.access import public
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.runtime.errors import DomainError
from shared.security.rate_limits import limited


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

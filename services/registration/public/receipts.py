"""The receipt of a submission, as a page and for programs, and *my registrations*, a mail with the link to all of them.

Whoever has a receipt may know what became of its submission. The answer of *my registrations*, its time and the
statement that it runs are the same for every address: the decider looks at it later.
"""

from collections.abc import Mapping
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
from services.registration.forms.service import every_origin, first_form
from services.registration.public.api import FormQuery, ReceiptStateSchema
from services.registration.public.calendar import FILE, PersonalEntry, file_response, links_to, personal_event
from services.registration.public.context import (
    PublicContext,
    attempt_number,
    event_time,
    language_of,
    look_of,
    page,
    see_other,
    title_of,
)
from services.registration.public.submissions import allow, client_network, preflight, receipt_content, with_preflight
from shared.calendar.ics import CalendarEvent
from shared.calendar.links import CalendarLinks
from shared.core.errors import DomainError, Unavailable
from shared.public_forms.addresses import normal_address
from shared.web.access import public
from shared.web.bodies import require_form
from shared.web.busy_page import retry_after_s
from shared.web.limits import limited
from shared.web.operations import Blueprint
from shared.web.problems import ProblemSchema


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
        look = look_of(language_of(request.args.to_dict(), None), {}, None)
        try:
            content = receipt_content(context, receipt)
            view = context.form_view(content["form"])
        except DomainError:
            return page(render_receipt_gone(look), look, status=404)
        shown = ReceiptPage(
            look=look,
            title=title_of(view.stored, view.definition, look.language),
            event_time=event_time(view.stored),
            form_kind=view.stored.kind,
            status=cast(ReceiptStatus, content["status"]),
            code=content["code"],
            attempt=attempt_number(),
            calendar=_links(context, receipt, content, look.language),
        )
        return page(render_receipt(shown), look)

    return blueprint


def _event(context: PublicContext, content: Mapping[str, Any], language: str) -> CalendarEvent | None:
    """The event of a receipt that says that a seat was given. Nothing depends on who is registered."""
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
            address = normal_address(typed.strip())
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
    """One row for the decider. It names the first form of all, as every row names one; without any there is nobody."""
    slug = first_form(context.work)
    if not slug:
        return
    view = context.form_view(slug)
    language = language_of(request.form.to_dict(), None)
    context.intake.request_list(view, address, language, client_network(context))


def _page(*, sent: bool = False, address: str = "", notice: MyNotice = "", status: int = 200) -> Response:
    look = look_of(language_of(request.values.to_dict(), None), {}, None)
    return page(render_my(MyPage(look, sent, address, notice)), look, status=status)

"""The page behind a managing link: view, join, cancel, renew links, erase, and the event as a calendar file.

Commands go through the queue. A GET changes nothing, since mail scanners follow links.
"""

from typing import cast

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from services.registration.own.calendar_routes import add_own_calendar
from services.registration.own.commands import (
    send_own,
    wait_for_outcome,
)
from services.registration.own.limited_routes import join_by_own_link
from services.registration.own.managing_page import link_page
from services.registration.own.pages import (
    Asking,
    ended,
    gone,
    render_erased,
    render_link,
    revision_seen,
)
from services.registration.own.service import ended_by, show_own, show_own_page
from services.registration.public.context import PublicContext, page_style_of
from services.registration.public.responses import page, see_other
from services.registration.public.submitted import language_of, own_language
from shared.http.access import by_link, public
from shared.runtime.errors import DomainError
from shared.security.rate_limits import limited

NEEDS_CONFIRMATION = ("cancel", "erase")
"""What is asked before it is done."""

COMMAND_OF = {
    "cancel": "cancel",  # to give up the place on the waiting list too
    "erase": "erase",
    "accept-seat": "accept-seat",
    "decline-seat": "decline-seat",
    "keep": "verify",
    "unmute": "unmute",
    "renew-links": "renew-links",
}
"""The command that each button sends."""


def managing_blueprint(context: PublicContext) -> Blueprint:
    """Routes below ``/r``."""
    blueprint = Blueprint("link", __name__, url_prefix="/r")
    _add_erased(blueprint)
    add_own_calendar(blueprint, context)

    @blueprint.get("/<token>")
    @by_link
    @limited("link")
    def show(token: str) -> Response:
        asked = request.args.get("ask", "")
        return _page(context, token, asking=cast(Asking, asked if asked in NEEDS_CONFIRMATION else ""))

    @blueprint.post("/<token>")
    @by_link
    @limited("command")
    def act(token: str) -> Response:
        action = request.form.get("action", "")
        if action != "join" and action not in COMMAND_OF:
            raise BadRequest("unknown action")
        try:
            _own, view = show_own(context.work, token, context.form_view, context.clock())
        except DomainError:
            return _to_page(token) if ended_by(context.work, token) else gone(context)  # the button was pressed twice
        if action == "join":
            return join_by_own_link(context, token)
        values = {"revision": revision_seen()} if action == "cancel" else {}
        wait_for_outcome(context.intake, send_own(context.intake, view, token, COMMAND_OF[action], values))
        return _to_page(token)

    return blueprint


def _to_page(token: str) -> Response:
    """Leads to the page, which shows the outcome of a command."""
    language = language_of(request.form.to_dict(), None)
    return see_other(f"/r/{token}?lang={language}&sent=1")


def _add_erased(blueprint: Blueprint) -> None:
    @blueprint.get("/erased")
    @public
    def erased() -> Response:
        style = page_style_of(language_of(request.args.to_dict(), None), {}, None)
        return page(render_erased(style), style)


def _page(context: PublicContext, token: str, *, asking: Asking) -> Response:
    try:
        shown = show_own_page(context.work, token, context.form_view, context.clock())
    except DomainError:
        return ended(context, token)
    style = page_style_of(own_language(request.args.to_dict(), shown.own.person.registration.language), {}, None)
    return page(render_link(link_page(context, token, shown, style, asking=asking)), style)

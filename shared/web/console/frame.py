"""The frame itself: its style, signing out, and what every page of a service's console has in common.

A gateway sends ``/console/static`` and ``/console/sign-out`` to one service; each can serve them.
"""

from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, g, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException, Unauthorized

from shared.core.errors import DomainError, Unavailable
from shared.i18n.languages import LANGUAGE_NAMES, direction
from shared.i18n.when import compact_instant
from shared.web.access import Holder, public
from shared.web.browser_session import RecentSignInRequired, is_recent
from shared.web.console.navigation import HOME, Console, navigation_for
from shared.web.cross_site import refuse_cross_site
from shared.web.headers import personal
from shared.web.look.sheets import Sheet, card_sheet, serve_sheet
from shared.web.problems import from_domain, from_outage
from shared.web.quarantine_gate import quarantine_shown
from shared.web.signing_in import SignIn

HERE = Path(__file__).parent
STYLE = HERE / "static" / "console.css"
CONSOLE = "troika.console"
"""What the services register of their console, among the application's extensions."""


def frame_blueprint(sign_in: SignIn, console: Console) -> Blueprint:
    """Style and sign-out.

    Args:
        sign_in: makes and takes the cookie.
        console: the pages of all services.
    """
    blueprint = Blueprint("console_frame", __name__, url_prefix=HOME, template_folder="templates")
    blueprint.record_once(lambda state: state.app.extensions.__setitem__(CONSOLE, console))
    blueprint.context_processor(lambda: _around())
    blueprint.register_error_handler(Unauthorized, _to_sign_in)
    blueprint.register_error_handler(HTTPException, _http_page)
    serve_sheet(blueprint, "/static/console.css", _sheet())
    for path, further in zip(console.sign_out, (*console.sign_out[1:], console.sign_in), strict=True):
        _add_sign_out(blueprint, sign_in, path, further, is_last=further == console.sign_in)
    return blueprint


def pages_blueprint(name: str, module: str) -> Blueprint:
    """An empty blueprint below ``/console`` for a service's pages, which extend ``console/base.html``.

    Whoever is not signed in is sent to the sign-in page and from there to the page asked for; a refusal is a page too.

    Args:
        name: of the blueprint.
        module: ``__name__`` of the caller; its folder ``templates`` holds the pages.
    """
    blueprint = Blueprint(name, module, url_prefix=HOME, template_folder="templates")
    blueprint.context_processor(lambda: _around())
    blueprint.register_error_handler(Unauthorized, _to_sign_in)
    blueprint.register_error_handler(HTTPException, _http_page)
    blueprint.register_error_handler(DomainError, _domain_page)
    blueprint.register_error_handler(Unavailable, _outage_page)
    return blueprint


def _add_sign_out(blueprint: Blueprint, sign_in: SignIn, path: str, further: str, *, is_last: bool) -> None:
    """End the session here and go on to ``further``; after the last one the cookie goes too.

    Repeating it is harmless, so that somebody who was stopped on the way by a service that was away can begin anew.
    """

    def leave() -> Response:
        refuse_cross_site()
        sign_in.end()
        if is_last:
            return personal(sign_in.leave(further))
        return personal(cast(Response, redirect(further, 307)))

    rule = path.removeprefix(HOME)
    blueprint.add_url_rule(rule, f"leave_{rule.replace('/', '_')}", public(leave), methods=["POST"])


@cache
def _sheet() -> Sheet:
    return card_sheet(STYLE)


def _around() -> dict[str, Any]:
    """What the frame's templates show: style, navigation, who is signed in."""
    holder = _signed_in()
    return {
        "style": _sheet().address(f"{HOME}/static/console.css"),
        "navigation": navigation_for(_console(), holder, request.path),
        "signed_in": holder,
        "recently_signed_in": holder is not None and is_recent(),
        "languages": LANGUAGE_NAMES,
        "direction": direction,
        "quarantine": quarantine_shown(),
        "utc_text": compact_instant,
    }


def _console() -> Console:
    console: Console = current_app.extensions[CONSOLE]
    return console


def _signed_in() -> Holder | None:
    """Who is signed in, also where their access does not include the page."""
    found: Holder | None = g.get("holder") or g.get("refused")
    return found


def _to_sign_in(error: Unauthorized) -> Response:
    """The address that was asked for goes along, and what was searched for may stand in it."""
    again = isinstance(error, RecentSignInRequired)
    above = request.path.rpartition("/")[0] if again else HOME
    target = request.full_path.rstrip("?") if request.method == "GET" else above
    given = {"next": target} | ({"again": "yes"} if again else {})
    return personal(cast(Response, redirect(f"{_console().sign_in}?{urlencode(given, safe='/?')}", 303)))


def _http_page(error: HTTPException) -> Response:
    """A refusal; a browser that opens the console's first page without access to it is redirected to its own."""
    refused: Holder | None = g.get("refused")
    console = _console()
    if refused is not None and request.path in (HOME, console.overview) and not g.by_key:
        own = console.first_page(refused)
        if own != request.path:
            return personal(cast(Response, redirect(own, 303)))
    return _refusal(error.code or 500, error.name)


def _domain_page(error: DomainError) -> Response:
    return _refusal(from_domain(error).status_code, error.detail)


def _outage_page(error: Unavailable) -> Response:
    answer = from_outage(error)
    page = _refusal(answer.status_code, error.reason)
    page.headers["Retry-After"] = answer.headers["Retry-After"]
    return page


def _refusal(status: int, reason: str) -> Response:
    page = make_response(render_template("console/refusal.html", status=status, reason=reason), status)
    return personal(page)

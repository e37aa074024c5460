"""The way out of bulletins (RFC 8058): reading the page changes nothing, any POST to it does, whoever sends it.

A mail provider's server sends the POST for the person, so neither its content nor its origin says anything.
"""

from functools import cache
from pathlib import Path

from flask import Blueprint, Response, make_response, render_template, request

from services.notifications.api.bulletins import Tools
from services.notifications.mail.wording import FALLBACK, LANGUAGES, wording
from services.notifications.usecases.unsubscribe import Unsubscriber, read_token, unsubscribe
from shared.core.sealing import Vault
from shared.i18n.languages import LANGUAGE_NAMES, chosen_language, named_language
from shared.public_forms.texts import engine_texts
from shared.web.access import by_link, public
from shared.web.headers import personal

STYLE = Path(__file__).parent / "static" / "unsubscribe.css"


def unsubscribe_blueprint(tools: Tools, vault: Vault) -> Blueprint:
    """Routes below ``/u``.

    Args:
        tools: to work with.
        vault: opens the links' tokens.
    """
    blueprint = Blueprint("unsubscribe", __name__, url_prefix="/u", template_folder="templates")

    @blueprint.get("/-/page.css")
    @public
    def style() -> Response:
        response = Response(_style(), mimetype="text/css")
        response.cache_control.public, response.cache_control.max_age = True, 3600
        return response

    @blueprint.get("/<token>")
    @by_link
    def show(token: str) -> Response:
        who = read_token(vault, token, tools.clock())
        return _page("ask", who) if who is not None else _gone()

    @blueprint.post("/<token>")
    @by_link
    def leave(token: str) -> Response:
        who = read_token(vault, token, tools.clock())
        if who is None:
            return _gone()
        unsubscribe(tools.work, tools.clock, who.person_ref, bulletin=who.bulletin)
        return _page("done", who)

    return blueprint


def _page(state: str, who: Unsubscriber) -> Response:
    own = who.language if who.language in LANGUAGES else FALLBACK
    return _answer(state, named_language(request.args.get("lang")) or own, 200)


def _gone() -> Response:
    return _answer("gone", chosen_language(request.args.get("lang"), request.accept_languages), 404)


def _answer(state: str, language: str, status: int) -> Response:
    """The page, with links to itself in the other languages: reading it changes nothing."""
    page = render_template(
        "unsubscribe/page.html",
        state=state,
        words=wording(language),
        choose=engine_texts().text("language.choose", language),
        languages=[(code, name, f"?lang={code}") for code, name in LANGUAGE_NAMES.items()],
    )
    return personal(make_response(page, status))


@cache
def _style() -> str:
    return STYLE.read_text()

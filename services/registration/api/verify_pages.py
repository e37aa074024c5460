"""The page behind the link that confirms an address. It is used up by its button, and leads to nothing else but to
the erasure of what somebody else may have typed.

Reading it changes nothing: mail scanners follow links. It shows nothing that was typed into the form: whoever typed
somebody else's address must not speak to them through our page.
"""

from dataclasses import replace
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from services.registration.api.link_looks import gone, here, title_of, to_erased, too_late
from services.registration.api.looks import event_time, look_of, page
from services.registration.api.submitted import own_language
from services.registration.api.tools import Tools
from services.registration.embed.link_pages import Asking, LinkPage, TooLate, render_link
from services.registration.embed.pages import Look
from services.registration.embed.result_pages import ResultPage, ResultStatus, render_result
from services.registration.store.forms import StoredForm
from services.registration.store.registrations import Person
from services.registration.usecases.erase import erase_unconfirmed
from services.registration.usecases.look_up import show_to_verify
from services.registration.usecases.verify import verify
from shared.core.errors import DomainError
from shared.forms.definition import parse_definition
from shared.web.access import by_link
from shared.web.limits import limited

RESULTS: dict[str, ResultStatus] = {"confirmed": "confirmed", "waitlisted": "waitlisted"}


def verify_blueprint(tools: Tools) -> Blueprint:
    """Routes below ``/v``."""
    blueprint = Blueprint("verify", __name__, url_prefix="/v")

    @blueprint.get("/<verify_token>")
    @by_link
    @limited("link")
    def show(verify_token: str) -> Response:
        return _page(tools, verify_token, asking="erase" if request.args.get("ask") == "erase" else "")

    @blueprint.post("/<verify_token>")
    @by_link
    @limited("link")
    def confirm(verify_token: str) -> Response:
        if request.form.get("action") == "erase":
            return _erase(tools, verify_token)
        if request.form.get("action") != "verify":
            raise BadRequest("unknown action")
        try:
            person, form = verify(tools.work, tools.clock, verify_token)
        except DomainError as refusal:
            if refusal.code == "not-found":
                return gone(tools, "verify")
            return _page(tools, verify_token, status=409)
        return _result(person, form, RESULTS[person.registration.status])

    return blueprint


def _erase(tools: Tools, token: str) -> Response:
    """For whoever did not register: they need not wait until it lapses."""
    try:
        erase_unconfirmed(tools.work, tools.clock, token)
    except DomainError:
        return gone(tools, "verify")
    return to_erased()


def _page(tools: Tools, token: str, *, status: int = 200, asking: Asking = "") -> Response:
    try:
        person, form = show_to_verify(tools.work, token, tools.clock())
    except DomainError:
        return gone(tools, "verify")
    result = RESULTS.get(person.registration.status)
    if result is not None:
        return _result(person, form, result)
    look, title = _look_and_title(person, form)
    late = too_late(form, person.registration, tools.clock())
    return page(render_link(replace(_question(person, form, look, title, late), asking=asking)), look, status=status)


def _result(person: Person, form: StoredForm, result: ResultStatus) -> Response:
    look, title = _look_and_title(person, form)
    shown = ResultPage(look, title, event_time(form), result, form.kind, path=here())
    return page(render_result(shown), look)


def _look_and_title(person: Person, form: StoredForm) -> tuple[Look, str]:
    look = look_of(own_language(request.values.to_dict(), person.registration.language), {}, None)
    return look, title_of(form, parse_definition(form.definition), look.language)


def _question(person: Person, form: StoredForm, look: Look, title: str, late: TooLate) -> LinkPage:
    return LinkPage(
        look=look,
        title=title,
        event_time=event_time(form),
        path=f"{quote(request.path)}?{urlencode({'form': form.slug})}",
        status="unverified",
        form_kind=form.kind,
        revision=person.registration.revision,
        too_late=late,
        shows_data=False,
    )

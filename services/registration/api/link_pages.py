"""The page behind a person's own link: see, cancel, take one's data along, be erased; confirm too, where that has no
link of its own.

Reading it changes nothing: mail scanners follow links.
"""

from json import dumps
from typing import Any, cast

from flask import Blueprint, Response, redirect, request
from werkzeug.exceptions import BadRequest

from services.registration.api.link_looks import gone, title_of, to_erased, too_late
from services.registration.api.looks import event_time, look_of, page
from services.registration.api.submitted import language_of, own_language
from services.registration.api.tools import Tools
from services.registration.domain.opening import closed_reason, is_over
from services.registration.embed.link_pages import Asking, LinkPage, LinkStatus, render_erased, render_link
from services.registration.embed.pages import Look, embed_path
from services.registration.store.forms import StoredForm
from services.registration.store.registrations import Person
from services.registration.usecases.cancel import cancel
from services.registration.usecases.erase import erase_own
from services.registration.usecases.look_up import GROUP_FIELD, find_join_address, show_own, working_group_titles
from services.registration.usecases.my_data import show_my_data
from services.registration.usecases.verify import verify_by_own
from shared.core.errors import DomainError
from shared.forms.definition import FormDefinition, parse_definition, with_options
from shared.forms.rendering import answers_for_display
from shared.web.access import by_link, public
from shared.web.headers import personal
from shared.web.limits import limited

ACTIONS = {"cancel": cancel, "verify": verify_by_own}
ASKED = ("cancel", "erase")
"""What is asked before it is done."""


def link_blueprint(tools: Tools) -> Blueprint:
    """Routes below ``/r``."""
    blueprint = Blueprint("link", __name__, url_prefix="/r")
    _add_own_data(blueprint, tools)

    @blueprint.get("/<token>")
    @by_link
    @limited("link")
    def show(token: str) -> Response:
        asked = request.args.get("ask", "")
        return _page(tools, token, asking=cast(Asking, asked if asked in ASKED else ""))

    @blueprint.post("/<token>")
    @by_link
    @limited("link")
    def act(token: str) -> Response:
        if request.form.get("action") == "erase":
            return _erase(tools, token)
        act_on = ACTIONS.get(request.form.get("action", ""))
        if act_on is None:
            raise BadRequest("unknown action")
        try:
            act_on(tools.work, tools.clock, token)
        except DomainError as refusal:
            if refusal.code == "not-found":
                return gone(tools, "own")
        language = language_of(request.form.to_dict(), None)
        return personal(cast(Response, redirect(f"/r/{token}?lang={language}", 303)))

    return blueprint


def _add_own_data(blueprint: Blueprint, tools: Tools) -> None:
    @blueprint.get("/<token>/my-data.json")
    @by_link
    @limited("link")
    def my_data(token: str) -> Response:
        try:
            held = show_my_data(tools.work, tools.clock, token)
        except DomainError:
            return gone(tools, "own")
        response = Response(dumps(held, ensure_ascii=False, indent=2), mimetype="application/json")
        response.headers["Content-Disposition"] = "attachment; filename=my-data.json"
        return personal(response)

    @blueprint.get("/erased")
    @public
    def erased() -> Response:
        look = look_of(language_of(request.args.to_dict(), None), {}, None)
        return page(render_erased(look), look)


def _erase(tools: Tools, token: str) -> Response:
    """The page that says so is not behind the link: that opens nothing any more."""
    try:
        erase_own(tools.work, tools.clock, token)
    except DomainError:
        return gone(tools, "own")
    return to_erased()


def _page(tools: Tools, token: str, *, asking: Asking) -> Response:
    try:
        person, form = show_own(tools.work, token, tools.clock())
    except DomainError:
        return gone(tools, "own")
    look = look_of(own_language(request.args.to_dict(), person.registration.language), {}, None)
    shown = _link_page(tools, person, form, look, asking=asking)
    return page(render_link(shown), look)


def _link_page(tools: Tools, person: Person, form: StoredForm, look: Look, *, asking: Asking) -> LinkPage:
    definition = _with_groups(tools, parse_definition(form.definition))
    now, registration = tools.clock(), person.registration
    return LinkPage(
        look=look,
        title=title_of(form, definition, look.language),
        event_time=event_time(form),
        path=request.path,
        status=cast(LinkStatus, registration.status),
        revision=registration.revision,
        form_kind=form.kind,
        position=registration.position if registration.status == "waitlisted" else None,
        answers=answers_for_display(definition, _told(person), look.language),
        has_sealed=person.has_sealed,
        asking=asking,
        can_cancel=not is_over(form.opening, now),
        again_path=embed_path(form.slug, {"lang": look.language, "partner": registration.partner or ""})
        if not closed_reason(form.opening, now)
        else "",
        too_late=too_late(form, registration, now),
        join_url=find_join_address(tools.work, person, form, now),
    )


def _with_groups(tools: Tools, definition: FormDefinition) -> FormDefinition:
    """The questions with the names of the working groups."""
    if not any(field.name == GROUP_FIELD for field in definition.fields):
        return definition
    return with_options(definition, GROUP_FIELD, tuple(working_group_titles(tools.work).items()))


def _told(person: Person) -> dict[str, Any]:
    """Everything that the person has told us in clear, by the name of the question."""
    registration = person.registration
    told = {
        "name": person.name,
        "email": person.email,
        "organisation": person.organisation,
        "working_group": registration.working_group,
        "representative": registration.representative if registration.working_group else None,
        "country": registration.country,
        "time_zone": person.time_zone,
        "language": registration.language,
        **person.answers,
    }
    return {name: value for name, value in told.items() if value is not None}

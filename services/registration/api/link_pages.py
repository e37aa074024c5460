"""The page behind a person's own link: see, confirm and cancel.

Reading it changes nothing: mail scanners follow links.
"""

from datetime import datetime
from typing import Any, Literal, cast

from flask import Blueprint, Response, redirect, request
from werkzeug.exceptions import BadRequest

from services.registration.api.looks import event_time, look_of, page, reason_known
from services.registration.api.submitted import language_of
from services.registration.api.tools import Tools
from services.registration.domain.opening import closed_reason, is_over
from services.registration.domain.registration import Registration
from services.registration.domain.verifying import decide_verified
from services.registration.embed.pages import (
    ClosedReason,
    LinkPage,
    LinkStatus,
    Look,
    embed_path,
    render_link,
    render_link_gone,
)
from services.registration.store.forms import StoredForm
from services.registration.store.registrations import Person
from services.registration.usecases.cancel import cancel
from services.registration.usecases.look_up import GROUP_FIELD, show_own, working_group_titles
from services.registration.usecases.verify import verify
from shared.core.errors import DomainError
from shared.forms.definition import FormDefinition, parse_definition, with_options
from shared.forms.rendering import answers_for_display
from shared.web.access import by_link
from shared.web.headers import personal
from shared.web.limits import limited

LONGEST_TOKEN = 100
WAYS_IN = ("webinar", "attendance")
ACTIONS = {"cancel": cancel, "verify": verify}


def link_blueprint(tools: Tools) -> Blueprint:
    """Routes below ``/r``."""
    blueprint = Blueprint("link", __name__, url_prefix="/r")

    @blueprint.get("/<token>")
    @by_link
    @limited("link")
    def show(token: str) -> Response:
        asking = request.args.get("ask") == "cancel"
        return _page(tools, token, asking=asking)

    @blueprint.post("/<token>")
    @by_link
    @limited("link")
    def act(token: str) -> Response:
        act_on = ACTIONS.get(request.form.get("action", ""))
        if act_on is None:
            raise BadRequest("unknown action")
        try:
            act_on(tools.work, tools.clock, token[:LONGEST_TOKEN])
        except DomainError as refusal:
            if refusal.code == "not-found":
                return _gone()
        language = language_of(request.form.to_dict(), None)
        return personal(cast(Response, redirect(f"/r/{token}?lang={language}", 303)))

    return blueprint


def _page(tools: Tools, token: str, *, asking: bool) -> Response:
    try:
        person, form = show_own(tools.work, token[:LONGEST_TOKEN], tools.clock())
    except DomainError:
        return _gone()
    look = look_of(language_of(request.args.to_dict(), person.registration.language), {}, None)
    shown = _link_page(tools, person, form, look, asking=asking)
    return page(render_link(shown), look)


def _link_page(tools: Tools, person: Person, form: StoredForm, look: Look, *, asking: bool) -> LinkPage:
    definition = _with_groups(tools, parse_definition(form.definition))
    now, registration = tools.clock(), person.registration
    return LinkPage(
        look=look,
        title=_title(form, definition, look.language),
        event_time=event_time(form),
        path=request.path,
        status=cast(LinkStatus, registration.status),
        revision=registration.revision,
        position=registration.position if registration.status == "waitlisted" else None,
        answers=answers_for_display(definition, _told(person), look.language),
        has_sealed=person.has_sealed,
        asking=asking,
        can_cancel=not is_over(form.opening, now),
        again_path=embed_path(form.slug, {"lang": look.language, "partner": registration.partner or ""})
        if not closed_reason(form.opening, now)
        else "",
        too_late=_too_late(form, registration, now),
    )


def _title(form: StoredForm, definition: FormDefinition, language: str) -> str:
    """The event's own title where the form is the way into the event, else the form's."""
    own = definition.title.in_language(language)
    return (form.event_title or own) if form.kind in WAYS_IN else own


def _too_late(form: StoredForm, registration: Registration, now: datetime) -> ClosedReason | Literal[""]:
    """Why the address can no longer be confirmed; empty if it can, or is."""
    if registration.status != "unverified":
        return ""
    try:
        decide_verified(form.opening, form.seats, registration, now)
    except DomainError as refusal:
        return reason_known(refusal.detail)
    return ""


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


def _gone() -> Response:
    """The same for a link that never was, is mistyped, or has ended."""
    look = look_of(language_of(request.args.to_dict(), None), {}, None)
    return page(render_link_gone(look), look, status=404)

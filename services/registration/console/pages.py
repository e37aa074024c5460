"""Who has registered, with names and addresses: the one page of the console that shows them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import BadRequest

from services.registration.store.forms import StoredForm
from services.registration.store.registrations import Person
from services.registration.usecases.look_up import list_forms, list_registrations, working_group_titles
from services.registration.usecases.positions import read_registration_position, registration_position
from shared.contracts.schemas import SLUG
from shared.core.clock import Clock
from shared.forms.definition import parse_definition
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import Holder, holder, needs
from shared.web.console import words
from shared.web.console.frame import Place, pages_blueprint
from shared.web.headers import personal
from shared.web.paging import Page, page_of, position_in

PATH = "/console/registrations"
PLACES = (Place("Events", "/console"), Place("Registrations", PATH))
FILTERS = ("form", "event", "status")
PAGE = 50


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer, each as (value, words)."""

    forms: tuple[tuple[str, str], ...]
    events: tuple[tuple[str, str], ...]


def console_blueprint(work: UnitOfWork, clock: Clock) -> Blueprint:
    """``/console/registrations``."""
    blueprint = pages_blueprint("registration_console", __name__, PLACES)
    blueprint.context_processor(lambda: {"words": words})

    @blueprint.get("/registrations")
    @needs("coordinator")
    def list_page() -> Response:
        who, after = holder(), position_in(request.args.get("cursor", ""), 1, read_registration_position)
        wanted = _wanted()
        people = page_of(list_registrations(work, wanted, after or "", PAGE + 1), PAGE, registration_position)
        page = render_template(
            "registrations/list.html",
            people=[person for person in people.items if _may_see(who, person.registration.form)],
            choices=_choices([form for form in list_forms(work, clock()) if _may_see(who, form.slug)]),
            groups=working_group_titles(work),
            wanted=wanted,
            first=_address(wanted),
            next=_next(wanted, people),
            paged=after is not None,
        )
        return personal(make_response(page))

    return blueprint


def _wanted() -> dict[str, str]:
    """The filters of this request that are set.

    Raises:
        BadRequest: one cannot be the name of anything.
    """
    wanted = {name: value for name in FILTERS if (value := request.args.get(name, ""))}
    if not all(re.fullmatch(SLUG, value) for value in wanted.values()):
        raise BadRequest("unknown filter")
    return wanted


def _may_see(who: Holder, form: str) -> bool:
    """Whether a key is not limited to other forms."""
    return who.forms is None or form in who.forms


def _choices(forms: list[StoredForm]) -> Choices:
    events = {form.event_id: form.event_title or form.event_id for form in forms if form.event_id}
    titles = [(form.slug, parse_definition(form.definition).title.in_language("en")) for form in forms]
    return Choices(tuple(titles), tuple(sorted(events.items(), key=lambda event: event[1])))


def _address(wanted: Mapping[str, str]) -> str:
    return f"{PATH}?{urlencode(wanted)}" if wanted else PATH


def _next(wanted: Mapping[str, str], people: Page[Person]) -> str:
    """Address of the next page; empty if this is the last."""
    return _address({**wanted, "cursor": people.next}) if people.next else ""

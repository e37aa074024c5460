"""The trail as a page of the console: one tab for each service, since each keeps what was done in it."""

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import BadRequest

from shared.store.deeds import TrailLine
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import LONGEST_NAME, needs_all_forms
from shared.web.console.frame import HOME
from shared.web.console.words import utc_text
from shared.web.headers import personal
from shared.web.trail import LONGEST_WORD, WATCHERS, trail_page

LINES = 50

TABS: Mapping[str, tuple[str, str]] = {
    "events": ("Events", "/console/trail"),
    "registration": ("Registrations", "/console/registrations/trail"),
    "notifications": ("Mail", "/console/mail/trail"),
}
"""Title and path by service."""

PLACES: Mapping[str, str] = {
    "registration": "/console/registrations/{}",
    "form": "/console/registrations/forms/{}",
    "event": "/console/events/{}",
    "bulletin": "/console/mail/bulletins/{}",
    "partner": "/console/registrations/partners/{}",
    "working-group": "/console/set-up/working-groups/{}",
    "group-contact": "/console/set-up/group-contacts/{}",
    "consultation": "/console/set-up/consultations/{}",
    "room": "/console/set-up/rooms/{}",
    "slot": "/console/set-up/slots/{}",
    "hotel": "/console/set-up/hotels/{}",
    "series": "/console/set-up/series/{}",
}
"""The page of what something was done to, by its kind."""


def add_trail(blueprint: Blueprint, service: str, work: UnitOfWork) -> None:
    """The service's tab of the trail."""
    path = TABS[service][1]

    @blueprint.get(path.removeprefix(HOME))
    @needs_all_forms(*WATCHERS)
    def trail() -> Response:
        who, deed = _short("who", LONGEST_NAME), _short("deed", LONGEST_WORD)
        page = trail_page(work, who, deed, request.args.get("cursor", ""), LINES)
        given = {name: value for name, value in (("who", who), ("deed", deed)) if value}
        shown = render_template(
            "console/trail.html",
            tabs=TABS.items(),
            service=service,
            path=path,
            lines=[(line, utc_text(line.at), word_of(line.deed), place_of(line)) for line in page.items],
            given=given,
            word=word_of(deed),
            paged="cursor" in request.args,
            next=f"{path}?{urlencode({**given, 'cursor': page.next})}" if page.next else "",
        )
        return personal(make_response(shown))


def word_of(deed: str) -> str:
    """A deed as words: ``bulletin-sent`` is ``Bulletin sent``."""
    return deed.replace("-", " ").capitalize()


def place_of(line: TrailLine) -> str:
    """Where what it was done to can be seen; empty for nowhere."""
    return PLACES[line.kind].format(line.subject) if line.kind in PLACES and line.subject else ""


def _short(name: str, longest: int) -> str:
    value = request.args.get(name, "")
    if len(value) > longest or not value.isprintable():
        raise BadRequest
    return value

"""Write to these: leads from the list of registrations to a bulletin for the people on it.

What a bulletin's segment can say goes there as filters, so that its people are counted again when it is sent. What it
cannot say, such as a free text or an answer, goes as the ids of the registrations that fit now; nothing else leaves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlencode

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.registration.people.filters import SHOWING, address, given_filters, of_form, to_filter
from services.registration.people.listing import asked_definition, find_people
from services.registration.people.listing_store import PeopleFilter
from services.registration.people.store import Person
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs_all_forms
from shared.web.headers import personal

LIST = "/console/registrations"
BULLETIN = "/console/mail/bulletins/new"
LIVE = ("confirmed", "waitlisted")
"""Statuses whose people get bulletins."""

MOST = 5000
"""Registrations that a bulletin can name one by one."""

CHUNK = 500
OF_SEGMENT = (
    *("event", "form", "working_group", "partner", "country", "language"),
    *("representative", "not_registered_for", "status"),
)
"""Filters that a segment has too, by the same names."""


def add_writing_to(blueprint: Blueprint, work: UnitOfWork) -> None:
    """``/console/registrations/write`` with the filters of the list."""

    @blueprint.get("/registrations/write")
    @needs_all_forms("coordinator")
    def write_page() -> AnyResponse:
        sent = given_filters(request.args)
        definition = asked_definition(work, PeopleFilter(form=sent.get("form", "")))
        given = {name: value for name, value in of_form(sent, definition).items() if name not in SHOWING}
        if is_segment(given):
            return redirect(f"{BULLETIN}?{urlencode(segment_of(given))}" if given else BULLETIN, 303)
        wanted = to_filter(given, definition, holder(), "", CHUNK)
        ids = [person.registration.id for person in _first(_live(work, wanted), MOST + 1)]
        page = render_template(
            "registrations/write.html", ids=ids[:MOST], too_many=len(ids) > MOST, most=MOST, back=address(LIST, given)
        )
        return personal(make_response(page))


def is_segment(given: Mapping[str, str]) -> bool:
    """Whether the segment of a bulletin can say what these filters say."""
    return all(name in OF_SEGMENT for name in given) and given.get("status", LIVE[0]) in LIVE


def segment_of(given: Mapping[str, str]) -> dict[str, str]:
    """The query of the page that writes a bulletin, for filters that are a segment."""
    speaks = {"true": "yes", "false": "no"}
    return {name: speaks[value] if name == "representative" else value for name, value in given.items()}


def _live(work: UnitOfWork, wanted: PeopleFilter) -> Iterator[Person]:
    """Those whom a bulletin reaches at all: whoever has cancelled gets none."""
    after = ""
    while True:
        chunk = find_people(work, replace(wanted, after=after))
        yield from (person for person in chunk if person.registration.status in LIVE)
        if len(chunk) < CHUNK:
            return
        after = chunk[-1].registration.id


def _first(people: Iterator[Person], most: int) -> Iterator[Person]:
    return (person for person, _ in zip(people, range(most), strict=False))

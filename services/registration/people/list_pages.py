"""The list of registrations in the console: as a page, as numbers, and as files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request

from services.registration.forms.service import list_forms, list_partners, working_group_titles
from services.registration.forms.store import StoredForm
from services.registration.people import filters
from services.registration.people.columns import (
    FILE_TITLES,
    cell_text,
    columns_chosen,
    columns_offered,
    file_columns,
    titles_of,
)
from services.registration.people.console import PATH
from services.registration.people.counting import MAX_GROUPS, count_by, count_people, read_keys
from services.registration.people.counts_page import count_table, keys_offered
from services.registration.people.filters import Choices, address, choices_of, given_filters, of_form, to_filter
from services.registration.people.listing import (
    asked_definition,
    find_people,
    people_file,
    refuse_beyond,
    registration_position,
)
from services.registration.people.listing_store import PeopleFilter
from services.registration.people.marked import CHOICES
from services.registration.people.tags import known_tags
from services.registration.people.views import ListView, views_for
from shared.core.clock import Clock
from shared.public_forms.definition import FormDefinition
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs
from shared.web.browser_session import needs_recent_sign_in
from shared.web.csv_lines import csv_answer
from shared.web.headers import personal
from shared.web.paging import page_of
from shared.web.xlsx_lines import xlsx_answer

PAGE = 50


def add_list(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/registrations``, as a page and as a file."""

    @blueprint.get("/registrations")
    @needs("coordinator")
    def list_page() -> Response:
        asked = _asked(work)
        wanted = to_filter(asked.given, asked.definition, holder(), request.args.get("cursor", ""), PAGE + 1)
        refuse_beyond(work, wanted)
        keys = [asked.given[name] for name in ("count", "by") if name in asked.given]
        page = render_template(
            "registrations/list.html" if not keys else "registrations/counts.html", **_shown(work, asked, wanted, keys)
        )
        return personal(make_response(page))

    @blueprint.get("/registrations.csv")
    @needs_recent_sign_in
    @needs("coordinator")
    def list_file() -> Response:
        asked = _asked(work)
        wanted = to_filter(asked.given, asked.definition, holder(), "", PAGE)
        refuse_beyond(work, wanted)
        return personal(csv_answer("registrations", *people_file(work, clock, holder().name, wanted, _in_file(asked))))

    @blueprint.get("/registrations.xlsx")
    @needs_recent_sign_in
    @needs("coordinator")
    def list_sheet() -> Response:
        asked = _asked(work)
        wanted = to_filter(asked.given, asked.definition, holder(), "", PAGE)
        refuse_beyond(work, wanted)
        table = people_file(work, clock, holder().name, wanted, _in_file(asked), FILE_TITLES)
        return personal(xlsx_answer("registrations", *table))


def _shown(work: UnitOfWork, asked: "_Asked", wanted: PeopleFilter, keys: Sequence[str]) -> dict[str, Any]:
    """Everything that the page shows: filters, views, and people or numbers."""
    groups, given = working_group_titles(work), asked.given
    forms = [form for form in list_forms(work) if may_touch(form.slug)]
    with work.transaction() as connection:
        tags = known_tags(connection, holder().forms)
    choices = choices_of(PATH, forms, groups, list_partners(work, holder().forms), asked.definition, tags)
    offered, cursor = columns_offered(asked.definition), request.args.get("cursor", "")
    return {
        "choices": choices,
        "countable": keys_offered(choices),
        "groups": groups,
        "form_titles": {form.slug: form.title for form in forms},
        "given": given,
        "left_out": asked.left_out,
        "further": any(name in given for name in filters.FURTHER),
        "sorts": filters.SORT_WORDS,
        "yes_or_no": filters.YES_OR_NO,
        "acts": CHOICES,
        "first": address(PATH, given),
        "file": address(f"{PATH}.csv", given),
        "sheet": address(f"{PATH}.xlsx", given),
        "write": address(f"{PATH}/write", given),
        "with_answers": _with_answers(given, forms),
        "mark_all": request.args.get("marked") == "all",
        "all_marked": address(PATH, {**given, **({"cursor": cursor} if cursor else {}), "marked": "all"}),
        "views": _views(work),
        "me": holder().name,
        "offered": offered,
        "columns": columns_chosen(given.get("columns", "").split(","), offered, one_form=_of_one_form(given, forms)),
        "cell": partial(cell_text, titles=titles_of(choices, groups)),
        **(_counts(work, asked, wanted, keys, choices) if keys else _people(work, given, wanted, cursor)),
    }


def _of_one_form(given: Mapping[str, str], forms: Sequence[StoredForm]) -> bool:
    """Whether the filters leave a single form, which no row has to name."""
    event = given.get("event")
    return "form" in given or (event is not None and sum(form.event_id == event for form in forms) == 1)


def _with_answers(given: Mapping[str, str], forms: Sequence[StoredForm]) -> list[tuple[str, str]]:
    """(title, address) of the list of each form of the event that is chosen, while none of them is."""
    if "form" in given or "event" not in given:
        return []
    return [
        (form.title, address(PATH, {**given, "form": form.slug})) for form in forms if form.event_id == given["event"]
    ]


def _in_file(asked: "_Asked") -> list[str]:
    """The chosen columns, as a file has them."""
    return file_columns(asked.given.get("columns", "").split(","), columns_offered(asked.definition))


def _views(work: UnitOfWork) -> list[tuple[ListView, str]]:
    """Views with their addresses."""
    with work.transaction() as connection:
        return [(view, address(PATH, view.query)) for view in views_for(connection, holder().name, holder().forms)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address asks for; ``left_out``: filters by answers of a form that is not chosen any more."""

    given: dict[str, str]
    definition: FormDefinition | None
    left_out: bool


def _asked(work: UnitOfWork) -> _Asked:
    sent = given_filters(request.args)
    definition = asked_definition(work, PeopleFilter(form=sent.get("form", ""), forms=holder().forms))
    given = of_form(sent, definition)
    return _Asked(given, definition, left_out=given != sent)


def _people(work: UnitOfWork, given: dict[str, str], wanted: PeopleFilter, cursor: str) -> dict[str, Any]:
    """A page of them, and how many there are in all."""
    people = page_of(find_people(work, wanted), PAGE, registration_position)
    with work.transaction() as connection:
        total = count_people(connection, wanted)
    following = address(PATH, {**given, "cursor": people.next}) if people.next else ""
    return {"people": people.items, "total": total, "next": following, "paged": bool(cursor)}


def _counts(
    work: UnitOfWork, asked: _Asked, wanted: PeopleFilter, keys: Sequence[str], choices: Choices
) -> dict[str, Any]:
    """Numbers by one or two things."""
    with work.transaction() as connection:
        found = count_by(connection, wanted, read_keys(",".join(keys), asked.definition))
        total = count_people(connection, wanted)
    table = count_table(PATH, asked.given, keys, found[:MAX_GROUPS], choices)
    return {"table": table, "total": total, "more": len(found) > MAX_GROUPS}

"""The list of registrations in the console: as a page, as numbers, as files, and as recipients of a bulletin.

Filters that a bulletin's segment can express are passed as filters, so that its people are counted again when it is
sent. For the others, such as a free text or an answer, the ids of the registrations that match now are passed; nothing
else leaves the service.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services import console_words as words
from services.registration.forms.service import list_forms, list_partners, working_group_titles
from services.registration.forms.store import StoredForm
from services.registration.known_values import require_known_values
from services.registration.people import filters
from services.registration.people.console import PATH
from services.registration.people.counting import MAX_GROUPS, CountGroup, count_by, count_people, read_keys
from services.registration.people.filters import (
    FILE_TITLES,
    SHOWING,
    YES_OR_NO,
    FilterChoices,
    address,
    cell_text,
    choices_of,
    columns_chosen,
    columns_offered,
    file_columns,
    of_form,
    read_filters,
    titles_of,
    to_filter,
)
from services.registration.people.listing import (
    asked_definition,
    find_people,
    following,
    people_file,
    refuse_beyond,
    registration_position,
)
from services.registration.people.listing_store import PeopleFilter
from services.registration.people.marked import CHOICES
from services.registration.people.notes import SavedView, known_tags, views_for
from services.registration.people.store import Person
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import (
    holder,
    may_touch,
    needs,
    needs_all_forms,
    needs_recent_sign_in,
    require_recent_beyond_a_page,
)
from shared.http.headers import personal
from shared.http.lists import csv_answer, page_of, xlsx_answer
from shared.public_forms.definition import FormDefinition
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError

COUNT_WORDS: Mapping[str, str] = {
    "form": "Form",
    "event": "Event",
    "status": "Status",
    "working_group": "Working group",
    "partner": "Partner",
    "country": "Country",
    "language": "Language",
    "organisation": "Organisation",
    "representative": "Representative",
    "day": "Day of registration (UTC)",
}
"""Keys for counting that every form has."""

NOTHING, OTHERS = "No answer", "All others"
MAX_ACROSS = 12
"""Values of the second key that have a column; the rest share one."""


@dataclass(frozen=True, slots=True)
class CountCell:
    """A number; ``path`` is the list of the counted people, empty if no filter selects them."""

    number: int
    path: str


@dataclass(frozen=True, slots=True)
class CountRow:
    """The numbers of one value; ``people`` is how many different ones, None where a second thing is counted by too."""

    title: str
    cells: Sequence[CountCell]
    sum: int
    people: int | None


@dataclass(frozen=True, slots=True)
class CountGrid:
    """A table of registrations counted by one or two keys.

    Attributes:
        down: the title of the key whose values are the rows.
        across: the title of the key whose values are the columns; empty if there is only one key.
        columns: the titles of the values across.
        rows: the largest first.
    """

    down: str
    across: str
    columns: Sequence[str]
    rows: Sequence[CountRow]


def keys_offered(choices: FilterChoices) -> tuple[tuple[str, str], ...]:
    """(name, words) of all keys for counting."""
    return (*COUNT_WORDS.items(), *((choice.name, choice.label) for choice in choices.answers if choice.countable))


def count_table(
    path: str, given: Mapping[str, str], keys: Sequence[str], groups: Sequence[CountGroup], choices: FilterChoices
) -> CountGrid:
    """Return the numbers of ``groups``, which were counted by ``keys``, each with the list that it counts."""
    titles, filters = dict(keys_offered(choices)), {name: given[name] for name in given if name not in ("count", "by")}
    down, across = keys[0], keys[1] if len(keys) > 1 else ""
    columns = list(dict.fromkeys(_plain(group.by[across]) for group in groups)) if across else [""]
    shown = (sorted(columns) if across == "day" else columns)[:MAX_ACROSS]
    found: dict[str, dict[str, CountGroup]] = {}
    for group in groups:
        found.setdefault(_plain(group.by[down]), {})[_plain(group.by[across]) if across else ""] = group
    rows = []
    for value, cells in found.items():
        narrowed, total = _narrowed(filters, down, value), sum(group.registrations for group in cells.values())
        numbers = [CountCell(_number(cells, column), _path(path, narrowed, across, column)) for column in shown]
        if len(columns) > MAX_ACROSS:
            numbers.append(CountCell(total - sum(cell.number for cell in numbers), ""))
        people = None if across else cells[""].people
        rows.append(CountRow(_title(down, value, choices), numbers, total, people))
    heads = [_title(across, column, choices) for column in shown] + [OTHERS] * (len(columns) > MAX_ACROSS)
    rows.sort(key=lambda row: (-row.sum, row.title))
    return CountGrid(titles[down], titles.get(across, ""), heads if across else [], rows)


def _number(cells: Mapping[str, CountGroup], column: str) -> int:
    return cells[column].registrations if column in cells else 0


def _plain(value: Any) -> str:
    """As an address has it; nothing is empty."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _narrowed(filters: Mapping[str, str], key: str, value: str) -> dict[str, str] | None:
    """``filters`` for those alone whose ``key`` is ``value``; None if no filter finds them."""
    if not value or (key == "organisation" and "q" in filters):
        return None
    if key == "day":
        return {**filters, "since": value, "until": value}
    return {**filters, "q" if key == "organisation" else key: value}


def _path(path: str, narrowed: Mapping[str, str] | None, key: str, value: str) -> str:
    if narrowed is not None and key:
        narrowed = _narrowed(narrowed, key, value)
    return "" if narrowed is None else address(path, narrowed)


def _title(key: str, value: str, choices: FilterChoices) -> str:
    if not value:
        return NOTHING
    known: Mapping[str, Sequence[tuple[str, str]]] = {
        "form": choices.forms,
        "event": choices.events,
        "status": choices.statuses,
        "working_group": choices.groups,
        "partner": choices.partners,
        "representative": tuple(YES_OR_NO.items()),
        **{choice.name: choice.options for choice in choices.answers},
    }
    if key == "country":
        return words.country_name(value)
    if key == "language":
        return words.language_name(value)
    return dict(known.get(key, ())).get(value, value)


LIST = "/console/registrations"
BULLETIN = "/console/mail/bulletins/new"
LIVE = ("confirmed", "waitlisted")
"""Statuses whose people get bulletins."""

MAX_RECIPIENTS = 5000
"""Registrations that a bulletin can name one by one."""

CHUNK = 500
OF_SEGMENT = (
    *("event", "form", "working_group", "partner", "country", "language"),
    *("representative", "not_registered_for", "status", "tag"),
)
"""Filters that a segment has too, by the same names."""


def add_writing_to(blueprint: Blueprint, work: UnitOfWork) -> None:
    """``/console/registrations/write`` with the filters of the list."""

    @blueprint.get("/registrations/write")
    @needs_all_forms("coordinator")
    def write_page() -> AnyResponse:
        sent = read_filters(request.args)
        definition = asked_definition(work, PeopleFilter(form=sent.get("form", "")))
        given = {name: value for name, value in of_form(sent, definition).items() if name not in SHOWING}
        require_known_values(work, given, holder().forms)
        if is_segment(given):
            return redirect(f"{BULLETIN}?{urlencode(segment_of(given))}" if given else BULLETIN, 303)
        wanted = to_filter(given, definition, holder(), "", CHUNK)
        ids = [person.registration.id for person in islice(_live(work, wanted), MAX_RECIPIENTS + 1)]
        page = render_template(
            "registrations/write.html",
            ids=ids[:MAX_RECIPIENTS],
            too_many=len(ids) > MAX_RECIPIENTS,
            max_recipients=MAX_RECIPIENTS,
            back=address(LIST, given),
        )
        return personal(make_response(page))


def is_segment(given: Mapping[str, str]) -> bool:
    """Whether the segment of a bulletin can express these filters."""
    return all(name in OF_SEGMENT for name in given) and given.get("status", LIVE[0]) in LIVE


def segment_of(given: Mapping[str, str]) -> dict[str, str]:
    """The query of the page that writes a bulletin, for filters that are a segment."""
    as_words = {"true": "yes", "false": "no"}
    return {name: as_words[value] if name == "representative" else value for name, value in given.items()}


def _live(work: UnitOfWork, wanted: PeopleFilter) -> Iterator[Person]:
    """Yield those whom a bulletin can reach: people who have cancelled get none."""
    while True:
        chunk = find_people(work, wanted)
        yield from (person for person in chunk if person.registration.status in LIVE)
        if len(chunk) < CHUNK:
            return
        wanted = following(wanted, chunk[-1])


PAGE = 50


def add_list(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/registrations``, as a page and as a file."""

    @blueprint.get("/registrations")
    @needs("coordinator")
    def list_page() -> Response:
        return _list_page(work, _asked(work))

    @blueprint.get("/registrations.csv")
    @needs_recent_sign_in
    @needs("coordinator")
    def list_file() -> Response:
        asked = _asked(work)
        wanted = to_filter(asked.given, asked.definition, holder(), "", PAGE)
        refuse_beyond(work, wanted)
        require_known_values(work, asked.given, holder().forms)
        return personal(csv_answer("registrations", *people_file(work, clock, holder().name, wanted, _in_file(asked))))

    @blueprint.get("/registrations.xlsx")
    @needs_recent_sign_in
    @needs("coordinator")
    def list_sheet() -> Response:
        asked = _asked(work)
        wanted = to_filter(asked.given, asked.definition, holder(), "", PAGE)
        refuse_beyond(work, wanted)
        require_known_values(work, asked.given, holder().forms)
        table = people_file(work, clock, holder().name, wanted, _in_file(asked), FILE_TITLES)
        return personal(xlsx_answer("registrations", *table))


def _list_page(work: UnitOfWork, asked: "_Asked", status: int = 200, **more: Any) -> Response:
    cursor = request.args.get("cursor", "")
    require_recent_beyond_a_page(cursor, PAGE)
    wanted = to_filter(asked.given, asked.definition, holder(), cursor, PAGE + 1)
    refuse_beyond(work, wanted)
    try:
        require_known_values(work, asked.given, holder().forms)
    except DomainError as error:  # with the filters, to correct them; an event without a form is not known here yet
        status, more = 422, {**more, "unknown": error.detail}
    keys = [asked.given[name] for name in ("count", "by") if name in asked.given]
    template = "registrations/list.html" if not keys else "registrations/counts.html"
    return personal(make_response(render_template(template, **_shown(work, asked, wanted, keys), **more), status))


def refused_view(work: UnitOfWork, refusal: DomainError, query: Mapping[str, str], name: str, shared: bool) -> Response:
    """The list that was to be saved as a view, with the reason why it was not, and the name that was typed."""
    more: dict[str, Any] = {"view_fault": refusal.detail, "view_name": name, "view_shared": shared}
    return _list_page(work, _asked_in(work, read_filters(query)), 409, **more)


def _shown(work: UnitOfWork, asked: "_Asked", wanted: PeopleFilter, keys: Sequence[str]) -> dict[str, Any]:
    """Values for the page: filters, views, and people or numbers."""
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


def _views(work: UnitOfWork) -> list[tuple[SavedView, str]]:
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
    return _asked_in(work, read_filters(request.args))


def _asked_in(work: UnitOfWork, sent: dict[str, str]) -> _Asked:
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
    work: UnitOfWork, asked: _Asked, wanted: PeopleFilter, keys: Sequence[str], choices: FilterChoices
) -> dict[str, Any]:
    """Numbers by one or two keys."""
    with work.transaction() as connection:
        found = count_by(connection, wanted, read_keys(",".join(keys), asked.definition))
        total = count_people(connection, wanted)
    table = count_table(PATH, asked.given, keys, found[:MAX_GROUPS], choices)
    return {"table": table, "total": total, "more": len(found) > MAX_GROUPS}

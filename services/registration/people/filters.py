"""The filters and columns of the list of registrations, from its address and back; the input is untrusted.

The answers to a form's own questions are columns too while that form is chosen, but for sealed ones.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from services import console_words as words
from services.registration.forms.model import COLUMNS
from services.registration.forms.service import Partner
from services.registration.forms.standard_forms import with_working_groups
from services.registration.forms.store import StoredForm
from services.registration.people.answer_filters import PREFIX, is_free_text, read_answer_filters
from services.registration.people.details import asks_later
from services.registration.people.listing import ListTitles, answer_column, read_registration_position
from services.registration.people.listing_store import ARRIVAL, LATEST, NAME, NAME_BACKWARDS, PeopleFilter
from services.registration.people.store import Person
from shared.http.holders import Holder
from shared.http.lists import position_in
from shared.i18n.languages import LANGUAGE_NAMES
from shared.messaging.contracts.payloads import REGISTRATION_STATUSES
from shared.messaging.contracts.schemas import SLUG
from shared.public_forms.definition import Field, FormDefinition, parse_definition
from shared.public_forms.kinds.choices import country_options
from shared.runtime.clock import lower_bound, upper_bound
from shared.runtime.errors import DomainError, unknown_parameter_advice

DAYS = ("since", "until")
FURTHER = (
    *("working_group", "partner", "country", "language", "representative"),
    *DAYS,
    *("not_registered_for", "details", "tag"),
)
"""Filters that the page hides until one of them is set."""

SHOWING = ("sort", "count", "by", "columns")
"""What is not a filter: the order, up to two things to count by, and the columns, separated by commas."""

MAX_COLUMNS = 2000
"""Characters."""

NAMES = ("q", "event", "form", "status", *FURTHER, *SHOWING)
PARAMETERS = frozenset({*NAMES, "cursor", "marked"})
SORT_WORDS = {
    LATEST: "Newest first",
    ARRIVAL: "Oldest first",
    NAME: "By name, A to Z",
    NAME_BACKWARDS: "By name, Z to A",
}
YES_OR_NO = {"true": "Yes", "false": "No"}

DETAILS = {"missing": "Not given yet", "given": "Given"}
"""What is asked after the confirmation, in words."""

PLAIN = re.compile(r"[^\x00-\x1f\x7f]{1,100}")

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AnswerChoice:
    """A question whose answers can be filtered by.

    Attributes:
        name: the name of the request parameter.
        label: the question.
        options: what can be chosen; empty for a range or a free text.
        input_type: the HTML input type of both ends of a range; empty for every other question.
        countable: whether people can be counted by the answer.
    """

    name: str
    label: str
    options: Pairs
    input_type: str
    countable: bool


@dataclass(frozen=True, slots=True)
class FilterChoices:
    """What the filters offer, each as (value, words); ``missing`` are ready-made questions as (address, words).

    ``answers`` are those of the form that is chosen.
    """

    forms: Pairs
    events: Pairs
    statuses: Pairs
    groups: Pairs
    partners: Pairs
    countries: Pairs
    languages: Pairs
    details: Pairs
    missing: Pairs
    tags: Pairs
    answers: tuple[AnswerChoice, ...]


def read_filters(arguments: Mapping[str, str]) -> dict[str, str]:
    """The filters that are set, as they came.

    Raises:
        BadRequest: one cannot be a value of its kind.
        DomainError: ``unknown-parameter``; ignoring a misspelt filter would show, or export, everyone.
    """
    for name in arguments:
        if name not in PARAMETERS and not name.startswith(PREFIX):
            raise DomainError("unknown-parameter", f"{name}: {unknown_parameter_advice(name, NAMES)}")
    names = (*NAMES, *(name for name in arguments if name.startswith(PREFIX)))
    if isinstance(arguments, MultiDict):  # one for each column that is ticked
        arguments = {**arguments.to_dict(), "columns": ",".join(arguments.getlist("columns"))}
    given = {name: value for name in names if (value := arguments.get(name, "").strip())}
    if not all(_fits(name, value) for name, value in given.items()):
        raise BadRequest("unknown filter")
    return given


def of_form(given: Mapping[str, str], definition: FormDefinition | None) -> dict[str, str]:
    """Without what asks for answers of another form, as a page sends it once another form is chosen on it."""
    fields = {field.name for field in definition.fields} if definition else set()
    asked = {name: name.removeprefix(PREFIX).partition(".")[0] for name in given if name.startswith(PREFIX)}
    kept = {name: value for name, value in given.items() if asked.get(name) in {None, *fields}}
    for name in ("count", "by"):
        if kept.get(name, "").startswith(PREFIX) and kept[name].removeprefix(PREFIX) not in fields:
            del kept[name]
    return kept


def to_filter(
    given: Mapping[str, str], definition: FormDefinition | None, who: Holder, cursor: str, limit: int
) -> PeopleFilter:
    """The filter for ``given``, limited to what ``who`` may see; ``definition`` is of the form that is chosen.

    Raises:
        BadRequest: not a cursor of this list.
        DomainError: ``unknown-parameter``.
    """
    days = {name: date.fromisoformat(given[name]) for name in DAYS if name in given}
    others = {*DAYS, *SHOWING, "representative"}
    texts: dict[str, Any] = {
        name: value for name, value in given.items() if name not in others and not name.startswith(PREFIX)
    }
    return PeopleFilter(
        **texts,
        since=lower_bound(days.get("since")),
        until=upper_bound(days.get("until")),
        representative={"true": True, "false": False}.get(given.get("representative", "")),
        answers=read_answer_filters(given, definition),
        sort=given.get("sort", LATEST),
        forms=who.forms,
        after=position_in(cursor, 1, read_registration_position) or "",
        limit=limit,
    )


def address(path: str, given: Mapping[str, str]) -> str:
    """``path`` with filters."""
    return f"{path}?{urlencode(given)}" if given else path


def choices_of(
    path: str,
    forms: list[StoredForm],
    groups: Mapping[str, str],
    partners: list[Partner],
    definition: FormDefinition | None,
    tags: Sequence[str] = (),
) -> FilterChoices:
    """What can be chosen, given the forms that may be seen; nothing leads to any other."""
    titles = {form.slug: parse_definition(form.definition).title.in_language("en") for form in forms}
    events = {form.event_id: form.event_title or form.event_id for form in forms if form.event_id}
    missing = [
        (
            address(path, {"form": form.slug, "not_registered_for": form.attend}),
            f"{titles[form.slug]}: not registered for {events.get(form.attend, form.attend)}",
        )
        for form in forms
        if form.attend and (form.attend in events or form.attend in titles)
    ]
    missing += [
        (
            address(path, {"form": form.slug, "status": "confirmed", "details": "missing"}),
            f"{titles[form.slug]}: further details not given yet",
        )
        for form in forms
        if asks_later(form)
    ]
    return FilterChoices(
        forms=tuple(titles.items()),
        events=tuple(sorted(events.items(), key=lambda event: event[1])),
        statuses=tuple((status, words.SEATS[status][0]) for status in REGISTRATION_STATUSES),
        groups=tuple(groups.items()),
        partners=tuple((partner.slug, partner.name) for partner in partners),
        countries=country_options("en"),
        languages=tuple(LANGUAGE_NAMES.items()),
        details=tuple(DETAILS.items()),
        missing=tuple(missing),
        tags=tuple((tag, tag) for tag in tags),
        answers=tuple(_answer_choices(definition, groups)) if definition else (),
    )


def _answer_choices(definition: FormDefinition, groups: Mapping[str, str]) -> Iterator[AnswerChoice]:
    for field in with_working_groups(definition, tuple(groups.items())).fields:
        if field.sealed or field.name in COLUMNS:
            continue
        kind = field.kind
        options = tuple(YES_OR_NO.items()) if kind.data_type == "boolean" else tuple(kind.choices(field, "en"))
        input_type = "date" if kind.ordered else "number" if kind.data_type == "number" else ""
        label = field.label.in_language("en")
        yield AnswerChoice(f"{PREFIX}{field.name}", label, options, input_type, not is_free_text(field))


def _fits(name: str, value: str) -> bool:
    if name in ("q", "tag"):
        return PLAIN.fullmatch(value) is not None
    if name == "country":
        return re.fullmatch("[A-Z]{2}", value) is not None
    if name in DAYS:
        return _is_day(value)
    if name == "columns":
        return value.isprintable() and len(value) <= MAX_COLUMNS
    if name.startswith(PREFIX) or name in ("count", "by"):
        return PLAIN.fullmatch(value) is not None
    known = {"details": DETAILS, "sort": SORT_WORDS, "representative": YES_OR_NO, "language": LANGUAGE_NAMES}
    if name in known:
        return value in known[name]
    return re.fullmatch(SLUG, value) is not None


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


STANDARD: Mapping[str, str] = {
    "form": "Form",
    "event": "Event",
    "status": "Status",
    "working_group": "Working group",
    "organisation": "Organisation",
    "country": "Country",
    "language": "Language",
    "time_zone": "Time zone",
    "partner": "Partner",
    "verified": "Address confirmed",
    "details": "Further details",
    "tags": "Tags",
    "since": "Since",
}
"""Titles of the columns that every form has, by name; the person always comes first."""

SHOWN = ("form", "status", "working_group", "organisation", "country", "partner", "since")
"""Those that are shown if none is chosen."""

FILE_TITLES: Mapping[str, str] = {
    "id": "Reference",
    "form": "Form",
    "event": "Event",
    "status": "Status",
    "position": "Place on the waiting list",
    "name": "Name",
    "email": "E-mail address",
    "organisation": "Organisation",
    "working_group": "Working group",
    "representative": "Representative",
    "country": "Country",
    "time_zone": "Time zone",
    "language": "Language",
    "partner": "Partner",
    "verified": "Address confirmed",
    "tags": "Tags",
    "details_given_at": "Further details given",
    "registered_at": "Registered",
}
"""Titles of a file's columns in a spreadsheet."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the list; ``field`` is the question whose answers it shows, None for what every form has."""

    name: str
    title: str
    field: Field | None = None


def titles_of(choices: FilterChoices, groups: Mapping[str, str]) -> ListTitles:
    """The titles that the filters of a page offer."""
    return ListTitles(dict(choices.forms), dict(choices.events), groups, dict(choices.partners))


def columns_offered(definition: FormDefinition | None) -> list[Column]:
    """Every column that can be chosen, given the questions of the form that is chosen; None if none is."""
    standard = [Column(name, title) for name, title in STANDARD.items()]
    if definition is None:
        return standard
    own = [field for field in definition.fields if not field.sealed and field.name not in COLUMNS]
    return [*standard, *(Column(PREFIX + field.name, field.label.in_language("en"), field) for field in own)]


def columns_chosen(chosen: Sequence[str], offered: Sequence[Column], *, one_form: bool) -> list[Column]:
    """Return the chosen columns among those offered, in the offered order; a default choice if none of them is offered.

    ``one_form`` is true if all rows are of one form, which need not be named in each.
    """
    names = [name for name in SHOWN if not (one_form and name == "form")]
    wanted = set(chosen) & {column.name for column in offered} or set(names)
    return [column for column in offered if column.name in wanted]


_IN_FILE: Mapping[str, tuple[str, ...]] = {
    "status": ("status", "position"),
    "working_group": ("working_group", "representative"),
    "details": ("details_given_at",),
    "since": ("registered_at",),
}
"""Columns of a file by those of the list that are called otherwise, or are several."""


def file_columns(chosen: Sequence[str], offered: Sequence[Column]) -> list[str]:
    """The columns of a file for those that are chosen for the list; none, which means all, if none is chosen."""
    shown = [column for column in offered if column.name in set(chosen)]
    own = [part for column in shown for part in _parts_in_file(column)]
    return ["name", "email", *own] if own else []


def _parts_in_file(column: Column) -> tuple[str, ...]:
    if column.field is not None:
        return (answer_column(column.field.name),)
    return _IN_FILE.get(column.name, (column.name,))


def cell_text(column: Column, person: Person, titles: ListTitles) -> str:
    """Return the content of a cell as text; empty for nothing. ``status`` and ``since`` have their own markup."""
    if column.field is not None:
        answer = person.answers.get(column.field.name)
        return "" if answer is None else column.field.kind.display(column.field, answer, "en")
    registration = person.registration
    group, partner = registration.working_group or "", registration.partner or ""
    event = registration.event_id or ""
    texts = {
        "form": titles.forms.get(registration.form, registration.form),
        "event": titles.events.get(event, event),
        "working_group": titles.groups.get(group, group) + (" (representative)" if registration.representative else ""),
        "organisation": person.organisation or "",
        "country": words.country_name(registration.country) if registration.country else "",
        "language": words.language_name(registration.language),
        "time_zone": (person.time_zone or "").replace("_", " "),
        "partner": titles.partners.get(partner, partner),
        "verified": "Yes" if registration.verified else "No",
        "details": "Given" if person.details_at else "",
        "tags": ", ".join(person.tags),
    }
    return texts.get(column.name, "")

"""The columns that can be chosen for the list of registrations: on the page, in views, and in spreadsheets.

The answers to a form's own questions are columns too while that form is chosen, but for sealed ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.registration.forms.model import COLUMNS
from services.registration.people.answer_filters import PREFIX
from services.registration.people.filters import Choices
from services.registration.people.store import Person
from shared.public_forms.definition import Field, FormDefinition
from shared.web.console import words

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


@dataclass(frozen=True, slots=True)
class ListTitles:
    """Titles by id of what stands in the list."""

    forms: Mapping[str, str]
    events: Mapping[str, str]
    groups: Mapping[str, str]
    partners: Mapping[str, str]


def titles_of(choices: Choices, groups: Mapping[str, str]) -> ListTitles:
    """The titles that the filters of a page offer."""
    return ListTitles(dict(choices.forms), dict(choices.events), groups, dict(choices.partners))


def columns_offered(definition: FormDefinition | None) -> list[Column]:
    """Every column that can be chosen, given the questions of the form that is chosen; None if none is."""
    standard = [Column(name, title) for name, title in STANDARD.items()]
    if definition is None:
        return standard
    own = [one for one in definition.fields if not one.sealed and one.name not in COLUMNS]
    return [*standard, *(Column(PREFIX + one.name, one.label.in_language("en"), one) for one in own)]


def columns_chosen(chosen: Sequence[str], offered: Sequence[Column], *, one_form: bool) -> list[Column]:
    """The chosen ones of those that are offered, in their order; a usual choice if none of them is.

    ``one_form`` says that all rows are of one form, which need not be named in each.
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
    names = [column.name for column in offered if column.name in set(chosen)]
    own = [part for name in names for part in _IN_FILE.get(name, (name.removeprefix(PREFIX),))]
    return ["name", "email", *own] if own else []


def cell_text(column: Column, person: Person, titles: ListTitles) -> str:
    """What stands in a cell, as text; empty for nothing. ``status`` and ``since`` have looks of their own."""
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

"""Console page of the log of readings: who has read whose sealed answers, for what, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy import Connection

from services.registration.forms.service import list_forms
from services.registration.people.filters import PLAIN, address
from services.registration.people.store import find_person
from services.registration.sealed_lists.purposes import PURPOSES
from services.registration.sealing.api import read_number
from services.registration.sealing.store import ONE_PERSON, Reading, ReadingFilter, list_readings, registrations_of
from shared.core.errors import DomainError
from shared.core.parameter_advice import unknown_parameter_advice
from shared.public_forms.definition import parse_definition
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, may_touch, needs
from shared.web.headers import personal
from shared.web.paging import page_of, position_in

RULE = "/registrations/sealed-readings"
PATH = f"/console{RULE}"
PAGE = 50
NAMES = ("reader", "purpose", "form", "person", "cursor")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A reading; ``name`` is of whoever was read, where that is one person and the reader of the log may know."""

    reading: Reading
    name: str


def add_reading_log(blueprint: Blueprint, work: UnitOfWork) -> None:
    """``/console/registrations/sealed-readings``."""

    @blueprint.get(RULE)
    @needs("sealed-reader", "operator")
    def sealed_readings_page() -> Response:
        given = _given()
        cursor = request.args.get("cursor", "")
        with work.transaction() as connection:
            readings = list_readings(connection, _wanted(connection, given, cursor))
            page = page_of(readings, PAGE, lambda reading: (str(reading.number),))
            lines = [LogLine(one, _name(connection, one)) for one in page.items]
        touched = [form for form in list_forms(work) if may_touch(form.slug)]
        content = render_template(
            "sealed_lists/log.html",
            lines=lines,
            given=given,
            forms={form.slug: form.title for form in touched},
            questions={form.slug: _labels(form.definition) for form in touched},
            purposes={ONE_PERSON: "One person", **{name: one.title for name, one in PURPOSES.items()}},
            next=address(PATH, {**given, "cursor": page.next}) if page.next else "",
            first=address(PATH, given),
            paged=bool(cursor),
            path=PATH,
            coordinates="coordinator" in holder().roles,
        )
        return personal(make_response(content))


def _labels(definition: Mapping[str, Any]) -> dict[str, str]:
    """What each question of a form asks, by its short name."""
    return {field.name: field.label.in_language("en") for field in parse_definition(definition).fields}


def _given() -> dict[str, str]:
    """The filters that are set.

    Raises:
        DomainError: ``unknown-parameter``.
    """
    for name, value in request.args.items():
        if name not in NAMES:
            raise DomainError("unknown-parameter", f"{name}: {unknown_parameter_advice(name, NAMES)}")
        if name != "cursor" and value.strip() and not PLAIN.fullmatch(value.strip()):
            raise DomainError("unknown-parameter", f"{name}: 1 to 100 characters are required")
    return {name: value for name in NAMES[:-1] if (value := request.args.get(name, "").strip())}


def _wanted(connection: Connection, given: dict[str, str], cursor: str) -> ReadingFilter:
    return ReadingFilter(
        before=position_in(cursor, 1, read_number),
        most=PAGE + 1,
        forms=holder().forms,
        people=_people(connection, given["person"]) if "person" in given else None,
        **{name: given[name] for name in ("reader", "purpose", "form") if name in given},
    )


def _people(connection: Connection, person: str) -> Sequence[str]:
    """Ids of registrations: of the address ``person``, or that one alone if it is an id."""
    try:
        return [str(UUID(person))]
    except ValueError:
        return registrations_of(connection, person)


def _name(connection: Connection, reading: Reading) -> str:
    if reading.registration_id is None or "coordinator" not in holder().roles:
        return ""
    person = find_person(connection, reading.registration_id)
    return (person.name or person.email) if person else ""

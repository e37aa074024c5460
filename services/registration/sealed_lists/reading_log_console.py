"""The console page of the reading log: who opened whose sealed answers, and for what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy import Connection

from services.registration.forms.service import list_forms
from services.registration.known_values import require_known_values
from services.registration.people.filters import PLAIN, address
from services.registration.people.store import find_person
from services.registration.sealed_lists.purposes import PURPOSES
from services.registration.sealing.api import read_number
from services.registration.sealing.store import ONE_PERSON, Reading, ReadingFilter, list_readings, registrations_of
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import (
    holder,
    may_touch,
    needs,
    require_recent_beyond_a_page,
)
from shared.http.headers import personal
from shared.http.lists import page_of, position_in
from shared.public_forms.definition import parse_definition
from shared.runtime.errors import DomainError, unknown_parameter_advice

LOG_RULE = "/registrations/sealed-readings"


LOG_PATH = f"/console{LOG_RULE}"


PAGE = 50


NAMES = ("reader", "purpose", "form", "person", "cursor")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A reading; ``name`` is that of the person read, if it is one person and the reader of the log may know it."""

    reading: Reading
    name: str


def add_reading_log(blueprint: Blueprint, work: UnitOfWork) -> None:
    """``/console/registrations/sealed-readings``."""

    @blueprint.get(LOG_RULE)
    @needs("sealed-reader", "operator")
    def sealed_readings_page() -> Response:
        given = _given(work)
        cursor = request.args.get("cursor", "")
        require_recent_beyond_a_page(cursor, PAGE)
        with work.transaction() as connection:
            readings = list_readings(connection, _wanted(connection, given, cursor))
            page = page_of(readings, PAGE, lambda reading: (str(reading.number),))
            lines = [LogLine(reading, _name(connection, reading)) for reading in page.items]
        touched = [form for form in list_forms(work) if may_touch(form.slug)]
        content = render_template(
            "sealed_lists/log.html",
            lines=lines,
            given=given,
            forms={form.slug: form.title for form in touched},
            questions={form.slug: _labels(form.definition) for form in touched},
            purposes={ONE_PERSON: "One person", **{name: purpose.title for name, purpose in PURPOSES.items()}},
            next=address(LOG_PATH, {**given, "cursor": page.next}) if page.next else "",
            first=address(LOG_PATH, given),
            paged=bool(cursor),
            path=LOG_PATH,
            coordinates="coordinator" in holder().roles,
        )
        return personal(make_response(content))


def _labels(definition: Mapping[str, Any]) -> dict[str, str]:
    """What each question of a form asks, by its short name."""
    return {field.name: field.label.in_language("en") for field in parse_definition(definition).fields}


def _given(work: UnitOfWork) -> dict[str, str]:
    """The filters that are set.

    Raises:
        DomainError: ``unknown-parameter``, ``unknown-value``.
    """
    for name, value in request.args.items():
        if name not in NAMES:
            raise DomainError("unknown-parameter", f"{name}: {unknown_parameter_advice(name, NAMES)}")
        if name != "cursor" and value.strip() and not PLAIN.fullmatch(value.strip()):
            raise DomainError("unknown-parameter", f"{name}: 1 to 100 characters are required")
    given = {name: value for name in NAMES[:-1] if (value := request.args.get(name, "").strip())}
    require_known_values(work, given, holder().forms)
    return given


def _wanted(connection: Connection, given: dict[str, str], cursor: str) -> ReadingFilter:
    return ReadingFilter(
        before=position_in(cursor, 1, read_number),
        limit=PAGE + 1,
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

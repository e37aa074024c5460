"""Schemas of forms, as files, drafts and requests describe them."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import marshmallow as ma

from services.registration.forms.model import (
    COLUMNS,
    JOIN_MINUTES_BEFORE,
    MAX_ALARM_MINUTES,
    MAX_JOIN_MINUTES_BEFORE,
    PERSON_DAYS,
    retention_faults,
)
from services.registration.forms.standard_forms import TextInput, standard_form
from shared.messaging.contracts.schemas import SLUG, StrictBoolean
from shared.public_forms.definition import FormDefinition, to_mapping
from shared.public_forms.fields import FieldKind
from shared.public_forms.kinds.choices import SOME_OF
from shared.public_forms.kinds.text import LONG_TEXT, TEXT
from shared.public_forms.kinds.values import NUMBER
from shared.public_forms.reading import definition_schema
from shared.public_forms.theme import page_language
from shared.runtime.clock import FIRST_YEAR, LAST_YEAR
from shared.runtime.schema_fields import (
    Parsed,
    Place,
    at_most,
    faults_in,
    in_known_years,
    one_of_field,
    raise_faults,
    text_field,
    whole_field,
)
from shared.runtime.yaml_source import FileSchema
from shared.vocabulary.form_kinds import FORM_KINDS, PROPOSAL

STANDARD = "standard/"
RESERVED = frozenset({"selftest", "static"})
"""Paths below ``/embed/`` that are no forms."""

PROPOSAL_FIELDS: Mapping[str, tuple[FieldKind, bool]] = {
    "title": (TEXT, True),
    "attendance": (NUMBER, True),
    "summary": (LONG_TEXT, False),
    "speakers": (LONG_TEXT, False),
    "named_speakers": (LONG_TEXT, False),
    "preferred_days": (SOME_OF, False),
    "unavailable_days": (SOME_OF, False),
}
"""Questions of a proposal that events reads: the kind of each, and whether it must be asked and answered."""

PROPOSALS_PER_ADDRESS = 20
PROMOTION_NOTICE_MINUTES = 60
PEOPLE_PER_ADDRESS = 3
SLUG_WANTED = "lower-case letters, digits and single hyphens are required"
MAX_PARTNERS, MAX_DAYS = 200, 366
"""Of one form."""
ALARM = "Minutes before the start at which people's calendars alert them; null: as their calendars do"

Faults = Iterator[tuple[Place, str]]


def capacity_field(**more: Any) -> ma.fields.Integer:
    """The number of seats; null: no limit."""
    about = {"description": "null: no limit"}
    return whole_field(0, 1_000_000, strict=True, allow_none=True, metadata=about, **more)


def alarm_field(**more: Any) -> ma.fields.Integer:
    """When calendars alert people."""
    about = {"description": ALARM}
    return whole_field(0, MAX_ALARM_MINUTES, strict=True, allow_none=True, metadata=about, **more)


def joining_field(**more: Any) -> ma.fields.Integer:
    """When people can join."""
    about = {"description": "Minutes before the start from which people with a seat can join online"}
    return whole_field(0, MAX_JOIN_MINUTES_BEFORE, strict=True, metadata=about, **more)


@dataclass(frozen=True, slots=True)
class LoadedForm:
    """A form as described in the file; ``values`` are the columns for the store."""

    slug: str
    values: dict[str, Any]
    capacity: int | None
    partners: tuple[str, ...]


def _slug(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(SLUG, value) or len(value) > 80:
        raise ValueError(SLUG_WANTED)
    return value


def _form_slug(value: Any) -> str:
    if (slug := _slug(value)) in RESERVED:
        raise ValueError("this address is used by another page: choose another slug")
    return slug


def _texts(max_length: int) -> Callable[[Any], TextInput]:
    """A parser of one text, or texts by language."""
    plain = text_field(max_length)

    def parse(value: Any) -> TextInput:
        try:
            if isinstance(value, dict):
                return {page_language(language): str(plain.deserialize(text)) for language, text in value.items()}
            return str(plain.deserialize(value))
        except ma.ValidationError as error:
            raise ValueError("; ".join(error.messages)) from None

    return parse


def _title(value: Any) -> TextInput:
    if isinstance(value, dict) and "en" not in value:
        raise ValueError("the title in English (en) is required")
    return _texts(300)(value)


class FormRowSchema(FileSchema):
    """A form (``docs/reference/forms.md``). It loads a :class:`LoadedForm`.

    Args:
        known_partners: the slugs of the existing partners.
        days_later: the number of days by which all days are moved, for a demonstration at a later date.
    """

    slug = Parsed(_form_slug, required=True)
    title = Parsed(_title, required=True)
    event = Parsed(_slug)
    kind = one_of_field(tuple(FORM_KINDS), required=True)
    days = ma.fields.List(ma.fields.Date(validate=in_known_years), load_default=list, pre_load=at_most(MAX_DAYS))
    intro = Parsed(_texts(4000), load_default="")
    fields = ma.fields.Raw(required=True)  # type: ignore[assignment]  # the name in definitions
    partners = ma.fields.List(ma.fields.Raw(), load_default=list, pre_load=at_most(MAX_PARTNERS))
    verification = one_of_field(("email", "none"), load_default="email")
    waiting_list = StrictBoolean(load_default=True)
    promotion_notice_minutes = whole_field(0, 100_000, strict=True, load_default=PROMOTION_NOTICE_MINUTES)
    closes_hours_before = whole_field(0, 10_000, strict=True, load_default=0)
    join_minutes_before = joining_field(load_default=JOIN_MINUTES_BEFORE)
    open_until = one_of_field(("start", "end"), load_default=None)
    attend = Parsed(_slug, load_default=None)
    alarm_minutes = alarm_field(load_default=None)
    keep_days = whole_field(1, 3650, strict=True, load_default=None)
    people_per_address = whole_field(1, 100, strict=True)
    controller = text_field(load_default=None)
    contact = text_field(load_default=None)
    person_days = whole_field(1, 3650, strict=True, load_default=PERSON_DAYS)
    capacity = capacity_field(load_default=None)

    def __init__(self, known_partners: Collection[str], days_later: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self._partners, self._later = known_partners, timedelta(days=days_later)

    @ma.validates_schema(skip_on_field_errors=False)
    def _check(self, values: dict[str, Any], **_more: Any) -> None:
        raise_faults((*self._faults_of_form(values), *self._faults_of_questions(values)))

    def _faults_of_form(self, values: Mapping[str, Any]) -> Faults:
        if values.get("days") and values.get("kind", PROPOSAL) != PROPOSAL:
            yield ("days",), "only forms of the kind proposal ask about days"
        for number, partner in enumerate(values.get("partners", ())):
            if not isinstance(partner, str) or partner not in self._partners:
                yield ("partners", number), f"there is no partner {str(partner)[:80]}"
        if values.get("keep_days") is not None and values.get("partners"):
            yield ("keep_days",), "only a form that no partner shows may delete its registrations automatically"
        if values.get("person_days", PERSON_DAYS) != PERSON_DAYS and isinstance(values.get("fields"), str):
            message = (
                f"the standard questions promise people {PERSON_DAYS} days: write your own questions for another period"
            )
            yield ("person_days",), message
        if values.get("kind") == PROPOSAL and values.get("capacity") is not None:
            yield ("capacity",), "proposals have no seats"
        if values.get("kind") == PROPOSAL and "event" in values:
            yield ("event",), "a proposal becomes an event of its own"

    def _faults_of_questions(self, values: Mapping[str, Any]) -> Faults:
        if "kind" not in values or "fields" not in values:
            return
        try:
            definition = self._definition(values)
        except ma.ValidationError as error:
            yield from faults_in(error.messages)
            return
        days = values.get("person_days", PERSON_DAYS)
        yield from ((("fields",), fault) for fault in retention_faults(to_mapping(definition)["fields"], days, COLUMNS))
        if values["kind"] == PROPOSAL:
            yield from ((("fields",), fault) for fault in _proposal_faults(definition))

    def _definition(self, values: Mapping[str, Any]) -> FormDefinition:
        """The questions: a standard set, or a whole definition. Unreadable values of the form are replaced.

        Raises:
            ValidationError: they cannot be read.
        """
        kind, given = values["kind"], values["fields"]
        slug, title, intro = values.get("slug", "form"), values.get("title", "title"), values.get("intro", "")
        if given == STANDARD + kind:
            days = [day + self._later for day in values.get("days", ())]
            return standard_form(kind, slug, title, intro=intro, days=days)
        if not isinstance(given, list):
            raise ma.ValidationError({"fields": [f"`{STANDARD}{kind}` or a list of fields is required"]})
        own = {"slug": slug, "kind": kind, "title": title, "intro": intro, "fields": given}
        return FormDefinition(**definition_schema().load(own))

    @ma.post_load
    def _make(self, values: dict[str, Any], **_more: Any) -> LoadedForm:
        described = ("title", "event", "days", "intro", "fields", "capacity")
        usual = PROPOSALS_PER_ADDRESS if values["kind"] == PROPOSAL else PEOPLE_PER_ADDRESS
        columns = {
            "people_per_address": usual,
            **{name: value for name, value in values.items() if name not in described},
            "event_id": values.get("event"),
            "definition": to_mapping(self._definition(values)),
        }
        return LoadedForm(values["slug"], columns, values["capacity"], tuple(values["partners"]))


def faults_with_people(form: LoadedForm, kind: str, event: str | None) -> Faults:
    """Changes of a form, until now of ``kind`` and for ``event``, that would divide the people on it.

    Their registrations, mails, calendars and rosters name the event and the kind that they have registered for.
    """
    if form.values["event_id"] != event:
        yield (
            ("event",),
            f"people have registered for {event or 'no event'}: change the date of the event, or make a new form",
        )
    if form.values["kind"] != kind:
        yield ("kind",), f"people have registered on a form of the kind {kind}: make a new form"


def _proposal_faults(definition: FormDefinition) -> Iterator[str]:
    """Questions of a proposal that events could not read."""
    asked = {field.name: field for field in definition.fields}
    for name, (kind, required) in PROPOSAL_FIELDS.items():
        field = asked.get(name)
        if field is None:
            if required:
                yield f"a proposal needs the question {name}"
        elif field.kind is not kind or (required and not field.required) or field.sealed or field.after_confirmation:
            needed = f"of the kind {kind.name}{' and required' if required else ''}"
            yield f"{name} must be {needed}, not sealed, and asked before the confirmation"
        elif kind is SOME_OF and not all(_is_day(option.value) for option in field.options):
            yield f"the choices of {name} must be days such as 2020-05-06"


def _is_day(value: str) -> bool:
    try:
        day = date.fromisoformat(value)
        return day.isoformat() == value and FIRST_YEAR <= day.year <= LAST_YEAR
    except ValueError:
        return False

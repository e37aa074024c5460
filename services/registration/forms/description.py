"""Forms as ``forms.yaml`` and the interface describe them, and loading a folder of them.

A form is read so that every fault is named. A folder with a fault changes nothing.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from services.registration.forms.messages import form_message, partner_message
from services.registration.forms.model import (
    COLUMNS,
    JOIN_MINUTES_BEFORE,
    MAX_ALARM_MINUTES,
    MAX_JOIN_MINUTES_BEFORE,
    PERSON_DAYS,
    PROPOSAL,
    retention_faults,
)
from services.registration.forms.service import Partner, find_partners, save_partner
from services.registration.forms.standard_forms import TextInput, standard_form
from services.registration.forms.store import find_form, save_form
from services.registration.sealing.key_service import make_keys, publish_keys
from services.registration.sealing.key_store import FormKeys
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.messaging.contracts.payloads import FORM_KINDS
from shared.messaging.contracts.schemas import SLUG
from shared.public_forms.definition import FormDefinition, parse_definition, to_mapping
from shared.public_forms.fields import FieldKind
from shared.public_forms.kinds.choices import SOME_OF
from shared.public_forms.kinds.text import LONG_TEXT, TEXT
from shared.public_forms.kinds.values import NUMBER
from shared.public_forms.theme import origin, page_language, theme_values
from shared.runtime.clock import Clock, system_clock
from shared.runtime.errors import SettingsError
from shared.runtime.yaml_source import Fields, Node, flag, read_yaml, text, whole

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


@dataclass(frozen=True, slots=True)
class LoadedForm:
    """A form as the folder describes it; ``values`` are the columns the store wants."""

    slug: str
    values: dict[str, Any]
    capacity: int | None
    partners: tuple[str, ...]


def read_form(fields: Fields, known: Collection[str], days_later: int = 0) -> LoadedForm:
    """The form that a mapping describes (``docs/reference/forms.md``); faults are noted in ``fields``.

    Args:
        fields: of the mapping.
        known: slugs of the partners that there are.
        days_later: by how many days the days are moved, for a demonstration that is not of today.
    """
    slug = fields.required("slug", _form_slug, "form")
    untitled: TextInput = "title"
    title = fields.required("title", _title, untitled)
    event = fields.optional("event", read_slug, None)
    kind = fields.required("kind", _kind, "webinar")
    days = [day + timedelta(days=days_later) for day in fields.each("days", _day)]
    if days and kind != PROPOSAL:
        fields.fault("only a form of the kind proposal asks about days", "days")
    intro = fields.optional("intro", _intro, "")
    definition = fields.required("fields", _definition(kind, slug, title, intro, days), None)
    partners = fields.each("partners", read_slug)
    for index, partner in enumerate(partners):
        if partner not in known:
            fields.fault(f"{partner} is no partner", "partners", index)
    values = {
        "slug": slug,
        "kind": kind,
        "event_id": event,
        "definition": to_mapping(definition) if definition else {},
        "partners": list(partners),
        **_settings(fields, kind),
    }
    _check_days(fields, values)
    capacity = fields.optional("capacity", whole(0, 1_000_000), None)
    if kind == PROPOSAL:
        _check_proposal(fields, values, capacity, definition)
    fields.finish()
    return LoadedForm(slug, values, capacity, partners)


def _settings(fields: Fields, kind: str) -> dict[str, Any]:
    """Return the columns with the settings of the form."""
    return {
        "verification": fields.optional("verification", _verification, "email"),
        "waiting_list": fields.optional("waiting_list", flag, True),
        "promotion_notice_minutes": fields.optional(
            "promotion_notice_minutes", whole(0, 100_000), PROMOTION_NOTICE_MINUTES
        ),
        "closes_hours_before": fields.optional("closes_hours_before", whole(0, 10_000), 0),
        "join_minutes_before": fields.optional(
            "join_minutes_before", whole(0, MAX_JOIN_MINUTES_BEFORE), JOIN_MINUTES_BEFORE
        ),
        "attend": fields.optional("attend", read_slug, None),
        "alarm_minutes": fields.optional("alarm_minutes", whole(0, MAX_ALARM_MINUTES), None),
        "keep_days": fields.optional("keep_days", whole(1, 3650), None),
        "people_per_address": fields.optional(
            "people_per_address", whole(1, 100), PROPOSALS_PER_ADDRESS if kind == PROPOSAL else PEOPLE_PER_ADDRESS
        ),
        "controller": fields.optional("controller", text(), None),
        "contact": fields.optional("contact", text(), None),
        "person_days": fields.optional("person_days", whole(1, 3650), PERSON_DAYS),
    }


def _check_days(fields: Fields, values: Mapping[str, Any]) -> None:
    """Note the faults in how long something is kept."""
    if values["person_days"] != PERSON_DAYS and isinstance(fields.node.data.get("fields"), str):
        fields.fault(
            f"the standard questions tell people {PERSON_DAYS} days: write your own to say otherwise", "person_days"
        )
    for fault in retention_faults(values["definition"].get("fields", ()), values["person_days"], COLUMNS):
        fields.fault(fault, "fields")
    if values["keep_days"] is not None and values["partners"]:
        fields.fault("only a form that no partner shows may forget its registrations by itself", "keep_days")


def _check_proposal(
    fields: Fields, values: Mapping[str, Any], capacity: int | None, definition: FormDefinition | None
) -> None:
    """Note what a form of proposals cannot have: seats, an event, and questions that events cannot read."""
    if capacity is not None:
        fields.fault("proposals have no seats", "capacity")
    if values["event_id"] is not None:
        fields.fault("a proposal becomes an event of its own", "event")
    asked = {field.name: field for field in definition.fields} if definition else {}
    for name, (kind, required) in PROPOSAL_FIELDS.items() if definition else ():
        field = asked.get(name)
        if field is None:
            if required:
                fields.fault(f"a proposal needs the question {name}", "fields")
        elif field.kind is not kind or (required and not field.required) or field.sealed or field.after_confirmation:
            needed = f"of the kind {kind.name}{' and required' if required else ''}"
            fields.fault(f"{name} must be {needed}, not sealed, and asked before the confirmation", "fields")
        elif kind is SOME_OF and not all(_is_day(option.value) for option in field.options):
            fields.fault(f"the choices of {name} must be days such as 2020-05-06", "fields")


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _day(value: Any) -> date:
    if not isinstance(value, str) or not _is_day(value):
        raise ValueError("a day such as 2020-05-06 is required")
    return date.fromisoformat(value)


def read_slug(value: Any) -> str:
    """A slug.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not re.fullmatch(SLUG, value) or len(value) > 80:
        raise ValueError("lower-case letters, digits and single hyphens are required")
    return value


def _form_slug(value: Any) -> str:
    if value in RESERVED:
        raise ValueError("this address is a page of its own: another slug is required")
    return read_slug(value)


def _title(value: Any) -> TextInput:
    """One text, or texts by language with English among them."""
    plain = text(300)
    if not isinstance(value, dict):
        return plain(value)
    if "en" not in value:
        raise ValueError("the title in English (en) is required")
    return {page_language(language): plain(title) for language, title in value.items()}


def _intro(value: Any) -> TextInput:
    """What is above the questions: one text, or texts by language."""
    plain = text(4000)
    return (
        {page_language(one): plain(words) for one, words in value.items()} if isinstance(value, dict) else plain(value)
    )


def _verification(value: Any) -> str:
    if value not in ("email", "none"):
        raise ValueError("`email` or `none` is required")
    return str(value)


def _kind(value: Any) -> str:
    if value not in FORM_KINDS:
        raise ValueError(f"one of {', '.join(FORM_KINDS)} is required")
    return str(value)


def _definition(kind: str, slug: str, title: TextInput, intro: TextInput, days: Sequence[date]) -> Any:
    """A parser of the questions: the name of a standard set, or a whole definition."""

    def parse(value: Any) -> FormDefinition:
        if value == STANDARD + kind:
            return standard_form(kind, slug, title, intro=intro, days=days)
        if isinstance(value, list):
            own = {"slug": slug, "kind": kind, "title": title, "version": 1, "fields": value}
            return parse_definition(own | ({"intro": intro} if intro else {}))
        raise ValueError(f"`{STANDARD}{kind}` or a list of fields is required")

    return parse


def load_forms(
    work: UnitOfWork,
    keys: FormKeys,
    folder: Path,
    origins: Mapping[str, str] | None = None,
    clock: Clock = system_clock,
    *,
    days_later: int = 0,
) -> tuple[int, int]:
    """Store every form and partner of ``folder`` in one transaction; capacities and alarms of known forms stay.

    The events service gets the state of each form and partner of the folder, also of those that did not change: loading
    the folder again brings a service up to date that has lost it.

    Args:
        work: on the service's database.
        keys: of forms; a new form gets its key pair there, and its public key is stored with it.
        folder: with ``forms.yaml`` and ``partners.yaml``.
        origins: by partner, in place of those in the folder (for an installation with other addresses).
        clock: gives the instant from which the forms are in force.
        days_later: by how many days the days of the folder are moved, for a demonstration that is not of today.

    Returns:
        how many forms and partners the folder holds.

    Raises:
        SettingsError: lists every fault with file, line and field, or the forms whose private key is missing; nothing
            was changed.
    """
    faults: list[str] = []
    partners = [_partner(fields) for fields in _rows(folder / "partners.yaml", faults)]
    known = {partner.slug for partner in partners}
    forms = [read_form(fields, known, days_later) for fields in _rows(folder / "forms.yaml", faults)]
    if faults:
        raise SettingsError(faults)
    slugs = [form.slug for form in forms]
    make_keys(work, keys, slugs)
    with work.transaction() as connection:
        for partner in partners:
            moved = (origins or {}).get(partner.slug)
            save_partner(connection, replace(partner, origins=(origin(moved),)) if moved else partner)
        for form in forms:
            save_form(connection, form.values, form.capacity)
        publish_keys(connection, keys, slugs, clock())
        _publish(connection, slugs, sorted(known), clock())
    return len(forms), len(partners)


def _publish(connection: Connection, forms: Sequence[str], partners: Sequence[str], now: datetime) -> None:
    outbox.add(connection, [partner_message(partner, now) for partner in find_partners(connection, partners)])
    stored = [form for slug in forms if (form := find_form(connection, slug)) is not None]
    outbox.add(connection, [form_message(form.facts, now) for form in stored])


def _rows(path: Path, faults: list[str]) -> list[Fields]:
    try:
        top: Node = read_yaml(path, list)
    except SettingsError as error:
        faults.extend(error.problems)
        return []
    rows = [top.child(index) for index in range(len(top.data))]
    faults.extend(row.fault("a mapping is required") for row in rows if not isinstance(row.data, dict))
    return [Fields(row, faults) for row in rows if isinstance(row.data, dict)]


def _partner(fields: Fields) -> Partner:
    partner = Partner(
        slug=fields.required("slug", read_slug, ""),
        name=fields.required("name", text(), ""),
        origins=fields.each("origins", origin),
        language=fields.optional("language", page_language, "en"),
        theme=fields.optional("theme", theme_values, {}),
    )
    fields.finish()
    return partner

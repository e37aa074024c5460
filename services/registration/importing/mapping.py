"""Proposes what each column of a file is, and checks the mapping and the confirmation against file and form.

The proposal is made from the headings of well-known exports, the last import, and the form's own questions.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.registration.forms.opening import OPEN_EVENT_STATUSES, is_over
from services.registration.forms.store import StoredForm
from services.registration.importing.cell_reading import has_choices
from services.registration.importing.headings import COMMON_HEADINGS, EXPORTS, may_be_status
from services.registration.importing.model import (
    LANGUAGE,
    OWN_TARGETS,
    RECEIVED_AT,
    STATUS,
    TIME_ZONE,
    ColumnMapping,
    Fate,
    ImportChoice,
    PeopleImport,
)
from services.registration.importing.table_reading import DELIMITERS, ENCODINGS
from shared.http.holders import Holder
from shared.i18n.languages import LANGUAGES
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import ADDRESS_FIELD, folded
from shared.runtime.errors import DomainError


@dataclass(frozen=True, slots=True)
class ProposedMapping:
    """A mapping to begin with, and where it comes from: the name of an export, ``last import``, or empty."""

    mapping: ColumnMapping
    source: str = ""


def targets_of(definition: FormDefinition) -> tuple[str, ...]:
    """What a column can be on a form: its questions, then what every person has."""
    names = [field.name for field in definition.fields]
    own = {LANGUAGE: "language", TIME_ZONE: "time_zone"}
    return (*names, *(target for target in OWN_TARGETS if own.get(target) not in names))


def propose(headings: Sequence[str], definition: FormDefinition, last: ColumnMapping | None) -> ProposedMapping:
    """Return a mapping for the columns: of the last import of the form if it fits, else by their headings."""
    if last is not None and last.columns and set(last.columns) <= set(headings):
        return ProposedMapping(drop_obsolete(last, definition), "last import")
    by_text = {folded(heading): heading for heading in headings}
    export = next((export for export in EXPORTS if export.needs <= by_text.keys()), None)
    known = export.targets if export is not None else {}
    labels = _labels(definition)
    allowed = set(targets_of(definition))
    columns = _columns(by_text, known, allowed, {})
    columns |= _columns(by_text, labels, allowed, columns)  # the targets of an export come first
    columns |= _columns(by_text, _named_within(by_text, labels), allowed, columns)
    ordered = {heading: columns[heading] for heading in headings if heading in columns}
    return ProposedMapping(ColumnMapping(ordered), export.name if export is not None else "")


def drop_obsolete(mapping: ColumnMapping, definition: FormDefinition) -> ColumnMapping:
    """Return a mapping without the questions and choices that the form no longer has."""
    allowed = targets_of(definition)
    columns = {heading: target for heading, target in mapping.columns.items() if target in allowed}
    values = {
        name: {text: value for text, value in table.items() if value in choices}
        for name, table in mapping.values.items()
        if (choices := _choices_of(definition, name))
    }
    return replace(mapping, columns=columns, values=values)


def _choices_of(definition: FormDefinition, name: str) -> frozenset[str]:
    """The choices of a question; none for one that has no table of values, or is not on the form."""
    field = next((field for field in definition.fields if field.name == name), None)
    if field is None or not has_choices(field):
        return frozenset()
    return frozenset(value for value, _ in field.kind.choices(field, "en"))


def _columns(
    by_text: Mapping[str, str], names: Mapping[str, str], allowed: set[str], before: Mapping[str, str]
) -> dict[str, str]:
    """Targets by heading, of the headings that have none yet; only a name can come from several."""
    found: dict[str, str] = {}
    for text, heading in by_text.items():
        target = _on_form(names.get(text, ""), allowed)
        is_taken = target in before.values() or (target != "name" and target in found.values())
        if target in allowed and not is_taken and heading not in before:
            found[heading] = target
    return found


def _named_within(by_text: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Targets of headings that are whole questions, such as “Which working group are you in?”: the one they name.

    A status and a time of registration are not searched for: with a wrong one every row would be refused.
    """
    found = {}
    for text in by_text:
        within = {target for name, target in names.items() if f" {_spaced(name)} " in f" {_spaced(text)} "}
        if len(within) == 1 and not within & {STATUS, RECEIVED_AT}:
            found[text] = within.pop()
    return found


def unmapped_statuses(headings: Sequence[str], mapping: ColumnMapping) -> tuple[str, ...]:
    """Return the headings that are left out although they may state who was accepted, in the order of the file."""
    return tuple(heading for heading in headings if heading not in mapping.columns and may_be_status(heading))


def _spaced(text: str) -> str:
    return " ".join(re.findall(r"\w+", text))


def _on_form(target: str, allowed: set[str]) -> str:
    """A form may ask for what every person has."""
    asked = {LANGUAGE: "language", TIME_ZONE: "time_zone"}.get(target, "")
    return asked if asked in allowed else target


def _labels(definition: FormDefinition) -> dict[str, str]:
    found = {folded(word): target for target, words in COMMON_HEADINGS.items() for word in words}
    for field in definition.fields:
        found |= {folded(field.label.in_language(language)): field.name for language in LANGUAGES}
        found[folded(field.name)] = found[folded(field.name.replace("_", " "))] = field.name
    return found


def mapping_to_json(mapping: ColumnMapping) -> dict[str, Any]:
    """Return a mapping as it is stored and sent."""
    return {
        "columns": dict(mapping.columns),
        "values": {name: dict(values) for name, values in mapping.values.items()},
        "date_order": mapping.date_order,
        "language": mapping.language,
    }


def mapping_from_json(stored: Mapping[str, Any]) -> ColumnMapping | None:
    """Return the stored mapping; None where there is none."""
    if not stored:
        return None
    return ColumnMapping(stored["columns"], stored["values"], stored["date_order"], stored["language"])


SEATS = ("as-possible", "waiting-list")
DATE_ORDERS = ("", "dmy", "mdy")
NOT_YOURS = "the contents of a file are shown only to the person who uploaded it and to readers of sealed answers"


def may_see_file(people: PeopleImport, who: Holder) -> bool:
    """Return whether ``who`` may see the cells of a file and map its columns: they contain sealed answers in clear."""
    return who.name == people.created_by or "sealed-reader" in who.roles


def refuse_others(people: PeopleImport, who: Holder) -> None:
    """Refuse what shows the cells of another person's file, or would move them into a question that is not sealed.

    Raises:
        DomainError: ``not-allowed``.
    """
    if not may_see_file(people, who):
        raise DomainError("not-allowed", NOT_YOURS)


def check_how(how: Mapping[str, str]) -> None:
    """Refuse an encoding or a delimiter that is not known.

    Raises:
        DomainError: ``bad-mapping``.
    """
    if how.get("encoding", "") not in ("", *ENCODINGS) or how.get("delimiter", "") not in ("", *DELIMITERS):
        raise DomainError("bad-mapping", "this encoding or delimiter is not known")


def check_mapping(mapping: ColumnMapping, headings: Sequence[str], definition: FormDefinition) -> None:
    """Refuse a mapping that fits neither the file nor the form.

    Raises:
        DomainError: ``bad-mapping``.
    """
    allowed = targets_of(definition)
    for heading, target in mapping.columns.items():
        if heading not in headings:
            raise DomainError("bad-mapping", f"the file has no column “{heading}”")
        if target not in allowed:
            raise DomainError("bad-mapping", f"the form has no question “{target}”")
        if target != "name" and len(mapping.headings_of(target)) > 1:
            raise DomainError(
                "bad-mapping", f"two columns are mapped to “{target}”: only a name can come from several columns"
            )
    if not mapping.headings_of(ADDRESS_FIELD):
        raise DomainError("bad-mapping", "choose the column with the e-mail address")
    if mapping.date_order not in DATE_ORDERS or mapping.language not in LANGUAGES:
        raise DomainError("bad-mapping", "unknown order of dates, or language")
    if not all(is_storable(text) for table in mapping.values.values() for text in table):
        raise DomainError("bad-mapping", "a text contains characters that a file cannot contain")
    for name, table in mapping.values.items():
        choices = _choices_of(definition, name)
        if not choices:
            raise DomainError("bad-mapping", f"“{name}” is not a question with choices")
        if set(table.values()) - choices:
            raise DomainError("bad-mapping", f"“{name}” has no such choice")


def is_storable(text: str) -> bool:
    """Whether the database can store ``text``: it has no NUL and no lone surrogate."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def seen_form(form: StoredForm, now: datetime) -> str:
    """Return what a dry run depends on: the form's revision, and whether its event takes place."""
    return f"{form.revision}/{form.event_status or ''}/{'over' if is_over(form.opening, now) else ''}"


def check_choice(choice: ImportChoice, people: PeopleImport, form: StoredForm, now: datetime) -> None:
    """Refuse a confirmation that cannot be.

    Raises:
        DomainError: ``bad-choice``, ``nothing-to-import``, ``event-over``, ``not-taking-place``.
    """
    if choice.seats not in SEATS or not choice.reason.strip() or not is_storable(choice.reason):
        raise DomainError("bad-choice", "state how these people agreed, and the reason for the import")
    if choice.seats == "waiting-list" and not form.waiting_list:
        raise DomainError("bad-choice", "the form has no waiting list")
    if not any(people.expected.get(fate) for fate in (Fate.CONFIRMED, Fate.WAITLISTED, Fate.CHANGED)):
        raise DomainError("nothing-to-import", "no row would be imported")
    if is_over(form.opening, now):
        raise DomainError("event-over", "the event has begun")
    if form.opening.needs_event and form.opening.event_status not in OPEN_EVENT_STATUSES:
        raise DomainError("not-taking-place", "the event is postponed or cancelled")

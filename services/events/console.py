"""Shared by the console pages of all features: form fields, words for codes, dates and times."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Protocol

from services.console_words import country_name as country_name
from services.console_words import language_name as language_name
from services.events.event.model import Event, EventKind, EventStatus, Mode
from services.events.rules import RulesBroken
from shared.i18n.languages import LANGUAGE_NAMES
from shared.i18n.when import CompactLines, compact_day, compact_instant, compact_lines, period
from shared.public_forms.kinds.choices import zone_options

FieldChoices = Sequence[tuple[str, str]]
"""Code and words of each."""

CHANGED_SINCE_OPENED = (
    "Another person changed this after you opened it. Where the stored value differs from "
    "yours, it is shown under the field. Compare, and save again."
)
"""Notice for a form whose content is older than the stored content."""

KINDS: Mapping[EventKind, str] = {
    EventKind.WEBINAR: "Webinar",
    EventKind.SIDE_EVENT: "Side event",
    EventKind.REVIEW: "Review",
    EventKind.COUNCIL_SESSION: "Council session",
    EventKind.PRESS_CONFERENCE: "Press conference",
    EventKind.CONSULTATION: "Consultation",
    EventKind.TRAINING: "Training",
}

STATUSES: Mapping[EventStatus, tuple[str, str]] = {
    EventStatus.DRAFT: ("Draft", ""),
    EventStatus.TENTATIVE: ("Tentative", "mind"),
    EventStatus.CONFIRMED: ("Confirmed", "good"),
    EventStatus.POSTPONED: ("Postponed", "mind"),
    EventStatus.CANCELLED: ("Cancelled", "wrong"),
    EventStatus.HELD: ("Held", ""),
}
"""Word and style of each status of an event."""

MODES: Mapping[str, str] = {Mode.ONLINE: "Online", Mode.IN_PERSON: "In person", Mode.HYBRID: "Online and in person"}

NO_NAMES: Mapping[str, str] = MappingProxyType({})

utc_text = compact_instant
"""For templates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field. ``widget`` is ``text``, ``area``, ``local`` (a local time), ``day``, ``clock``, ``select``,
    ``checks``, ``tick`` or ``languages`` (a text in each language, each in a separate field, such as ``title.fr``, with
    ``rows`` lines).

    ``groups`` are the choices of a select in parts, each under a name; a part without one has no heading.
    """

    name: str
    label: str
    widget: str = "text"
    help: str = ""
    required: bool = False
    max_length: int = 200
    choices: FieldChoices = ()
    groups: Sequence[tuple[str, FieldChoices]] = ()
    rows: int = 1

    @property
    def labels(self) -> dict[str, str]:
        """The label of each field that a browser sends for it, by name; of one in languages, with the language."""
        if self.widget != "languages":
            return {self.name: self.label}
        return {f"{self.name}.{code}": f"{self.label} ({language})" for code, language in LANGUAGE_NAMES.items()}

    @property
    def first(self) -> str:
        """The name of its first field, which is that of English for a text in languages."""
        return next(iter(self.labels))


@dataclass(frozen=True, slots=True)
class Section:
    """Fields that belong together, under a name."""

    title: str
    fields: Sequence[FormField]


@dataclass(frozen=True, slots=True)
class Typed:
    """Attributes:
    values: the typed values by field, to be shown again; a list if several can be ticked.
    faults: a sentence by field.
    stored: stored values by field, if another person has changed them since.
    focus: the field that has the cursor at first; empty for none.
    """

    values: Mapping[str, str | Sequence[str]]
    faults: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)
    focus: str = ""


class SentForm(Protocol):
    """The fields that a browser sends; Werkzeug's ``MultiDict`` is one."""

    def get(self, key: str, default: str, /) -> str: ...

    def getlist(self, key: str, /) -> list[str]: ...


def read_fields(form: SentForm, sections: Iterable[Section]) -> dict[str, str | Sequence[str]]:
    """Return the values in ``form`` of the fields of ``sections``, without spaces at the ends.

    Line breaks as stored.
    """
    return {
        name: [cleaned(value) for value in form.getlist(name)]
        if field.widget == "checks"
        else cleaned(form.get(name, ""))
        for section in sections
        for field in section.fields
        for name in field.labels
    }


def labels_of(sections: Iterable[Section]) -> dict[str, str]:
    """The label of each field that a browser sends, by name, in the order of the page."""
    return {name: label for section in sections for field in section.fields for name, label in field.labels.items()}


def cleaned(text: str) -> str:
    """``text`` without spaces at the ends and without NUL, which a database cannot store; line breaks as stored."""
    return text.replace("\r\n", "\n").replace("\0", "").strip()


def missing_fields(values: Mapping[str, str | Sequence[str]], sections: Iterable[Section]) -> dict[str, str]:
    """Return a sentence for each required field that is empty; for a text in several languages, the English field."""
    missing = (field for section in sections for field in section.fields if field.required and not values[field.first])
    return {field.first: _required_text(field) for field in missing}


def _required_text(field: FormField) -> str:
    verb, name = "Choose" if field.widget == "select" else "Give", field.label.lower()
    return f"{verb} the {name} in English." if field.widget == "languages" else f"{verb} the {name}."


def in_page_order(faults: Mapping[str, str], sections: Iterable[Section]) -> dict[str, str]:
    """``faults`` in the order of the fields on the page."""
    names = list(labels_of(sections))
    return dict(sorted(faults.items(), key=lambda fault: names.index(fault[0]) if fault[0] in names else len(names)))


def faults_of(error: RulesBroken, sections: Iterable[Section], names: Mapping[str, str] = NO_NAMES) -> dict[str, str]:
    """Return a sentence for each field that breaks a rule; the first one if there are several.

    Args:
        error: the broken rules.
        sections: the sections of the form.
        names: names of form fields by their names in the domain, where they differ.
    """
    labels, firsts = labels_of(sections), {field.name: field.first for section in sections for field in section.fields}
    found: dict[str, str] = {}
    for rule in error.broken:
        name = names.get(rule.field, rule.field)
        name = firsts.get(name, name)
        found.setdefault(name, f"{labels.get(name, name)} {rule.detail}.")
    return found


def zone_field(known: str, advice: str = "People see times in this zone first.") -> FormField:
    """The choice of a time zone; ``known`` is the one that it has, empty for none."""
    parts: list[tuple[str, FieldChoices]] = [
        (name, [(zone, f"{place} – {zone}" if place != zone else zone) for zone, _, place in zones])
        for name, zones in zone_options("en")
    ]
    if known and all(known != zone for _, zones in parts for zone, _ in zones):
        parts.append(("", [(known, known)]))
    return FormField(
        name="time_zone",
        label="Time zone",
        widget="select",
        required=True,
        groups=[("", [("", "Choose")]), *parts],
        help=advice,
    )


def span_of(event: Event) -> CompactLines | None:
    """When ``event`` is; None while it has no date."""
    return compact_lines(period(event.starts_at, event.ends_at, event.time_zone, event.city))


def last_span_of(event: Event) -> CompactLines | None:
    """The date for which a postponed event was planned; None if it never had one."""
    return compact_lines(period(event.last_starts_at, event.last_ends_at, event.time_zone, event.city))


def iso_day_text(day: str) -> str:
    """A day such as ``2020-03-04`` as ``Wed 4 Mar 2020``."""
    return compact_day(date.fromisoformat(day))

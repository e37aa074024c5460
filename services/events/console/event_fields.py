"""The fields of an event on the console, and what is typed into them as values of the domain."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from services.events.console.fields import Choices, Field, Section
from services.events.console.wording import KINDS
from services.events.domain.event import EVERY_GROUP, Event, EventKind, EventStatus, Mode
from services.events.domain.form import Form
from services.events.domain.local_time import to_local
from services.events.domain.network import Series, WorkingGroup
from shared.i18n.content import text_typed, typed_texts
from shared.public_forms.kinds.places import zone_options

MODE_CHOICES = ((Mode.ONLINE, "Online"), (Mode.IN_PERSON, "In person"), (Mode.HYBRID, "Online and in person"))
MOST_NUMBER = 9999
OPTIONAL = ("series", "city", "place", "join_url", "form")
"""Texts that are absent rather than empty."""

DOMAIN_NAMES: Mapping[str, str] = {"starts_at": "starts", "ends_at": "ends"}
"""Fields of the form by those of the domain, where they are called otherwise."""

_ID = Field(
    name="id",
    label="Short name",
    most=80,
    help="Lower-case letters, digits and hyphens, such as \
side-event-housing. It never changes. Left empty, it is made from the title.",
)
_INTERNAL = Field(
    name="internal",
    label="Internal: of the system itself",
    look="tick",
    help="It takes registrations, but stands in no programme, no calendar and no number.",
)


def new_sections(
    series: Sequence[Series], groups: Sequence[WorkingGroup], forms: Sequence[Form], zone: str
) -> list[Section]:
    """The form of a new event; ``zone`` is among its time zones, empty for those that everybody gets alone."""
    what, where, who, coordinators = _sections(series, groups, _titles(forms))
    titled, *others = what.fields
    moments = [
        zone_field(zone, "That of the newest event stands here at first. People read the times in this zone first."),
        Field(name="starts", label="Start", look="local", help="In the time zone above. A draft may do without."),
        Field(name="ends", label="End", look="local"),
    ]
    return [
        Section(what.title, [titled, _ID, *others]),
        Section("When", moments),
        where,
        who,
        Section(coordinators.title, [*coordinators.fields, _INTERNAL]),
    ]


def edit_sections(
    event: Event, series: Sequence[Series], groups: Sequence[WorkingGroup], forms: Sequence[Form]
) -> list[Section]:
    """The form of an event that is there. Its date has a page of its own."""
    titles = ({event.form: event.form} if event.form else {}) | _titles(forms)
    what, where, who, coordinators = _sections(series, groups, titles)
    internal = [_INTERNAL] if event.status is EventStatus.DRAFT else []
    zone = Section("Announced in", [zone_field(event.time_zone)])
    return [what, zone, where, who, Section(coordinators.title, [*coordinators.fields, *internal])]


def values_of(event: Event) -> dict[str, str | Sequence[str]]:
    """What the fields hold at first."""
    texts = ("kind", "series", "time_zone", "mode", "city", "place", "join_url", "form")
    values: dict[str, str | Sequence[str]] = {name: str(getattr(event, name) or "") for name in texts}
    return (
        typed_texts("title", event.title)
        | typed_texts("summary", event.summary)
        | values
        | {
            "series_number": str(event.series_number or ""),
            "asked_groups": list(event.asked_groups),
            "internal_note": event.internal_note,
            "internal": "yes" if event.internal else "",
        }
    )


def copied_values(event: Event) -> dict[str, str | Sequence[str]]:
    """What the fields of a new event hold that is made like ``event``: a week later, and the next of its series.

    Its form, its note and what is written about it alone are left out: each event has its own.
    """
    number = event.series_number
    values = values_of(event) | {"form": "", "internal_note": "", "id": "", "starts": "", "ends": ""}
    if number is not None:
        values["series_number"] = str(number + 1)
        alone = re.compile(rf"(?<![0-9]){number}(?![0-9])")
        if event.series:
            renumbered = event.title.each(lambda title: alone.sub(str(number + 1), title))
            values |= typed_texts("title", renumbered)
        if alone.search(event.id):
            values["id"] = alone.sub(str(number + 1), event.id)
    for name, moment in (("starts", event.starts_at), ("ends", event.ends_at)):
        if moment is not None:
            values[name] = f"{to_local(moment, event.time_zone) + timedelta(days=7):%Y-%m-%dT%H:%M}"
    return values


def changes_in(values: Mapping[str, str | Sequence[str]], faults: dict[str, str]) -> dict[str, Any]:
    """``values`` with the types of the domain, without date and id; what cannot be read becomes a fault."""
    found: dict[str, Any] = {name: values[name] for name in ("time_zone", "internal_note")}
    found |= {name: text_typed(name, values) for name in ("title", "summary")}
    found |= {name: values[name] or None for name in OPTIONAL}
    found["kind"] = _one_of(EventKind, "kind", values, faults)
    found["mode"] = _one_of(Mode, "mode", values, faults)
    found["series_number"] = _number(str(values["series_number"]), faults)
    asked = values["asked_groups"]
    found["asked_groups"] = (EVERY_GROUP,) if EVERY_GROUP in asked else tuple(asked)
    if "internal" in values:
        found["internal"] = values["internal"] == "yes"
    return found


def _sections(
    series: Sequence[Series], groups: Sequence[WorkingGroup], forms: Mapping[str, str]
) -> tuple[Section, Section, Section, Section]:
    everyone = (EVERY_GROUP, "All working groups, later ones too")
    all_series = [("", "None"), *((one.id, str(one.title)) for one in series)]
    what = [
        Field(name="title", label="Title", look="languages", required=True),
        Field(name="kind", label="Kind", look="select", required=True, choices=[(k, KINDS[k]) for k in KINDS]),
        Field(name="summary", label="Summary", look="languages", rows=4, most=2000, help="Everybody reads it."),
        Field(name="series", label="Series", look="select", choices=all_series, help=_series_help(series)),
        Field(name="series_number", label="Number in the series", most=4),
    ]
    where = [
        Field(name="mode", label="People attend", look="select", required=True, choices=MODE_CHOICES),
        Field(name="city", label="City", help="Needed where people come in person."),
        Field(name="place", label="Place", help="Building and room."),
        Field(
            name="join_url",
            label="Meeting link",
            most=500,
            help="Begins with https://. Participants find it on their own page.",
        ),
    ]
    who = [
        Field(
            name="asked_groups",
            label="Working groups that are asked",
            look="checks",
            choices=[everyone, *((group.id, str(group.title)) for group in groups)],
        ),
        _form_field(forms),
    ]
    note = Field(name="internal_note", label="Internal note", look="area", most=2000, help="Only coordinators see it.")
    return (
        Section("What", what),
        Section("Where", where),
        Section("Who", who),
        Section("For coordinators", [note]),
    )


def _titles(forms: Sequence[Form]) -> dict[str, str]:
    return {form.id: str(form.title) for form in forms}


def _form_field(forms: Mapping[str, str]) -> Field:
    """The choice of a form that was made for another event, or for none; titles by its id."""
    return Field(
        name="form",
        label="Form",
        look="select",
        choices=[("", "The one that is made for this event"), *forms.items()],
        help="Choose another only if several events share one form.",
    )


def _series_help(series: Sequence[Series]) -> str:
    """Where a series is made, while there is none to choose."""
    return "" if series else "Events with numbers, such as a weekly webinar. Make one first under Events, Series."


def zone_field(known: str, advice: str = "People read the times in this zone first.") -> Field:
    """The choice of a time zone; ``known`` is the one that it has, empty for none."""
    parts: list[tuple[str, Choices]] = [
        (name, [(zone, f"{place} – {zone}" if place != zone else zone) for zone, _, place in zones])
        for name, zones in zone_options("en")
    ]
    if known and all(known != zone for _, zones in parts for zone, _ in zones):
        parts.append(("", [(known, known)]))
    return Field(
        name="time_zone",
        label="Time zone",
        look="select",
        required=True,
        groups=[("", [("", "Choose")]), *parts],
        help=advice,
    )


def _one_of(known: Any, name: str, values: Mapping[str, str | Sequence[str]], faults: dict[str, str]) -> Any:
    try:
        return known(values[name])
    except ValueError:
        faults[name] = "Choose one."
        return next(iter(known))


def _number(text: str, faults: dict[str, str]) -> int | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_NUMBER and len(text) <= 9:
        return int(text)
    faults["series_number"] = f"Give a number from 1 to {MOST_NUMBER}, or nothing."
    return None

"""The fields of a resource on the console, and what is typed into them as values of the domain."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.events.console.fields import Field, Section
from services.events.domain.event import Event, EventStatus
from services.events.domain.resource import Resource, ResourceKind
from services.events.domain.rules import SLUG_LENGTH
from shared.i18n.content import text_typed, typed_texts
from shared.i18n.languages import LANGUAGE_NAMES

KINDS: Mapping[ResourceKind, str] = {
    ResourceKind.RECORDING: "Recording",
    ResourceKind.SLIDES: "Slides",
    ResourceKind.BRIEF: "Brief",
}
ID = Field(
    name="id",
    label="Short name",
    most=80,
    help="Lower-case letters, digits and hyphens. It never changes. If empty, it is made from event and title.",
)


MOST_TITLE = 200
MOST_RESOURCES = 200
"""Of one event that its pages look at."""


def first_values(event: Event, kind: str, taken: Collection[str], now: datetime) -> dict[str, str | Sequence[str]]:
    """What the fields of a new resource hold: its usual name and title, published at once if the event has begun.

    Args:
        event: that it belongs to.
        kind: that is asked for; anything else means a recording.
        taken: ids of the resources that the event has.
        now: aware.
    """
    kind = kind if kind in list(ResourceKind) else ResourceKind.RECORDING
    begun = event.status is not EventStatus.DRAFT and event.starts_at is not None and event.starts_at <= now
    values: dict[str, str | Sequence[str]] = {"kind": kind, "language": "en", "published": "yes" if begun else ""}
    name = f"{event.id}-{kind}"
    if name in taken or len(name) > SLUG_LENGTH:
        return values
    return values | {"id": name, "title.en": f"{KINDS[ResourceKind(kind)]} of {event.title}"[:MOST_TITLE]}


def resource_sections(known: Resource | None) -> list[Section]:
    """The form of a resource; ``known`` is the one to change, None for a new one."""
    announced = known is not None and known.announced
    help_text = (
        "It has been announced already. Hiding it and showing it again sends no mail."
        if announced
        else "It becomes public. People with a seat get one mail about the first recording, none about the rest."
    )
    fields = [
        Field(name="title", label="Title", look="languages", required=True),
        *([ID] if known is None else []),
        Field(name="kind", label="Kind", look="select", required=True, choices=list(KINDS.items())),
        Field(name="url", label="Address", most=500, required=True, help="Begins with https://"),
        language_field(known),
        Field(name="published", label="Published", look="tick", help=help_text),
    ]
    return [Section("", fields)]


def language_field(known: Resource | None) -> Field:
    """The choice of the language it is in; that of ``known`` is one of them."""
    other = [] if known is None or known.language in LANGUAGE_NAMES else [(known.language, known.language)]
    choices = [*LANGUAGE_NAMES.items(), *other]
    return Field(name="language", label="Language", look="select", required=True, choices=choices)


def resource_values(resource: Resource) -> dict[str, str | Sequence[str]]:
    """What the fields hold at first."""
    values: dict[str, str | Sequence[str]] = {
        name: str(getattr(resource, name)) for name in ("kind", "url", "language")
    }
    return typed_texts("title", resource.title) | values | {"published": "yes" if resource.published else ""}


def resource_changes(values: Mapping[str, str | Sequence[str]], faults: dict[str, str]) -> dict[str, Any]:
    """``values`` with the types of the domain, without the id; what cannot be read becomes a fault."""
    kind = str(values["kind"])
    if kind not in list(ResourceKind):
        faults["kind"] = "Choose one."
        kind = ResourceKind.RECORDING
    return {
        "title": text_typed("title", values),
        "kind": ResourceKind(kind),
        "url": values["url"],
        "language": values["language"],
        "published": values["published"] == "yes",
    }

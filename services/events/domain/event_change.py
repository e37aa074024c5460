"""One entry of an event's history: who did what, and which fields it changed. Values are not in it."""

from dataclasses import dataclass, fields
from datetime import datetime

from services.events.domain.event import Event
from services.events.domain.resource import Resource

MADE, EDITED, LOADED = "made", "edited", "loaded"
RESOURCE_MADE, RESOURCE_CHANGED = "resource-made", "resource-changed"
PUBLISHED = "timetable-published"
"""Deeds beside the steps of an event's life, which are called as the steps are."""

FOLLOWING = ("revision", "last_starts_at", "last_ends_at", "announced")
"""Fields that change because others do."""


@dataclass(frozen=True, slots=True)
class EventChange:
    """One deed, at one moment (aware). ``id`` is a UUID (text), ``revision`` the event's after it.

    ``resource_id`` names the resource, if it was about one; ``changed_by`` is the name of the key or the program.
    """

    id: str
    event_id: str
    revision: int
    deed: str
    resource_id: str | None
    fields: tuple[str, ...]
    changed_by: str
    changed_at: datetime


def changed_fields(old: Event | Resource | None, new: Event | Resource) -> tuple[str, ...]:
    """The names of the fields in which ``new`` differs from ``old``; none if there was no ``old``."""
    if old is None:
        return ()
    names = (field.name for field in fields(new) if field.name not in FOLLOWING)
    return tuple(name for name in names if getattr(old, name) != getattr(new, name))

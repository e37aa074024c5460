"""When an event counts as changed: by one rule, what a participant would see."""

import hashlib
from dataclasses import astuple, replace
from datetime import UTC, datetime

from services.events.domain.event import Event, EventStatus
from shared.core.errors import DomainError

VISIBLE = (
    "kind",
    "series",
    "series_number",
    "title",
    "summary",
    "starts_at",
    "ends_at",
    "time_zone",
    "status",
    "mode",
    "city",
    "place",
    "join_url",
    "asked_groups",
)
"""What a participant sees on a page, in a mail or in a calendar."""


def visible_difference(old: Event, new: Event) -> tuple[str, ...]:
    """The names of the fields in which a participant would see ``new`` differ from ``old``.

    Nobody sees a draft, so two drafts never differ.
    """
    if old.status is EventStatus.DRAFT and new.status is EventStatus.DRAFT:
        return ()
    return tuple(name for name in VISIBLE if getattr(old, name) != getattr(new, name))


def state_tag(event: Event) -> str:
    """A short name of everything in ``event``, also of what raises no revision: drafts and internal notes.

    It begins with the revision, for people who read it.
    """
    parts = [part.astimezone(UTC) if isinstance(part, datetime) else part for part in astuple(event)]
    return f"{event.revision}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def revise(old: Event, new: Event) -> Event:
    """``new`` with its revision: one above ``old``'s if a participant would see a difference, else the same.

    Raises:
        DomainError: ``other-event``, the two are not the same event.
    """
    if old.id != new.id:
        raise DomainError("other-event", f"{new.id} is not a revision of {old.id}")
    return replace(new, revision=old.revision + (1 if visible_difference(old, new) else 0))

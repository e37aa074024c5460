"""What loading a folder again means: the folder is right; what participants would see is told to others."""

from dataclasses import replace
from typing import Literal, TypeVar

from services.events.domain.event import Event, EventStatus
from services.events.domain.hotel import HotelBlock
from services.events.domain.lifecycle import can_follow
from services.events.domain.network import Consultation, GroupContact, Series, WorkingGroup
from services.events.domain.revision import revise
from services.events.domain.room import Room
from shared.core.errors import DomainError

Change = Literal["published", "changed", "none"]
"""What the others must be told: a subject is new to them, it differs from what they know, or nothing."""

Described = TypeVar("Described", Series, WorkingGroup, Consultation, GroupContact, HotelBlock, Room)


def merge_loaded(old: Event | None, new: Event) -> tuple[Event, Change]:
    """The event to store when ``new`` was read from a folder and ``old`` is what is stored, and what to tell.

    The event may differ from ``old`` although the change is ``none``: a draft, an internal note, or whether the event
    is internal, which a folder says at any time: an operator may find out late that it should have been. A date
    that ``old`` loses by being postponed is remembered.

    Raises:
        DomainError: ``event-transition``, what is stored cannot lead to the status in the folder (a
            published event does not become a draft, a held one nothing else).
    """
    shown = new.status is not EventStatus.DRAFT
    if old is None:
        return replace(new, revision=1), "published" if shown else "none"
    if not can_follow(old.status, new.status):
        raise DomainError("event-transition", f"{new.id} is {old.status} and cannot become {new.status}")
    event = revise(old, _remembering(old, new))
    if old.status is EventStatus.DRAFT and shown:
        return event, "published"
    return event, "none" if event.revision == old.revision else "changed"


def merge_described(old: Described | None, new: Described) -> tuple[Described, Change]:
    """The same for what stands around events: what to store, with its revision, and what to tell."""
    if old is None:
        return replace(new, revision=1), "published"
    if replace(new, revision=old.revision) == old:
        return old, "none"
    return replace(new, revision=old.revision + 1), "changed"


def _remembering(old: Event, new: Event) -> Event:
    """``new`` with the last date that is known of it."""
    if new.last_starts_at is not None:
        return new
    if new.status is EventStatus.POSTPONED and old.starts_at is not None:
        return replace(new, last_starts_at=old.starts_at, last_ends_at=old.ends_at)
    return replace(new, last_starts_at=old.last_starts_at, last_ends_at=old.last_ends_at)

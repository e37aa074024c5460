"""List resources, make them and change them. That one is published is told once, however often it is hidden."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.events.domain.event import EventStatus
from services.events.domain.hotel import HotelBlock
from services.events.domain.resource import Resource, merge_resource
from services.events.domain.rules import BrokenRule, enforce, slug_rule
from services.events.outgoing import resource_message
from services.events.store import events, network, resources
from services.events.store.resources import ResourceFilter
from services.events.usecases.event_history import keep_resource_change
from shared.contracts.envelope import Message
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

ANY = "*"


def list_resources(work: UnitOfWork, wanted: ResourceFilter) -> list[Resource]:
    """At most ``wanted.limit`` resources, by id.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return resources.select(connection, wanted)


def list_hotels(work: UnitOfWork) -> list[HotelBlock]:
    """Every hotel block, by city and name.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return resources.all_hotels(connection)


def show_resource(work: UnitOfWork, resource_id: str) -> Resource:
    """The resource with this id, published or not.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return _found_for_change(connection, resource_id)


def create_resource(work: UnitOfWork, clock: Clock, resource: Resource, by: str) -> Resource:
    """Store a new resource, and tell of it if it is published. ``by`` is the name of a key, for its event's history.

    Raises:
        RulesBroken: its event or series does not exist, or it is published and its event still a draft.
        DomainError: ``already-exists``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        _check_names(connection, resource)
        stored, tell = merge_resource(None, resource)
        if not resources.add(connection, stored):
            raise DomainError("already-exists", f"there is a resource {resource.id} already")
        now = clock()
        keep_resource_change(connection, by, None, stored, now)
        outbox.add(connection, [resource_message(stored, now)] if tell else [])
    return stored


def change_resource(
    work: UnitOfWork,
    clock: Clock,
    resource_id: str,
    changes: Mapping[str, Any],
    seen: Collection[str],
    permit: Callable[[Resource], None],
    by: str,
) -> Resource:
    """Give a resource other values; publishing it for the first time is told.

    Args:
        work: on the database of events.
        clock: tells when it became so.
        resource_id: of the resource.
        changes: values by field.
        seen: tags (``resource_tag``, or a revision alone) that the caller may have seen, or ``ANY``.
        permit: raises for a resource that the caller may not touch; asked about it as it was and as it would be.
        by: name of a key, for the history of its event.

    Raises:
        RulesBroken: as for a new one.
        DomainError: ``not-found``, ``changed-meanwhile``.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        old = _found_for_change(connection, resource_id)
        if not {ANY, str(old.revision)} & {tag.partition("-")[0] for tag in seen}:
            raise DomainError("changed-meanwhile", "the resource was changed; read it again")
        new = replace(old, **changes)
        for resource in (old, new):
            permit(resource)
        now = clock()
        stored, messages = store_resource(connection, new, now, old)
        keep_resource_change(connection, by, old, stored, now)
        outbox.add(connection, messages)
    return stored


def store_resource(
    connection: Connection, wanted: Resource, now: datetime, old: Resource | None = None
) -> tuple[Resource, list[Message]]:
    """Store ``wanted`` in the caller's transaction; returns what is stored, and what to tell of it.

    Raises:
        RulesBroken: its event or series does not exist, or it is published and its event still a draft.
    """
    _check_names(connection, wanted)
    stored, tell = merge_resource(old, wanted)
    resources.save(connection, stored)
    return stored, [resource_message(stored, now)] if tell else []


def _found_for_change(connection: Connection, resource_id: str) -> Resource:
    found = None if slug_rule("id", resource_id) else resources.find_for_change(connection, resource_id)
    if found is None:
        raise DomainError("not-found", "there is no such resource")
    return found


def _check_names(connection: Connection, resource: Resource) -> None:
    enforce(wrong_names(connection, resource))


def wrong_names(connection: Connection, resource: Resource) -> Iterable[BrokenRule]:
    """The event or series that it names must exist, and be announced if it is to be published."""
    if resource.event is not None:
        event = events.find(connection, resource.event)
        if event is None:
            yield BrokenRule("event", "unknown-event", "must be an event that exists")
        elif resource.published and event.status is EventStatus.DRAFT:
            yield BrokenRule("published", "event-is-draft", "must wait until its event is announced")
        elif resource.published and event.internal:
            yield BrokenRule("published", "event-is-internal", "must not be: its event is internal")
    if resource.series is not None and resource.series not in {one.id for one in network.all_series(connection)}:
        yield BrokenRule("series", "unknown-series", "must be a series that exists")

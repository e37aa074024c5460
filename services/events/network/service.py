"""List what belongs to the network, titles by id, coverage of working groups; create and change resources.

The publication of a resource is announced once, however often it is hidden and shown again; what the public sees of it
is published with each change.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from services.events.attendance.model import asked_of, coverage
from services.events.attendance.numbers import last_mails
from services.events.attendance.store import Representatives, representatives_of
from services.events.event.model import (
    EVERY_GROUP,
    RESOURCE_CHANGED,
    RESOURCE_MADE,
    EventChange,
    EventStatus,
    Readers,
    changed_fields,
)
from services.events.event.records import all_forms, insert_change, partner_names
from services.events.event.service import find_event
from services.events.event.store import public_titles, read_event
from services.events.network.messages import resource_messages
from services.events.network.model import HotelBlock, Resource, Series, WorkingGroup, merge_resource
from services.events.network.store import (
    ResourceFilter,
    all_hotels,
    all_series,
    all_working_groups,
    insert_resource,
    lock_resource,
    save_resource,
    select_resources,
)
from services.events.rules import BrokenRule, enforce, slug_rule
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Text
from shared.messaging import outbox
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import Clock
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id

EVERY_GROUP_TITLE = "All working groups"

ANY_REVISION = "*"


def list_series(work: UnitOfWork) -> list[Series]:
    """Every series, by id.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return all_series(connection)


def list_working_groups(work: UnitOfWork) -> list[WorkingGroup]:
    """Every working group, by id.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return all_working_groups(connection)


@dataclass(frozen=True, slots=True)
class Titles:
    """English titles by id, of public events only; other ids are shown as they are."""

    series: Mapping[str, str]
    groups: Mapping[str, str]
    events: Mapping[str, str]
    forms: Mapping[str, str]
    partners: Mapping[str, str]

    def of(self, field: str, value: object) -> object:
        """``value`` of the ``field`` of an event or of a roster, with titles in place of ids, and texts in English."""
        if isinstance(value, Mapping):
            return str(Text.of(value))
        known = self._by_field().get(field)
        if known is None:
            return " ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(value, list):
            return "; ".join(known.get(reference, reference) for reference in value)
        return known.get(value, value) if isinstance(value, str) else value

    def _by_field(self) -> Mapping[str, Mapping[str, str]]:
        return {
            "series": self.series,
            "asked_groups": {**self.groups, EVERY_GROUP: EVERY_GROUP_TITLE},
            "working_group": self.groups,
            "form": self.forms,
            "attend": self.events,
            "partner": self.partners,
        }


def show_titles(work: UnitOfWork) -> Titles:
    """English titles of series, groups, events, forms and partners.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return Titles(
            series={series.id: str(series.title) for series in all_series(connection)},
            groups={group.id: str(group.title) for group in all_working_groups(connection)},
            events={name: str(title) for name, title in public_titles(connection).items()},
            forms={form.id: str(form.title) or form.id for form in all_forms(connection)},
            partners=partner_names(connection),
        )


@dataclass(frozen=True, slots=True)
class GroupCoverage:
    """One asked group: representatives with a seat, those who wait for one, and its last bulletin (aware, or None)."""

    id: str
    title: str
    representatives: int
    waiting: int
    last_mail_at: datetime | None


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """All groups asked to an event, each in one of two lists, sorted by id."""

    event_id: str
    covered: tuple[GroupCoverage, ...]
    missing: tuple[GroupCoverage, ...]


def show_coverage(work: UnitOfWork, event_id: str) -> CoverageReport:
    """Return which invited groups have a representative, and which have none.

    A group is covered when a representative of it is confirmed or waits for a seat.

    Args:
        work: the unit of work on the database of events.
        event_id: the id of the event.

    Raises:
        DomainError: ``not-found``, there is no such event.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        event = find_event(connection, event_id, Readers.COORDINATORS)
        known = all_working_groups(connection)
        titles = {group.id: str(group.title) for group in known if group.active or group.id in event.asked_groups}
        present = representatives_of(connection, event_id)
        split = coverage(asked_of(event.asked_groups, titles), present)
        groups = _groups(connection, titles, present)
    return CoverageReport(
        event_id,
        tuple(groups[group] for group in split.covered),
        tuple(groups[group] for group in split.missing),
    )


def _groups(
    connection: Connection, titles: Mapping[str, str], present: Mapping[str, Representatives]
) -> Mapping[str, GroupCoverage]:
    mailed_at = last_mails(connection)
    none = Representatives()
    return {
        group: GroupCoverage(
            group,
            title,
            present.get(group, none).confirmed,
            present.get(group, none).waitlisted,
            mailed_at.get(group),
        )
        for group, title in titles.items()
    }


def record_resource_change(connection: Connection, by: str, old: Resource | None, new: Resource, at: datetime) -> None:
    """Record a change of a resource in the history of its event, if it has one; nothing if it has not changed."""
    event = read_event(connection, new.event) if new.event is not None else None
    if event is None or old == new:
        return
    action = RESOURCE_MADE if old is None else RESOURCE_CHANGED
    fields = changed_fields(old, new)
    insert_change(connection, EventChange(new_id(), event.id, event.revision, action, new.id, fields, by, at))


def list_resources(work: UnitOfWork, wanted: ResourceFilter) -> list[Resource]:
    """At most ``wanted.limit`` resources, by id.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return select_resources(connection, wanted)


def list_hotels(work: UnitOfWork) -> list[HotelBlock]:
    """Every hotel block, by city and name.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return all_hotels(connection)


def show_resource(work: UnitOfWork, resource_id: str) -> Resource:
    """The resource with this id, published or not.

    Raises:
        DomainError: ``not-found``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return _found_for_change(connection, resource_id)


def create_resource(work: UnitOfWork, clock: Clock, resource: Resource, by: str) -> Resource:
    """Store a new resource, and announce it if it is published. ``by`` is the name of a key, for its event's history.

    Raises:
        RulesBroken: its event or series does not exist, or it is published and its event still a draft.
        DomainError: ``already-exists``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        _check_names(connection, resource)
        stored = merge_resource(None, resource)
        if not insert_resource(connection, stored):
            raise DomainError("already-exists", f"there is a resource {resource.id} already")
        now = clock()
        record_resource_change(connection, by, None, stored, now)
        outbox.add(connection, resource_messages(None, stored, now))
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
    """Change values of a resource, and publish what the public sees of that; its first publication is announced.

    Args:
        work: the unit of work on the database of events.
        clock: time of the change.
        resource_id: the id of the resource.
        changes: values by field.
        seen: tags (``resource_tag``, or only a revision) that the caller may have seen, or ``ANY``.
        permit: raises for a resource that the caller may not touch; asked about it as it was and as it would be.
        by: name of a key, for the history of its event.

    Raises:
        RulesBroken: as for a new one.
        DomainError: ``not-found``, ``edit-conflict``.
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        old = _found_for_change(connection, resource_id)
        if not {ANY_REVISION, str(old.revision)} & {tag.partition("-")[0] for tag in seen}:
            raise DomainError("edit-conflict", "the resource was changed; read it again")
        new = replace(old, **changes)
        for resource in (old, new):
            permit(resource)
        now = clock()
        stored, messages = store_resource(connection, new, now, old)
        record_resource_change(connection, by, old, stored, now)
        outbox.add(connection, messages)
    return stored


def store_resource(
    connection: Connection, wanted: Resource, now: datetime, old: Resource | None
) -> tuple[Resource, list[Message]]:
    """Store ``wanted`` in the caller's transaction; returns what is stored, and the messages about it.

    Raises:
        RulesBroken: its event or series does not exist, or it is published and its event still a draft.
    """
    _check_names(connection, wanted)
    stored = merge_resource(old, wanted)
    save_resource(connection, stored)
    return stored, resource_messages(old, stored, now)


def _found_for_change(connection: Connection, resource_id: str) -> Resource:
    found = None if slug_rule("id", resource_id) else lock_resource(connection, resource_id)
    if found is None:
        raise DomainError("not-found", "there is no such resource")
    return found


def _check_names(connection: Connection, resource: Resource) -> None:
    enforce(wrong_resource_names(connection, resource))


def wrong_resource_names(connection: Connection, resource: Resource) -> Iterable[BrokenRule]:
    """The event or series that it names must exist, and be announced if it is to be published."""
    if resource.event is not None:
        event = read_event(connection, resource.event)
        if event is None:
            yield BrokenRule("event", "unknown-event", "must be an event that exists")
        elif resource.published and event.status is EventStatus.DRAFT:
            yield BrokenRule("published", "event-is-draft", "must wait until its event is announced")
        elif resource.published and event.internal:
            yield BrokenRule("published", "event-is-internal", "must not be: its event is internal")
    if resource.series is not None and resource.series not in {series.id for series in all_series(connection)}:
        yield BrokenRule("series", "unknown-series", "must be a series that exists")

"""Load a folder: what stands in it is merged with what is stored; others are told what really changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.events.domain.event import Event
from services.events.domain.event_change import LOADED
from services.events.domain.merging import Described, merge_described, merge_loaded
from services.events.domain.network import WorkingGroup
from services.events.domain.resource import Resource
from services.events.loading.folder import Loaded
from services.events.outgoing import event_message, hotel_message, working_group_message
from services.events.store import events, network, resources
from services.events.store.locks import lock_loading
from services.events.store.tables import StoredTable, read_all, save_value
from services.events.usecases.event_history import keep_change, keep_resource_change
from services.events.usecases.move_numbers import move_numbers
from services.events.usecases.resources import store_resource
from shared.contracts.envelope import Message
from shared.core.clock import Clock
from shared.core.errors import DomainError, SettingsError
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork

BY = "a loaded folder"
"""Who changed it, in the history of an event."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """How many there are in the folder, and how many messages their changes made."""

    series: int
    working_groups: int
    events: int
    consultations: int
    messages: int
    resources: int = 0
    hotels: int = 0


def load_sample(work: UnitOfWork, clock: Clock, loaded: Loaded) -> LoadReport:
    """Store all of ``loaded`` with the messages it causes, or nothing.

    What is stored and does not stand in the folder stays. Loading the same folder again changes nothing and tells
    nobody.

    Args:
        work: on the database of events.
        clock: tells when the changes became true.
        loaded: what ``read_folder`` or ``move_to_next`` returned.

    Raises:
        SettingsError: what is stored cannot become what the folder says; lists each such event.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        lock_loading(connection)
        now = clock()
        _load_described(connection, network.SERIES, loaded.series)
        messages = [
            *_load_groups(connection, loaded.working_groups, now),
            *_load_events(connection, loaded.events, now),
            *_load_resources(connection, loaded.resources, now),
            *(hotel_message(one, now) for one in _load_described(connection, resources.HOTELS, loaded.hotels)),
        ]
        _load_described(connection, network.CONSULTATIONS, loaded.consultations)
        _load_described(connection, network.CONTACTS, loaded.contacts)
        outbox.add(connection, messages)
    return LoadReport(
        len(loaded.series),
        len(loaded.working_groups),
        len(loaded.events),
        len(loaded.consultations),
        len(messages),
        len(loaded.resources),
        len(loaded.hotels),
    )


def _load_described(
    connection: Connection, table: StoredTable[Described], loaded: tuple[Described, ...]
) -> list[Described]:
    """Store what differs, and return it; its revision rises, so that whoever has the page open is told."""
    changed = []
    stored = {one.id: one for one in read_all(connection, table)}
    for new in loaded:
        merged, change = merge_described(stored.get(new.id), new)
        if change != "none":
            save_value(connection, table, merged)
            changed.append(merged)
    return changed


def _load_groups(connection: Connection, loaded: tuple[WorkingGroup, ...], now: datetime) -> Iterator[Message]:
    stored = {group.id: group for group in network.all_working_groups(connection)}
    for new in loaded:
        group, change = merge_described(stored.get(new.id), new)
        network.save_working_group(connection, group)
        if change != "none":
            yield working_group_message(group, now)


def _load_resources(connection: Connection, loaded: tuple[Resource, ...], now: datetime) -> Iterator[Message]:
    for new in loaded:
        old = resources.find_for_change(connection, new.id)
        stored, messages = store_resource(connection, new, now, old)
        keep_resource_change(connection, BY, old, stored, now)
        yield from messages


def _load_events(connection: Connection, loaded: tuple[Event, ...], now: datetime) -> list[Message]:
    messages, faults = [], []
    for new in loaded:
        try:
            old = events.find_for_change(connection, new.id)
            event, change = merge_loaded(old, new)
        except DomainError as error:
            faults.append(f"events.yaml: {new.id}: {error.detail}")
            continue
        events.save(connection, event, now)
        move_numbers(connection, old, event)
        keep_change(connection, LOADED, BY, old, event, now)
        if change != "none":
            messages.append(event_message(change, event, now))
    if faults:
        raise SettingsError(faults)
    return messages

"""Numbers of internal events are counted apart from those of people, for any order of messages."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.events.attendance.numbers import tally_more
from services.events.attendance.service import handle_registration, tallied
from services.events.attendance.store import insert_registration, live_registrations_of
from services.events.event.model import Event
from services.events.event.store import read_event
from services.events.loading.folder import read_folder
from services.events.loading.moving import Loaded
from services.events.loading.service import load_sample
from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.builders import (
    NOON,
    WEBINAR,
    consume,
    mail_message,
    registered,
    registration_message,
    rows,
)
from tests.integration.events.own_events import canary as canary
from tests.integration.events.own_events import on_canary
from tests.integration.events.side_events import AsRole
from tests.integration.events.test_roll_up import WAITING
from tests.support.clock import FrozenClock
from tests.support.processes import PROJECT
from tests.support.waiting import poll_until

TALLIES = "SELECT dimension, name, registrations FROM tally WHERE internal = {} AND registrations <> 0 ORDER BY 1, 2"


def _set(work: UnitOfWork, clock: FrozenClock, sample: Loaded, event_id: str, **changes: Any) -> None:
    """Load the scenario again, one event of it changed."""
    changed = [_changed(event, changes) if event.id == event_id else event for event in sample.events]
    load_sample(work, clock, _with_events(sample, changed))


def _changed(event: Event, changes: Mapping[str, Any]) -> Event:
    return type(event)(**{name: getattr(event, name) for name in Event.__slots__} | dict(changes))


def _with_events(sample: Loaded, changed: list[Event]) -> Loaded:
    return type(sample)(sample.series, sample.working_groups, tuple(changed), sample.consultations)


def test_a_folder_moves_the_numbers_there_and_back(canary: UnitOfWork, clock: FrozenClock, sample: Loaded) -> None:
    before = rows(canary, TALLIES.format("false"))
    _set(canary, clock, sample, WEBINAR, internal=True)
    assert rows(canary, TALLIES.format("false")) == []
    assert ("country", "CH", 1) in rows(canary, TALLIES.format("true"))
    consume(canary, [registration_message(registered(1, country="FR", revision=2))])
    assert ("country", "FR", 1) in rows(canary, TALLIES.format("true"))
    consume(canary, [registration_message(registered(1, country="CH", revision=3))])
    _set(canary, clock, sample, WEBINAR, internal=False)
    assert rows(canary, TALLIES.format("false")) == before


def test_the_month_of_a_group_follows(canary: UnitOfWork, clock: FrozenClock, sample: Loaded) -> None:
    contacts = "SELECT working_group FROM group_contact ORDER BY 1"
    consume(canary, [mail_message(91, 1, NOON)])
    assert rows(canary, contacts) == [("housing",)]
    _set(canary, clock, sample, WEBINAR, internal=True)
    assert rows(canary, contacts) == []
    _set(canary, clock, sample, WEBINAR, internal=False)
    assert rows(canary, contacts) == [("housing",)]


def test_a_registration_that_came_before_its_event_is_counted_apart_afterwards(
    loaded: UnitOfWork, clock: FrozenClock
) -> None:
    consume(loaded, [registration_message(on_canary(1))])
    assert ("country", "MX", 1) in rows(loaded, TALLIES.format("false"))
    load_sample(loaded, clock, read_folder(PROJECT / "deploy" / "operations" / "canary_programme"))
    assert rows(loaded, TALLIES.format("false")) == []
    assert ("country", "MX", 1) in rows(loaded, TALLIES.format("true"))


def test_the_numbers_follow_a_new_event_and_a_draft_that_is_edited(
    loaded: UnitOfWork, client: FlaskClient, as_role: AsRole
) -> None:
    consume(loaded, [registration_message(on_canary(1, event_id="probe"))])
    headers = as_role("coordinator") | {"If-Match": "*"}
    draft = {"id": "probe", "kind": "webinar", "title": "Probe", "time_zone": "UTC", "mode": "online", "internal": True}
    assert client.post("/v1/events", json=draft, headers=headers).status_code == 201
    assert (rows(loaded, TALLIES.format("false")), len(rows(loaded, TALLIES.format("true")))) == ([], 3)
    assert client.patch("/v1/events/probe", json={"internal": False}, headers=headers).status_code == 200
    assert (len(rows(loaded, TALLIES.format("false"))), rows(loaded, TALLIES.format("true"))) == (3, [])


def test_a_registration_noted_while_its_event_becomes_internal_is_counted_where_it_belongs(
    loaded: UnitOfWork, clock: FrozenClock, sample: Loaded
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with loaded.transaction() as connection:
            handle_registration(connection, registered(1))
            flip = pool.submit(_set, loaded, clock, sample, WEBINAR, internal=True)
            poll_until(lambda: rows(loaded, WAITING) == [(1,)], 5, what="the folder to wait for the registration")
        flip.result(5)
    assert rows(loaded, TALLIES.format("false")) == []
    assert len(rows(loaded, TALLIES.format("true"))) == 3


def test_without_the_lock_it_would_be_counted_as_another_s(loaded: UnitOfWork) -> None:
    """The negative control: the same steps, interleaved as the lock forbids."""
    with loaded.transaction() as first, loaded.transaction() as second:
        insert_registration(first, registered(1))
        tally_more(first, Counter(tallied(registered(1))), WEBINAR)
        second.execute(text("UPDATE event SET internal = true WHERE id = :id"), {"id": WEBINAR})
        assert list(live_registrations_of(second, WEBINAR)) == []
    assert len(rows(loaded, TALLIES.format("false"))) == 3


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(st.sampled_from(["confirm", "cancel", "internal", "other"]), max_size=8))
def test_any_actions_leave_the_numbers_of_the_roster(
    loaded: UnitOfWork, clock: FrozenClock, sample: Loaded, actions: list[str]
) -> None:
    with loaded.transaction() as connection:
        connection.execute(text("TRUNCATE roster, event_count, tally, inbox"))
        connection.execute(text("UPDATE event SET internal = false"))
    for revision, action in enumerate(actions, start=1):
        if action in ("internal", "other"):
            _set(loaded, clock, sample, WEBINAR, internal=action == "internal")
        else:
            status = {"confirm": "confirmed", "cancel": "cancelled"}[action]
            consume(loaded, [registration_message(registered(1, status=status, revision=revision, country="CH"))])
    with loaded.transaction() as connection:
        event = read_event(connection, WEBINAR)
    live = rows(loaded, "SELECT 1 FROM roster WHERE status = 'confirmed'")
    expected = [("CH", 1)] if live else []
    assert event is not None
    for internal in (True, False):
        counted = [row[1:] for row in rows(loaded, TALLIES.format(internal)) if row[0] == "country"]
        assert counted == (expected if event.internal is internal else [])

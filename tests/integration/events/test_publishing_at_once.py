"""Publishing while a second transaction changes what is published: no change is lost."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from services.events.event.lifecycle import cancel
from services.events.event.model import Event
from services.events.event.store import last_changes, lock_event, save_event
from services.events.side_events.model import ReviewAction
from services.events.side_events.store import ReviewStep, lock_proposal, lock_proposals, save_revision
from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.side_events import Desk
from tests.integration.events.test_schedule_guards import MORNING, NOON, change_event, code, published
from tests.support.clock import FrozenClock
from tests.support.locks import WAITING
from tests.support.waiting import poll_until

LATER = timedelta(hours=1)


def publish_during(desk: Desk, do: Callable[[Connection], None]) -> Any:
    """Publish while ``do`` is done and not committed yet; the answer, which comes once it is."""
    answers: list[Any] = []
    publisher = threading.Thread(target=lambda: answers.append(desk.publish()))
    with UnitOfWork(desk.engine, "events").transaction() as connection:
        do(connection)
        publisher.start()
        poll_until(lambda: _waits(desk.engine), 5, what="the publisher waits for the first transaction")
    publisher.join()
    return answers[0]


def test_cancelling_wins_over_who_waits_to_publish(desk: Desk) -> None:
    """The published timetable changes nothing about the event, and would have confirmed it again."""
    _, event = published(desk)
    desk.put(desk.accepted("Other"), "garden-room", NOON)
    before = len(desk.messages())
    answer = publish_during(desk, lambda connection: _change(connection, event, cancel))
    assert code(answer) == (409, "event-cancelled")
    assert (_event(desk, event)["status"], _event(desk, event)["revision"]) == ("cancelled", 2)
    assert (len(desk.messages()), desk.client.get("/v1/schedule/versions/2").status_code) == (before, 404)


def test_who_waits_to_cancel_keeps_no_publisher_from_the_event(desk: Desk) -> None:
    """Cancelling removes the public names from the proposal: a deadlock would end one of the two."""
    proposal, event = published(desk)
    answers: list[Any] = []
    cancelling = threading.Thread(target=lambda: answers.append(change_event(desk, event, "cancel")))
    with UnitOfWork(desk.engine, "events").transaction() as connection:
        lock_proposals(connection, [proposal])
        cancelling.start()
        poll_until(lambda: _waits(desk.engine), 5, what="the coordinator waits for the first transaction")
        lock_event(connection, event)
    cancelling.join()
    assert answers[0].status_code == 200


def test_edit_of_an_event_that_moves_is_kept_and_its_revision_rises_above(desk: Desk) -> None:
    proposal, event = published(desk)
    desk.put(proposal, "garden-room", MORNING)
    before, link = len(desk.messages()), "https://meet.example.org/side"

    def give_link(old: Event) -> Event:
        return replace(old, join_url=link, revision=old.revision + 1)

    assert publish_during(desk, lambda connection: _change(connection, event, give_link)).status_code == 201
    shown = _event(desk, event)
    assert (shown["join_url"], shown["place"], shown["revision"]) == (link, "Garden Room", 3)
    assert [
        (content["revision"], content["join_url"]) for key, content in desk.messages(before) if "event." in key
    ] == [(3, link)]


def test_edit_of_a_proposal_that_moves_is_kept(desk: Desk) -> None:
    proposal, event = published(desk)
    desk.put(proposal, "garden-room", MORNING)

    def rename(connection: Connection) -> None:
        old = lock_proposal(connection, proposal)
        assert old is not None
        new = replace(old, title="Better", revision=old.revision + 1)
        save_revision(connection, new, ReviewStep(ReviewAction.CHANGED, "another", desk.clock()))

    assert publish_during(desk, rename).status_code == 201
    shown = desk.client.get(f"/v1/proposals/{proposal}", headers=desk.headers).get_json()
    assert (shown["title"], _event(desk, event)["title"]) == ("Better", {"es": "Better"})


def test_event_that_the_timetable_does_not_move_keeps_its_manual_values(desk: Desk) -> None:
    """One is postponed and one moved manually: publishing something else restores and announces neither."""
    (_, one), (_, two) = published(desk), published(desk, "Two", "garden-room")
    assert change_event(desk, one, "postpone").status_code == 200
    starts_at = "2020-05-06T14:00:00+02:00"
    moved = change_event(desk, two, "reschedule", starts_at=starts_at, ends_at="2020-05-06T15:00:00+02:00")
    assert moved.status_code == 200
    shown = [_event(desk, event) for event in (one, two)]
    desk.put(desk.accepted("Third"), "lake-hall", MORNING)
    before = len(desk.messages())
    assert desk.publish().status_code == 201
    assert [_event(desk, event) for event in (one, two)] == shown
    assert [key for key, _ in desk.messages(before)] == ["event.published.v1", "proposal.scheduled.v1"]


def test_event_that_was_held_does_not_keep_later_days_from_being_published(desk: Desk, clock: FrozenClock) -> None:
    _, event = published(desk)
    desk.put(desk.accepted("Other"), "garden-room", "2020-05-07-1300")
    clock.advance(timedelta(days=100))
    assert change_event(desk, event, "hold").status_code == 200
    assert (desk.publish().status_code, _event(desk, event)["status"]) == (201, "held")


def test_changes_by_publishing_are_in_the_history_and_unchanged_events_are_not(desk: Desk) -> None:
    proposal, event = published(desk)
    _, other = published(desk, "Other", "garden-room")
    desk.put(proposal, "lake-hall", MORNING)
    desk.publish()
    seen = {**desk.headers, "If-Match": desk.board().headers["ETag"]}
    desk.client.delete(f"/v1/schedule/placements/{proposal}", headers=seen)
    desk.clock.advance(LATER)
    assert desk.publish().status_code == 201
    action = ("timetable-published", "a coordinator")
    assert _history(desk, event) == [
        (3, *action, ["status", "starts_at", "ends_at"]),
        (2, *action, ["starts_at", "ends_at"]),
        (1, *action, []),
    ]
    assert _history(desk, other) == [(1, *action, [])]
    with desk.engine.connect() as connection:
        changed = last_changes(connection, [event, other])
    assert changed == {event: desk.clock(), other: desk.clock() - LATER}


def _change(connection: Connection, event: str, step: Callable[[Event], Event]) -> None:
    old = lock_event(connection, event)
    assert old is not None
    save_event(connection, step(old))


def _event(desk: Desk, event: str) -> dict[str, Any]:
    shown: dict[str, Any] = desk.client.get(f"/v1/events/{event}", headers=desk.headers).get_json()
    return shown


def _history(desk: Desk, event: str) -> list[tuple[Any, ...]]:
    items = desk.client.get(f"/v1/events/{event}/history", headers=desk.headers).get_json()["items"]
    return [(one["revision"], one["action"], one["changed_by"], one["fields"]) for one in items]


def _waits(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(connection.execute(text(WAITING)).scalar_one())

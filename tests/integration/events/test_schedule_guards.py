"""What protects the board and the published timetable, guard by guard, on a real database."""

from datetime import timedelta
from typing import Any

import pytest

from shared.runtime.ids import new_id
from tests.integration.events.builders import consume, registered, registration_message
from tests.integration.events.side_events import Desk
from tests.support.clock import FrozenClock

MORNING, NOON = "2020-05-06-0900", "2020-05-06-1300"


def published(
    desk: Desk, title: str = "One", room: str = "lake-hall", answers: dict[str, Any] | None = None
) -> tuple[str, str]:
    """A proposal with these ``answers`` in the published timetable, and its event."""
    proposal = desk.accepted(title, **answers or {})
    desk.put(proposal, room, NOON)
    desk.publish()
    return proposal, str(desk.client.get(f"/v1/proposals/{proposal}", headers=desk.headers).get_json()["event"])


def change_event(desk: Desk, event: str, step: str = "", **body: Any) -> Any:
    """Take a step with an event, or change its fields, from its newest revision."""
    path = f"/v1/events/{event}"
    headers = {**desk.headers, "If-Match": desk.client.get(path, headers=desk.headers).headers["ETag"]}
    if step:
        return desk.client.post(f"{path}/{step}", json=body or None, headers=headers)
    return desk.client.patch(path, json=body, headers=headers)


def code(answer: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.get_json()["code"]


@pytest.mark.parametrize("verb", ["accept", "return", "decline"])
def test_decision_on_no_proposal_is_refused(desk: Desk, verb: str) -> None:
    assert code(desk.decide(new_id(), verb)) == (404, "not-found")


@pytest.mark.parametrize("verb", ["return", "decline"])
def test_proposal_that_cannot_be_placed_any_more_leaves_the_board(desk: Desk, verb: str) -> None:
    proposal = desk.accepted("One")
    desk.put(proposal, "lake-hall", NOON)
    revision = desk.board().headers["ETag"]
    assert desk.decide(proposal, verb).status_code == 200
    assert (desk.board().get_json()["placements"], desk.board().headers["ETag"] != revision) == ([], True)


def test_proposal_that_is_accepted_again_keeps_its_place(desk: Desk) -> None:
    """A scheduled one that is taken back to accepted may be put elsewhere before it is published again."""
    proposal, _ = published(desk)
    assert desk.decide(proposal, "accept").status_code == 200
    assert [one["proposal"] for one in desk.board().get_json()["placements"]] == [proposal]


CHANGED = "This timetable was changed after you opened the page, so nothing was done."


def test_scheduled_proposal_is_neither_returned_nor_declined(desk: Desk) -> None:
    proposal, _ = published(desk)
    for verb in ("return", "decline"):
        assert code(desk.decide(proposal, verb)) == (409, "proposal-transition")
    assert len(desk.board().get_json()["placements"]) == 1


def test_place_must_exist(desk: Desk) -> None:
    proposal = desk.accepted("One")
    assert code(desk.put(proposal, "no-such-room", NOON)) == (404, "not-found")
    assert code(desk.put(proposal, "lake-hall", "2020-05-06-0300")) == (404, "not-found")
    assert code(desk.put(new_id(), "lake-hall", NOON)) == (409, "proposal-not-accepted")
    seen = {**desk.headers, "If-Match": desk.board().headers["ETag"]}
    assert code(desk.client.delete(f"/v1/schedule/placements/{proposal}", headers=seen)) == (404, "not-found")
    assert desk.board().get_json()["placements"] == []


def test_board_that_changed_since_it_was_read_is_not_published(desk: Desk) -> None:
    proposal = desk.accepted("One")
    desk.put(proposal, "lake-hall", NOON)
    seen = desk.board().get_json()["revision"]
    desk.put(proposal, "lake-hall", MORNING)
    late = desk.client.post("/console/timetable/publish", data={"seen": seen}, headers=desk.headers)
    assert (late.status_code, desk.client.get("/v1/schedule.json").status_code) == (412, 404)
    assert (CHANGED in late.text, "<h1>Timetable</h1>" in late.text) == (True, True)
    now = desk.board().get_json()["revision"]
    assert desk.client.post("/console/timetable/publish", data={"seen": now}, headers=desk.headers).status_code == 303


def test_board_that_changed_since_it_was_read_is_not_changed_by_the_console(desk: Desk) -> None:
    proposal = desk.accepted("One")
    desk.put(proposal, "lake-hall", NOON)
    seen = desk.board().get_json()["revision"]
    desk.put(proposal, "lake-hall", MORNING)
    path = f"/console/timetable/{proposal}"
    for form in ({"action": "take-off"}, {"action": "place", "room": "garden-room", "slot": NOON}):
        late = desk.client.post(path, data=form | {"seen": str(seen)}, headers=desk.headers)
        assert (late.status_code, CHANGED in late.text) == (412, True)
    for chosen in ("garden-room", NOON):
        assert f'<option value="{chosen}" selected>' in late.text
    for wrong in ("", "-1", "x", "9" * 30):
        form = {"action": "take-off", "seen": wrong}
        assert desk.client.post(path, data=form, headers=desk.headers).status_code == 400
    assert [one["slot"] for one in desk.board().get_json()["placements"]] == [MORNING]


def test_side_event_that_was_cancelled_manually_is_not_revived_by_publishing(desk: Desk) -> None:
    proposal, event = published(desk)
    assert change_event(desk, event, "cancel").status_code == 200
    desk.put(proposal, "lake-hall", MORNING)
    before = len(desk.messages())
    assert code(desk.publish()) == (409, "event-cancelled")
    assert (len(desk.messages()), desk.client.get("/v1/schedule/versions/2").status_code) == (before, 404)
    change_event(desk, event, "revive")
    assert desk.publish().status_code == 201


def test_side_event_that_was_held_does_not_move(desk: Desk, clock: FrozenClock) -> None:
    proposal, event = published(desk)
    clock.advance(timedelta(days=100))
    assert change_event(desk, event, "hold").status_code == 200
    desk.put(proposal, "lake-hall", MORNING)
    assert code(desk.publish()) == (409, "event-cancelled")


def test_side_event_that_is_over_or_cancelled_is_not_postponed_when_its_place_goes(desk: Desk) -> None:
    proposal, event = published(desk)
    other, _ = published(desk, "Other", "garden-room")
    change_event(desk, event, "cancel")
    seen = {**desk.headers, "If-Match": desk.board().headers["ETag"]}
    assert desk.client.delete(f"/v1/schedule/placements/{proposal}", headers=seen).status_code == 200
    before = len(desk.messages())
    assert desk.publish().status_code == 201
    assert [key for key, _ in desk.messages(before)] == ["proposal.accepted.v1"]
    shown = desk.client.get(f"/v1/events/{event}", headers=desk.headers).get_json()
    assert (shown["status"], [one["proposal"] for one in desk.board().get_json()["placements"]]) == (
        "cancelled",
        [other],
    )


def test_manual_additions_survive_a_move(desk: Desk) -> None:
    proposal, event = published(desk)
    link = "https://meet.example.org/side"
    assert change_event(desk, event, join_url=link, mode="hybrid").status_code == 200
    desk.put(proposal, "garden-room", MORNING)
    desk.publish()
    shown = desk.client.get(f"/v1/events/{event}", headers=desk.headers).get_json()
    assert (shown["join_url"], shown["mode"], shown["place"]) == (link, "hybrid", "Garden Room")


def test_proposal_keeps_its_event_when_it_comes_back(desk: Desk) -> None:
    proposal, event = published(desk)
    seen = {**desk.headers, "If-Match": desk.board().headers["ETag"]}
    desk.client.delete(f"/v1/schedule/placements/{proposal}", headers=seen)
    desk.publish()
    desk.put(proposal, "garden-room", MORNING)
    before = len(desk.messages())
    desk.publish()
    ((first, back), (second, scheduled)) = desk.messages(before)
    assert (first, back["id"], back["status"]) == ("event.changed.v1", event, "confirmed")
    assert (second, scheduled["event"], scheduled["status"]) == ("proposal.scheduled.v1", event, "scheduled")


def test_changed_title_is_published_and_notifies_no_proposer(desk: Desk) -> None:
    proposal, _ = published(desk)
    published(desk, "Other", "garden-room")
    path = f"/v1/proposals/{proposal}"
    seen = {**desk.headers, "If-Match": desk.client.get(path, headers=desk.headers).headers["ETag"]}
    desk.client.patch(path, json={"title": "Better"}, headers=seen)
    before = len(desk.messages())
    assert desk.publish().status_code == 201
    assert [(key, content.get("title")) for key, content in desk.messages(before)] == [
        ("event.changed.v1", {"es": "Better"})
    ]


def test_cancelled_review_frees_its_time(desk: Desk) -> None:
    desk.put(desk.accepted("One"), "lake-hall", "2020-05-11-0900")
    assert [one["kind"] for one in desk.board().get_json()["conflicts"]] == ["fixed_event"]
    change_event(desk, "upr-review", "postpone")
    assert desk.board().get_json()["conflicts"] == []
    change_event(desk, "upr-review", "cancel")
    assert desk.board().get_json()["conflicts"] == []


def board_page(desk: Desk) -> str:
    """The console's page of the timetable."""
    return str(desk.client.get("/console/timetable", headers=desk.headers).text)


def remove_placement(desk: Desk, proposal: str) -> None:
    """Remove a proposal from the board."""
    seen = {**desk.headers, "If-Match": desk.board().headers["ETag"]}
    assert desk.client.delete(f"/v1/schedule/placements/{proposal}", headers=seen).status_code == 200


@pytest.mark.parametrize("way", ["revive", "remove"])
def test_cancelled_side_event_is_named_on_the_board_with_both_ways_to_resolve_it(desk: Desk, way: str) -> None:
    proposal, event = published(desk, "Housing for all")
    desk.put(desk.accepted("Other"), "garden-room", NOON)
    assert "Publish version 2" in board_page(desk)
    assert change_event(desk, event, "cancel").status_code == 200
    page = board_page(desk)
    assert "Publish version 2" not in page
    assert "Conflict: <bdi>the side event was cancelled" in page
    section = page[page.index('id="refused"') :].partition("</section>")[0]
    for part in ("Housing for all", f"/console/events/{event}/change/revive", f"/console/timetable/{proposal}"):
        assert part in section, part
    refused = desk.publish()
    assert code(refused) == (409, "event-cancelled")
    assert "“Housing for all” was cancelled" in refused.get_json()["detail"]
    if way == "revive":
        change_event(desk, event, "revive")
    else:
        remove_placement(desk, proposal)
    page = board_page(desk)
    assert ("Publish version 2" in page, 'id="refused"' in page) == (True, False)
    assert desk.publish().status_code == 201


def test_board_counts_the_people_registered_for_side_events_that_move_or_lose_their_date(desk: Desk) -> None:
    (moves, one), (goes, two) = published(desk), published(desk, "Two", "garden-room")
    _, stays = published(desk, "Three", "upper-library")
    second = registered(2).person_ref
    people = [
        *(registered(1, event_id=one), registered(2, event_id=one)),
        *(registered(3, event_id=two), registered(12, event_id=two, person_ref=second)),
        *(registered(4, event_id=stays), registered(5, event_id=one, form_kind="interest")),
    ]
    consume(desk.consumer, [registration_message(known) for known in people])
    assert "registered for side events that change" not in board_page(desk)
    desk.put(desk.accepted("Four", attendance=10), "small-salon", MORNING)
    first = board_page(desk)
    assert ("get a place are made at once." in first, "one minute after the last change" in first) == (True, False)
    desk.put(moves, "lake-hall", MORNING)
    sentence = "2 people who are registered for side events that change or lose their date will be notified by mail."
    assert sentence in board_page(desk)
    assert "made one minute after the last change. If you publish the previous places before that" in board_page(desk)
    remove_placement(desk, goes)
    assert sentence.replace("2", "3") in board_page(desk)

"""Side events from the idea to the published timetable, on a real database and through the real door."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from services.events.loading.rooms import read_rooms
from services.events.schedule_worker import ScheduleWorker
from services.events.scheduling.problem import Limits
from services.events.scheduling.solver import Halt, solve
from services.events.usecases.load_rooms import load_rooms
from services.events.usecases.solve_schedule import (
    LEASE,
    MOST_TRIES,
    ask_for_schedule,
    claim_job,
    show_job,
    store_schedule,
)
from shared.store.unit_of_work import UnitOfWork
from tests.integration.events.conftest import SAMPLE
from tests.integration.events.side_events import AsRole, Desk, an_answer
from tests.support.clock import FrozenClock

MORNING, NOON = "2020-05-06-0900", "2020-05-06-1300"
DURING_REVIEW = "2020-05-11-0900"


@pytest.fixture
def desk(loaded: UnitOfWork, client: FlaskClient, as_role: AsRole, engine: Engine, clock: FrozenClock) -> Desk:
    """A coordinator in the scenario, with its rooms."""
    load_rooms(loaded, read_rooms(SAMPLE))
    return Desk(client, as_role("coordinator"), engine, clock)


def test_proposal_is_stored_and_told_and_nobody_is_named_in_clear(desk: Desk) -> None:
    before = len(desk.said())
    proposal = desk.propose(
        "Housing as a right", working_group="housing", speakers="Amara Example\nBo Sample", language="fr"
    )
    ((key, said),) = desk.said_of_proposals(before)
    assert (key, said["status"], said["language"], said["working_group"]) == (
        "proposal.submitted.v1",
        "submitted",
        "fr",
        "housing",
    )
    token = said["sealed"].pop("token")
    assert len(token) == 43
    assert said["sealed"] == {
        "name": "Amara Example",
        "address": "amara@example.org",
        "title": "Housing as a right",
        "note": "",
    }
    assert "amara" not in desk.raw().lower()
    assert "Housing as a right" not in desk.raw()
    with desk.engine.connect() as connection:
        row = str(connection.execute(text("SELECT to_jsonb(proposal) FROM proposal")).scalar_one())
    assert "amara" not in row.lower()
    assert "Bo Sample" not in row
    listed = desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"]
    assert [(item["id"], item["speakers"], item["status"]) for item in listed] == [(proposal, 2, "submitted")]
    assert "amara" not in str(listed).lower()


def test_same_person_has_the_same_reference_however_the_address_is_cased(desk: Desk) -> None:
    desk.propose("One", email="amara@example.org")
    desk.propose("Two", email="Amara@Example.org")
    desk.propose("Three", email="bo@example.org")
    refs = [said["person_ref"] for _, said in desk.said_of_proposals()]
    assert (refs[0] == refs[1], refs[0] == refs[2]) == (True, False)


def test_idempotency_key_proposes_once(desk: Desk) -> None:
    key = {"Idempotency-Key": "a-key-of-eight"}
    first, again = (desk.client.post("/v1/proposals", json=an_answer("One"), headers=key) for _ in range(2))
    other = desk.client.post("/v1/proposals", json=an_answer("Two"), headers=key)
    assert (first.status_code, again.get_json(), other.status_code) == (201, first.get_json(), 422)
    assert other.get_json()["code"] == "idempotency-mismatch"
    assert len(desk.said_of_proposals()) == 1


def test_faults_have_pointers_and_nothing_is_stored(desk: Desk) -> None:
    day = "2020-05-06"
    wrong = desk.client.post("/v1/proposals", json=an_answer("", attendance=0, email="nobody"))
    assert sorted(fault["pointer"] for fault in wrong.get_json()["errors"]) == ["/attendance", "/email", "/title"]
    both = desk.client.post("/v1/proposals", json=an_answer("T", preferred_days=[day], unavailable_days=[day]))
    assert [fault["pointer"] for fault in both.get_json()["errors"]] == ["/unavailable_days"]
    assert desk.said_of_proposals() == []


def test_trapped_program_gets_an_answer_and_stores_nothing(desk: Desk) -> None:
    answer = desk.client.post("/v1/proposals", json=an_answer("Spam") | {"website": "https://example.org"})
    assert (answer.status_code, sorted(answer.get_json())) == (201, ["id", "message", "status"])
    assert desk.said_of_proposals() == []


def test_plain_form_is_answered_with_pages(desk: Desk) -> None:
    accept = {"Accept": "text/html"}
    form = {"name": "A", "email": "a@example.org", "title": "T", "summary": "S", "attendance": "20", "consent": "yes"}
    shown = desk.client.get("/propose?lang=ar")
    assert (shown.status_code, 'dir="rtl"' in shown.text, "اقتراح فعالية جانبية" in shown.text) == (200, True, True)
    refused = desk.client.post("/v1/proposals", data=form | {"attendance": "many", "lang": "fr"}, headers=accept)
    assert (refused.status_code, 'value="many"' in refused.text) == (422, True)
    taken = desk.client.post("/v1/proposals", data=form | {"lang": "fr"}, headers=accept)
    assert (taken.status_code, "Votre proposition est arrivée" in taken.text) == (201, True)


def test_each_decision_is_told_with_its_note(desk: Desk) -> None:
    proposal = desk.propose("One")
    assert desk.decide(proposal, "return", "Please shorten it.").get_json()["status"] == "returned"
    assert desk.decide(proposal, "accept").get_json()["revision"] == 3
    assert desk.decide(desk.propose("Two"), "decline", "Not this year.").status_code == 200
    told = [(key, said["revision"], said["sealed"]["note"]) for key, said in desk.said_of_proposals()]
    assert told == [
        ("proposal.submitted.v1", 1, ""),
        ("proposal.returned.v1", 2, "Please shorten it."),
        ("proposal.accepted.v1", 3, ""),
        ("proposal.submitted.v1", 1, ""),
        ("proposal.declined.v1", 2, "Not this year."),
    ]
    refused = desk.decide(proposal, "accept")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "proposal-transition")


def test_change_needs_what_was_seen(desk: Desk) -> None:
    proposal = desk.propose("One")
    path = f"/v1/proposals/{proposal}"
    seen = desk.client.get(path, headers=desk.headers).headers["ETag"]
    assert desk.client.patch(path, json={"attendance": 10}, headers=desk.headers).status_code == 428
    changed = desk.client.patch(path, json={"attendance": 10}, headers={**desk.headers, "If-Match": seen})
    assert (changed.status_code, changed.get_json()["attendance"]) == (200, 10)
    again = desk.client.patch(path, json={"attendance": 11}, headers={**desk.headers, "If-Match": seen})
    assert again.status_code == 412


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/v1/proposals"),
        ("post", "/v1/schedule/solve"),
        ("get", "/v1/schedule"),
        ("get", "/v1/schedule/conflicts"),
        ("post", "/v1/schedule/publish"),
        ("post", "/v1/proposals/0190e1f2-0000-7000-8000-000000000001/accept"),
    ],
)
def test_public_and_partners_see_and_change_nothing(desk: Desk, as_role: AsRole, method: str, path: str) -> None:
    call = getattr(desk.client, method)
    body: dict[str, Any] = {"json": {}} if path.endswith("accept") else {}
    assert call(path, **body).status_code == 401
    assert call(path, headers=as_role("partner"), **body).status_code == 403


def test_timetable_is_made_published_and_told_once(desk: Desk) -> None:
    names = [desk.accepted(f"Proposal {n}", working_group="housing", speakers=f"Person {n}") for n in range(3)]
    large = desk.accepted("Far too large", attendance=500)
    job = desk.solve()
    assert (job["status"], job["report"]["placed"]) == ("done", 3)
    assert job["report"]["unplaced"] == {large: [{"code": "no_room_large_enough", "slots": 20}]}
    board = desk.board().get_json()
    assert sorted(one["proposal"] for one in board["placements"]) == sorted(names)
    assert (board["conflicts"], board["waiting"], board["published"]) == ([], [large], None)

    before = len(desk.said())
    published = desk.publish()
    assert published.status_code == 201
    assert published.get_json()["version"]["number"] == 1
    said = desk.said(before)
    assert [key for key, _ in said] == ["event.published.v1", "proposal.scheduled.v1"] * 3
    by_event = {content["id"]: content for key, content in said if key == "event.published.v1"}
    for key, content in said:
        if key == "proposal.scheduled.v1":
            event = by_event[content["event"]]
            assert (content["starts_at"], content["room"], content["moved"]) == (
                event["starts_at"],
                event["place"],
                False,
            )
            assert (event["kind"], event["status"], content["schedule_version"]) == ("side_event", "confirmed", 1)

    again = desk.publish()
    assert (again.status_code, again.get_json()["code"]) == (409, "schedule-unchanged")
    assert len(desk.said()) == before + 6


def test_only_the_moved_and_the_new_are_told_again(desk: Desk) -> None:
    stays, moves, goes = (desk.accepted(f"Proposal {n}") for n in range(3))
    for proposal, room in ((stays, "lake-hall"), (moves, "garden-room"), (goes, "upper-library")):
        desk.put(proposal, room, NOON)
    desk.publish()
    before = len(desk.said())
    desk.put(moves, "lake-hall", MORNING)
    seen = {**desk.headers, "If-Match": desk.board().headers["ETag"]}
    assert desk.client.delete(f"/v1/schedule/placements/{goes}", headers=seen).status_code == 200
    changes = desk.board().get_json()["changes"]
    assert (changes["moved"], changes["removed"], changes["unchanged"]) == ([moves], [goes], [stays])
    assert desk.publish().get_json()["version"]["number"] == 2
    told = [(key, content.get("proposal_id"), content.get("moved")) for key, content in desk.said(before)]
    assert told == [
        ("event.changed.v1", None, None),
        ("proposal.scheduled.v1", moves, True),
        ("event.changed.v1", None, None),
    ]
    last = desk.said(before)[-1][1]
    assert (last["status"], last["starts_at"]) == ("postponed", None)
    shown = desk.client.get(f"/v1/proposals/{goes}", headers=desk.headers).get_json()
    assert shown["status"] == "accepted"
    diff = desk.client.get("/v1/schedule/versions/1/diff/2").get_json()
    assert (diff["moved"], diff["removed"], diff["added"]) == ([moves], [goes], [])
    first = desk.client.get("/v1/schedule/versions/1").get_json()
    assert len(first["entries"]) == 3
    assert desk.client.get("/v1/schedule/versions/9").status_code == 404


def test_conflicts_are_shown_and_keep_the_timetable_from_being_published(desk: Desk) -> None:
    one = desk.accepted("One", speakers="Amara Example", attendance=30)
    other = desk.accepted("Other", speakers="  amara   EXAMPLE ", attendance=30)
    desk.put(one, "small-salon", MORNING)
    desk.put(other, "small-salon", MORNING)
    found = desk.client.get("/v1/schedule/conflicts", headers=desk.headers).get_json()["items"]
    assert sorted(item["kind"] for item in found) == ["room", "room_too_small", "room_too_small", "speaker"]
    refused = desk.publish()
    assert (refused.status_code, refused.get_json()["code"]) == (409, "schedule-conflicts")
    desk.put(other, "lake-hall", DURING_REVIEW)
    desk.put(one, "lake-hall", MORNING)
    found = desk.client.get("/v1/schedule/conflicts", headers=desk.headers).get_json()["items"]
    assert found == [{"kind": "fixed_event", "proposals": [other], "subject": "upr-review"}]


def test_board_is_changed_only_by_who_has_seen_it(desk: Desk) -> None:
    proposal = desk.accepted("One")
    body = {"room": "lake-hall", "slot": MORNING, "pinned": True}
    path = f"/v1/schedule/placements/{proposal}"
    old = desk.board().headers["ETag"]
    assert desk.client.put(path, json=body, headers=desk.headers).status_code == 428
    assert desk.put(proposal, "garden-room", NOON).status_code == 200
    late = desk.client.put(path, json=body, headers={**desk.headers, "If-Match": old})
    assert late.status_code == 412
    assert desk.put(proposal, "no-such-room", NOON).status_code == 404
    assert desk.put(desk.propose("Not accepted"), "lake-hall", NOON).status_code == 409


def test_withdrawn_proposal_leaves_the_board_and_its_event_is_cancelled(desk: Desk) -> None:
    proposal, other = desk.accepted("One"), desk.accepted("Two")
    desk.put(proposal, "lake-hall", NOON)
    desk.put(other, "garden-room", NOON)
    desk.publish()
    desk.decide(proposal, "withdraw")
    assert [one["proposal"] for one in desk.board().get_json()["placements"]] == [other]
    before = len(desk.said())
    desk.publish()
    assert [(key, content["status"]) for key, content in desk.said(before)] == [("event.changed.v1", "cancelled")]


def test_pinned_place_survives_a_new_timetable(desk: Desk) -> None:
    proposals = [desk.accepted(f"Proposal {n}", working_group="housing") for n in range(4)]
    desk.put(proposals[2], "small-salon", NOON)
    desk.solve()
    places = {one["proposal"]: one for one in desk.board().get_json()["placements"]}
    assert (places[proposals[2]]["room"], places[proposals[2]]["slot"]) == ("small-salon", NOON)
    assert len(places) == 4


def test_job_of_a_dead_worker_is_taken_again_and_the_dead_one_changes_nothing(
    desk: Desk, work: UnitOfWork, clock: FrozenClock
) -> None:
    desk.accepted("One")
    job_id = ask_for_schedule(work, clock, "a coordinator")
    first = claim_job(work, clock)
    assert first is not None
    assert claim_job(work, clock) is None
    clock.advance(LEASE + timedelta(seconds=1))
    second = claim_job(work, clock)
    assert second is not None
    assert (second.job.id, second.job.fence) == (job_id, 2)
    made = solve(second.snapshot.problem(), Limits(2.0))
    assert not store_schedule(work, clock, first, replace(made, placements=()))
    assert show_job(work, job_id).status == "running"
    assert store_schedule(work, clock, second, made)
    assert (show_job(work, job_id).status, len(desk.board().get_json()["placements"])) == ("done", 1)


def test_job_that_kills_its_workers_is_given_up(desk: Desk, work: UnitOfWork, clock: FrozenClock) -> None:
    job_id = ask_for_schedule(work, clock, "a coordinator")
    for _ in range(MOST_TRIES):
        assert claim_job(work, clock) is not None
        clock.advance(LEASE + timedelta(seconds=1))
    assert claim_job(work, clock) is None
    assert (show_job(work, job_id).status, show_job(work, job_id).reason != "") == ("failed", True)


def test_board_that_was_changed_meanwhile_is_not_overwritten(desk: Desk, work: UnitOfWork, clock: FrozenClock) -> None:
    proposal = desk.accepted("One")
    job_id = ask_for_schedule(work, clock, "a coordinator")
    claimed = claim_job(work, clock)
    assert claimed is not None
    made = solve(claimed.snapshot.problem(), Limits(2.0))
    desk.put(proposal, "small-salon", NOON)
    assert not store_schedule(work, clock, claimed, made)
    assert show_job(work, job_id).status == "queued"
    assert desk.board().get_json()["placements"][0]["room"] == "small-salon"


def test_worker_that_is_told_to_stop_gives_its_job_back(desk: Desk, work: UnitOfWork, clock: FrozenClock) -> None:
    desk.accepted("One")
    job_id = ask_for_schedule(work, clock, "a coordinator")
    halt = Halt()
    halt.stop()
    assert ScheduleWorker(work, clock, 2.0).turn(halt)
    assert (show_job(work, job_id).status, desk.board().get_json()["placements"]) == ("queued", [])


def test_public_sees_the_published_timetable_alone(desk: Desk) -> None:
    assert "No timetable is published yet" in desk.client.get("/programme/timetable").text
    assert desk.client.get("/v1/schedule.json").status_code == 404
    proposal = desk.accepted("Housing <as> a right", working_group="housing")
    desk.put(proposal, "garden-room", NOON)
    assert "Housing" not in desk.client.get("/programme/timetable").text
    desk.publish()
    page = desk.client.get("/programme/timetable?lang=es")
    assert "Housing &lt;as&gt; a right" in page.text
    assert "13:00 a 14:00" in page.text
    assert "11:00 a 12:00 UTC" in page.text
    assert "miércoles, 6 de mayo de 2020" in page.text
    entries: list[Any] = desk.client.get("/v1/schedule.json").get_json()["entries"]
    assert [(entry["proposal"], entry["room"]) for entry in entries] == [(proposal, "garden-room")]
    calendar = desk.client.get("/calendar/room/garden-room.ics")
    assert (calendar.mimetype, calendar.text.count("BEGIN:VEVENT")) == ("text/calendar", 1)
    assert "DTSTART;TZID=Europe/Zurich:20200506T130000" in calendar.text
    assert "BEGIN:VTIMEZONE" in calendar.text
    assert desk.client.get("/calendar/room/lake-hall.ics").text.count("BEGIN:VEVENT") == 0
    assert desk.client.get("/calendar/room/nowhere.ics").status_code == 404

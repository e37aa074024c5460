"""Proposals on coordinators' pages: lists, decisions, notifications, and who may see them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from services.events.cleanup import RULES
from shared.db.cleanup import Cleanup
from shared.db.engine import open_engine
from shared.db.roles import login
from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.side_events import AsRole, Desk
from tests.integration.events.test_schedule_guards import MORNING, NOON, published
from tests.support.clock import FrozenClock
from tests.support.installation import database_of
from tests.support.postgres import PostgresServer


def test_proposal_is_listed_as_it_came(desk: Desk) -> None:
    proposal = desk.propose(
        "Housing as a right",
        working_group="housing",
        speakers="A proposer\nAnother speaker",
        named_speakers="another  SPEAKER\nA third person",
        language="fr",
        organisation="An organisation",
        partner="example-partner",
        preferred_days=["2020-05-06"],
    )
    (listed,) = desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"]
    assert listed == desk.show(proposal)
    del listed["submitted_at"]
    assert listed == {
        "id": proposal,
        "title": "Housing as a right",
        "summary": "What was promised and what was done.",
        "working_group": "housing",
        "organisation": "An organisation",
        "language": "fr",
        "attendance": 30,
        "speakers": ["A proposer", "Another speaker"],
        "named_speakers": ["Another speaker"],
        "speaker_count": 2,
        "preferred_on": ["2020-05-06"],
        "unavailable_on": [],
        "status": "submitted",
        "note": "",
        "event": None,
        "revision": 1,
        "partner": "example-partner",
        "answers_revision": 1,
        "suggestion": None,
    }
    assert desk.decisions() == []


def test_each_decision_is_published_with_its_note_to_both_services_that_show_it(desk: Desk) -> None:
    proposal = desk.propose("One")
    assert desk.decide(proposal, "return", "Please shorten it.").get_json()["status"] == "returned"
    assert desk.decide(proposal, "accept").get_json()["revision"] == 3
    assert desk.decide(desk.propose("Two"), "decline", "Not this year.").status_code == 200
    sent = [
        (
            key,
            content["revision"],
            content["answers_revision"],
            content["status"],
            content["note"],
            content["sealed"],
            content["event"],
        )
        for key, content in desk.decisions()
    ]
    first, second, third = ({"note": note} for note in ("Please shorten it.", "", "Not this year."))
    assert sent == [
        ("proposal.returned.v1", 2, 1, "returned", first, first, None),
        ("proposal.accepted.v1", 3, 1, "accepted", second, second, None),
        ("proposal.declined.v1", 2, 1, "declined", third, third, None),
    ]
    assert "shorten" not in desk.raw()
    refused = desk.decide(proposal, "accept")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "proposal-transition")


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("name", ["preferred_on", "unavailable_on"])
def test_day_of_a_proposal_is_in_a_known_year(desk: Desk, name: str, day: str) -> None:
    proposal = desk.propose("One")
    assert desk.decide(proposal, "accept").status_code == 200
    headers = desk.headers | {"If-Match": '"2"'}
    refused = desk.client.patch(f"/v1/proposals/{proposal}", json={name: [day]}, headers=headers)
    assert (refused.status_code, desk.show(proposal)[name]) == (422, [])
    assert desk.client.get("/v1/schedule", headers=desk.headers).status_code == 200


def test_longest_note_of_any_script_fits_into_its_message(desk: Desk) -> None:
    note = "住" * 2000
    assert desk.decide(desk.propose("One"), "return", note).status_code == 200
    ((_, decision),) = desk.decisions()
    assert decision["sealed"] == {"note": note}


def test_returned_proposal_that_is_changed_is_submitted_again(desk: Desk) -> None:
    proposal = desk.propose("One", speakers="Ana", attendance=30, preferred_days=["2020-05-06"])
    desk.decide(proposal, "return", "Who speaks?")
    desk.change(proposal, 2, "One", speakers="Ana\nBo", attendance=45)
    shown = desk.show(proposal)
    assert (shown["status"], shown["speakers"], shown["answers_revision"], shown["note"]) == (
        "submitted",
        ["Ana", "Bo"],
        2,
        "Who speaks?",
    )
    history = desk.history(proposal)
    assert [(one["revision"], one["status"], one["action"], one["changed_by"]) for one in history] == [
        (1, "submitted", "submitted", ""),
        (2, "returned", "returned", "a coordinator"),
        (3, "submitted", "submitted", ""),
    ]
    assert [(one["field"], one["before"], one["after"]) for one in history[2]["changes"]] == [
        ("attendance", 30, 45),
        ("speakers", 1, 2),
        ("preferred_on", ["2020-05-06"], []),
    ]
    page = desk.client.get("/console/side-events", headers=desk.headers).text
    for words in ("Resubmitted", "What has changed since it was returned", "45 people"):
        assert words in page, words
    desk.decide(proposal, "return", "Thank you.")
    decision = desk.decisions()[-1][1]
    assert (decision["status"], decision["answers_revision"]) == ("returned", 2)


def test_returned_proposal_that_was_changed_before_the_coordinators_knew_is_submitted(desk: Desk) -> None:
    """They returned what they had read, revision 1; registration has had another since."""
    proposal = desk.propose("One")
    desk.decide(proposal, "return", "Who speaks?")
    ((_, decision),) = desk.decisions()
    assert decision["answers_revision"] == 1
    desk.change(proposal, 2, "One")
    assert (desk.show(proposal)["status"], desk.show(proposal)["answers_revision"]) == ("submitted", 2)
    assert "Nothing has changed" in desk.client.get("/console/side-events", headers=desk.headers).text


def test_text_of_a_submitted_proposal_is_replaced_and_no_decision_is_needed(desk: Desk) -> None:
    proposal = desk.propose("One", organisation="An organisation")
    desk.change(proposal, 2, "Two")
    shown = desk.show(proposal)
    assert (shown["title"], shown["organisation"], shown["status"]) == ("Two", None, "submitted")
    assert [one["action"] for one in desk.history(proposal)] == ["submitted", "changed"]


def test_scheduled_and_then_taken_off_each_is_published_with_its_event(desk: Desk) -> None:
    proposal, event = published(desk)
    published(desk, "Other", "garden-room")
    seen = {**desk.headers, "If-Match": desk.board().headers["ETag"]}
    assert desk.client.delete(f"/v1/schedule/placements/{proposal}", headers=seen).status_code == 200
    before = len(desk.messages())
    assert desk.publish().status_code == 201
    assert [(key, content.get("status")) for key, content in desk.messages(before)] == [
        ("event.changed.v1", "postponed"),
        ("proposal.accepted.v1", "accepted"),
    ]
    sent = [(key, content["event"]) for key, content in desk.decisions() if content["proposal_id"] == proposal]
    assert sent == [
        ("proposal.accepted.v1", None),
        ("proposal.scheduled.v1", event),
        ("proposal.accepted.v1", event),
    ]
    desk.put(proposal, "upper-library", MORNING)
    desk.publish()
    assert desk.decisions()[-1][1]["event"] == event


def test_change_needs_what_was_seen(desk: Desk) -> None:
    proposal = desk.accepted("One")
    path = f"/v1/proposals/{proposal}"
    seen = desk.client.get(path, headers=desk.headers).headers["ETag"]
    assert desk.client.patch(path, json={"attendance": 10}, headers=desk.headers).status_code == 428
    changed = desk.client.patch(path, json={"attendance": 10}, headers={**desk.headers, "If-Match": seen})
    assert (changed.status_code, changed.get_json()["attendance"]) == (200, 10)
    again = desk.client.patch(path, json={"attendance": 11}, headers={**desk.headers, "If-Match": seen})
    assert again.status_code == 412


def test_coordinators_do_not_withdraw_or_erase_here(desk: Desk) -> None:
    """They cancel or erase the registration, to which the page leads."""
    proposal = desk.propose("One")
    for path in ("withdraw", "erasure"):
        assert desk.act(proposal, path, {}).status_code == 404
    form = {"decision": "withdraw", "seen": "1", "note": ""}
    assert desk.client.post(f"/console/side-events/{proposal}", data=form, headers=desk.headers).status_code == 400
    page = desk.client.get("/console/side-events", headers=desk.headers).text
    assert f'href="/console/registrations/{proposal}"' in page


@pytest.mark.parametrize("path", ["/propose", "/p/a-token", "/v1/proposals/challenge"])
def test_old_intake_is_gone(desk: Desk, path: str) -> None:
    assert desk.client.get(path).status_code == 404
    assert desk.client.post("/v1/proposals", json={"title": "One"}).status_code == 405


def test_lists_show_where_proposals_come_in(desk: Desk) -> None:
    page = desk.client.get("/console/side-events", headers=desk.headers).text
    assert "There is no form for proposing side events" in page
    _publish_form(desk)
    page = desk.client.get("/console/side-events", headers=desk.headers).text
    assert 'href="http://127.0.0.1:8000/embed/side-event-proposal"' in page
    assert 'href="/embed/side-event-proposal?lang=fr"' in desk.client.get("/programme/timetable?lang=fr").text


def _publish_form(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO form_copy (id, revision, kind, title, open, closes_hours_before) "
            """VALUES ('side-event-proposal', 1, 'proposal', '{"en": "Propose a side event"}', true, 0)"""
        )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/v1/proposals"),
        ("get", "/v1/proposals/0190e1f2-0000-7000-8000-000000000001"),
        ("get", "/v1/proposals/0190e1f2-0000-7000-8000-000000000001/history"),
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


def test_moved_proposal_is_published_again_with_its_event(desk: Desk) -> None:
    proposal, event = published(desk)
    desk.put(proposal, "garden-room", MORNING)
    before = len(desk.messages())
    desk.publish()
    assert [(key, content.get("event")) for key, content in desk.messages(before) if key.startswith("proposal.")] == [
        ("proposal.scheduled.v1", event)
    ]


def test_proposer_is_counted_among_those_notified_of_their_side_event(desk: Desk) -> None:
    proposal, event = published(desk)
    headers = desk.headers | {"If-Match": "*"}
    tried = desk.client.post(f"/v1/events/{event}/postpone?dry_run=true", json={}, headers=headers).get_json()
    assert (tried["audience"]["people"], tried["audience"]["by_form_kind"]) == (1, {"proposal": 1})
    desk.withdraw(proposal)
    tried = desk.client.post(f"/v1/events/{event}/postpone?dry_run=true", json={}, headers=headers).get_json()
    assert tried["audience"]["people"] == 0


@pytest.mark.parametrize("verb", ["decline", "publish"])
def test_names_of_speakers_go_14_days_after_the_end(
    desk: Desk, database: str, postgres: PostgresServer, clock: FrozenClock, verb: str
) -> None:
    """Of a proposal that was declined after the decision, of a scheduled one after its side event."""
    if verb == "decline":
        proposal = desk.propose("Housing", speakers=["First Speaker"])
        assert desk.decide(proposal, "decline").status_code == 200
        ends_at = clock()
    else:
        assert desk.put(desk.accepted("Housing", speakers=["First Speaker"]), "lake-hall", NOON).status_code < 300
        assert desk.publish().status_code < 300
        with desk.engine.begin() as connection:
            ends_at = connection.execute(
                text("SELECT e.ends_at FROM event e JOIN proposal p ON p.event_id = e.id")
            ).scalar_one()
    engine = open_engine(postgres.url(database_of(database), login("events", "relay")))
    kept = []
    for days in (13, 15):
        Cleanup(UnitOfWork(engine, "events"), "events", RULES).run_once(ends_at + timedelta(days=days))
        with desk.engine.begin() as connection:
            kept.append(connection.execute(text("SELECT speaker_names IS NOT NULL FROM proposal")).scalar_one())
    engine.dispose()
    assert kept == [True, False]

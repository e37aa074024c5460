"""A proposer's change of an accepted proposal is a suggestion: coordinators see the difference, adopt or dismiss it."""

from typing import Any

import pytest

from tests.integration.events.side_events import AsRole, Desk
from tests.integration.events.test_schedule_guards import NOON, code, published

TEXT: dict[str, Any] = {"attendance": 30, "speakers": "Ana", "summary": "As it was."}


@pytest.fixture
def suggested(desk: Desk) -> str:
    """An accepted proposal for which another title and another speaker are suggested."""
    proposal = desk.accepted("One", **TEXT)
    desk.change(proposal, 2, "Two", **TEXT | {"speakers": "Bo"})
    return proposal


def changes(shown: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """What is suggested, as the API shows it."""
    return [(one["field"], one["before"], one["after"]) for one in shown["suggestion"]["changes"]]


def test_suggestion_is_shown_as_a_difference_and_changes_nothing(desk: Desk, suggested: str, as_role: AsRole) -> None:
    shown = desk.show(suggested)
    assert (shown["title"], shown["speakers"], shown["status"], shown["answers_revision"]) == (
        "One",
        ["Ana"],
        "accepted",
        1,
    )
    assert (shown["suggestion"]["revision"], changes(shown)) == (
        2,
        [("title", "One", "Two"), ("speakers", ["Ana"], ["Bo"])],
    )
    seen = desk.client.get(f"/v1/proposals/{suggested}", headers=as_role("viewer")).get_json()
    assert changes(seen) == [("title", "One", "Two")]
    last = desk.history(suggested)[-1]
    assert (last["action"], last["changed_by"], last["status"]) == ("suggested", "", "accepted")
    assert [(one["field"], one["before"], one["after"]) for one in last["changes"]] == [
        ("title", "One", "Two"),
        ("speakers", 1, 1),
    ]
    for page in ("/console/side-events", "/console/timetable"):
        text = desk.client.get(page, headers=desk.headers).text
        for part in ("The proposer suggests a change", "<bdi>Two</bdi>", "Now: <bdi>One</bdi>", "<bdi>Bo</bdi>"):
            assert part in text, (page, part)
        assert "suggests a change" not in desk.client.get(page, headers=as_role("viewer")).text


def test_adopting_takes_the_text_over_and_notifies_no_one(desk: Desk, suggested: str) -> None:
    before = len(desk.messages())
    adopted = desk.act(suggested, "suggestion/adopt")
    assert (adopted.status_code, adopted.get_json()["title"], adopted.get_json()["speakers"]) == (200, "Two", ["Bo"])
    shown = desk.show(suggested)
    assert (shown["suggestion"], shown["answers_revision"], len(desk.messages()) - before) == (None, 2, 0)
    assert [one["action"] for one in desk.history(suggested)][-1] == "adopted"
    assert code(desk.act(suggested, "suggestion/adopt")) == (409, "no-suggestion")


def test_dismissing_leaves_the_text_and_the_same_message_suggests_nothing_again(desk: Desk, suggested: str) -> None:
    assert desk.act(suggested, "suggestion/dismiss").get_json()["title"] == "One"
    desk.change(suggested, 2, "Two", **TEXT | {"speakers": "Bo"})
    shown = desk.show(suggested)
    assert (shown["title"], shown["speakers"], shown["suggestion"], shown["answers_revision"]) == (
        "One",
        ["Ana"],
        None,
        2,
    )
    desk.change(suggested, 3, "Two", **TEXT | {"speakers": "Bo", "attendance": 80})
    assert changes(desk.show(suggested)) == [("attendance", 30, 80)]


def test_suggestion_that_changed_since_it_was_read_is_not_adopted(desk: Desk, suggested: str) -> None:
    seen = desk.client.get(f"/v1/proposals/{suggested}", headers=desk.headers).headers["ETag"]
    desk.change(suggested, 3, "Three", **TEXT)
    assert code(desk.act(suggested, "suggestion/adopt", seen=seen)) == (412, "edit-conflict")
    blind = desk.client.post(f"/v1/proposals/{suggested}/suggestion/adopt", headers=desk.headers)
    assert code(blind) == (428, "if-match-required")
    assert (desk.show(suggested)["title"], changes(desk.show(suggested))) == ("One", [("title", "One", "Three")])


def test_suggestion_that_is_taken_back_by_its_proposer_is_gone(desk: Desk, suggested: str) -> None:
    desk.change(suggested, 3, "One", **TEXT)
    assert desk.show(suggested)["suggestion"] is None
    assert code(desk.act(suggested, "suggestion/dismiss")) == (409, "no-suggestion")


def test_what_coordinators_changed_themselves_is_neither_suggested_away_nor_overwritten(desk: Desk) -> None:
    proposal = desk.accepted("One", **TEXT)
    assert desk.patch(proposal, attendance=60).status_code == 200
    desk.change(proposal, 2, "Two", **TEXT)
    assert changes(desk.show(proposal)) == [("title", "One", "Two")]
    desk.act(proposal, "suggestion/adopt")
    shown = desk.show(proposal)
    assert (shown["title"], shown["attendance"]) == ("Two", 60)


def test_adopted_days_never_contradict_each_other(desk: Desk) -> None:
    day, other = "2020-05-06", "2020-05-07"
    proposal = desk.accepted("One", **TEXT, preferred_days=[other])
    assert desk.patch(proposal, preferred_on=[day, other]).status_code == 200
    desk.change(proposal, 2, "One", **TEXT, preferred_days=[other], unavailable_days=[day])
    assert desk.act(proposal, "suggestion/adopt").status_code == 200
    shown = desk.show(proposal)
    assert (shown["preferred_on"], shown["unavailable_on"]) == ([other], [day])


def test_change_to_the_same_text_is_no_suggestion_and_no_revision(desk: Desk) -> None:
    """Someone has changed their own name or address in the registration."""
    proposal = desk.accepted("One", **TEXT)
    before = desk.show(proposal)
    desk.change(proposal, 2, "One", **TEXT)
    assert desk.show(proposal) == before


def test_what_is_returned_has_the_newest_text_of_its_registration(desk: Desk, suggested: str) -> None:
    """The registration owns it again: who proposed it sees there what they have suggested, with the note."""
    desk.decide(suggested, "return", "Please say more.")
    shown = desk.show(suggested)
    assert (shown["status"], shown["title"], shown["speakers"], shown["answers_revision"], shown["suggestion"]) == (
        "returned",
        "Two",
        ["Bo"],
        2,
        None,
    )
    ((_, decision),) = desk.decisions(len(desk.messages()) - 1)
    assert (decision["status"], decision["answers_revision"]) == ("returned", 2)


def test_adopted_title_is_published_with_the_next_version(desk: Desk) -> None:
    proposal, event = published(desk)
    published(desk, "Other", "garden-room")
    desk.change(proposal, 2, "Better")
    before = len(desk.messages())
    assert desk.act(proposal, "suggestion/adopt").status_code == 200
    assert desk.client.get(f"/v1/events/{event}", headers=desk.headers).get_json()["title"] == {"es": "One"}
    assert desk.publish().status_code == 201
    assert [(key, content.get("title")) for key, content in desk.messages(before)] == [
        ("event.changed.v1", {"es": "Better"})
    ]


def test_console_settles_a_suggestion_and_refuses_one_that_has_changed(desk: Desk, suggested: str) -> None:
    path = f"/console/side-events/{suggested}/suggestion"
    seen = {"seen": str(desk.show(suggested)["revision"])}
    for wrong in ({"action": "adopt"}, {"action": "eat", **seen}):
        assert desk.client.post(path, data=wrong, headers=desk.headers).status_code == 400
    desk.change(suggested, 3, "Three", **TEXT)
    late = desk.client.post(path, data={"action": "adopt", **seen}, headers=desk.headers)
    assert (late.status_code, "A change was suggested by the proposer" in late.text) == (412, True)
    now = {"seen": str(desk.show(suggested)["revision"]), "from": "timetable"}
    done = desk.client.post(path, data={"action": "adopt", **now}, headers=desk.headers)
    assert (done.status_code, done.headers["Location"]) == (303, "/console/timetable")
    assert desk.show(suggested)["title"] == "Three"
    again = desk.client.post(path, data={"action": "dismiss", **now}, headers=desk.headers)
    assert again.status_code == 412


@pytest.mark.parametrize("verb", ["adopt", "dismiss"])
def test_others_settle_nothing(desk: Desk, suggested: str, as_role: AsRole, verb: str) -> None:
    path = f"/v1/proposals/{suggested}/suggestion/{verb}"
    assert desk.client.post(path).status_code == 401
    for role in ("viewer", "partner", "operator"):
        assert desk.client.post(path, headers=as_role(role) | {"If-Match": "*"}).status_code == 403


def test_text_that_is_not_accepted_is_changed_in_its_registration(desk: Desk) -> None:
    proposal = desk.propose("One")
    assert code(desk.patch(proposal, title="Two")) == (409, "proposal-not-accepted")
    desk.decide(proposal, "return", "Shorter, please.")
    assert code(desk.patch(proposal, title="Two")) == (409, "proposal-not-accepted")
    desk.change(proposal, 2, "Three")
    assert (desk.show(proposal)["title"], desk.show(proposal)["status"]) == ("Three", "submitted")


def test_board_holds_a_proposal_with_a_suggestion_where_it_was(desk: Desk, suggested: str) -> None:
    desk.put(suggested, "lake-hall", NOON)
    desk.change(suggested, 4, "Four", **TEXT)
    assert [one["proposal"] for one in desk.board().get_json()["placements"]] == [suggested]

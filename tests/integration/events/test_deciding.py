"""Coordinators decide on the version that they have read: a later change is shown first, then decided again."""

import html
import re
import threading
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import text

from tests.integration.events.side_events import Desk
from tests.support.locks import WAITING
from tests.support.waiting import poll_until

NEVER_READ = "What nobody has read"


@pytest.fixture
def returned(desk: Desk) -> str:
    """A proposal that was returned: its revision is 2."""
    proposal = desk.propose("One", working_group="housing")
    desk.decide(proposal, "return", "Who speaks?")
    return proposal


def send_again(desk: Desk, proposal: str) -> None:
    """The proposer changes it."""
    desk.change(proposal, 2, "One", working_group="housing", summary=NEVER_READ)


def decide_on_page(desk: Desk, proposal: str, decision: str, seen: object, note: str = "") -> Any:
    """Press a button of the console."""
    form = {"decision": decision, "seen": str(seen), "note": note}
    return desk.client.post(f"/console/side-events/{proposal}", data=form, headers=desk.headers)


def shown_revision(desk: Desk, proposal: str) -> str:
    """The revision in the form of a proposal on the console."""
    page = desk.client.get("/console/side-events", headers=desk.headers).text
    found = re.search(
        rf'action="/console/side-events/{proposal}">\s*<input type="hidden" name="seen" value="(\d+)"', page
    )
    assert found is not None
    return found[1]


def state(desk: Desk, proposal: str) -> tuple[str, int]:
    """Status and revision as they are."""
    shown = desk.client.get(f"/v1/proposals/{proposal}", headers=desk.headers).get_json()
    return shown["status"], shown["revision"]


def test_decision_of_a_program_names_the_revision_it_saw(desk: Desk, returned: str) -> None:
    path, before = f"/v1/proposals/{returned}", len(desk.messages())
    seen = desk.client.get(path, headers=desk.headers).headers["ETag"]
    blind = desk.client.post(f"{path}/accept", json={}, headers=desk.headers)
    assert (blind.status_code, blind.get_json()["code"]) == (428, "if-match-required")
    send_again(desk, returned)
    for old in (seen, '"2"', '"1"', 'W/"2"', '"03"'):
        late = desk.decide(returned, "accept", seen=old)
        assert (late.status_code, late.get_json()["code"]) == (412, "edit-conflict"), old
    assert (state(desk, returned), len(desk.messages())) == (("submitted", 3), before)
    assert desk.decide(returned, "accept", seen='W/"3"').status_code == 200, "weakened by a gateway that compresses"
    assert desk.decide(returned, "return", seen="*").status_code == 200


def hidden_fields(page: str, proposal: str) -> dict[str, str]:
    """What the form of a decision sends beside what is typed."""
    form = re.search(rf'action="/console/side-events/{proposal}">(.*?)</form>', page, re.DOTALL)
    assert form is not None
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[1]))


def test_filter_and_page_survive_a_decision(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.events.side_events.console.PAGE", 2)
    proposals = [desk.propose(f"Proposal {number}", working_group="housing") for number in range(4)]
    first = desk.client.get("/console/side-events?status=submitted", headers=desk.headers).text
    second = html.unescape(re.findall(r'href="(/console/side-events\?[^"]*cursor=[^"]*)"', first)[0])
    page = desk.client.get(second, headers=desk.headers).text
    assert [proposal in page for proposal in proposals] == [False, False, True, True]
    kept = hidden_fields(page, proposals[2])
    given = kept | {"decision": "accept", "note": ""}
    done = desk.client.post(f"/console/side-events/{proposals[2]}", data=given, headers=desk.headers)
    place = urlsplit(done.headers["Location"])
    asked = dict(parse_qsl(place.query))
    assert asked == {"status": "submitted", "cursor": kept["cursor"], "decided": proposals[2]}
    after = desk.client.get(done.headers["Location"], headers=desk.headers).text
    assert [f'id="p-{proposal}"' in after for proposal in proposals] == [False, False, False, True]
    assert "“<bdi>Proposal 2</bdi>”: Accepted." in after
    late = desk.client.post(f"/console/side-events/{proposals[2]}", data=given, headers=desk.headers)
    assert (late.status_code, hidden_fields(late.text, proposals[2])["status"]) == (412, "submitted")
    assert f'href="{second.replace("&", "&amp;")}"' in late.text


def test_decision_on_no_proposal_is_refused(desk: Desk) -> None:
    assert decide_on_page(desk, "00000000-0000-4000-8000-000000000000", "accept", 1).status_code == 404


@pytest.mark.parametrize("decided", ["x", "00000000-0000-4000-8000-000000000000", "%00", "'"])
def test_unknown_address_reveals_no_proposal(desk: Desk, decided: str) -> None:
    page = desk.client.get(f"/console/side-events?decided={decided}&status=lost", headers=desk.headers)
    assert (page.status_code, 'role="status"' in page.text) == (200, False)


def test_console_shows_what_the_proposer_changed_before_it_is_accepted(desk: Desk, returned: str) -> None:
    seen = shown_revision(desk, returned)
    send_again(desk, returned)
    before = len(desk.messages())
    late = decide_on_page(desk, returned, "accept", seen, "Welcome <aboard>.\r\nSee you.")
    assert (late.status_code, state(desk, returned), len(desk.messages())) == (412, ("submitted", 3), before)
    for part in (
        'role="alert"',
        "Nothing was decided and no mail was sent",
        "Resubmitted by the proposer",
        NEVER_READ,
        "Before: <bdi>What was promised and what was done.</bdi>",
        'name="seen" value="3"',
        ">Welcome &lt;aboard&gt;.\nSee you.</textarea>",
        "<details open>",
    ):
        assert part in late.text, part
    assert late.text.count("<article") == 1
    assert decide_on_page(desk, returned, "accept", 3).status_code == 303
    assert state(desk, returned) == ("accepted", 4)


def test_second_coordinator_sees_what_the_first_has_decided(desk: Desk) -> None:
    proposal = desk.propose("One")
    seen = shown_revision(desk, proposal)
    assert decide_on_page(desk, proposal, "decline", seen, "Not this year.").status_code == 303
    before = len(desk.messages())
    late = decide_on_page(desk, proposal, "accept", seen)
    assert (late.status_code, state(desk, proposal), len(desk.messages())) == (412, ("declined", 2), before)
    for part in ("Declined by a coordinator", "Not this year.", "No further decision is possible."):
        assert part in late.text, part


def test_change_by_another_coordinator_is_named_as_one(desk: Desk) -> None:
    proposal = desk.accepted("One")
    assert desk.patch(proposal, attendance=80).status_code == 200
    late = decide_on_page(desk, proposal, "return", 2)
    assert (late.status_code, "Changed by a coordinator" in late.text, "80 people" in late.text) == (412, True, True)


def test_state_that_never_was_is_no_permission(desk: Desk, returned: str) -> None:
    for wrong in ("", "-1", "x", "9" * 30, "٢"):
        assert decide_on_page(desk, returned, "accept", wrong).status_code == 400
    late = decide_on_page(desk, returned, "accept", 77)
    assert (late.status_code, "does not match any version of this proposal" in late.text) == (412, True)
    assert state(desk, returned) == ("returned", 2)


def test_who_waits_for_the_proposal_decides_on_what_it_was_when_it_was_read(desk: Desk) -> None:
    """The tag still matched when the request came in; what counts is the revision under the lock."""
    proposal, answers = desk.propose("One"), []
    late = threading.Thread(target=lambda: answers.append(desk.decide(proposal, "accept", seen='"1"')))
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE proposal SET summary = 'Another', revision = 2"))
        late.start()
        poll_until(lambda: _waits(desk), 5, what="the decision waits for the change")
    late.join()
    assert ([answer.status_code for answer in answers], state(desk, proposal)) == ([412], ("submitted", 2))


def decide_marked(desk: Desk, decision: str, *marked: str, **more: str) -> Any:
    """Press a button below the list of the console, about several proposals."""
    form = {"decision": decision, "marked": list(marked), **more}
    return desk.client.post("/console/side-events/marked", data=form, headers=desk.headers)


def test_marked_proposals_are_decided_as_they_were_seen(desk: Desk, returned: str) -> None:
    new, accepted = desk.propose("Another"), desk.accepted("Third")
    marked, before = (f"{new}:1", f"{returned}:2", f"{accepted}:2"), len(desk.messages())
    shown = decide_marked(desk, "accept", *marked, note="See <you>.")
    assert (shown.status_code, state(desk, new), len(desk.messages())) == (200, ("submitted", 1), before)
    assert ("2 proposals of 3" in shown.text, "See &lt;you&gt;." in shown.text) == (True, True)
    assert "Not possible: its status is “Accepted”." in shown.text
    send_again(desk, returned)
    done = decide_marked(desk, "accept", *marked, note="See <you>.", go="do")
    assert "Done for 1 of 3." in done.text
    assert "Not done: it was changed after you opened the page." in done.text
    assert [state(desk, one) for one in (new, returned, accepted)] == [
        ("accepted", 2),
        ("submitted", 3),
        ("accepted", 2),
    ]


@pytest.mark.parametrize("marked", ["x:1", "00000000-0000-4000-8000-000000000000:x", "%00", ":", "٢"])
def test_what_is_no_mark_is_refused(desk: Desk, marked: str) -> None:
    assert decide_marked(desk, "accept", marked, go="do").status_code == 400
    assert decide_marked(desk, "perhaps").status_code == 400
    gone = "00000000-0000-7000-8000-000000000000:1"
    assert decide_marked(desk, "accept", gone, go="do").status_code == 404


def _waits(desk: Desk) -> bool:
    with desk.engine.connect() as connection:
        return bool(connection.execute(text(WAITING)).scalar_one())


def test_speakers_are_listed_by_name_for_coordinators(desk: Desk) -> None:
    """On a page and as a file, which is in the audit log; what names no speaker, or was declined, is left out."""
    desk.propose("Housing", speakers="=Ada Example\nبن", working_group="housing")
    desk.propose("Nobody yet")
    desk.decide(desk.propose("Declined", speakers="Declined speaker"), "decline", "Too many.")
    page = desk.client.get("/console/speakers", headers=desk.headers).text
    shown = [word in page for word in ("Housing", "=Ada Example", "بن", "Nobody yet", "Declined speaker")]
    assert shown == [True, True, True, False, False]
    file = desk.client.get("/console/speakers.csv", headers=desk.headers)
    assert [line.split(",")[:2] for line in file.text.splitlines()][1:] == [
        ["'=Ada Example", "Housing"],
        ["بن", "Housing"],
    ]
    assert desk.client.get("/console/speakers?event=no-such-event", headers=desk.headers).status_code == 422
    with desk.engine.connect() as connection:
        actions = connection.execute(text("SELECT action, kind FROM audit_record WHERE action = 'file-taken'")).all()
    assert [tuple(action) for action in actions] == [("file-taken", "speakers")]


def test_reference_and_name_of_a_speaker_belong_together(desk: Desk) -> None:
    for title, speakers in (("One", "Ana\nBo\nCleo\nDora"), ("Two", "Dora\nCleo\nAna")):
        desk.propose(title, speakers=speakers)
    items = desk.client.get("/v1/speakers", headers=desk.headers).get_json()["items"]
    found = {(one["speaker"], one["name"]) for one in items}
    assert (len(items), sorted(name for _, name in found)) == (7, ["Ana", "Bo", "Cleo", "Dora"])

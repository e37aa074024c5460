"""A returned proposal is changed by its own link and sent again, on a real database."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.integration.events.side_events import Desk

DAY, OTHER_DAY = "2020-05-06", "2020-05-07"


@pytest.fixture
def returned(desk: Desk) -> str:
    """A proposal with every answer, which the coordinators have returned."""
    proposal = desk.propose(
        "Housing <as> a right",
        working_group="housing",
        organisation="An organisation",
        speakers="A proposer\nAnother speaker",
        preferred_days=[DAY],
        unavailable_days=[OTHER_DAY],
        language="fr",
    )
    desk.decide(proposal, "return", "Please say <who> speaks.")
    return proposal


def an_edit(seen: int = 2, **answers: Any) -> dict[str, Any]:
    """The form as a browser sends it, with the answers of ``returned``."""
    base = {
        "action": "send-again",
        "seen": str(seen),
        "lang": "en",
        "name": "A proposer",
        "email": "proposer@example.org",
        "organisation": "An organisation",
        "working_group": "housing",
        "title": "Housing <as> a right",
        "summary": "What was promised and what was done.",
        "speakers": "A proposer\r\nAnother speaker",
        "attendance": "30",
        "preferred_days": [DAY],
        "unavailable_days": [OTHER_DAY],
        "language": "fr",
        "consent": "yes",
    }
    return base | answers


def test_form_shows_what_was_answered_and_what_the_coordinators_ask(desk: Desk, returned: str) -> None:
    path = desk.link(returned)
    assert 'value="edit"' in desk.client.get(path).text
    page = desk.client.get(f"{path}?ask=edit&lang=en").text
    for answer in (
        'value="A proposer"',
        'value="proposer@example.org"',
        'value="Housing &lt;as&gt; a right"',
        "A proposer\nAnother speaker</textarea>",
        'value="30"',
        '<option value="housing" selected>',
        '<option value="fr" selected lang="fr">',
        "Please say &lt;who&gt; speaks.",
        'name="seen" value="2"',
    ):
        assert answer in page, answer
    assert page.count(" checked") == 2
    assert 'lang="fr"' in desk.client.get(f"{path}?ask=edit").text.split("<body")[0]


def test_reading_the_form_changes_nothing(desk: Desk, returned: str) -> None:
    before = _rows(desk), desk.raw()
    answer = desk.client.get(f"{desk.link(returned)}?ask=edit")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert (_rows(desk), desk.raw()) == before


def test_what_was_changed_is_stored_told_and_shown_to_coordinators(desk: Desk, returned: str) -> None:
    path, said = desk.link(returned), len(desk.said())
    edit = an_edit(
        title="A right to housing",
        attendance="45",
        speakers="A proposer\nA third",
        email="amara@other.example.org",
        preferred_days=[],
    )
    answer = desk.client.post(path, data=edit)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path}?lang=en")
    ((key, told),) = desk.said_of_proposals(said)
    assert (key, told["status"], told["revision"]) == ("proposal.submitted.v1", "submitted", 3)
    assert (told["sealed"]["address"], told["sealed"]["title"]) == ("amara@other.example.org", "A right to housing")
    assert f"/p/{told['sealed']['token']}" == path
    shown = desk.client.get(f"/v1/proposals/{returned}", headers=desk.headers).get_json()
    assert (shown["status"], shown["title"], shown["attendance"]) == ("submitted", "A right to housing", 45)
    history = desk.client.get(f"/v1/proposals/{returned}/history", headers=desk.headers).get_json()["items"]
    assert [(one["revision"], one["status"], one["changed_by"]) for one in history] == [
        (1, "submitted", ""),
        (2, "returned", "a coordinator"),
        (3, "submitted", "by link"),
    ]
    assert [(one["field"], one["before"], one["after"]) for one in history[2]["changes"]] == [
        ("title", "Housing <as> a right", "A right to housing"),
        ("attendance", 30, 45),
        ("preferred_on", [DAY], []),
        ("speakers", 2, 2),
        ("contact", None, None),
    ]
    assert "example.org" not in str(history)
    assert "It has arrived." in desk.client.get(f"{path}?lang=en").text


def test_address_that_is_another_has_another_reference(desk: Desk, returned: str) -> None:
    desk.client.post(desk.link(returned), data=an_edit(email="bo@example.org"))
    desk.propose("Another", email="bo@example.org")
    desk.decide(returned, "accept")
    refs = [told["person_ref"] for _, told in desk.said_of_proposals()]
    assert (refs[2] == refs[0], refs[2] == refs[3], refs[2] == refs[4]) == (False, True, True)


def test_same_edit_twice_is_sent_once(desk: Desk, returned: str) -> None:
    path, said = desk.link(returned), len(desk.said())
    answers = [desk.client.post(path, data=an_edit(attendance="45")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(desk.said()) == said + 1


def test_second_edit_does_not_overwrite_the_first(desk: Desk, returned: str) -> None:
    path = desk.link(returned)
    desk.client.post(path, data=an_edit(title="The first"))
    late = desk.client.post(path, data=an_edit(title="The second"))
    assert (late.status_code, "can no longer be changed" in late.text) == (409, True)
    assert _rows(desk)[0]["title"] == "The first"


def test_second_edit_that_differs_in_the_name_alone_is_another_edit(desk: Desk, returned: str) -> None:
    path = desk.link(returned)
    assert desk.client.post(path, data=an_edit(name="A proposer of E.")).status_code == 303
    said = len(desk.said())
    assert desk.client.post(path, data=an_edit(name="Somebody Else")).status_code == 409
    assert len(desk.said()) == said


def test_unchanged_proposal_is_sent_again_too(desk: Desk, returned: str) -> None:
    """Perhaps the note asked for nothing that stands in the form."""
    said = len(desk.said())
    assert desk.client.post(desk.link(returned), data=an_edit()).status_code == 303
    assert [key for key, _ in desk.said(said)] == ["proposal.submitted.v1"]
    assert "it says the same as before" in desk.client.get("/console/side-events", headers=desk.headers).text


def test_what_was_changed_stands_in_the_form_when_it_is_returned_again(desk: Desk, returned: str) -> None:
    path = desk.link(returned)
    desk.client.post(path, data=an_edit(name="A proposer of E.", speakers="A third"))
    desk.decide(returned, "return", "One more thing.")
    page = desk.client.get(f"{path}?ask=edit&lang=en").text
    for part in ('value="A proposer of E."', "A third</textarea>", 'name="seen" value="4"', "One more thing."):
        assert part in page, part
    assert desk.said_of_proposals()[-1][1]["sealed"]["name"] == "A proposer of E."


def test_edit_of_an_older_state_is_shown_again_beside_what_is_stored(desk: Desk, returned: str) -> None:
    path = desk.link(returned)
    seen = desk.client.get(f"/v1/proposals/{returned}", headers=desk.headers).headers["ETag"]
    change = {"title": "As the coordinators call it"}
    desk.client.patch(f"/v1/proposals/{returned}", json=change, headers={**desk.headers, "If-Match": seen})
    before = _rows(desk)
    late = desk.client.post(path, data=an_edit(title="As I call it"))
    assert late.status_code == 409
    assert _rows(desk) == before
    for part in ('value="As I call it"', "As the coordinators call it", 'name="seen" value="3"', 'role="alert"'):
        assert part in late.text
    assert late.text.count("An organisation") == 1  # in its field, not among what differs
    assert desk.client.post(path, data=an_edit(3, title="As I call it")).status_code == 303
    assert _rows(desk)[0]["title"] == "As I call it"


def test_faults_are_shown_at_their_fields_and_nothing_is_stored(desk: Desk, returned: str) -> None:
    path, before = desk.link(returned), (_rows(desk), desk.raw())
    wrong = desk.client.post(path, data=an_edit(title="", attendance="many"))
    assert (wrong.status_code, wrong.text.count('aria-invalid="true"')) == (422, 2)
    assert 'value="many"' in wrong.text
    without = an_edit()
    del without["consent"]
    assert desk.client.post(path, data=without).status_code == 422
    both = desk.client.post(path, data=an_edit(unavailable_days=[DAY, OTHER_DAY], lang="es"))
    assert (both.status_code, "Un día que prefiere no puede ser" in both.text) == (422, True)
    assert 'name="seen" value="2"' in both.text
    assert (_rows(desk), desk.raw()) == before


@pytest.mark.parametrize("verb", ["accept", "decline", "withdraw"])
def test_only_a_returned_proposal_is_changed(desk: Desk, returned: str, verb: str) -> None:
    path = desk.link(returned)
    desk.decide(returned, verb)
    page = desk.client.get(f"{path}?ask=edit&lang=en").text
    assert ('value="edit"' in page, "send-again" in page) == (False, False)
    refused = desk.client.post(path, data=an_edit(3))
    assert (refused.status_code, "can no longer be changed" in refused.text) == (409, True)
    assert _rows(desk)[0]["revision"] == 3


def test_link_that_opens_nothing_sends_nothing(desk: Desk, returned: str) -> None:
    answers = [desk.client.get("/p/unknown?ask=edit"), desk.client.post("/p/unknown", data=an_edit())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert _rows(desk)[0]["revision"] == 2


@pytest.mark.parametrize("seen", ["", "two", "-2", "9" * 40, "٢"])
def test_edit_that_does_not_say_what_it_changes_is_not_stored(desk: Desk, returned: str, seen: str) -> None:
    answer = desk.client.post(desk.link(returned), data=an_edit() | {"seen": seen})
    assert (answer.status_code, _rows(desk)[0]["revision"]) == (409, 2)


def test_console_says_what_is_another_without_naming_anybody(desk: Desk, returned: str) -> None:
    edit = an_edit(working_group="health", name="Somebody Else", speakers="Another speaker\nA third", preferred_days=[])
    desk.client.post(desk.link(returned), data=edit)
    page = desk.client.get("/console/side-events", headers=desk.headers).text
    assert "What has changed since it was returned" in page
    assert "Sent again" in page
    for words in ("Health", "2, other people", "another name or address", "nothing", "Before:"):
        assert words in page, words
    assert not [name for name in ("Somebody", "Cleo", "amara@") if name in page]
    desk.decide(returned, "accept")
    assert "What has changed" not in desk.client.get("/console/side-events", headers=desk.headers).text


def _rows(desk: Desk) -> list[dict[str, Any]]:
    with desk.engine.connect() as connection:
        return list(connection.execute(text("SELECT to_jsonb(proposal) FROM proposal ORDER BY id")).scalars())

"""Proposals from the idea to the decision, on a real database and through the real door."""

import re
from typing import Any

import pytest
from sqlalchemy import text

from services.events.side_pages.pages import page_texts
from shared.i18n.languages import LANGUAGES
from tests.integration.events.side_events import AsRole, Desk, an_answer


def test_proposal_is_stored_and_told_and_nobody_is_named_in_clear(desk: Desk) -> None:
    before = len(desk.said())
    proposal = desk.propose(
        "Housing as a right", working_group="housing", speakers="A proposer\nAnother speaker", language="fr"
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
        "name": "A proposer",
        "address": "proposer@example.org",
        "title": "Housing as a right",
        "note": "",
    }
    assert "amara" not in desk.raw().lower()
    assert "Housing as a right" not in desk.raw()
    with desk.engine.connect() as connection:
        row = str(connection.execute(text("SELECT to_jsonb(proposal) FROM proposal")).scalar_one())
    assert "amara" not in row.lower()
    assert "Another speaker" not in row
    listed = desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"]
    assert [(item["id"], item["speakers"], item["status"]) for item in listed] == [(proposal, 2, "submitted")]
    assert "amara" not in str(listed).lower()


def test_same_person_has_the_same_reference_however_the_address_is_cased(desk: Desk) -> None:
    desk.propose("One", email="proposer@example.org")
    desk.propose("Two", email="Proposer@Example.org")
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


def test_proposals_without_a_key_are_each_their_own(desk: Desk) -> None:
    first, second = desk.propose("One"), desk.propose("One")
    assert first != second
    assert len(desk.said_of_proposals()) == 2


def test_speaker_who_is_named_twice_is_one(desk: Desk) -> None:
    desk.propose("One", speakers="A speaker\n\n  a   SPEAKER \nAnother speaker")
    listed = desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"]
    assert listed[0]["speakers"] == 2


def test_language_is_the_answer_and_else_that_of_the_page(desk: Desk) -> None:
    desk.propose("One", lang="ar", language="fr")
    desk.propose("Two", lang="ar")
    listed = desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"]
    assert [item["language"] for item in listed] == ["fr", "ar"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_key_that_is_used_for_something_else_on_the_page_is_answered_with_the_page(desk: Desk, language: str) -> None:
    """Somebody sent the form, went back, and wrote another idea into it: it is kept, and goes with the next press."""
    accept, key = {"Accept": "text/html"}, "a-key-of-eight"
    form = an_answer("One") | {"consent": "yes", "lang": language, "idempotency_key": key}
    assert desk.client.post("/v1/proposals", data=form, headers=accept).status_code == 201
    other = form | {"title": "Another <idea>"}
    again = desk.client.post("/v1/proposals", data=other, headers=accept)
    assert (again.status_code, again.mimetype) == (422, "text/html")
    assert page_texts().text("sent-before", language) in again.text
    assert ('value="Another &lt;idea&gt;"' in again.text, key in again.text) == (True, False)
    found = re.search(r'name="idempotency_key" value="([^"]+)"', again.text)
    assert found is not None
    assert len(desk.said_of_proposals()) == 1
    taken = desk.client.post("/v1/proposals", data=other | {"idempotency_key": found[1]}, headers=accept)
    assert (taken.status_code, len(desk.said_of_proposals())) == (201, 2)


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
    assert '<bdi dir="ltr">a@example.org</bdi>' in taken.text


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

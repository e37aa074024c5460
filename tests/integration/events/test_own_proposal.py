"""A proposer's own link: what became of the proposal, and withdrawing it, on a real database."""

from typing import Any

from sqlalchemy import text

from tests.integration.events.side_events import Desk

NOON = "2020-05-06-1300"
WITHDRAW = {"action": "withdraw", "lang": "en"}


def test_page_says_what_became_of_the_proposal(desk: Desk) -> None:
    proposal = desk.propose("Housing <as> a right")
    path = desk.link(proposal)
    arrived = desk.client.get(f"{path}?lang=en").text
    assert "Housing &lt;as&gt; a right" in arrived
    assert "The coordinators will read it" in arrived
    assert "What the coordinators say" not in arrived
    desk.decide(proposal, "return", "Please say <who> speaks.")
    returned = desk.client.get(f"{path}?lang=en").text
    assert "ask you to work on it" in returned
    assert "Please say &lt;who&gt; speaks." in returned
    desk.decide(proposal, "accept")
    accepted = desk.client.get(f"{path}?lang=en").text
    assert "as soon as it has a room and a time" in accepted
    assert "What the coordinators say" not in accepted


def test_place_is_shown_once_it_is_published_with_both_zones(desk: Desk) -> None:
    proposal = desk.accepted("One")
    path = desk.link(proposal)
    desk.put(proposal, "garden-room", NOON)
    assert "Garden" not in desk.client.get(path).text
    desk.publish()
    page = desk.client.get(f"{path}?lang=es").text
    assert "miércoles, 6 de mayo de 2020" in page
    assert "13:00 a 14:00 (Ginebra)" in page
    assert "11:00 a 12:00 UTC" in page
    assert "Garden" in page
    desk.client.post(path, data=WITHDRAW)
    assert "Garden" not in desk.client.get(path).text


def test_page_is_in_the_language_of_the_proposal_unless_another_is_asked_for(desk: Desk) -> None:
    path = desk.link(desk.propose("One", language="ar"))
    browser = {"Accept-Language": "fr"}
    shown = desk.client.get(path, headers=browser).text
    assert ('lang="ar" dir="rtl"' in shown, "وصل اقتراحك" in shown) == (True, True)
    assert "Votre proposition" in desk.client.get(f"{path}?lang=fr", headers=browser).text
    assert "وصل اقتراحك" in desk.client.get(f"{path}?lang=nowhere", headers=browser).text


def test_answers_are_kept_by_no_cache_and_by_no_other_site(desk: Desk) -> None:
    path = desk.link(desk.propose("One"))
    answers = [desk.client.get(path), desk.client.get("/p/unknown"), desk.client.post(path, data=WITHDRAW)]
    assert [answer.status_code for answer in answers] == [200, 404, 303]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_link_that_opens_nothing_tells_nothing(desk: Desk) -> None:
    path = desk.link(desk.propose("One"))
    pages = [
        desk.client.get("/p/unknown"),
        desk.client.get(path[:-1]),
        desk.client.get(f"{path}x"),
        desk.client.get("/p/" + "x" * 5000),
        desk.client.post("/p/unknown", data=WITHDRAW),
    ]
    assert {page.status_code for page in pages} == {404}
    assert all("This link is not valid" in page.text for page in pages)
    assert _rows(desk)[0]["status"] == "submitted"


def test_reading_changes_nothing(desk: Desk) -> None:
    path = desk.link(desk.propose("One"))
    before = _rows(desk), desk.raw()
    for address in (path, f"{path}?ask=withdraw", f"{path}?action=withdraw"):
        assert desk.client.get(address).status_code == 200
    assert desk.client.head(path).status_code == 200
    assert desk.client.post(path, data={"action": "accept"}).status_code == 400
    assert (_rows(desk), desk.raw()) == before


def test_withdrawing_asks_first_happens_once_and_leaves_the_board(desk: Desk) -> None:
    proposal, other = desk.accepted("One"), desk.accepted("Two")
    desk.put(proposal, "lake-hall", NOON)
    desk.put(other, "garden-room", NOON)
    path = desk.link(proposal)
    assert 'value="withdraw"' in desk.client.get(path).text
    assert '<form method="post"' not in desk.client.get(path).text
    asked = desk.client.get(f"{path}?ask=withdraw&lang=en").text
    assert ("Do you really want to withdraw it?" in asked, '<form method="post"' in asked) == (True, True)
    said = len(desk.said())
    answers = [desk.client.post(path, data=WITHDRAW) for _ in range(2)]
    assert [(answer.status_code, answer.headers["Location"]) for answer in answers] == [(303, f"{path}?lang=en")] * 2
    page = desk.client.get(answers[0].headers["Location"]).text
    assert ("It is withdrawn." in page, "<form" in page) == (True, False)
    assert "<form" not in desk.client.get(f"{path}?ask=withdraw").text
    assert [one["proposal"] for one in desk.board().get_json()["placements"]] == [other]
    assert _history(desk, proposal)[2:] == [(3, "withdrawn", "by link")]
    assert len(desk.said()) == said


def test_what_the_coordinators_said_outlives_the_withdrawal(desk: Desk) -> None:
    proposal = desk.propose("One")
    desk.decide(proposal, "return", "Please shorten it.")
    desk.client.post(desk.link(proposal), data=WITHDRAW)
    assert "Please shorten it." in desk.client.get(desk.link(proposal)).text


def test_declined_proposal_is_not_withdrawn(desk: Desk) -> None:
    proposal = desk.propose("One")
    desk.decide(proposal, "decline", "Not this year.")
    path = desk.link(proposal)
    assert "<form" not in desk.client.get(f"{path}?ask=withdraw").text
    refused = desk.client.post(path, data=WITHDRAW)
    assert (refused.status_code, "can no longer be withdrawn" in refused.text) == (409, True)
    assert ("Not this year." in refused.text, refused.headers["Cache-Control"]) == (True, "no-store")
    assert _history(desk, proposal)[-1][:2] == (2, "declined")


def test_token_itself_is_not_stored_in_clear(desk: Desk) -> None:
    token = desk.link(desk.propose("One")).removeprefix("/p/")
    assert token not in str(_rows(desk))


def _rows(desk: Desk) -> list[dict[str, Any]]:
    with desk.engine.connect() as connection:
        return list(connection.execute(text("SELECT to_jsonb(proposal) FROM proposal ORDER BY id")).scalars())


def _history(desk: Desk, proposal: str) -> list[tuple[int, str, str]]:
    query = text(
        "SELECT revision, status, changed_by FROM proposal_change WHERE proposal_id = CAST(:id AS uuid) ORDER BY 1"
    )
    with desk.engine.connect() as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(query, {"id": proposal})]

"""A proposer's own link: what became of the proposal, and withdrawing it, on a real database."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import text

from shared.core.ids import new_token
from shared.core.links import CONFIRMATION, OWN, PROPOSAL, link_hash
from tests.integration.events.side_events import Desk

NOON = "2020-05-06-1300"
WITHDRAW = {"action": "withdraw", "lang": "en"}
MOMENT = timedelta(microseconds=1)


def test_page_says_what_became_of_the_proposal(desk: Desk) -> None:
    proposal = desk.propose("Housing <as> a right")
    path = desk.link(proposal)
    arrived = desk.client.get(f"{path}?lang=en").text
    assert "Housing &lt;as&gt; a right" in arrived
    assert "The coordinators will read it" in arrived
    assert "What the coordinators say" not in arrived
    desk.decide(proposal, "return", "Please say <who> speaks.")
    returned = desk.client.get(f"{path}?lang=en").text
    assert "ask you to revise it" in returned
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
    assert "miércoles 6 de mayo de 2020" in page
    assert "13:00–14:00, hora de Ginebra (CEST, UTC+2)" in page
    assert "11:00–12:00\N{NO-BREAK SPACE}UTC" in page
    assert "Garden" in page
    desk.client.post(path, data=WITHDRAW)
    assert "Garden" not in desk.client.get(path).text


def test_page_is_in_the_language_of_the_proposal_unless_another_is_asked_for(desk: Desk) -> None:
    path = desk.link(desk.propose("One", language="ar"))
    browser = {"Accept-Language": "fr"}
    shown = desk.client.get(path, headers=browser).text
    assert ('lang="ar" dir="rtl"' in shown, "وصل مقترحك" in shown) == (True, True)
    assert "Votre proposition" in desk.client.get(f"{path}?lang=fr", headers=browser).text
    assert "وصل مقترحك" in desk.client.get(f"{path}?lang=nowhere", headers=browser).text


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
    assert all("This link does not work" in page.text for page in pages)
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
    assert ("It is withdrawn." in page, 'value="withdraw"' in page) == (True, False)
    assert 'value="withdraw"' not in desk.client.get(f"{path}?ask=withdraw").text
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
    assert 'value="withdraw"' not in desk.client.get(f"{path}?ask=withdraw").text
    refused = desk.client.post(path, data=WITHDRAW)
    assert (refused.status_code, "can no longer be withdrawn" in refused.text) == (409, True)
    assert ("Not this year." in refused.text, refused.headers["Cache-Control"]) == (True, "no-store")
    assert _history(desk, proposal)[-1][:2] == (2, "declined")


def test_dump_holds_no_token_and_no_hash_of_it_without_its_purpose(desk: Desk) -> None:
    token = desk.link(desk.propose("One")).removeprefix("/p/")
    with desk.engine.connect() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        dumped = "".join(str(connection.execute(text(f"SELECT t::text FROM {table} t")).all()) for table in tables)
    assert link_hash(token, PROPOSAL).hex() in dumped, "the search finds what is there"
    disguises = (token, token.encode().hex(), sha256(token.encode()).hexdigest(), link_hash(token, OWN).hex())
    assert [disguise for disguise in disguises if disguise in dumped] == []


def test_what_is_nearly_a_token_opens_nothing(desk: Desk) -> None:
    """No flipped bit, no half of it, nothing longer; and what is no text is no fault."""
    path = desk.link(desk.propose("One"))
    token, gone = path.removeprefix("/p/"), _asked(desk, f"/p/{new_token()}")
    assert gone[0] == [404] * 3
    flipped = [token[:place] + chr(ord(token[place]) ^ 1) + token[place + 1 :] for place in (0, 9, 21, 42)]
    for near in [*flipped, token[:-1], token + "A", "x" * 5000, "%ff"]:
        assert _asked(desk, f"/p/{near}") == gone, near
    for near in ("%00", f"proposal%00{token}"):
        assert _asked(desk, f"/p/{near}")[0] == [404] * 3
    assert _rows(desk)[0]["status"] == "submitted"


def test_token_of_another_kind_of_link_opens_nothing(desk: Desk) -> None:
    """Not even if its hash, or that of the token without a purpose, should have come to stand in this table."""
    path, gone = desk.link(desk.propose("One")), _asked(desk, f"/p/{new_token()}")
    token = path.removeprefix("/p/")
    for stored in (link_hash(token, OWN), link_hash(token, CONFIRMATION), sha256(token.encode()).digest()):
        _store_hash(desk, stored)
        assert _asked(desk, path) == gone
    _store_hash(desk, link_hash(token, PROPOSAL))
    assert desk.client.get(path).status_code == 200


@pytest.mark.parametrize(("verb", "days"), [("", 365), ("return", 365), ("accept", 365), ("decline", 90)])
def test_link_ends_a_while_after_the_last_change(desk: Desk, verb: str, days: int) -> None:
    """To the moment; then it is like one that never was. Each answer makes it last anew: its mail has the link too."""
    proposal = desk.propose("One")
    path, gone = desk.link(proposal), _asked(desk, f"/p/{new_token()}")
    desk.clock.advance(timedelta(days=364))
    if verb:
        desk.decide(proposal, verb, "A note.")
        desk.clock.advance(timedelta(days=days) - MOMENT)
    else:
        desk.clock.advance(timedelta(days=1) - MOMENT)
    assert desk.client.get(path).status_code == 200
    desk.clock.advance(MOMENT)
    assert _asked(desk, path) == gone
    assert desk.client.get(f"{path}?ask=edit").status_code == 404
    assert desk.client.post(path, data={"action": "send-again"}).status_code == 404


def test_link_of_a_scheduled_proposal_lasts_until_after_its_side_event(desk: Desk) -> None:
    """Also where that has moved since."""
    proposal = desk.accepted("One")
    desk.put(proposal, "garden-room", NOON)
    desk.publish()
    path, gone = desk.link(proposal), _asked(desk, f"/p/{new_token()}")
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE event SET ends_at = ends_at + interval '30 days' WHERE kind = 'side_event'"))
    ends_at = datetime(2020, 6, 5, 12, 0, tzinfo=UTC)
    desk.clock.set(ends_at + timedelta(days=90) - MOMENT)
    assert desk.client.get(path).status_code == 200
    desk.clock.advance(MOMENT)
    assert _asked(desk, path) == gone


def _asked(desk: Desk, path: str) -> tuple[list[int], set[str]]:
    """The statuses of reading ``path`` and of pressing each button there, and the pages."""
    made = [
        desk.client.get(path),
        desk.client.post(path, data=WITHDRAW),
        desk.client.post(path, data={"action": "send-again", "lang": "en"}),
    ]
    return [answer.status_code for answer in made], {re.sub(r"/p/[^?\"]+", "", answer.text) for answer in made}


def _store_hash(desk: Desk, stored: bytes) -> None:
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE proposal SET token_hash = :hash"), {"hash": stored})


def _rows(desk: Desk) -> list[dict[str, Any]]:
    with desk.engine.connect() as connection:
        return list(connection.execute(text("SELECT to_jsonb(proposal) FROM proposal ORDER BY id")).scalars())


def _history(desk: Desk, proposal: str) -> list[tuple[int, str, str]]:
    query = text(
        "SELECT revision, status, changed_by FROM proposal_change WHERE proposal_id = CAST(:id AS uuid) ORDER BY 1"
    )
    with desk.engine.connect() as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(query, {"id": proposal})]

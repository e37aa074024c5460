"""Nobody is mailed without end because somebody writes their address into the proposal form again and again."""

import threading
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, text

from services.events.usecases.submit_proposal import MOST_RECEIPTS, MOST_WITHIN
from tests.integration.events.side_events import Desk, an_answer
from tests.integration.events.test_schedule_guards import MORNING, NOON
from tests.support.locks import WAITING
from tests.support.waiting import poll_until

MINUTE = timedelta(minutes=1)


def receipts(desk: Desk) -> list[str]:
    """The addresses to which a mail goes that a proposal has arrived."""
    return [said["sealed"]["address"] for key, said in desk.said_of_proposals() if key == "proposal.submitted.v1"]


def listed(desk: Desk) -> int:
    """How many proposals coordinators see."""
    return len(desk.client.get("/v1/proposals", headers=desk.headers).get_json()["items"])


def test_address_gets_so_many_receipts_a_day_and_coordinators_see_every_proposal(desk: Desk) -> None:
    for number in range(MOST_RECEIPTS + 3):
        desk.propose(f"Idea {number}", email="proposer@example.org" if number % 2 else "Proposer@Example.org")
    desk.propose("Another's", email="bo@example.org")
    assert len(receipts(desk)) == MOST_RECEIPTS + 1
    assert (receipts(desk)[-1], listed(desk)) == ("bo@example.org", MOST_RECEIPTS + 4)
    desk.clock.advance(MOST_WITHIN - MINUTE)
    desk.propose("Not yet")
    assert len(receipts(desk)) == MOST_RECEIPTS + 1
    desk.clock.advance(MOST_WITHIN + MINUTE)
    desk.propose("The next day")
    assert len(receipts(desk)) == MOST_RECEIPTS + 2


def test_answer_does_not_say_whether_a_mail_goes_out(desk: Desk) -> None:
    answers = [desk.client.post("/v1/proposals", json=an_answer("An idea")) for _ in range(MOST_RECEIPTS + 1)]
    assert len(receipts(desk)) == MOST_RECEIPTS
    assert len({_plain(answer) for answer in answers}) == 1
    form = an_answer("An idea") | {"consent": "yes", "lang": "fr"}
    pages = [
        desk.client.post("/v1/proposals", data=form | {"email": email}, headers={"Accept": "text/html"})
        for email in ("proposer@example.org", "proposex@example.org")  # as long: the page repeats the address
    ]
    assert len(receipts(desk)) == MOST_RECEIPTS + 1
    assert len({repr(_plain(page)).replace("proposex", "proposer") for page in pages}) == 1


def test_two_at_once_do_not_share_the_last_receipt(desk: Desk) -> None:
    """Both have counted before either is stored, unless one of them waits for the other."""
    for number in range(MOST_RECEIPTS - 1):
        desk.propose(f"Idea {number}")
    threads = [threading.Thread(target=desk.propose, args=(f"At once {number}",)) for number in range(2)]
    with desk.engine.begin() as connection:
        connection.execute(text("LOCK TABLE proposal_change IN EXCLUSIVE MODE"))
        for thread in threads:
            thread.start()
        poll_until(lambda: _waiting(desk.engine) == len(threads), 5, what="both wait")
    for thread in threads:
        thread.join()
    assert (len(receipts(desk)), listed(desk)) == (MOST_RECEIPTS, MOST_RECEIPTS + 1)


def test_everything_that_is_decided_on_an_unacknowledged_proposal_is_mailed(desk: Desk) -> None:
    """The decision, its place, and another place a moment later: coordinators did them, and each by hand."""
    for number in range(MOST_RECEIPTS):
        desk.propose(f"Idea {number}")
    before = len(desk.said())
    proposal = desk.propose("One more")
    assert desk.said(before) == []
    desk.decide(proposal, "return", "Who speaks?")
    desk.decide(proposal, "accept")
    for slot in (NOON, MORNING):
        desk.put(proposal, "lake-hall", slot)
        assert desk.publish().status_code == 201
    told = [(key, said["moved"], said["sealed"]["address"]) for key, said in desk.said_of_proposals(before)]
    assert told == [
        ("proposal.returned.v1", False, "proposer@example.org"),
        ("proposal.accepted.v1", False, "proposer@example.org"),
        ("proposal.scheduled.v1", False, "proposer@example.org"),
        ("proposal.scheduled.v1", True, "proposer@example.org"),
    ]


def _plain(answer: Any) -> tuple[Any, ...]:
    """Status, names of headers and body, without what is another each time: ids, nonces, the time."""
    body = answer.text
    if answer.is_json:
        body = body.replace(answer.get_json()["id"], "the id")
    policy = answer.headers.get("Content-Security-Policy", "")
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    return answer.status_code, tuple(answer.headers.keys()), body.replace(nonce, "a nonce") if nonce else body


def _waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(WAITING)).scalar_one())

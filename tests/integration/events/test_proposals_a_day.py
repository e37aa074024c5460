"""An address may send so many proposals a day; who sends more is answered alike, and nothing of it is kept."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from services.events.store.proposal_arrivals import KEEP_RECEIPTS
from services.events.usecases.submit_proposal import MOST_A_DAY, MOST_WITHIN
from shared.store.unit_of_work import UnitOfWork
from tests.integration.events.proposal_proofs import forget_old
from tests.integration.events.side_events import Desk, an_answer
from tests.integration.events.test_proposal_receipts import listed
from tests.integration.registration.test_erasing import everything_in
from tests.support.locks import WAITING
from tests.support.waiting import poll_until

SECOND = timedelta(seconds=1)


def fill(desk: Desk, count: int = MOST_A_DAY) -> None:
    """So many of one address today."""
    for number in range(count):
        desk.propose(f"Idea {number}", email="proposer@example.org" if number % 2 else "Proposer@Example.org")


def one(desk: Desk, question: str) -> Any:
    """One value from the database."""
    with desk.engine.connect() as connection:
        return connection.execute(text(question)).scalar_one()


def test_so_many_of_an_address_are_taken_in_a_day(desk: Desk) -> None:
    fill(desk)
    desk.propose("One too many")
    desk.propose("Another's", email="bo@example.org")
    assert listed(desk) == MOST_A_DAY + 1
    desk.clock.advance(MOST_WITHIN - SECOND)
    desk.propose("Not yet")
    assert listed(desk) == MOST_A_DAY + 1
    desk.clock.advance(SECOND)
    desk.propose("The next day")
    assert listed(desk) == MOST_A_DAY + 2


def test_answer_does_not_say_whether_it_was_taken(desk: Desk) -> None:
    """As JSON and as a page; and the one that was not taken has a number like any other."""
    fill(desk)
    answers = [desk.client.post("/v1/proposals", json=an_answer("Idea", email=email)) for email in _two()]
    assert [answer.status_code for answer in answers] == [201, 201]
    taken, not_taken = (answer.get_json() for answer in answers)
    assert taken | {"id": ""} == not_taken | {"id": ""}
    assert taken["id"][:8] == not_taken["id"][:8]
    assert list(answers[0].headers.keys()) == list(answers[1].headers.keys())
    form = an_answer("Another") | {"consent": "yes", "lang": "fr"}
    headers = {"Accept": "text/html"}
    pages = [desk.client.post("/v1/proposals", data=form | {"email": email}, headers=headers) for email in _two()]
    assert [page.status_code for page in pages] == [201, 201]
    assert len({page.text.replace(email, "") for page, email in zip(pages, _two(), strict=True)}) == 1
    assert listed(desk) == MOST_A_DAY + 2


def test_nothing_is_kept_of_one_that_is_not_taken(desk: Desk) -> None:
    """Neither in the clear nor encrypted: no row but the receipt of its idempotency key, and no message."""
    fill(desk)
    before = _counts(desk)
    canary = an_answer("zqcanary title", summary="zqcanary", organisation="zqcanary", speakers="zqcanary")
    headers = {"Idempotency-Key": "a-key-of-the-client"}
    assert desk.client.post("/v1/proposals", json=canary, headers=headers).status_code == 201
    assert _counts(desk) == before | {"proposal_receipt": 1}
    assert "zqcanary" not in everything_in(desk.engine.url.render_as_string(hide_password=False))


def test_repetition_of_one_that_was_not_taken_is_answered_as_at_first(desk: Desk) -> None:
    fill(desk)
    key = {"Idempotency-Key": "a-key-of-the-client"}
    first = desk.client.post("/v1/proposals", json=an_answer("An idea"), headers=key)
    desk.clock.advance(MOST_WITHIN)
    again = desk.client.post("/v1/proposals", json=an_answer("An idea"), headers=key)
    assert (again.status_code, again.data) == (201, first.data)
    other = desk.client.post("/v1/proposals", json=an_answer("Another"), headers=key)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency-mismatch")
    assert listed(desk) == MOST_A_DAY


def test_receipts_stay_as_long_as_keys_are_repeated(desk: Desk, relay: UnitOfWork) -> None:
    """Of what was taken and of what was not; afterwards a key is a new one."""
    fill(desk, MOST_A_DAY - 1)
    keys = [{"Idempotency-Key": f"key-of-a-client-{number}"} for number in range(2)]
    first = [desk.client.post("/v1/proposals", json=an_answer("An idea"), headers=key).data for key in keys]
    desk.clock.advance(KEEP_RECEIPTS)
    forget_old(desk, relay)
    again = [desk.client.post("/v1/proposals", json=an_answer("An idea"), headers=key).data for key in keys]
    assert (again, listed(desk)) == (first, MOST_A_DAY)
    desk.clock.advance(SECOND)
    forget_old(desk, relay)
    assert one(desk, "SELECT count(*) FROM proposal_receipt") == 0
    later = [desk.client.post("/v1/proposals", json=an_answer("An idea"), headers=key).data for key in keys]
    assert (set(later) & set(first), listed(desk)) == (set(), MOST_A_DAY + 2)


def test_repetition_of_an_erased_one_is_answered_as_at_first(desk: Desk) -> None:
    """A browser that sends the form again does not propose anew what somebody had erased."""
    key = {"Idempotency-Key": "a-key-of-the-client"}
    first = desk.client.post("/v1/proposals", json=an_answer("An idea"), headers=key)
    desk.client.post(desk.link(first.get_json()["id"]), data={"action": "erase"})
    again = desk.client.post("/v1/proposals", json=an_answer("An idea"), headers=key)
    assert (again.status_code, again.data, listed(desk)) == (201, first.data, 0)


@pytest.mark.parametrize("before", [0, MOST_A_DAY])
def test_one_key_at_once_has_one_answer(desk: Desk, before: int) -> None:
    """Half of the clients send one address and half another: the half that is first is answered, the others refused."""
    fill(desk, before)
    key, count = {"Idempotency-Key": "a-key-of-the-client"}, 16
    clients = [desk.client.application.test_client() for _ in range(count)]

    def send(number: int) -> tuple[int, str]:
        content = an_answer("An idea", email="proposer@example.org" if number % 2 else "bo@example.org")
        answer = clients[number].post("/v1/proposals", json=content, headers=key)
        return answer.status_code, answer.get_json().get("id", "")

    with ThreadPoolExecutor(count) as at_once:
        given = Counter(at_once.map(send, range(count)))
    assert sorted((status, number) for (status, _), number in given.items()) == [(201, count // 2), (422, count // 2)]
    assert one(desk, "SELECT count(*) FROM proposal_receipt") == 1
    assert listed(desk) <= before + 1


def test_two_at_once_do_not_share_the_last_place(desk: Desk) -> None:
    """Both have counted before either is stored, unless one of them waits for the other."""
    fill(desk, MOST_A_DAY - 1)
    threads = [threading.Thread(target=desk.propose, args=(f"At once {number}",)) for number in range(2)]
    with desk.engine.begin() as connection:
        connection.execute(text("LOCK TABLE proposal_change IN EXCLUSIVE MODE"))
        for thread in threads:
            thread.start()
        poll_until(lambda: _waiting(desk.engine) == len(threads), 5, what="both wait")
    for thread in threads:
        thread.join()
    assert listed(desk) == MOST_A_DAY


def _two() -> tuple[str, str]:
    return "bo@example.org", "proposer@example.org"


def _counts(desk: Desk) -> dict[str, int]:
    tables = ("proposal", "proposal_change", "outbox", "proposal_receipt")
    return {table: one(desk, f"SELECT count(*) FROM {table}") for table in tables}


def _waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(WAITING)).scalar_one())

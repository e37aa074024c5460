"""An address may send so many proposals a day; who sends more is answered alike, and nothing of it is kept."""

import re
import threading
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, text

from services.events.store.proposal_arrivals import KEEP_SHADOWS
from services.events.usecases.submit_proposal import MOST_A_DAY, MOST_RECEIPTS, MOST_WITHIN
from services.events.wiring import describe
from shared.store.unit_of_work import UnitOfWork
from shared.web.in_steps import STEP_S
from tests.integration.events.side_events import Desk, an_answer
from tests.integration.events.test_proposal_receipts import listed
from tests.support.held import held_s
from tests.support.locks import WAITING
from tests.support.waiting import poll_until

SECOND = timedelta(seconds=1)
SHADOWED = ("proposal", "proposal_change")


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


def test_every_answer_leaves_at_the_end_of_a_step(desk: Desk) -> None:
    """Whether it was taken or not, as JSON and as a page, and to a trapped program."""
    fill(desk)
    sent = [{"json": an_answer("Idea", email=email)} for email in _two()]
    sent += [{"data": an_answer("Idea", email=email), "headers": {"Accept": "text/html"}} for email in _two()]
    for content in (*sent, {"json": an_answer("Idea", website="https://example.org")}):
        with desk.client:
            assert desk.client.post("/v1/proposals", **content).status_code == 201
            assert held_s() >= STEP_S


def test_as_much_is_written_for_one_that_is_not_taken(desk: Desk) -> None:
    """A row for a row, in tables of the same shape, with noise in place of the person and of what they say."""
    content: dict[str, Any] = {"organisation": "A group", "speakers": "Ada Lovelace\nBo Chen"}
    desk.propose("An idea of ours", **content)
    fill(desk, MOST_A_DAY - 1)
    desk.propose("An idea of ours", **content)
    with desk.engine.connect() as connection:
        ours = connection.execute(text("SELECT * FROM proposal ORDER BY id LIMIT 1")).one()._mapping
        (shadow,) = connection.execute(text("SELECT * FROM shadow_proposal")).mappings()
        for column in ("title", "summary", "organisation", "contact", "speakers"):
            assert shadow[column] != ours[column]
            assert len(shadow[column]) == len(ours[column])
        assert (
            len({bytes(ours[name]) for name in ("person_ref", "token_hash")} & set(map(_bytes, shadow.values()))) == 0
        )
        for table in SHADOWED:
            assert _shape(connection, table) == _shape(connection, f"shadow_{table}")
    assert one(desk, "SELECT count(*) FROM shadow_proposal_change") == 1
    assert one(desk, "SELECT count(*) FROM shadow_outbox") == MOST_A_DAY + 1 - MOST_RECEIPTS


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


def test_shadows_stay_as_long_as_keys_are_repeated(desk: Desk) -> None:
    fill(desk)
    desk.propose("One too many")
    forget = describe().forget
    assert forget is not None
    for later, left in ((KEEP_SHADOWS, 1), (SECOND, 0)):
        desk.clock.advance(later)
        forget(UnitOfWork(desk.engine, "events"), desk.clock())
        assert one(desk, "SELECT count(*) FROM shadow_proposal") == left
    assert one(desk, "SELECT count(*) FROM shadow_proposal_change") == 0


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


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else b""


def _shape(connection: Any, table: str) -> tuple[list[Any], list[Any]]:
    columns = text(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = :table ORDER BY ordinal_position"
    )
    indexes = text("SELECT indexdef FROM pg_indexes WHERE tablename = :table")
    found = connection.execute(columns, {"table": table}).all()
    named = [
        re.sub(r"INDEX \S+ ON \S+", "INDEX", one) for one in connection.execute(indexes, {"table": table}).scalars()
    ]
    return [tuple(row) for row in found], sorted(named)


def _waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(WAITING)).scalar_one())

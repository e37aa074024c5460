"""One idempotency key, many at once, through the whole system: one registration, one message, one mail."""

import http.client
from urllib.parse import urlsplit

import pytest

from tests.support.clients import REGISTRATIONS, Answer, answers, post, together
from tests.support.stack import Stack, assert_reconciled, settle

THREADS = 50
ROUNDS, ROUNDS_IN_FULL = 25, 100


@pytest.mark.timeout(200)
def test_one_key_from_fifty_threads(embedded_stack: Stack, chaos_full: bool) -> None:
    """Each round makes one row and one mail, and gets fifty equal answers."""
    rounds = ROUNDS_IN_FULL if chaos_full else ROUNDS
    embedded_stack.start()
    assert embedded_stack.web is not None
    place = urlsplit(embedded_stack.web.url)
    connections = [http.client.HTTPConnection(str(place.hostname), place.port, timeout=30) for _ in range(THREADS)]
    ids = []
    for turn in range(rounds):
        headers = {"Idempotency-Key": f"key-of-round-{turn:04}"}

        def send(number: int, turn: int = turn, headers: dict[str, str] = headers) -> Answer:
            return post(connections[number], REGISTRATIONS, answers(turn), headers)

        given = together(THREADS, send)
        assert {answer.status for answer in given} == {201}
        (identity,) = {answer.body["id"] for answer in given}
        ids.append(identity)
    for connection in connections:
        connection.close()
    settle(embedded_stack, rounds)
    assert_reconciled(embedded_stack, ids)
    assert embedded_stack.sql("registration", "SELECT count(*) FROM outbox") == [(rounds,)]
    assert sum(embedded_stack.copies().values()) == rounds

"""Many concurrent requests with one idempotency key: one submission, one candidate, one mail."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from tests.support.clients import SUBMISSIONS, Answer, answers, post, together
from tests.support.journal import Journal
from tests.support.participants import Participant, SinkLinks
from tests.support.stack import Stack, assert_reconciled, settle
from tests.support.waiting import poll_until

THREADS = 50
ROUNDS = 100
TOLD = "SELECT type, count(*)::int FROM outbox GROUP BY type ORDER BY type"


@pytest.mark.timeout(200)
def test_one_key_from_fifty_threads(embedded_stack: Stack) -> None:
    """Each round makes one submission and one confirmation mail, and gets fifty equal answers."""
    embedded_stack.start()
    assert embedded_stack.web is not None
    place = urlsplit(embedded_stack.web.url)
    connections = [http.client.HTTPConnection(str(place.hostname), place.port, timeout=30) for _ in range(THREADS)]
    receipts = []
    for turn in range(ROUNDS):
        headers = {"Idempotency-Key": f"key-of-round-{turn:04}"}

        def send(number: int, turn: int = turn, headers: dict[str, str] = headers) -> Answer:
            return post(connections[number], SUBMISSIONS, answers(turn), headers)

        given = together(THREADS, send)
        assert {answer.status for answer in given} == {202}
        assert len({json.dumps(answer.body) for answer in given}) == 1
        receipts.append(Journal.receipt_of(given[0]))
    for connection in connections:
        connection.close()
    links = SinkLinks(embedded_stack.mail_folder)
    for turn in range(ROUNDS):
        participant = Participant(embedded_stack.web.url, links, turn)
        poll_until(participant.confirm, 30, what="the mail has come and nothing waits behind its link")
        participant.line.close()
    settle(embedded_stack, ROUNDS)
    assert_reconciled(embedded_stack, receipts)
    assert embedded_stack.sql("registration", TOLD) == [
        ("org.troika.confirmation.wanted.v1", ROUNDS),
        ("org.troika.registration.confirmed.v1", ROUNDS),
    ]
    assert sum(embedded_stack.copies().values()) == 2 * ROUNDS

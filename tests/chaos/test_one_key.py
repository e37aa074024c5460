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
REPETITIONS = 100
MESSAGES_BY_TYPE = "SELECT type, count(*)::int FROM outbox GROUP BY type ORDER BY type"


@pytest.mark.timeout(600)
def test_one_key_from_fifty_threads(embedded_stack: Stack) -> None:
    """Each repetition makes one submission and one confirmation mail, and gets fifty equal answers."""
    embedded_stack.start()
    assert embedded_stack.web is not None
    place = urlsplit(embedded_stack.web.url)
    connections = [http.client.HTTPConnection(str(place.hostname), place.port, timeout=30) for _ in range(THREADS)]
    receipts = []
    for number_of_run in range(REPETITIONS):
        headers = {"Idempotency-Key": f"key-of-repetition-{number_of_run:04}"}

        def send(number: int, number_of_run: int = number_of_run, headers: dict[str, str] = headers) -> Answer:
            return post(connections[number], SUBMISSIONS, answers(number_of_run), headers)

        given = together(THREADS, send)
        assert {answer.status for answer in given} == {202}
        assert len({json.dumps(answer.body) for answer in given}) == 1
        receipts.append(Journal.receipt_of(given[0]))
    for connection in connections:
        connection.close()
    links = SinkLinks(embedded_stack.mail_folder)
    for number_of_run in range(REPETITIONS):
        participant = Participant(embedded_stack.web.url, links, number_of_run)
        poll_until(participant.confirm, 30, what="the mail has come and nothing waits behind its link")
        participant.line.close()
    settle(embedded_stack, REPETITIONS)
    assert_reconciled(embedded_stack, receipts)
    assert embedded_stack.sql("registration", MESSAGES_BY_TYPE) == [
        ("org.troika.confirmation.wanted.v1", REPETITIONS),
        ("org.troika.registration.confirmed.v1", REPETITIONS),
    ]
    assert sum(embedded_stack.copies().values()) == 2 * REPETITIONS

"""Database and decider are killed alternately while people submit: each 202 is decided in the end, once."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from services.registration.intake.service import receipt_hash
from tests.support.clients import SUBMISSIONS, answers, rows
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup, Program
from tests.support.waiting import allowed_s, poll_until
from tests.support.web import load_webinar, start_web

PEOPLE, CLIENTS = 60, 6
KILLED_AFTER = (15, 30, 45)
"""How many are accepted when someone is killed; those with higher numbers come only then."""

GIVE_UP_S = 120.0


def start_decider(processes: ProcessGroup, installation: TestInstallation, name: str) -> Program:
    """A decider as a deployment starts it."""
    environment = installation.environment("registration", "decide")
    return processes.start(name, "services.registration decide", env=environment)


def test_nothing_that_was_answered_202_is_lost(
    own_postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> None:
    """Clients repeat with their keys until they are answered; in the end each has one candidate and one mail."""
    installation = make_installation(own_postgres, tmp_path)
    load_webinar(installation, capacity=None)
    decider = start_decider(processes, installation, "decide-0")
    web = start_web(processes, installation, workers=1)
    receipts: dict[int, str] = {}
    refused = itertools.count()
    killed = [threading.Event() for _ in KILLED_AFTER]
    deadline = time.monotonic() + allowed_s(GIVE_UP_S)

    def submit(number: int) -> None:
        headers = {"Idempotency-Key": f"key-of-person-{number}"}
        content = answers(number, email=f"person-{number}@domain-{number}.example")
        for event in killed[: sum(number >= accepted for accepted in KILLED_AFTER)]:
            event.wait(allowed_s(GIVE_UP_S))
        while number not in receipts:
            assert time.monotonic() < deadline, "no one is answered"
            try:
                answer = requests.post(web.url + SUBMISSIONS, json=content, headers=headers, timeout=10)
            except requests.RequestException:
                next(refused)
                continue
            if answer.status_code == 202:
                receipts[number] = str(answer.json()["receipt"])
            else:
                assert answer.status_code == 503, answer.text
                next(refused)
                time.sleep(0.2)

    with ThreadPoolExecutor(CLIENTS) as pool:
        people = [pool.submit(submit, number) for number in range(PEOPLE)]
        for kill_number, accepted in enumerate(KILLED_AFTER):
            poll_until(lambda accepted=accepted: len(receipts) >= accepted, 60, what="people are accepted")  # type: ignore[misc]
            decider.kill()
            if kill_number % 2 == 0:
                own_postgres.kill()
            killed[kill_number].set()
            if kill_number % 2 == 0:
                own_postgres.restart()
            decider = start_decider(processes, installation, f"decide-{kill_number + 1}")
        for one in people:
            one.result(allowed_s(GIVE_UP_S))
    url = installation.urls["registration"]
    undecided = "SELECT count(*) FROM submission WHERE state <> 'decided'"
    poll_until(lambda: rows(url, undecided) == [(0,)], 60, what="everything is decided")
    assert next(refused) > 0, "someone met an outage"
    stored = {bytes(hash_) for (hash_,) in rows(url, "SELECT receipt_hash FROM submission")}
    assert stored == {receipt_hash(receipt) for receipt in receipts.values()}
    assert rows(url, "SELECT count(*), count(DISTINCT address_ref) FROM candidate") == [(PEOPLE, PEOPLE)]
    mails = "SELECT count(*) FROM outbox WHERE type = 'org.troika.confirmation.wanted.v1'"
    poll_until(lambda: rows(url, mails) == [(PEOPLE,)], 30, what="each address gets its mail")

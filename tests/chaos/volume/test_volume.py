"""Many people and a fault every few seconds; at the end everything must add up, on both buses.

`make chaos` sends six thousand people through each, `make chaos-long` as many as PEOPLE; both add a line to the
history.
"""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.runtime.clock import system_clock
from tests.chaos.points.table import BUSES, Bus
from tests.chaos.volume.ledger import Entry, commit, keep, summary
from tests.chaos.volume.retrying_clients import RetryingClients
from tests.chaos.volume.storm import Storm
from tests.support.journal import Journal, Record
from tests.support.proof import Proof
from tests.support.stack import Stack, assert_audited

PEOPLE = 6_000
"""They take ten minutes. Of more than 40,000 some would wait: no more confirmation mails go in an hour."""
MAX_WAITING, WAITING_SHARE = 2_000, 5
"""So many may be accepted and not have their confirmation yet, and at most one in five: beyond that newcomers wait, so
that trouble comes while people do."""
POLL_EVERY_S = 0.5
TICK_S = 0.05
REST_WITHIN_S = 300.0
STILL_S = 60.0
"""When no mail has gone for so long, no more will."""

_SENT = "SELECT count(*) FROM mail WHERE kind = 'confirmation' AND state = 'sent'"

_UNKNOWN = "SELECT coalesce(sum(unknowns), 0)::int FROM mail"


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("storm", "bus"), [(bus, bus) for bus in BUSES], indirect=["storm"], ids=BUSES)
def test_many_people_and_constant_trouble(
    storm: Storm, bus: Bus, people: int | None, chaos_seed: int, tmp_path: Path, ledger: Path | None
) -> None:
    began_s, stack = time.monotonic(), storm.rig.stack
    assert stack.web is not None
    journal = Journal(tmp_path / "asked")
    clients = RetryingClients(stack.web.url, people or PEOPLE, chaos_seed, journal, stack.mail_folder)
    _weather(storm, clients)
    record, proof = clients.journal.read(), Proof(stack)
    receipts = record.receipts
    try:
        found = _come_to_rest(storm, proof, receipts) | proof.findings(receipts) | _unanswered(clients, record)
        entry = _entry(storm, bus, chaos_seed, record, proof, found, time.monotonic() - began_s)
    finally:
        proof.close()
    print(f"\n{bus}: {entry}")
    if ledger is not None:  # with any findings: a sum over runs is worth nothing if only good ones are in it
        keep(ledger, entry)
        print(f"all in {ledger}: {summary(ledger)}")
    assert found == {}
    assert_audited(stack, receipts)
    assert storm.happened["point"] > 0
    assert set(storm.happened) >= set(storm.shares)


def _come_to_rest(storm: Storm, proof: Proof, receipts: Sequence[str]) -> dict[str, list[str]]:
    """Wait, with few polls at first, until nothing is left to do; a finding if that does not come."""
    sent, moved_s = -1, time.monotonic()
    while sent < len(receipts) and time.monotonic() - moved_s < STILL_S:
        storm.rig.keep_up()
        found = int(str(storm.rig.stack.sql("notifications", _SENT)[0][0]))
        if found != sent:
            sent, moved_s = found, time.monotonic()
        time.sleep(POLL_EVERY_S)  # between two polls, as long as mails are sent
    try:
        proof.wait_for_rest(receipts, REST_WITHIN_S, storm.rig.keep_up)
    except AssertionError as error:
        return {"comes to rest": [str(error)]}
    return {}


def _unanswered(clients: RetryingClients, record: Record) -> dict[str, list[str]]:
    """People who were never answered 202 or could not confirm, and keys that were answered with several receipts."""
    wrong = {
        "everyone is answered": sorted({*map(str, clients.lost), *record.without_end}),
        "one answer a key": sorted(record.contradictions),
    }
    return {check: which for check, which in wrong.items() if which}


def _weather(storm: Storm, clients: RetryingClients) -> None:
    """Until everyone has come: faults, a supervisor, and admission of as many people as the system can serve."""
    waits = _Waiting(storm.rig.stack, clients)
    clients.may_come = waits.few
    arrivals = clients.come()
    while not all(arrival.done() for arrival in arrivals):
        storm.run_once()
        storm.rig.keep_up()
        waits.refresh()
        time.sleep(TICK_S)  # between two ticks; the clients' timeouts end this, or that no mail is sent
    storm.end()
    _raise_what_went_wrong(arrivals)


def _raise_what_went_wrong(arrivals: "list[Future[None]]") -> None:
    for arrival in arrivals:
        arrival.result()


class _Waiting:
    """How many wait for their mail; read now and then, and not while the database is down."""

    def __init__(self, stack: Stack, clients: RetryingClients) -> None:
        self._stack, self._clients = stack, clients
        self._sent, self._checked_at_s = 0, 0.0
        self._moved_s = time.monotonic()

    def few(self) -> bool:
        """Whether another one may come."""
        most = min(MAX_WAITING, self._clients.people // WAITING_SHARE)
        return self._clients.accepted - self._sent < most

    def refresh(self) -> None:
        """Read the number again if it is time; ``AssertionError`` when nothing moves although newcomers wait."""
        if time.monotonic() - self._checked_at_s < POLL_EVERY_S:
            return
        try:
            sent = int(str(self._stack.sql("notifications", _SENT)[0][0]))
        except psycopg.OperationalError:
            return  # killed shortly before: the next tick reads again
        self._checked_at_s = time.monotonic()
        if sent != self._sent or self.few():
            self._sent, self._moved_s = sent, time.monotonic()
        assert time.monotonic() - self._moved_s < REST_WITHIN_S, f"no mail goes out any more: {sent} sent"


def _entry(
    storm: Storm, bus: Bus, seed: int, record: Record, proof: Proof, found: dict[str, list[str]], seconds: float
) -> Entry:
    doubling = {"effect once", "mail once", "one Message-ID", "answered once", "stored is answered", "one answer a key"}
    copies, rows = proof.copies(), storm.rig.stack.sql("notifications", _UNKNOWN)
    answered: Counter[Any] = Counter(record.refused) + Counter({0: len(record.unanswered)})
    return Entry(
        at=system_clock().isoformat(timespec="seconds"),
        commit=commit(),
        bus=bus,
        seed=seed,
        registrations=len(record.receipts),
        tries=len(record.tries),
        otherwise={str(status): times for status, times in sorted(answered.items())},
        lost=sum(len(wrong) for check, wrong in found.items() if check not in doubling),
        doubled=sum(len(wrong) for check, wrong in found.items() if check in doubling),
        unknown=int(str(rows[0][0])),
        twice=sum(times - 1 for times in copies.values()),
        faults=dict(storm.happened),
        seconds=round(seconds),
        left=len(proof.left()),
    )

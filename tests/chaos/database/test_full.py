"""The database's disk or connection pool is full: submissions are refused with a time to try again."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import psycopg
import pytest

from shared.runtime.deployment import AdmissionLimits
from tests.support.clients import WEBINAR, all_at_once, answers, rows
from tests.support.installation import TestInstallation
from tests.support.journal import Journal
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.run_folder import RunFolder
from tests.support.small_disk import SmallDisk
from tests.support.waiting import allowed_s, poll_until
from tests.support.web import load_webinar, start_web

DISK_BYTES = 400 * 1024 * 1024
GROUP, MAX_PEOPLE = 50, 4000
FORM_PAGE = f"/v1/forms/{WEBINAR}"
LINK = "/r/" + "a" * 43
"""A link of no registration: to know that, the table of registrations is read."""

BUTTON, ADDRESS = f"{LINK}/address", {"email": "person@example.org"}
"""A button behind it, with its form. Buttons are not limited to fewer than there are connections; pages are."""

REPETITIONS = 5
SUBMISSIONS = 12
"""Without connections of the intake, some of them wait for the pool a second time, and are late or refused; not all."""
REGISTERED_WITHIN_S, ANSWERED_WITHIN_S = 1.0, 3.0


@dataclass(frozen=True, slots=True)
class Got:
    """What came back, and after how many seconds."""

    status: int
    headers: dict[str, str]
    after_s: float


def get(url: str, path: str, key: str = "") -> Got:
    """One GET on a new connection."""
    return _asked(url, path, {"Authorization": f"Bearer {key}"} if key else {})


def press(url: str, path: str, form: dict[str, str]) -> Got:
    """One POST of a filled form on a new connection."""
    return _asked(url, path, {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(form))


def _asked(url: str, path: str, headers: dict[str, str], body: str | None = None) -> Got:
    place, began_at = urlsplit(url), time.monotonic()
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=20)
    connection.request("GET" if body is None else "POST", path, body, headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return Got(response.status, dict(response.getheaders()), time.monotonic() - began_at)


def submissions(first: int, count: int) -> list[tuple[dict[str, object], dict[str, str]]]:
    """Of so many people, with their keys."""
    people = range(first, first + count)
    return [(answers(n), {"Idempotency-Key": f"person-number-{n:06}"}) for n in people]


def on_small_disk(run: RunFolder, server: PostgresServer) -> SmallDisk:
    """Move a server with its data to a disk that is soon full."""
    server.stop()
    disk = SmallDisk(run, server.data_folder, DISK_BYTES)
    disk.copy_in(server.data_folder)
    server.inside = disk.words
    server.start()
    return disk


def register_until_refused(url: str, first: int) -> tuple[list[str], int]:
    """Groups of people until one is refused as a whole: receipts of the accepted, and number of its first one."""
    accepted: list[str] = []
    while first < MAX_PEOPLE:
        given = all_at_once(url, submissions(first, GROUP), 8)
        assert {answer.status for answer in given} <= {202, 503}
        refused = [answer for answer in given if answer.status == 503]
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
        accepted += [Journal.receipt_of(answer) for answer in given if answer.status == 202]
        if len(refused) == GROUP:
            return accepted, first
        first += GROUP
    raise AssertionError(f"the disk was not full after {MAX_PEOPLE} people")


@pytest.mark.timeout(200)
@pytest.mark.parametrize("log_has_room", [True, False], ids=["tables", "log-too"])
def test_full_disk_refuses_and_loses_nothing(
    run_folder: RunFolder,
    own_postgres: PostgresServer,
    own_installation: TestInstallation,
    processes: ProcessGroup,
    log_has_room: bool,
) -> None:
    """503 and never 202 while there is no room; reads continue; with room again the same people are accepted."""
    load_webinar(own_installation, capacity=None)
    disk = on_small_disk(run_folder, own_postgres)
    url = start_web(processes, own_installation, workers=1).url
    accepted = [Journal.receipt_of(answer) for answer in all_at_once(url, submissions(0, GROUP), 8)]
    with own_postgres.connect() as connection:
        if log_has_room:  # a fresh segment of the log, which is there before the disk is full
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")
        else:
            connection.execute("SELECT pg_switch_wal()")
    disk.fill()
    more, first = register_until_refused(url, GROUP)
    if log_has_room:
        assert get(url, FORM_PAGE).status == 200
    disk.make_room()
    own_postgres.start()  # which does nothing where it runs: a server whose log had no room has ended
    again = poll_until(lambda: accepted_again(url, first), 30, what="the same people are accepted")
    accepted += [*more, *again]
    stored = rows(own_installation.urls["registration"], "SELECT encode(receipt_hash, 'hex') FROM submission")
    assert sorted(accepted) == sorted(row[0] for row in stored)
    print(f"\nfull disk: {len(accepted)} accepted and stored, 0 lost; {GROUP} refused in a row while it was full")
    own_postgres.stop()
    disk.remove()


def accepted_again(url: str, first: int) -> list[str]:
    """Receipts of a group that was refused and asks again with the same keys; empty while any of it is refused."""
    given = all_at_once(url, submissions(first, GROUP), 8)
    return [Journal.receipt_of(answer) for answer in given] if {answer.status for answer in given} == {202} else []


@contextmanager
def waiting_for_a_lock(
    installation: TestInstallation, table: str, wanted: int, read: Callable[[], Got]
) -> Iterator[None]:
    """Requests that ``read`` the ``table`` hold ``wanted`` connections for as long as the block runs.

    They are more than connections, so that one which is given back is taken again at once.
    """
    over = threading.Event()

    def read_on() -> None:
        while not over.is_set():
            read()

    address = installation.urls["registration"].replace("+psycopg", "")
    readers = [threading.Thread(target=read_on) for _ in range(3 * wanted)]
    read()  # from its first answer on, a key has the slots of coordinators
    with psycopg.connect(address) as connection:
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # the lock is held while requests wait
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        for reader in readers:
            reader.start()
        try:
            poll_until(lambda: _waiting_for_locks(address) == wanted, 10, what=f"{wanted} connections wait")
            yield
        finally:
            over.set()
    for reader in readers:
        reader.join()


def _waiting_for_locks(address: str) -> int:
    found = rows(address, "SELECT count(*) FROM pg_locks WHERE NOT granted")
    return int(found[0][0])


def test_registration_is_accepted_while_buttons_use_every_connection_of_the_pool(
    own_installation: TestInstallation, processes: ProcessGroup
) -> None:
    """Guard: the intake has its own connections.

    Once a second a request reads the form again: it waits for the pool, and then uses the cached form.
    """
    load_webinar(own_installation, capacity=None)
    web = start_web(processes, own_installation, workers=1)
    assert all_at_once(web.url, submissions(0, 1), 1)[0].status == 202
    others: list[Got] = []
    slowest_s = 0.0
    with waiting_for_a_lock(
        own_installation, "registration", AdmissionLimits().connections, lambda: press(web.url, BUTTON, ADDRESS)
    ):
        for number in range(1, SUBMISSIONS):
            began_at = time.monotonic()
            (answer,) = all_at_once(web.url, submissions(number, 1), 1)
            slowest_s = max(slowest_s, time.monotonic() - began_at)
            assert answer.status == 202, json.dumps(answer.body)
            if number < REPETITIONS:
                others.append(get(web.url, "/v1/partners", own_installation.secrets.coordinator_key))
    print(
        f"\npool in use: {SUBMISSIONS} accepted, slowest {slowest_s:.2f} s; "
        f"others {[(o.status, o.after_s) for o in others]}"
    )
    assert slowest_s <= allowed_s(ANSWERED_WITHIN_S)
    assert max(other.after_s for other in others) > REGISTERED_WITHIN_S, "the pool was in use"
    assert all(other.after_s <= allowed_s(ANSWERED_WITHIN_S) for other in others)
    assert all(other.status == 200 or int(other.headers["Retry-After"]) > 0 for other in others)
    assert rows(own_installation.urls["registration"], "SELECT count(*) FROM submission") == [(SUBMISSIONS,)]


def test_link_is_answered_while_coordinators_queries_use_all_connections_of_their_class(
    own_installation: TestInstallation, processes: ProcessGroup
) -> None:
    """Guard: a priority class has a number of connections, and the pool has more than that."""
    load_webinar(own_installation, capacity=None)
    web = start_web(processes, own_installation, workers=1)
    key = own_installation.secrets.coordinator_key
    with waiting_for_a_lock(
        own_installation, "sealed_reading", AdmissionLimits().later, lambda: get(web.url, "/v1/sealed-readings", key)
    ):
        found = [get(web.url, LINK) for _ in range(REPETITIONS)]
    print(f"\nqueries wait: links after {max(one.after_s for one in found):.2f} s")
    assert {one.status for one in found} == {404}
    assert max(one.after_s for one in found) <= allowed_s(REGISTERED_WITHIN_S)


def test_query_is_answered_while_all_pages_behind_links_wait(
    own_installation: TestInstallation, processes: ProcessGroup
) -> None:
    """Guard: fewer pages behind links are let in than the pool has connections."""
    load_webinar(own_installation, capacity=None)
    web = start_web(processes, own_installation, workers=1)
    key = own_installation.secrets.coordinator_key
    with waiting_for_a_lock(own_installation, "registration", AdmissionLimits().links, lambda: get(web.url, LINK)):
        found = [get(web.url, "/v1/partners", key) for _ in range(REPETITIONS)]
    print(f"\npages wait: queries after {max(one.after_s for one in found):.2f} s")
    assert {one.status for one in found} == {200}
    assert max(one.after_s for one in found) <= allowed_s(REGISTERED_WITHIN_S)

"""A primary and a standby in one address: when the primary fails and the standby is promoted, the service recovers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from shared.db.engine import open_engine
from shared.db.readiness import STANDBY, database_problem
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.errors import Unavailable
from shared.runtime.settings import read_database_url
from tests.support.clients import WEBINAR, answers, rows, submissions_path
from tests.support.installation import TestInstallation, make_installation
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresServer
from tests.support.registration_service import RegistrationService, open_registration
from tests.support.run_folder import RunFolder
from tests.support.waiting import allowed_s, poll_until
from tests.support.web import load_webinar

SERVED_WITHIN_S = 10.0
"""After the promotion."""


@pytest.fixture
def installation(own_postgres: PostgresServer, tmp_path: Path) -> TestInstallation:
    made = make_installation(own_postgres, tmp_path)
    load_webinar(made, capacity=None)
    return made


@pytest.fixture
def standby(own_postgres: PostgresServer, installation: TestInstallation) -> Iterator[PostgresServer]:
    """It has everything that was acknowledged: the primary waits for it."""
    made = own_postgres.make_standby()
    with own_postgres.connect() as administrator:
        administrator.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        administrator.execute("SELECT pg_reload_conf()")
    poll_until(lambda: _is_synchronous(own_postgres), 10.0, what="the standby is synchronous")
    yield made
    made.remove()


def test_service_continues_once_the_standby_is_promoted(
    own_postgres: PostgresServer, standby: PostgresServer, installation: TestInstallation
) -> None:
    assert _problem(_only(installation.url("registration", "web"), standby)) == STANDBY
    for name, url in installation.urls.items():
        installation.urls[name] = _with_both(url, standby, own_postgres)
    with open_registration(installation) as service, _submitting(service) as accepted:
        poll_until(lambda: len(accepted) > 20, 10.0, what="people are accepted")
        own_postgres.kill()
        assert service.submit(answers(1_000_000)).status_code == 503
        before = len(accepted)
        with standby.connect() as administrator:
            administrator.execute("SELECT pg_promote()")
        promoted_s = time.monotonic()
        poll_until(lambda: len(accepted) > before + 20, SERVED_WITHIN_S, what="people are accepted again")
        assert accepted[before] - promoted_s < allowed_s(SERVED_WITHIN_S)
    with open_registration(installation) as service:
        service.decide()
        [(stored,)] = rows(_only(service.url, standby), "SELECT count(*) FROM submission WHERE state = 'decided'")
    in_flight = 1  # committed and replicated when the server was killed, and answered with 503
    assert len(accepted) <= stored <= len(accepted) + in_flight


def test_pooler_that_is_led_to_the_promoted_standby_serves_again(
    own_postgres: PostgresServer, standby: PostgresServer, installation: TestInstallation, run_folder: RunFolder
) -> None:
    pooler = PgBouncer(run_folder, own_postgres)
    pooler.start()
    for name, url in installation.urls.items():
        installation.urls[name] = pooler.url(url)
    with open_registration(installation) as service, _submitting(service) as accepted:
        poll_until(lambda: len(accepted) > 20, 10.0, what="people are accepted")
        own_postgres.kill()
        assert service.submit(answers(1_000_000)).status_code == 503
        before = len(accepted)
        with standby.connect() as administrator:
            administrator.execute("SELECT pg_promote()")
        pooler.lead_to(standby)
        poll_until(lambda: len(accepted) > before + 20, SERVED_WITHIN_S, what="people are accepted again")
    pooler.stop()


def test_pool_of_a_server_that_takes_no_writes_any_more_is_renewed(postgres: PostgresServer) -> None:
    """As from a primary that became a standby, behind a proxy that chooses the server."""
    url = postgres.fresh_database()
    rows(url, "CREATE TABLE person (number integer)")
    engine = open_engine(url, pool_size=1, pre_ping=False)
    work, write = UnitOfWork(engine, "registration"), text("INSERT INTO person VALUES (1)")
    _set_read_only(url, "on")
    with pytest.raises(Unavailable), work.transaction() as connection:
        connection.execute(write)
    _set_read_only(url, "off")
    with work.transaction() as connection:
        connection.execute(write)
    assert rows(url, "SELECT number FROM person") == [(1,)]
    with pytest.raises(DBAPIError, match="read-only"), work.snapshot() as connection:
        connection.execute(write)  # our fault, and no outage
    engine.dispose()


@contextmanager
def _submitting(service: RegistrationService) -> Iterator[list[float]]:
    """Submit the form again and again in a thread; yields when each was accepted (monotonic seconds)."""
    accepted, over = list[float](), Event()

    def submit() -> None:
        client, number = service.app.test_client(), 0
        while not over.is_set():
            number += 1
            answer = client.post(submissions_path(WEBINAR), json=answers(number))
            if answer.status_code == 202:
                accepted.append(time.monotonic())
            assert answer.status_code in (202, 503)
            over.wait(0.01)

    thread = Thread(target=submit)
    thread.start()
    try:
        yield accepted
    finally:
        over.set()
        thread.join()


def _problem(url: str) -> str:
    """Why readiness refuses a database."""
    engine = open_engine(url)
    found = database_problem(UnitOfWork(engine, "registration"), "0001")
    engine.dispose()
    return found


def _set_read_only(url: str, value: str) -> None:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, options="-c default_transaction_read_only=off") as connection:
        connection.execute(f"ALTER ROLE CURRENT_USER SET default_transaction_read_only = {value}")


def _is_synchronous(primary: PostgresServer) -> bool:
    with primary.connect() as administrator:
        return administrator.execute("SELECT sync_state FROM pg_stat_replication").fetchall() == [("sync",)]


def _with_both(url: str, standby: PostgresServer, primary: PostgresServer) -> str:
    """The same database on two servers, as libpq writes it: the standby, which takes no writes, comes first."""
    return url.replace(f"127.0.0.1:{primary.port}", f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}")


def _only(url: str, server: PostgresServer) -> str:
    """The same database on one server, with the same login."""
    given = read_database_url(url).set(host="127.0.0.1", port=server.port, query={})
    return given.render_as_string(hide_password=False)

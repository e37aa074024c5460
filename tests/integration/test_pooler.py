"""Behind PgBouncer in transaction mode, where each transaction may have another session of the server."""

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from deploy.operations.audit.reading import open_sources
from deploy.operations.doctor.asking import real_probes
from deploy.servers.logins import LOGINS, RIGHTS
from shared.db import engine as engines
from shared.db.engine import open_engine
from shared.db.migrate import migrate
from shared.db.readiness import newest_revision
from shared.db.roles import limit_problems, login, migrator
from shared.messaging.embedded import POOLED, EmbeddedQueues
from shared.runtime.errors import SettingsError, Unavailable
from shared.runtime.settings import conninfo
from tests.support.clients import WEBINAR, address_of, answers, submissions_path, together
from tests.support.installation import TestInstallation, make_installation
from tests.support.pgbouncer import SESSIONS, PgBouncer
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT
from tests.support.registration_service import RegistrationService, open_registration
from tests.support.run_folder import RunFolder
from tests.support.web import load_webinar

PEOPLE = 24
WEB = login("registration", "web")


@pytest.fixture(scope="module")
def installation(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """Databases with their logins; no process uses them yet."""
    made = make_installation(postgres, tmp_path_factory.mktemp("pooled"))
    load_webinar(made, capacity=PEOPLE)
    for name in LOGINS:
        assert made.urls[name]
    return made


@pytest.fixture(scope="module")
def pooler(postgres: PostgresServer, audited: dict[str, str], run_folder: RunFolder) -> Iterator[PgBouncer]:
    """A pooler that has all logins."""
    assert audited
    made = PgBouncer(run_folder, postgres)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def pooled(installation: TestInstallation, pooler: PgBouncer) -> TestInstallation:
    """The same installation, whose processes connect to the pooler."""
    for name in LOGINS:
        installation.urls[name] = pooler.url(installation.urls[name])
    return installation


@pytest.fixture(scope="module")
def audited(installation: TestInstallation) -> dict[str, str]:
    """Addresses for the audit, whose login is made before the pooler reads the logins."""
    return installation.urls.audit_urls()


@pytest.fixture
def service(pooled: TestInstallation) -> Iterator[RegistrationService]:
    with open_registration(pooled) as opened:
        yield opened


def test_registrations_are_accepted_decided_and_listed(
    service: RegistrationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many at once, on two sessions of the server; plans are discarded before each transaction."""
    monkeypatch.setattr(engines, "PLANS_KEPT_S", 0.0)

    def submit(number: int) -> int:
        return service.app.test_client().post(submissions_path(WEBINAR), json=answers(number)).status_code

    with service.deciding():
        assert together(PEOPLE, submit) == [202] * PEOPLE
    service.decide()
    receipts = service.send_confirmations([address_of(number) for number in range(PEOPLE)])
    service.decide()
    results = [one["result"] for receipt in receipts for one in service.outcome(receipt)]
    assert results == ["confirmed"] * PEOPLE
    assert service.seats() == (PEOPLE, 0)
    assert _of_the_database(service) == []


def test_doctor_leaves_sessions_as_they_were(pooled: TestInstallation) -> None:
    """It reads only; a setting of its sessions would be one of the processes that get them afterwards."""
    url = pooled.url("registration", "web")
    with ExitStack() as stack:
        probes = real_probes(stack)
        with pytest.raises(Unavailable, match="ReadOnlySqlTransaction"):
            probes.query(url, "CREATE TEMPORARY TABLE left_behind (number int)")
        assert probes.limits(url) == []
        assert probes.query(url, "SELECT current_user") == [(WEB,)]
    with psycopg.connect(conninfo(url), autocommit=True, prepare_threshold=None) as other:
        found = {str(other.execute("SHOW default_transaction_read_only").fetchone()) for _ in range(2 * SESSIONS)}
    assert found == {"('off',)"}


@pytest.mark.parametrize("database", LOGINS)
def test_each_login_has_its_limits_behind_the_pooler(pooled: TestInstallation, database: str) -> None:
    found = {}
    for name in LOGINS[database]:
        with psycopg.connect(conninfo(pooled.urls.of(database, name))) as connection:
            found[name] = limit_problems(connection)
    assert found == {name: [] for name in LOGINS[database]}


def test_process_whose_role_has_no_limit_is_not_ready(
    postgres: PostgresServer, pooler: PgBouncer, pooled: TestInstallation
) -> None:
    with postgres.connect() as administrator:
        administrator.execute(f"ALTER ROLE {WEB} RESET statement_timeout")
        administrator.execute(f"ALTER ROLE {WEB} SET lock_timeout = '3s'")
        pooler.administer("RECONNECT")
        with open_registration(pooled) as service:
            found = _of_the_database(service)
        administrator.execute(f"ALTER ROLE {WEB} SET statement_timeout = '5s'")
        administrator.execute(f"ALTER ROLE {WEB} SET lock_timeout = '2s'")
        pooler.administer("RECONNECT")
    assert found == [
        f"database: statement_timeout of {WEB} is 0, required is more than 0 and at most 5s: "
        f"ALTER ROLE \"{WEB}\" SET statement_timeout = '5s'; then restart this process",
        f"database: lock_timeout of {WEB} is 3s, required is more than 0 and at most 2s: "
        f"ALTER ROLE \"{WEB}\" SET lock_timeout = '2s'; then restart this process",
    ]


def test_schema_is_made_through_the_pooler(postgres: PostgresServer, pooler: PgBouncer) -> None:
    url = pooler.url(postgres.fresh_database(owner=migrator("events")))
    engine = open_engine(url, statement_timeout_ms=0)
    folder = PROJECT / "services" / "events" / "migrations"
    done = migrate(engine, folder, RIGHTS["events"])
    engine.dispose()
    assert (done.revision, done.missing, done.unlimited) == (newest_revision(folder), [], [])


def test_audit_reads_as_long_as_it_needs_and_leaves_the_session_as_it_was(
    pooler: PgBouncer, audited: dict[str, str]
) -> None:
    urls = {name: pooler.url(url) for name, url in audited.items()}
    with open_sources(urls) as sources:
        assert list(sources.rows("registration", "SELECT current_setting('statement_timeout')")) == [("5min",)]
    with psycopg.connect(conninfo(urls["registration"])) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("5s",)


def test_embedded_bus_refuses_a_pooler(pooled: TestInstallation) -> None:
    """Its lock of a session would be another client's with the next transaction."""
    with pytest.raises(SettingsError) as refused:
        EmbeddedQueues(pooled.urls["bus"])
    assert refused.value.problems == [POOLED]


def _of_the_database(service: RegistrationService) -> list[str]:
    """Lines of ``readyz`` about the database; those about the service's clock, which does not move, are left out."""
    lines = service.client.get("/-/registration/readyz").text.splitlines()
    return [line for line in lines if line.startswith("database:")]

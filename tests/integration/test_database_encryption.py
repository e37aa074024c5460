"""A database behind TLS: its name is verified before anything is sent. PgBouncer is the server."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from shared.db.engine import open_engine
from shared.runtime.settings import conninfo, read_database_url
from tests.support.certificate import make_certificate
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresServer
from tests.support.run_folder import RunFolder

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates: of this host, of another one, and of this host by another issuer."""
    made = tmp_path_factory.mktemp("certificates")
    for file, host in (("server.pem", HOST), ("another-name.pem", "db.example.org"), ("another-issuer.pem", HOST)):
        make_certificate(made / file, host)
    return made


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> str:
    return postgres.fresh_database()


def _served_with(certificate: Path, postgres: PostgresServer, run: RunFolder, url: str) -> Iterator[str]:
    server = PgBouncer(run, postgres, certificate=certificate)
    server.start()
    yield server.url(url)
    server.stop()


@pytest.fixture(scope="module")
def encrypted(postgres: PostgresServer, run_folder: RunFolder, folder: Path, url: str) -> Iterator[str]:
    """The database's address where the server has the certificate of its host."""
    yield from _served_with(folder / "server.pem", postgres, run_folder, url)


@pytest.fixture(scope="module")
def misnamed(postgres: PostgresServer, run_folder: RunFolder, folder: Path, url: str) -> Iterator[str]:
    """The same where the certificate is another host's."""
    yield from _served_with(folder / "another-name.pem", postgres, run_folder, url)


def test_verified_server_is_used(encrypted: str, folder: Path) -> None:
    engine = open_engine(_verified(encrypted, folder / "server.pem"))
    with engine.begin() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
        assert connection.connection.driver_connection.pgconn.ssl_in_use  # type: ignore[union-attr]  # psycopg's
    engine.dispose()


def test_server_with_another_issuer_is_refused(encrypted: str, folder: Path) -> None:
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(conninfo(_verified(encrypted, folder / "another-issuer.pem")))


def test_server_without_encryption_is_refused(url: str, folder: Path) -> None:
    with pytest.raises(psycopg.OperationalError, match="server does not support SSL"):
        psycopg.connect(conninfo(_verified(url, folder / "server.pem")))


def test_server_with_another_name_is_refused(misnamed: str, folder: Path) -> None:
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        psycopg.connect(conninfo(_verified(misnamed, folder / "another-name.pem")))


def _verified(url: str, issuer: Path) -> str:
    asked = read_database_url(url).update_query_dict({"sslmode": "verify-full", "sslrootcert": str(issuer)})
    return asked.render_as_string(hide_password=False)

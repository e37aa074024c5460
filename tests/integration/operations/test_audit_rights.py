"""The audit's login reads no name, no address, no answer, no body, and writes nothing."""

import psycopg
import pytest

from deploy.servers.audit_role import READABLE, ROLE
from tests.support.audit_checks import assert_clean
from tests.support.installation import TestInstallation, make_whole
from tests.support.postgres import PostgresServer

PRIVATE = [
    *(("registration", "registration", column) for column in ("name", "email", "answers", "sealed", "consent")),
    ("registration", "organisation", "name"),
    ("registration", "sealed_reading", "reason"),
    ("registration", "sealed_reading", "reader"),
    ("registration", "submission", "body"),
    ("registration", "submission", "network"),
    ("registration", "candidate", "content"),
    ("registration", "candidate", "sealed"),
    ("registration", "waiting_address", "email"),
    ("registration", "confirmation_link", "token_hash"),
    ("registration", "managing_link", "token_hash"),
    ("registration", "limited_link", "token_hash"),
    ("registration", "waiting_link", "mailbox_ref"),
    ("registration", "form_change", "changed_by"),
    ("registration", "proposal_state", "note"),
    ("events", "proposal", "speaker_names"),
    ("events", "proposal", "public_names"),
    ("events", "proposal", "speakers"),
    ("events", "proposal", "note"),
    ("events", "proposal", "title"),
    ("events", "event", "join_url"),
    ("events", "event", "internal_note"),
    ("events", "event_note", "words"),
    ("notifications", "recipient", "closed"),
    ("notifications", "bulletin", "texts"),
    ("notifications", "mail", "detail"),
    ("notifications", "mail", "closed"),
    *((service, "outbox", "body") for service in ("registration", "events", "notifications")),
    ("registration", "form_key", "public_key"),
    ("keys", "form_private_key", "wrapped"),
    ("bus", "bus_message", "body"),
]


@pytest.fixture(scope="module")
def whole(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """One for the module: no one writes."""
    return make_whole(postgres, tmp_path_factory.mktemp("audit"))


@pytest.mark.parametrize(("database", "table", "column"), PRIVATE)
def test_private_column_is_refused(whole: TestInstallation, database: str, table: str, column: str) -> None:
    with _connected(whole, database) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"SELECT {column} FROM {table}")


@pytest.mark.parametrize("database", sorted(READABLE))
def test_it_reads_exactly_the_columns_of_the_list(whole: TestInstallation, database: str) -> None:
    """Nothing that a later migration adds is readable before someone writes it into the list."""
    with _connected(whole, database) as connection:
        rows = connection.execute("""
            SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p') AND a.attnum > 0
                AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT')
        """)
        found = {(row[0], row[1]) for row in rows}
    assert found == {(table, name) for table, names in READABLE[database].items() for name in names.split(", ")}


@pytest.mark.parametrize("database", sorted(READABLE))
def test_it_writes_nothing(whole: TestInstallation, database: str) -> None:
    with _connected(whole, database) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for table in READABLE[database]:
            refused = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)  # of a view
            with pytest.raises(refused):
                connection.execute(f"DELETE FROM {table}")


def test_empty_installation_is_clean(whole: TestInstallation) -> None:
    assert_clean(whole, [], {})


def _connected(installation: TestInstallation, database: str) -> psycopg.Connection[tuple[object, ...]]:
    url = installation.urls.audit_urls()[database]
    assert f"//{ROLE}:" in url
    return psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True)

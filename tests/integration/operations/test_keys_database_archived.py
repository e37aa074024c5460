"""``troika backup form-keys`` of an installation whose keys of forms are in the keys database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.registration.sealing.key_database import KeyDatabase
from services.registration.wiring import KEYS_MIGRATIONS
from shared.db.engine import open_engine
from shared.db.readiness import newest_revision
from shared.db.roles import login
from shared.db.unit_of_work import UnitOfWork
from shared.security.keys import read_keys
from tests.integration.operations.test_key_archives import FORM, FORMS, URL, files, form_keys, only, place, unpack
from tests.support.installation import FreshDatabases
from tests.support.postgres import PostgresServer

assert place
TWO = "INSERT INTO form_private_key VALUES ('a', 'x'), ('b', 'x')"


@pytest.fixture(scope="module")
def databases(postgres: PostgresServer) -> FreshDatabases:
    """A keys database with the logins of its processes."""
    return FreshDatabases(postgres)


@pytest.fixture
def keys_url(databases: FreshDatabases) -> Iterator[str]:
    """URL of the operator's login; the database is empty again afterwards."""
    assert databases["keys"]
    yield databases.of("keys", login("keys", "operator"))
    databases.break_it("keys", "TRUNCATE form_private_key")


def test_keys_of_the_keys_database_are_archived_as_their_files_would_be(place: Path, keys_url: str) -> None:
    master = read_keys(place / "settings" / "prepare" / "keys" / "master.key")
    engine = open_engine(keys_url)
    store = KeyDatabase(UnitOfWork(engine, "keys"), master, newest_revision(KEYS_MIGRATIONS))
    for form in (FORM, "gone"):
        store.make(form)
    store.destroy("gone", "2020-03-02T09:30:00+00:00")
    done = form_keys(place, named=False, **{URL: keys_url})
    assert (done.exit_code, "keys of 1 forms" in done.output) == (0, True), done.output
    unpack(place, only(place / "forms", FORMS))
    assert files(place / "unpacked") == {
        f"form-keys/{FORM}.key": store.wrapped(FORM),
        "form-keys/gone.destroyed": b"2020-03-02T09:30:00+00:00",
    }
    engine.dispose()


def test_name_that_leads_out_of_the_folder_is_refused(
    place: Path, keys_url: str, databases: FreshDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.break_it("keys", "INSERT INTO form_private_key (form, wrapped) VALUES ('../../etc/cron', 'x')")
    done = form_keys(place, named=False, **{URL: keys_url})
    assert (done.exit_code, "is no name of a form" in done.output) == (1, True)
    databases.break_it(
        "keys", "TRUNCATE form_private_key", "INSERT INTO form_private_key VALUES ('a', 'x'), ('b', 'x')"
    )
    monkeypatch.setattr("deploy.operations.backup.form_keys.MAX_FORMS", 1)
    done = form_keys(place, named=False, **{URL: keys_url})
    assert (done.exit_code, "more than 1 rows" in done.output) == (1, True)


def test_key_that_is_too_long_is_not_fetched(place: Path, keys_url: str, databases: FreshDatabases) -> None:
    constraint = "form_private_key_wrapped_check"
    databases.break_it(
        "keys",
        f"ALTER TABLE form_private_key DROP CONSTRAINT {constraint}",
        "INSERT INTO form_private_key (form, wrapped) VALUES ('a', convert_to(repeat('x', 5000), 'UTF8'))",
    )
    done = form_keys(place, named=False, **{URL: keys_url})
    databases.break_it(
        "keys",
        "TRUNCATE form_private_key",
        f"ALTER TABLE form_private_key ADD CONSTRAINT {constraint} CHECK (octet_length(wrapped) BETWEEN 1 AND 4096)",
    )
    assert (done.exit_code, "a.key is empty or longer than 4096 bytes" in done.output) == (1, True)


def test_leftover_folder_is_named_where_keys_are_in_the_database(
    place: Path, keys_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.operations.backup.form_keys.DEFAULT_FOLDER", place / "form-keys")
    done = form_keys(place, named=False, **{URL: keys_url})
    assert (done.exit_code, "destruction does not reach them" in done.output) == (0, True)

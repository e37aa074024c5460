"""Two hosts with one keys database: one form, one key, and a destroyed key is destroyed on both."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from deploy.local.installation import SAMPLE
from deploy.servers.logins import LOGINS
from services.registration.__main__ import command_line
from services.registration.key_stores import opened_form_keys
from services.registration.loading import load_forms
from services.registration.public.context import KEY_KEPT_S
from services.registration.sealing.encryption import public_half
from services.registration.sealing.key_folder import KeyFolder
from services.registration.sealing.key_service import publish_keys
from services.registration.sealing.key_store import FormKeys
from shared.db.roles import login, migrator
from shared.runtime.clock import system_clock
from shared.runtime.errors import Unavailable
from shared.runtime.settings import conninfo
from shared.security.keys import read_keys
from tests.integration.registration.test_form_key_life import ALONE, CLOSE, FORM, Headers, diet, read, run, travellers
from tests.integration.registration.test_kinds import installation as installation_with_folder
from tests.integration.registration.test_kinds import send
from tests.support.clients import rows
from tests.support.installation import TestInstallation, database_of
from tests.support.postgres import PostgresServer
from tests.support.registration_service import RegistrationService, open_registration
from tests.support.waiting import poll_until

assert installation_with_folder
KEYS_URL = "TROIKA_KEYS_DATABASE_URL"
CLOSED_WITHIN_S = 5.0
"""A key that was destroyed on one host is destroyed on all of them within this time."""


@pytest.fixture
def installation(installation_with_folder: TestInstallation) -> TestInstallation:
    """With all forms of the sample, whose keys were copied into a keys database."""
    made = replace(installation_with_folder, has_keys_database=True)
    folder = made.secrets.folder / "form-keys"
    assert run(made, "copy", str(folder)).output == "6 keys and 0 tombstones copied; 0 were there already.\n"
    return made


@pytest.fixture
def other(installation: TestInstallation, service: RegistrationService) -> Iterator[RegistrationService]:
    """Another host of the same installation; its clock is that of the first."""
    with open_registration(installation, service.clock) as opened:
        yield opened


def faults_of(service: RegistrationService) -> list[str]:
    """Lines of ``readyz`` about forms' keys."""
    lines = service.client.get("/-/registration/readyz").text.splitlines()
    return [line for line in lines if line.startswith("form key")]


def test_answers_that_one_host_took_are_read_on_the_other(
    service: RegistrationService, other: RegistrationService, coordinator: Headers
) -> None:
    one, two = [*travellers(service, "one"), *travellers(other, "two")]
    assert (diet(other.client, one, coordinator), diet(service.client, two, coordinator)) == ("only one", "only two")
    assert (faults_of(service), faults_of(other)) == ([], [])


def test_two_hosts_that_load_a_form_at_once_make_one_key(installation: TestInstallation) -> None:
    """Threads race with separate stores, in a database that has never held a form."""
    rows(installation.urls["registration"], "DELETE FROM form_key")
    installation.urls["keys"] = installation.urls.fresh("keys")
    start = threading.Barrier(4)
    with ExitStack() as opened:
        hosts = [opened.enter_context(open_registration(installation)) for _ in range(4)]
        stores = [opened.enter_context(opened_form_keys(host.settings("web"))) for host in hosts]
        works = [host.work("operator") for host in hosts]

        def load(number: int) -> object:
            start.wait(20)
            load_forms(works[number], stores[number], SAMPLE)
            return {form: stores[number].private_keys(form) for form in (FORM, "upr-webinar-10")}

        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(load, range(4)))
        assert made == [made[0]] * 4
        assert faults_of(hosts[0]) == []


def test_second_of_two_hosts_with_a_folder_each_is_refused(
    installation_with_folder: TestInstallation, tmp_path: Path
) -> None:
    """Both make a key of one form, and publish at once: the second one waits for the first, and stores nothing."""
    master, now = read_keys(installation_with_folder.secrets.folder / "master.key"), system_clock()
    stores = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        stores.append(FormKeys(KeyFolder(tmp_path / name, master)))
        stores[-1].store.make(FORM)
    url = installation_with_folder.urls["registration"]
    rows(url, "DELETE FROM form_key WHERE form = %s", FORM)
    with open_registration(installation_with_folder) as host, ThreadPoolExecutor(1) as pool:
        work = host.work("operator")

        def publish_second() -> None:
            with work.transaction() as connection:
                publish_keys(connection, stores[1], [FORM], now)

        with work.transaction() as first:
            publish_keys(first, stores[0], [FORM], now)
            second = pool.submit(publish_second)
            poll_until(lambda: rows(url, WAITING) == [(True,)], 5, what="the second waits for the first")
        with pytest.raises(Unavailable, match="another host has made another key"):
            second.result()
    [(public,)] = rows(url, "SELECT public_key FROM form_key WHERE form = %s", FORM)
    assert bytes(public) == public_half(stores[0].private_keys(FORM)[0])


def test_key_that_is_destroyed_before_it_is_published_is_marked_as_destroyed(installation: TestInstallation) -> None:
    """By another host, after this one has found no fault: loading continues, and nothing is sealed to that key."""
    url, now = installation.urls["registration"], system_clock()
    rows(url, "DELETE FROM form_key WHERE form = %s", FORM)
    rows(installation.urls["keys"], "SELECT destroy_form_key(%s, now())", FORM)
    with open_registration(installation) as host, opened_form_keys(host.settings("web")) as keys:
        with host.work("operator").transaction() as connection:
            publish_keys(connection, keys, [FORM], now)
    marked = "SELECT public_key, destroyed_at FROM form_key WHERE form = %s"
    assert rows(url, marked, FORM) == [(None, now)]


def test_key_destroyed_by_one_host_is_closed_on_the_other_within_5_s(
    service: RegistrationService, other: RegistrationService, installation: TestInstallation, coordinator: Headers
) -> None:
    """Reading is refused, and the public form of the other host, kept there for a second, no longer seals to it."""
    [traveller] = travellers(service, "somebody")
    assert (diet(other.client, traveller, coordinator), send(other.client, FORM).status_code) == ("only somebody", 202)
    other.decide()
    rows(service.url, CLOSE)
    assert run(installation, "destroy", FORM, "--yes", ALONE).exit_code == 0
    began = time.monotonic()
    refused = read(other.client, traveller, coordinator)
    assert (refused.status_code, refused.get_json()["code"]) == (410, "sealed-gone")
    rows(service.url, "UPDATE form SET open = true")
    poll_until(lambda: send(other.client, FORM, diet="x").status_code == 503, CLOSED_WITHIN_S, what="it seals no more")
    assert time.monotonic() - began < CLOSED_WITHIN_S
    assert (faults_of(service), faults_of(other)) == ([], [])


@pytest.mark.parametrize(("kept_s", "status"), [(60.0, 202), (0.0, 503)])
def test_form_that_cannot_be_reread_seals_to_its_known_key_for_a_limited_time(
    service: RegistrationService, monkeypatch: pytest.MonkeyPatch, kept_s: float, status: int
) -> None:
    """Other connections are taken, or a table is locked: submissions are stored all the same."""
    assert (KEY_KEPT_S, send(service.client, FORM).status_code) == (CLOSED_WITHIN_S, 202)
    monkeypatch.setattr("services.registration.public.context.VIEW_KEPT_S", 0.0)
    monkeypatch.setattr("services.registration.public.context.KEY_KEPT_S", kept_s)
    with closing(psycopg.connect(conninfo(service.url))) as owner:
        owner.execute("LOCK TABLE form_key IN ACCESS EXCLUSIVE MODE")
        assert send(service.client, FORM, email="next@example.org", diet="vegan").status_code == status


def test_registration_restored_from_before_the_destruction_is_noticed(
    service: RegistrationService, other: RegistrationService, installation: TestInstallation, coordinator: Headers
) -> None:
    [traveller] = travellers(service, "somebody")
    before = rows(service.url, "SELECT public_key FROM form_key WHERE form = %s", FORM)[0][0]
    rows(service.url, CLOSE)
    assert run(installation, "destroy", FORM, "--yes", ALONE).exit_code == 0
    rows(service.url, "UPDATE form_key SET public_key = %s, destroyed_at = NULL WHERE form = %s", before, FORM)
    assert read(other.client, traveller, coordinator).status_code == 410
    [fault] = faults_of(other)
    record_missing = "it was destroyed, but this database has no record of it: run keys destroy again"
    assert fault == f"form key {FORM} ({KEYS_URL}): {record_missing}"
    assert run(installation, "destroy", FORM, "--yes", ALONE).exit_code == 0
    assert faults_of(other) == []


@pytest.mark.parametrize(
    ("restored", "fault"),
    [
        ("before the destruction", "its private key exists again"),
        ("before the key was made", "its tombstone is missing"),
    ],
)
def test_keys_database_restored_is_noticed(
    service: RegistrationService,
    installation: TestInstallation,
    postgres: PostgresServer,
    coordinator: Headers,
    restored: str,
    fault: str,
) -> None:
    [traveller] = travellers(service, "somebody")
    rows(service.url, CLOSE)
    older = replace(installation, urls=installation.urls.with_a_copy_of("keys"))
    if restored == "before the key was made":
        rows(older.urls["keys"], "DELETE FROM form_private_key WHERE form = %s", FORM)
    assert run(installation, "destroy", FORM, "--yes", ALONE).exit_code == 0
    with open_registration(older, service.clock) as host:
        assert read(host.client, traveller, coordinator).status_code == 410
        [found] = faults_of(host)
        assert found == f"form key {FORM} ({KEYS_URL}): it was destroyed, but {fault}: run keys destroy again"
        assert run(older, "destroy", FORM, "--yes", ALONE).exit_code == 0
        assert faults_of(host) == []


def test_key_that_the_database_lacks_and_key_that_is_another_are_named(
    service: RegistrationService, installation: TestInstallation
) -> None:
    url = installation.urls["keys"]
    rows(url, "UPDATE form_private_key SET form = 'elsewhere' WHERE form = %s", FORM)
    [fault] = faults_of(service)
    assert fault.startswith(f"form key {FORM} ({KEYS_URL}): its private key is missing, or no master key unwraps it")
    with opened_form_keys(service.settings("web")) as keys:
        keys.store.make(FORM)
    [fault] = faults_of(service)
    assert fault.startswith(f"form key {FORM} ({KEYS_URL}): the store has a key that is not this database's")


def test_host_that_stays_with_the_folder_is_not_ready_once_a_key_is_destroyed(
    service: RegistrationService, installation: TestInstallation, coordinator: Headers
) -> None:
    """It also opens nothing with the key that its folder still holds."""
    [traveller] = travellers(service, "somebody")
    with open_registration(replace(installation, has_keys_database=False), service.clock) as left_behind:
        assert diet(left_behind.client, traveller, coordinator) == "only somebody"
        rows(service.url, CLOSE)
        assert run(installation, "destroy", FORM, "--yes", ALONE).exit_code == 0
        assert read(left_behind.client, traveller, coordinator).status_code == 410
        [fault] = faults_of(left_behind)
        assert fault.startswith(
            f"form key {FORM} (TROIKA_FORM_KEYS): it was destroyed, but its private key exists again"
        )


@pytest.fixture
def take_away(postgres: PostgresServer, installation: TestInstallation) -> Callable[[bool], None]:
    """Takes the keys database away, and gives it back."""
    name = database_of(installation.urls["keys"])

    def take(is_away: bool) -> None:
        with closing(postgres.connect()) as administrator:
            administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {not is_away}")
            if is_away:
                administrator.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
                )

    return take


WAITING = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
AWAY = f"form keys ({KEYS_URL}): the keys database does not answer"


def test_keys_database_that_goes_away_closes_sealed_answers_and_nothing_else(
    service: RegistrationService,
    installation: TestInstallation,
    coordinator: Headers,
    take_away: Callable[[bool], None],
) -> None:
    """No key in memory opens anything; the public form works, since it seals to the public key."""
    [traveller] = travellers(service, "somebody")
    assert (diet(service.client, traveller, coordinator), faults_of(service)) == ("only somebody", [])
    take_away(True)
    assert read(service.client, traveller, coordinator).status_code == 503
    assert (send(service.client, FORM, email="next@example.org").status_code, faults_of(service)) == (202, [])
    service.decide()
    rows(service.url, CLOSE)
    assert run(installation, "destroy", FORM, "--yes", ALONE).exit_code == 1
    assert rows(service.url, "SELECT 1 FROM form_key WHERE form = %s AND destroyed_at IS NOT NULL", FORM) == []
    take_away(False)
    assert diet(service.client, traveller, coordinator) == "only somebody"


def test_host_that_starts_without_keys_database_is_not_ready(
    service: RegistrationService, take_away: Callable[[bool], None]
) -> None:
    take_away(True)
    assert faults_of(service) == [AWAY]
    take_away(False)
    assert faults_of(service) == []


def test_keys_database_without_schema_is_named_and_migrated(
    installation: TestInstallation, postgres: PostgresServer
) -> None:
    """`migrate` brings both databases up to date, and gives the logins their rights."""
    empty = postgres.fresh_database(owner=migrator("keys"), logins=LOGINS["keys"])
    installation.urls["keys"] = empty
    with open_registration(installation) as host:
        assert faults_of(host) == [
            f"form keys ({KEYS_URL}): schema: there is none, this program needs 0001; run migrate"
        ]
        environment = installation.environment("registration", "migrate") | {KEYS_URL: empty}
        done = CliRunner().invoke(command_line(), ["migrate"], env=environment)
        assert done.exit_code == 0
        assert re.fullmatch(r"registration: schema \d{4}\nkeys: schema 0001\n", done.output)
        missing = faults_of(host)
        assert (len(missing), all("its private key is missing" in fault for fault in missing)) == (6, True)
    folder = installation.secrets.folder / "form-keys"
    assert run(installation, "copy", str(folder)).exit_code == 0


def test_keys_are_replaced_wrapped_and_listed_in_the_database(
    service: RegistrationService, installation: TestInstallation, coordinator: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.registration.sealing.key_service.SETTLE_S", 0)
    monkeypatch.setattr("services.registration.key_commands.time.sleep", lambda _s: None)
    [traveller] = travellers(service, "somebody")
    done = run(installation, "replace", FORM)
    assert done.output.splitlines()[-1] == "1 registrations and candidates re-encrypted. The old key is deleted."
    assert run(installation, "wrap").output == "6 keys wrapped by the newest master key.\n"
    assert f"{FORM}: in use" in run(installation, "list").output.splitlines()
    assert (diet(service.client, traveller, coordinator), faults_of(service)) == ("only somebody", [])


def test_copying_again_changes_nothing_and_differences_are_refused(installation: TestInstallation) -> None:
    folder = installation.secrets.folder / "form-keys"
    before = rows(installation.urls["keys"], "SELECT form, wrapped FROM form_private_key ORDER BY form")
    assert run(installation, "copy", str(folder)).output == "0 keys and 0 tombstones copied; 6 were there already.\n"
    assert rows(installation.urls["keys"], "SELECT form, wrapped FROM form_private_key ORDER BY form") == before
    source = KeyFolder(folder, read_keys(installation.secrets.folder / "master.key"))
    source.begin_replacement(FORM)
    source.destroy("upr-webinar-10", system_clock().isoformat())
    (folder / "broken.key").write_bytes(b"nothing")
    source.make("new-form")
    done = run(installation, "copy", str(folder))
    assert done.exit_code == 1
    assert done.exception is not None
    assert str(done.exception).splitlines() == [
        "form key broken: no master key unwraps it",
        f"form key {FORM}: {KEYS_URL} holds another key than TROIKA_FORM_KEYS",
        "form key upr-webinar-10: it was destroyed in TROIKA_FORM_KEYS alone: run keys destroy with the other one",
    ]
    assert rows(installation.urls["keys"], "SELECT 1 FROM form_private_key WHERE form = 'new-form'") == []


def test_tombstones_are_copied(installation: TestInstallation, tmp_path: Path) -> None:
    source = KeyFolder(tmp_path, read_keys(installation.secrets.folder / "master.key"))
    source.destroy("former-form", "2026-11-29T12:00:00+00:00")
    assert run(installation, "copy", str(tmp_path)).output.startswith("0 keys and 1 tombstones copied; 0 were")
    assert "former-form: destroyed 2026-11-29T12:00:00+00:00" in run(installation, "list").output


def test_copy_needs_a_database(installation_with_folder: TestInstallation, tmp_path: Path) -> None:
    done = run(installation_with_folder, "copy", str(tmp_path))
    assert (done.exit_code, done.stderr) == (1, f"Error: {KEYS_URL} is not set: it names the database to copy to\n")


def test_logins_of_the_public_and_of_the_workers_cannot_enter(
    installation: TestInstallation, postgres: PostgresServer
) -> None:
    """Only processes that unwrap keys have a login there, and it may neither delete rows nor change the schema."""
    assert LOGINS["keys"] == [login("keys", process) for process in ("desk", "operator", "web")]
    name = make_url(installation.urls["keys"]).database or ""
    for each in ("forms", "own", "decide", "tend", "desk"):
        with pytest.raises(Exception, match="permission denied for database"):
            postgres.connect(name, login("registration", each))
    for statement in ("DELETE FROM form_private_key", "DROP TABLE form_private_key", "CREATE TABLE own (id int)"):
        with (
            closing(postgres.connect(name, login("keys", "desk"))) as connection,
            pytest.raises(Exception, match=r"permission denied|must be owner"),
        ):
            connection.execute(statement)

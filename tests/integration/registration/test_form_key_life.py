"""The keys of forms from first to last: replaced while people register, wrapped anew, destroyed for good."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import make_url

from deploy.local.installation import SAMPLE
from services.registration.__main__ import command_line
from services.registration.privacy.form_keys import FormKeys
from services.registration.settings import read_settings
from services.registration.web import build_app
from shared.core.accounts import service_account
from shared.core.key_files import new_key, read_keys
from shared.core.sealing import Unsealable, Vault
from shared.store.engine import open_engine
from shared.store.postgres_cluster import binaries
from tests.integration.registration.test_kinds import installation as installation
from tests.integration.registration.test_kinds import send
from tests.integration.registration.test_loading import load
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.postgres import PostgresServer
from tests.support.run_folder import RunFolder

FORM = "geneva-delegation"
REASON = "She asked for her visa letter"
STORED = "SELECT id::text, sealed FROM registration WHERE sealed IS NOT NULL ORDER BY id"

Headers = dict[str, Any]


def run(*words: str) -> Result:
    """``python -m services.registration keys …``."""
    return CliRunner().invoke(command_line(), ["keys", *words])


def keys_of(installation: TestInstallation) -> FormKeys:
    """Of another process."""
    secrets = installation.secrets.folder
    return FormKeys(secrets / "form-keys", read_keys(secrets / "master.key"))


def travellers(client: FlaskClient, *names: str) -> list[str]:
    """Ids of people who have told what they eat."""
    sent = [send(client, FORM, email=f"{name}@example.org", diet=f"only {name}") for name in names]
    return [str(answer.get_json()["id"]) for answer in sent]


def read(client: FlaskClient, registration: str, coordinator: Headers) -> Any:
    """The answer of somebody who wants to read what is sealed."""
    path = f"/v1/registrations/{registration}/sealed"
    return client.post(path, json={"reason": REASON}, headers=coordinator)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Sets what happens while a replacement waits."""
    return lambda deed: monkeypatch.setattr(
        "services.registration.key_commands.time", SimpleNamespace(sleep=lambda _seconds: deed())
    )


def test_key_is_replaced_while_people_register(
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    meanwhile: Callable[[Callable[[], object]], None],
) -> None:
    """Those before, those during, and one whose answers were sealed before and are stored only now."""
    url, old = installation.urls["registration"], Vault(keys_of(installation).folder.read(FORM))
    late = travellers(client, "early", "late")[1]
    sealed_late = dict(rows(url, STORED))[late]

    def slow_one_is_stored() -> None:
        travellers(client, "during")
        rows(url, "UPDATE registration SET sealed = %s WHERE id = %s", sealed_late, late)

    meanwhile(slow_one_is_stored)
    done = run("replace", FORM)
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "2 registrations sealed anew. The old key is gone.")
    assert len(keys_of(installation).folder.read(FORM)) == 1
    stored = rows(url, STORED)
    told = [read(client, registration, coordinator).get_json()["answers"]["diet"] for registration, _ in stored]
    assert told == ["only early", "only late", "only during"]
    for registration, sealed in stored:
        with pytest.raises(Unsealable):
            old.open(bytes(sealed), row=registration)


def test_more_than_are_locked_at_once(
    client: FlaskClient,
    installation: TestInstallation,
    meanwhile: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.registration.usecases.replace_form_key.AT_ONCE", 2)
    travellers(client, "one", "two", "three", "four", "five")
    meanwhile(lambda: None)
    assert run("replace", FORM).output.splitlines()[-1].startswith("5 registrations")
    newest = keys_of(installation).vault(FORM)
    for registration, sealed in rows(installation.urls["registration"], STORED):
        assert newest.open(bytes(sealed), row=registration)["diet"].startswith("only")


def test_interrupted_replacement_is_taken_up(
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    meanwhile: Callable[[Callable[[], object]], None],
) -> None:
    [traveller] = travellers(client, "somebody")

    def be_killed() -> None:
        raise KeyboardInterrupt

    meanwhile(be_killed)
    assert run("replace", FORM).exit_code != 0
    assert run("list").output.count(f"{FORM}: is being replaced") == 1
    assert read(client, traveller, coordinator).status_code == 200
    both = keys_of(installation).folder.read(FORM)
    meanwhile(lambda: None)
    assert run("replace", FORM).exit_code == 0
    assert keys_of(installation).folder.read(FORM) == both[:1]
    assert read(client, traveller, coordinator).get_json() == {"answers": {"diet": "only somebody"}}


def test_both_keys_are_kept_where_an_answer_opens_by_neither(
    client: FlaskClient, installation: TestInstallation, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    [traveller] = travellers(client, "somebody")
    stranger = Vault([new_key()]).close({"diet": "none"}, row=traveller)
    rows(installation.urls["registration"], "UPDATE registration SET sealed = %s", stranger)
    meanwhile(lambda: None)
    done = run("replace", FORM)
    assert (done.exit_code, "opens by neither key" in done.output) == (1, True)
    assert len(keys_of(installation).folder.read(FORM)) == 2


def test_answer_moved_to_another_registration_does_not_open(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = travellers(client, "one", "other")
    url = installation.urls["registration"]
    rows(url, "UPDATE registration SET sealed = (SELECT sealed FROM registration WHERE id = %s)", one)
    assert read(client, one, coordinator).status_code == 200
    refused = read(client, other, coordinator)
    assert (refused.status_code, refused.get_json()["code"]) == (410, "sealed-gone")
    assert caplog.messages.count("sealed answers do not open by the form's key") == 1


def test_old_master_key_may_go_once_all_is_wrapped_by_the_new(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    [traveller] = travellers(client, "somebody")
    monkeypatch.setenv("REGISTRATION_DATABASE_URL", installation.url("registration", "operator"))
    master = installation.secrets.folder / "master.key"
    old = master.read_text()
    master.write_text(new_key().hex() + "\n" + old)
    assert run("wrap").output == "5 keys wrapped by the newest master key.\n"
    master.write_text(master.read_text().splitlines()[0])
    assert set(run("list").output.splitlines()) >= {f"{FORM}: in use"}
    engine = open_engine(installation.url("registration", "web"))
    assert read(build_app(read_settings(), engine).test_client(), traveller, coordinator).status_code == 200
    engine.dispose()
    master.write_text(old)
    assert f"{FORM}: opened by none of the master keys" in run("list").output
    assert run("wrap").exit_code == 1


def test_dump_from_before_the_destruction_opens_no_more(
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    postgres: PostgresServer,
    run_folder: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither by a service on the restored database nor by any key that is left anywhere."""
    [traveller] = travellers(client, "somebody")
    programs = binaries(run_folder.path, service_account("postgres", "nobody"))
    dump = _pipe(programs / "pg_dump", installation.urls["registration"])
    assert run("destroy", FORM, "--yes").output == f"The key of {FORM} is destroyed.\n"

    restored = postgres.fresh_database()
    _pipe(programs / "psql", restored, dump)
    [(registration, sealed)] = rows(restored, STORED)
    assert registration == traveller
    monkeypatch.setenv("REGISTRATION_DATABASE_URL", restored)
    engine = open_engine(restored)
    answer = read(build_app(read_settings(), engine).test_client(), traveller, coordinator)
    engine.dispose()
    assert (answer.status_code, answer.get_json()["code"]) == (410, "sealed-gone")

    secrets = installation.secrets.folder
    left = [key for file in secrets.glob("*.key") for key in read_keys(file)]
    left += [key for state in keys_of(installation).folder.states() for key in _keys(installation, state.form)]
    assert len(left) >= 9
    for key in left:
        with pytest.raises(Unsealable):
            Vault([key]).open(bytes(sealed), row=traveller)


def test_destroyed_key_is_never_made_again(installation: TestInstallation, client: FlaskClient) -> None:
    """Not by loading the forms, which makes what is missing; and it says when it was destroyed."""
    assert run("destroy", FORM, "--yes").exit_code == 0
    load(installation, SAMPLE)
    assert send(client, FORM, diet="vegan").status_code == 503
    [line] = [line for line in run("list").output.splitlines() if line.startswith(FORM)]
    assert line.startswith(f"{FORM}: destroyed 20")
    assert run("destroy", FORM, "--yes").exit_code == 1


def test_nobody_is_asked_where_nobody_can_answer(installation: TestInstallation, client: FlaskClient) -> None:
    assert run("destroy", FORM).exit_code == 2
    assert len(keys_of(installation).folder.read(FORM)) == 1


def test_unknown_form_is_named(installation: TestInstallation, client: FlaskClient) -> None:
    for command in (["replace", "nothing"], ["destroy", "nothing", "--yes"]):
        done = run(*command)
        assert (done.exit_code, done.output) == (1, "Error: nothing has no key that a master key opens\n")


def _keys(installation: TestInstallation, form: str) -> list[bytes]:
    return keys_of(installation).folder.read(form) if keys_of(installation).folder.path(form).exists() else []


def _pipe(program: Path, url: str, given: bytes = b"") -> bytes:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run([program, "--dbname", address], input=given, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout

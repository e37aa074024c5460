"""The life of a form's keys: replaced while people register, wrapped again, destroyed for good."""

import itertools
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import make_url

from deploy.local.installation import SAMPLE
from services.registration.__main__ import command_line
from services.registration.forms.service import may_take_submissions
from services.registration.intake.queue import try_lead, undecided_submissions
from services.registration.people.store import pause_decider
from services.registration.public.context import VIEW_KEPT_IN_NEED_S
from services.registration.sealing.encryption import open_answers, public_half, seal_answers
from services.registration.sealing.key_folder import KeyFolder
from services.registration.sealing.key_service import SETTLE_S, KeyOrder, SubmissionQueue, replace_form_key
from services.registration.sealing.key_store import FormKeys
from services.registration.settings import RegistrationSettings, read_settings
from services.registration.web import build_app
from shared.db.embedded_server import binaries
from shared.db.engine import open_engine
from shared.runtime.accounts import service_account
from shared.runtime.clock import system_clock
from shared.runtime.errors import SettingsError
from shared.runtime.metrics import key_wrong
from shared.security.keys import new_key, read_keys
from shared.security.sealing import Unsealable
from tests.integration.registration.test_kinds import enrol, send
from tests.integration.registration.test_kinds import installation as installation
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.postgres import PostgresServer
from tests.support.registration_service import RegistrationService
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until
from tests.support.web import load_folder

FORM = "geneva-delegation"
REASON = "She asked for her visa letter"
BINARY = """
    SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.atttypid = 'bytea'::regtype
        AND a.attnum > 0 AND has_column_privilege(c.oid, a.attnum, 'SELECT')"""
STORED = "SELECT id::text, sealed, sealed_for FROM registration WHERE sealed IS NOT NULL ORDER BY id"
WAITING = """
    SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE NOT l.granted AND d.datname = current_database()"""
QUEUE = SubmissionQueue(may_take_submissions, undecided_submissions, pause_decider)
ALONE = "--without-second-person"
CLOSE = "UPDATE form SET open = false"
KEPT_S = 1.0
"""How long a process keeps a form."""

Headers = dict[str, Any]


def run(installation: TestInstallation, *words: str) -> Result:
    """``python -m services.registration keys …``, as an operator."""
    environment = installation.environment("registration", "operator") | {"TROIKA_OPERATOR": "Op Erator"}
    return CliRunner().invoke(command_line(), ["keys", *words], env=environment)


def keys_of(installation: TestInstallation) -> FormKeys:
    """Of another process."""
    secrets = installation.secrets.folder
    return FormKeys(KeyFolder(secrets / "form-keys", read_keys(secrets / "master.key")))


def settings_of(installation: TestInstallation, process: str) -> RegistrationSettings:
    """What one kind of process reads of an environment that holds only what it is given."""
    with pytest.MonkeyPatch.context() as patch:
        for name in installation.environment("registration"):
            patch.delenv(name, raising=False)
        for name, value in installation.environment("registration", process).items():
            patch.setenv(name, value)
        return read_settings(process)


def travellers(service: RegistrationService, *names: str) -> list[str]:
    """Ids of people who have answered what they eat."""
    return [enrol(service, FORM, email=f"{name}@example.org", diet=f"only {name}") for name in names]


def read(client: FlaskClient, registration: str, coordinator: Headers) -> Any:
    """The answer of someone who wants to read what is sealed."""
    path = f"/v1/registrations/{registration}/sealed"
    return client.post(path, json={"reason": REASON}, headers=coordinator)


def diet(client: FlaskClient, registration: str, coordinator: Headers) -> Any:
    """What a traveller eats, as a coordinator reads it."""
    return read(client, registration, coordinator).get_json()["answers"]["diet"]


def stored(url: str) -> dict[str, tuple[bytes, list[str]]]:
    """Sealed answers and what they are bound to, by registration."""
    return {row: (bytes(sealed), bound_to) for row, sealed, bound_to in rows(url, STORED)}


def opens(private_keys: list[bytes], sealed: bytes, bound_to: list[str]) -> bool:
    """Whether one of the keys opens someone's answers on the form."""
    try:
        open_answers(private_keys, FORM, bound_to, sealed)
    except Unsealable:
        return False
    return True


@pytest.fixture
def run_while_storing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Sets what happens while a replacement waits."""
    return lambda action: monkeypatch.setattr(
        "services.registration.key_commands.time", SimpleNamespace(sleep=lambda _seconds: action())
    )


def test_key_is_replaced_while_people_register(
    service: RegistrationService,
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    run_while_storing: Callable[[Callable[[], object]], None],
) -> None:
    """Those before, those during, someone who confirms only afterwards, and one whose answers are stored only now."""
    url, old = service.url, keys_of(installation).private_keys(FORM)
    _, late = travellers(service, "early", "late")
    sealed_late = stored(url)[late][0]
    send(client, FORM, email="waiting@example.org", diet="only waiting")
    service.decide()
    during: list[str] = []

    def slow_one_is_stored() -> None:
        during.extend(travellers(service, "during"))
        rows(url, "UPDATE registration SET sealed = %s WHERE id = %s", sealed_late, late)

    run_while_storing(slow_one_is_stored)
    done = run(installation, "replace", FORM)
    last = "3 registrations and candidates re-encrypted. The old key is deleted."
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, last)
    assert len(keys_of(installation).private_keys(FORM)) == 1
    service.confirm("waiting@example.org")
    people = dict(rows(url, "SELECT id::text, split_part(email, '@', 1) FROM registration"))
    assert sorted(people.values()) == ["during", "early", "late", "waiting"]
    assert {diet(client, row, coordinator) for row in people} == {f"only {name}" for name in people.values()}
    assert not any(opens(old, *one) for one in stored(url).values())
    assert rows(url, "SELECT done_by, action, subject FROM audit_record") == [("Op Erator", "form-key-replaced", FORM)]


def test_nothing_is_lost_while_people_register_without_pause(
    service: RegistrationService, installation: TestInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forms are kept for a second, as ever, and the decider works beside it."""
    monkeypatch.setattr("services.registration.public.context.VIEW_KEPT_S", KEPT_S)
    keys, over, sent = keys_of(installation), threading.Event(), itertools.count()
    work, order = service.work("operator"), KeyOrder(FORM, "Op Erator", system_clock)
    rows(service.url, "UPDATE form SET people_per_address = 3")

    def register() -> None:
        while not over.is_set():
            address = f"traveller-{next(sent)}@example.org"
            assert send(service.app.test_client(), FORM, email=address, diet="vegan").status_code == 202

    with service.deciding(), ThreadPoolExecutor(2) as pool:
        registering = [pool.submit(register) for _ in range(2)]
        candidates = "SELECT sealed, content -> 'sealed_for' FROM candidate"
        poll_until(lambda: len(rows(service.url, candidates)) > 3, 20, what="people register")
        done = replace_form_key(work, keys, order, QUEUE, time.sleep, KEPT_S + 1)
        over.set()
        for one in registering:
            one.result()
    service.decide()
    [newest] = keys.private_keys(FORM)
    waiting = rows(service.url, candidates)
    lost = [one for one in waiting if not opens([newest], bytes(one[0]), one[1])]
    assert (done.changed > 3, len(waiting) > done.changed, lost) == (True, True, [])


def test_key_stays_while_a_submission_waits_that_is_sealed_to_it(
    service: RegistrationService,
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    run_while_storing: Callable[[Callable[[], object]], None],
) -> None:
    """Undecided or parked: what it holds cannot be reached. Once it is decided the next run ends the replacement."""
    assert send(client, FORM, email="slow@example.org", diet="only slow").status_code == 202
    run_while_storing(lambda: None)
    done = run(installation, "replace", FORM)
    assert (done.exit_code, "Error: 1 submissions are not decided" in done.output) == (1, True)
    assert len(keys_of(installation).private_keys(FORM)) == 2
    rows(service.url, "UPDATE submission SET state = 'parked', parked_reason = 'a fault'")
    assert run(installation, "replace", FORM).exit_code == 1
    rows(service.url, "UPDATE submission SET state = 'received', parked_reason = NULL")
    service.decide()
    service.confirm("slow@example.org")
    assert run(installation, "replace", FORM).exit_code == 0
    [traveller] = stored(service.url)
    assert diet(client, traveller, coordinator) == "only slow"
    assert len(keys_of(installation).private_keys(FORM)) == 1


def test_answers_are_resealed_while_no_batch_is_decided(
    service: RegistrationService, installation: TestInstallation
) -> None:
    """A batch that has read sealed answers would write them back, sealed to the old key."""
    [traveller] = travellers(service, "somebody")
    before, order = stored(service.url)[traveller], KeyOrder(FORM, "Op Erator", system_clock)
    keys, work = keys_of(installation), service.work("operator")
    with ThreadPoolExecutor(1) as pool:
        with service.work("decide").transaction() as batch:
            assert try_lead(batch)
            replacing = pool.submit(replace_form_key, work, keys, order, QUEUE, time.sleep, 0)
            poll_until(lambda: rows(service.url, WAITING) == [(1,)], 20, what="the replacement waits for the batch")
            assert stored(service.url)[traveller] == before
        assert replacing.result().changed == 1
    assert opens(keys.private_keys(FORM), *stored(service.url)[traveller])


def test_no_batch_is_decided_while_answers_are_resealed(service: RegistrationService) -> None:
    with service.work("operator").transaction() as connection:
        pause_decider(connection)
        assert send(service.client, FORM).status_code == 202
        assert service.decider.run_once() == 0
    assert service.decider.run_once() > 0


def test_answers_stored_after_the_wait_are_lost(
    service: RegistrationService,
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    run_while_storing: Callable[[Callable[[], object]], None],
) -> None:
    """Negative control of the first test: it is the wait that saves the slow ones."""
    [late] = travellers(service, "late")
    sealed_late = stored(service.url)[late][0]
    run_while_storing(lambda: None)
    assert run(installation, "replace", FORM).exit_code == 0
    rows(service.url, "UPDATE registration SET sealed = %s WHERE id = %s", sealed_late, late)
    assert read(client, late, coordinator).status_code == 410


def test_replacing_waits_longer_than_a_form_is_kept() -> None:
    """A process that cannot reread a form uses the one it has; a request and its statement take seconds."""
    assert SETTLE_S >= VIEW_KEPT_IN_NEED_S + 30


def test_more_answers_than_one_batch_are_resealed(
    service: RegistrationService,
    installation: TestInstallation,
    run_while_storing: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.registration.sealing.key_service.AT_ONCE", 2)
    travellers(service, "one", "two", "three", "four", "five")
    run_while_storing(lambda: None)
    assert run(installation, "replace", FORM).output.splitlines()[-1].startswith("5 registrations")
    newest = keys_of(installation).private_keys(FORM)
    assert [opens(newest, *one) for one in stored(service.url).values()] == [True] * 5


def test_interrupted_replacement_is_taken_up(
    service: RegistrationService,
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    run_while_storing: Callable[[Callable[[], object]], None],
) -> None:
    [traveller] = travellers(service, "somebody")

    def be_killed() -> None:
        raise KeyboardInterrupt

    run_while_storing(be_killed)
    assert run(installation, "replace", FORM).exit_code != 0
    assert run(installation, "list").output.count(f"{FORM}: is being replaced") == 1
    assert read(client, traveller, coordinator).status_code == 200
    both = keys_of(installation).private_keys(FORM)
    run_while_storing(lambda: None)
    assert run(installation, "replace", FORM).exit_code == 0
    assert keys_of(installation).private_keys(FORM) == both[:1]
    assert diet(client, traveller, coordinator) == "only somebody"


def test_both_keys_are_kept_where_an_answer_opens_by_neither(
    service: RegistrationService,
    installation: TestInstallation,
    run_while_storing: Callable[[Callable[[], object]], None],
) -> None:
    [traveller] = travellers(service, "somebody")
    sealed_elsewhere = seal_answers(public_half(new_key()), FORM, traveller, {"diet": "none"})
    rows(service.url, "UPDATE registration SET sealed = %s", sealed_elsewhere)
    run_while_storing(lambda: None)
    done = run(installation, "replace", FORM)
    assert (done.exit_code, "opens by neither key" in done.output) == (1, True)
    assert len(keys_of(installation).private_keys(FORM)) == 2
    done = run(installation, "replace", FORM, "--lost")
    last = "Sealed answers of 1 registrations and candidates are lost: no key opens them."
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, last)
    assert len(keys_of(installation).private_keys(FORM)) == 1


def test_form_whose_key_is_lost_gets_another_by_order_alone(
    service: RegistrationService,
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    run_while_storing: Callable[[Callable[[], object]], None],
) -> None:
    """What was sealed before is lost and marked as lost; later registrations can be read."""
    [before] = travellers(service, "before")
    file = installation.secrets.folder / "form-keys" / f"{FORM}.key"
    file.unlink()
    run_while_storing(lambda: None)
    assert (run(installation, "replace", FORM).exit_code, file.exists()) == (1, False)
    assert run(installation, "replace", FORM, "--lost").exit_code == 0
    [after] = travellers(service, "after")
    assert read(client, before, coordinator).status_code == 410
    assert diet(client, after, coordinator) == "only after"
    assert key_faults(client) == []


def key_faults(client: FlaskClient) -> list[str]:
    """The part of ``readyz`` about forms' keys."""
    return [line for line in client.get("/-/registration/readyz").text.splitlines() if line.startswith("form key ")]


RENAMED = "convert_to(replace(convert_from(o.sealed, 'UTF8'), o.sealed_for[1], r.sealed_for[1]), 'UTF8')"
MOVED = {
    "to another registration": ("o.sealed", f"o.form = '{FORM}'"),
    "to another registration, under its reference": (RENAMED, f"o.form = '{FORM}'"),
    "from another form": (RENAMED, "o.form = 'review-press-conference'"),
    "to another field": (
        """convert_to(replace(replace(replace(convert_from(r.sealed, 'UTF8'),
            '"diet"', '"?"'), '"access_needs"', '"diet"'), '"?"', '"access_needs"'), 'UTF8')""",
        f"o.form = '{FORM}'",
    ),
}


@pytest.mark.parametrize("way", MOVED)
def test_answer_moved_elsewhere_does_not_open(
    service: RegistrationService,
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    caplog: pytest.LogCaptureFixture,
    way: str,
) -> None:
    """By someone who may change rows and holds no key."""
    one, _ = travellers(service, "one", "other")
    enrol(service, "review-press-conference", email="third@example.org", access_needs="step-free")
    assert diet(client, one, coordinator) == "only one"
    value, whose = MOVED[way]
    before = stored(service.url)[one]
    statement = f"UPDATE registration r SET sealed = {value} FROM registration o WHERE r.id = %s AND o.id <> r.id AND "
    rows(service.url, statement + whose, one)
    assert stored(service.url)[one] != before
    refused = read(client, one, coordinator)
    assert (refused.status_code, refused.get_json()["code"]) == (410, "sealed-gone")
    assert caplog.messages.count("sealed answers do not open by the form's key") == 1


def test_public_process_opens_nothing_that_it_wrote(
    service: RegistrationService, client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """Neither with the settings that it is given nor with anything that its login reads; a coordinator's process does.

    Tried on the table of candidates, which it cannot read either.
    """
    settings = settings_of(installation, "forms")
    engine = open_engine(installation.url("registration", "forms"))
    forms = build_app(settings, engine).test_client()
    assert send(forms, FORM, email="somebody@example.org", diet="only somebody").status_code == 202
    service.decide()
    [(sealed, bound_to)] = rows(service.url, "SELECT sealed, content -> 'sealed_for' FROM candidate")
    with engine.connect() as connection:
        columns = connection.exec_driver_sql(BINARY).all()
        found = [row for table, column in columns for row in connection.exec_driver_sql(_values(table, column))]
    engine.dispose()
    held = [key for kind in settings.held_keys for key in kind.keys]
    held += [bytes(value)[:32] for (value,) in found if value is not None and len(value) >= 32]
    assert (settings.master_keys, settings.form_keys_folder, settings.decider_keys) == ((), Path(), ())
    assert {"form_key", "decider_key"} <= {table for table, _ in columns}
    assert [opens([key], bytes(sealed), bound_to) for key in held] == [False] * len(held)
    service.confirm("somebody@example.org")
    [traveller] = stored(service.url)
    assert diet(client, traveller, coordinator) == "only somebody"


def test_form_whose_private_key_is_missing_is_named_and_gets_no_other(
    client: FlaskClient, installation: TestInstallation, tmp_path: Path
) -> None:
    """In readyz of processes that open answers, in the list, and on loading the forms, which would else hide it."""
    file = installation.secrets.folder / "form-keys" / f"{FORM}.key"
    missing = f"form key {FORM} (TROIKA_FORM_KEYS): its private key is missing, or no master key unwraps it"
    assert key_faults(client) == []
    file.rename(tmp_path / "elsewhere.key")
    [fault] = key_faults(client)
    assert (fault.startswith(missing), key_wrong.labels("registration", "form")._value.get()) == (True, 1)
    assert run(installation, "list").stderr == fault + "\n"
    with pytest.raises(SettingsError) as refused:
        load_folder(installation, SAMPLE)
    assert (refused.value.problems, file.exists()) == ([fault], False)
    KeyFolder(tmp_path, read_keys(installation.secrets.folder / "master.key")).make(FORM)
    (tmp_path / file.name).rename(file)
    [fault] = key_faults(client)
    assert fault.startswith(f"form key {FORM} (TROIKA_FORM_KEYS): the store has a key that is not this database's")
    (tmp_path / "elsewhere.key").rename(file)
    assert (key_faults(client), key_wrong.labels("registration", "form")._value.get()) == ([], 0)


def test_interrupted_loading_publishes_the_key_that_it_made(installation: TestInstallation) -> None:
    """The private key is on the disk first: the next load finds it."""
    made = keys_of(installation).private_keys(FORM)
    url = installation.urls["registration"]
    rows(url, "DELETE FROM form_key WHERE form = %s", FORM)
    load_folder(installation, SAMPLE)
    [(public,)] = rows(url, "SELECT public_key FROM form_key WHERE form = %s", FORM)
    assert (bytes(public), keys_of(installation).private_keys(FORM)) == (public_half(made[0]), made)


def test_old_master_key_may_go_once_all_is_wrapped_by_the_new(
    service: RegistrationService, installation: TestInstallation, coordinator: Headers
) -> None:
    [traveller] = travellers(service, "somebody")
    master = installation.secrets.folder / "master.key"
    old = master.read_text()
    master.write_text(new_key().hex() + "\n" + old)
    assert run(installation, "wrap").output == "6 keys wrapped by the newest master key.\n"
    master.write_text(master.read_text().splitlines()[0])
    assert set(run(installation, "list").output.splitlines()) >= {f"{FORM}: in use"}
    engine = open_engine(installation.url("registration", "web"))
    assert (
        diet(build_app(settings_of(installation, "web"), engine).test_client(), traveller, coordinator)
        == "only somebody"
    )
    engine.dispose()
    master.write_text(old)
    assert f"{FORM}: unwrapped by none of the master keys" in run(installation, "list").output
    assert run(installation, "wrap").exit_code == 1


def test_dump_from_before_the_destruction_opens_no_more(
    service: RegistrationService,
    installation: TestInstallation,
    coordinator: Headers,
    postgres: PostgresServer,
    run_folder: RunFolder,
) -> None:
    """Neither by a service on the restored database nor by any key that is left anywhere."""
    [traveller] = travellers(service, "somebody")
    programs = binaries(run_folder.path, service_account("postgres", "nobody"))
    dump = _pipe(programs / "pg_dump", service.url)
    rows(service.url, CLOSE)
    assert run(installation, "destroy", FORM, "--yes", ALONE).output == f"The key of {FORM} is destroyed.\n"

    restored = postgres.fresh_database()
    _pipe(programs / "psql", restored, dump)
    [(registration, (sealed, bound_to))] = stored(restored).items()
    assert registration == traveller
    engine = open_engine(restored)
    restarted = build_app(settings_of(installation, "web"), engine).test_client()
    answer, [fault] = read(restarted, traveller, coordinator), key_faults(restarted)
    engine.dispose()
    assert (answer.status_code, answer.get_json()["code"]) == (410, "sealed-gone")
    assert fault.startswith(f"form key {FORM} (TROIKA_FORM_KEYS): it was destroyed, but this database has no record")

    secrets = installation.secrets.folder
    left = [key for file in secrets.glob("*.key") for key in read_keys(file)]
    left += [key for state in keys_of(installation).store.states() for key in _keys(installation, state.form)]
    assert len(left) >= 9
    assert [opens([key], sealed, bound_to) for key in left] == [False] * len(left)


def test_destroyed_key_is_never_made_again(installation: TestInstallation, client: FlaskClient) -> None:
    """Not by loading the forms, which makes what is missing; and the error states when it was destroyed."""
    url = installation.urls["registration"]
    rows(url, CLOSE)
    assert run(installation, "destroy", FORM, "--yes", ALONE).exit_code == 0
    load_folder(installation, SAMPLE)
    rows(url, "UPDATE form SET open = true")
    assert send(client, FORM, diet="vegan").status_code == 503
    [line] = [line for line in run(installation, "list").output.splitlines() if line.startswith(FORM)]
    assert line.startswith(f"{FORM}: destroyed 20")
    assert rows(url, "SELECT public_key, destroyed_at IS NULL FROM form_key WHERE form = %s", FORM) == [(None, False)]
    assert rows(url, "SELECT done_by, action, subject FROM audit_record") == [("Op Erator", "form-key-destroyed", FORM)]
    assert run(installation, "destroy", FORM, "--yes", ALONE).exit_code == 1


def test_destroyed_key_that_comes_back_opens_nothing(
    service: RegistrationService, client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """From a backup of the folder: the database knows, readyz names the form, and the command takes it away again."""
    [traveller] = travellers(service, "somebody")
    file = installation.secrets.folder / "form-keys" / f"{FORM}.key"
    saved = file.read_bytes()
    rows(service.url, CLOSE)
    assert run(installation, "destroy", FORM, "--yes", ALONE).exit_code == 0
    file.write_bytes(saved)
    file.with_suffix(".destroyed").unlink()
    assert (read(client, traveller, coordinator).status_code, len(keys_of(installation).private_keys(FORM))) == (410, 1)
    [fault] = key_faults(client)
    assert fault.startswith(f"form key {FORM} (TROIKA_FORM_KEYS): it was destroyed, but its private key exists again")
    assert run(installation, "destroy", FORM, "--yes", ALONE).exit_code == 0
    assert (file.exists(), key_faults(client)) == (False, [])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE form SET open = true",
        "UPDATE form SET opens_at = now() + interval '1 day'",
        "UPDATE event_copy SET status = 'postponed'",
    ],
)
def test_key_of_a_form_that_may_take_submissions_is_kept(installation: TestInstallation, change: str) -> None:
    rows(installation.urls["registration"], change)
    done = run(installation, "destroy", FORM, "--yes", ALONE)
    error = f"Error: {FORM} takes submissions, or will, that are sealed to the key: it is kept. Close the form first\n"
    assert (done.exit_code, done.stderr, keys_of(installation).has(FORM)) == (1, error, True)


@pytest.mark.parametrize("state", ["received", "parked"])
def test_key_is_kept_until_what_waits_is_decided(
    service: RegistrationService,
    installation: TestInstallation,
    run_while_storing: Callable[[Callable[[], object]], None],
    state: str,
) -> None:
    """It was received before the form closed. It waits for the decider, a few seconds."""
    send(service.client, FORM, diet="vegan")
    rows(service.url, CLOSE)
    if state == "parked":
        rows(service.url, "UPDATE submission SET state = 'parked', parked_reason = 'a test'")
    run_while_storing(lambda: None)
    done = run(installation, "destroy", FORM, "--yes", ALONE)
    assert (done.exit_code, done.stderr.startswith("Error: 1 submissions are not decided")) == (1, True)
    assert keys_of(installation).has(FORM)
    run_while_storing(service.decide)
    rows(service.url, "UPDATE submission SET state = 'received', parked_reason = NULL")
    assert run(installation, "destroy", FORM, "--yes", ALONE).exit_code == 0
    assert rows(service.url, "SELECT state FROM submission") == [("decided",)]


def test_no_one_is_asked_where_no_one_can_answer(installation: TestInstallation) -> None:
    assert run(installation, "destroy", FORM).exit_code == 2
    assert len(keys_of(installation).private_keys(FORM)) == 1


def test_unknown_form_is_named(installation: TestInstallation, client: FlaskClient) -> None:
    for command in (["replace", "nothing"], ["destroy", "nothing", "--yes", ALONE]):
        done = run(installation, *command)
        assert (done.exit_code, done.stderr) == (1, "Error: nothing has no key that a master key opens\n")


def _values(table: str, column: str) -> str:
    return f'SELECT "{column}" FROM "{table}"'


def _keys(installation: TestInstallation, form: str) -> list[bytes]:
    return keys_of(installation).private_keys(form) if keys_of(installation).has(form) else []


def _pipe(program: Path, url: str, given: bytes = b"") -> bytes:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run([program, "--dbname", address], input=given, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout

"""A process with another key than its database's does nothing, is not ready, and names the key."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from deploy.local.secrets import OWNERS
from services.events.settings import read_settings as read_events
from services.notifications.settings import read_settings as read_notifications
from services.registration.__main__ import command_line
from services.registration.settings import RegistrationSettings, read_settings
from services.registration.web import build_app
from services.registration.wiring import NAME
from shared.cli.workers import wait_for_keys
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.runner import Stop
from shared.security.keys import HeldKey, KeyChecks
from shared.security.sealing import new_key
from tests.integration.registration.conftest import installation as installation
from tests.integration.registration.conftest import service as service
from tests.integration.registration.conftest import with_webinar as with_webinar
from tests.support.clients import SUBMISSIONS, answers, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService
from tests.support.waiting import poll_until

REGISTERED = "SELECT count(*), count(DISTINCT person_ref) FROM registration"
READY = "/-/registration/readyz"


@pytest.fixture
def settings(service: RegistrationService) -> RegistrationSettings:
    """Of a web process, after three people have registered."""
    service.register(0, 1, 2)
    return service.settings("web")


@pytest.fixture
def engine(installation: TestInstallation) -> Iterator[Engine]:
    """Of a second web process."""
    engine = open_engine(installation.url("registration", "web"))
    yield engine
    engine.dispose()


def run(installation: TestInstallation, *words: str, process: str = "recover", **more: str) -> Result:
    """A command of an operator, with the settings of the kind ``process`` alone: those of ``recover`` name no key."""
    unset: dict[str, str | None] = dict.fromkeys(installation.secrets.files())
    environment = unset | installation.environment("registration", process) | {"TROIKA_OPERATOR": "Op Erator"} | more
    return CliRunner().invoke(command_line(), words, env=environment)


def test_another_person_key_registers_no_one_a_second_time(
    installation: TestInstallation, settings: RegistrationSettings, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    other = build_app(replace(settings, person_keys=(new_key(),)), engine).test_client()
    ready = other.get(READY)
    assert ready.status_code == 503
    assert "key person (TROIKA_PERSON_KEY_FILE): it is not the key of this database" in ready.text
    assert "python -m services.registration key-checks accept person" in ready.text
    codes = [other.post(SUBMISSIONS, json=answers(number)).status_code for number in range(3)]
    assert (codes, other.get("/-/registration/livez").status_code) == ([503] * 3, 200)
    assert rows(installation.urls["registration"], REGISTERED) == [(3, 3)]
    logged = [record.key for record in caplog.records if record.levelno == logging.ERROR and hasattr(record, "key")]
    assert logged == ["person"]  # once, however many are refused


KEY = new_key()
OTHERS: dict[str, Callable[[RegistrationSettings], RegistrationSettings]] = {
    "person": lambda settings: replace(settings, person_keys=(KEY,)),
    "master": lambda settings: replace(settings, master_keys=(KEY,)),
    "notifications-public": lambda settings: replace(settings, notifications_key=KEY),
    "signing": lambda settings: replace(settings, common=replace(settings.common, signing_keys=(KEY,))),
}


@pytest.mark.parametrize("name", OTHERS)
def test_each_key_of_a_web_process_is_compared(settings: RegistrationSettings, engine: Engine, name: str) -> None:
    checks = KeyChecks(UnitOfWork(engine, NAME), OTHERS[name](settings).held_keys, NAME)
    assert list(checks.faults()) == [name]
    assert KEY.hex() not in checks.problem()


def test_every_key_that_a_process_reads_is_compared(
    installation: TestInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key of a new setting cannot be forgotten: each field of keys is in ``held_keys``."""
    readers: dict[str, Callable[[str], Any]] = {
        "registration": read_settings,
        "events": read_events,
        "notifications": read_notifications,
    }
    for owner, process in OWNERS:
        for name, value in installation.environment(owner, process).items():
            monkeypatch.setenv(name, value)
        found = readers[owner](process)
        assert sorted(key for held in found.held_keys for key in held.keys) == sorted(keys_in(found))


def keys_in(settings: Any) -> Iterator[bytes]:
    """Every key in a field of settings."""
    for place in (settings, settings.common):
        for field in fields(place):
            value = getattr(place, field.name)
            if field.name.endswith(("_key", "_keys")) and value:
                yield from [value] if isinstance(value, bytes) else value


def test_operator_accepts_a_key_that_was_replaced_on_purpose(
    installation: TestInstallation, settings: RegistrationSettings, engine: Engine, tmp_path: Path
) -> None:
    key = new_key()
    file = tmp_path / "another.key"
    file.write_text(key.hex() + "\n")
    other = build_app(replace(settings, person_keys=(key,)), engine).test_client()
    assert other.get(READY).status_code == 503
    unsure = run(installation, "key-checks", "accept", "person", TROIKA_PERSON_KEY_FILE=str(file))
    assert (unsure.exit_code, "--yes" in unsure.output) == (2, True)
    done = run(installation, "key-checks", "accept", "person", "--yes", TROIKA_PERSON_KEY_FILE=str(file))
    again = run(installation, "key-checks", "accept", "person", "--yes", TROIKA_PERSON_KEY_FILE=str(file))
    assert (done.exit_code, again.exit_code) == (0, 0), done.output + again.output
    assert other.get(READY).status_code == 200
    first = build_app(settings, engine).test_client()
    assert first.get(READY).status_code == 503
    actions = rows(installation.urls["registration"], "SELECT done_by, action, subject FROM audit_record")
    assert actions == [("Op Erator", "key-accepted", "person")]
    listed = run(installation, "key-checks", "list").output
    assert [line.split()[0] for line in listed.splitlines()[1:]] == [
        "signing",
        "person",
        "master",
        "intake",
        "notifications-public",
        "events-public",
    ]


@pytest.mark.parametrize("words", [("key-checks", "list"), ("retention",), ("retention", "confirm", "any", "--yes")])
def test_operator_needs_no_key_to_read_and_to_confirm(
    installation: TestInstallation, settings: RegistrationSettings, words: tuple[str, ...]
) -> None:
    """The first steps of runbooks work where a key is lost."""
    done = run(installation, *words)
    assert done.exit_code == 0, done.exception


def test_another_master_key_loads_no_form(
    installation: TestInstallation, settings: RegistrationSettings, tmp_path: Path
) -> None:
    """A form's new key would be wrapped by it."""
    (tmp_path / "another.key").write_text(new_key().hex() + "\n")
    other = str(tmp_path / "another.key")
    refused = run(installation, "keys", "wrap", process="operator", TROIKA_MASTER_KEY_FILE=other)
    assert (refused.exit_code, "key master (TROIKA_MASTER_KEY_FILE)" in refused.output) == (1, True)


def test_master_key_is_rotated_without_downtime(
    installation: TestInstallation, settings: RegistrationSettings, engine: Engine, tmp_path: Path
) -> None:
    old, new, file = settings.master_keys[0], new_key(), tmp_path / "master.key"

    def fits(*keys: bytes) -> bool:
        return build_app(replace(settings, master_keys=keys), engine).test_client().get(READY).status_code == 200

    assert [fits(new, old), fits(old), fits(new)] == [True, True, False]  # the form's key is wrapped by the old one
    rows(installation.urls["registration"], "UPDATE key_check SET added_at = added_at - interval '2 hours'")
    assert [fits(new, old), fits(new)] == [True, False]
    file.write_text(f"{new.hex()}\n{old.hex()}\n")
    wrapped = run(installation, "keys", "wrap", process="operator", TROIKA_MASTER_KEY_FILE=str(file))
    assert wrapped.exit_code == 0, wrapped.output
    assert [fits(new, old), fits(new), fits(old)] == [True, True, False]


def test_two_first_processes_with_different_keys_do_not_both_fit(
    installation: TestInstallation, engine: Engine, service: RegistrationService
) -> None:
    settings = service.settings("web")
    both = [replace(settings, person_keys=(new_key(),)) for _ in range(8)]
    checks = [KeyChecks(UnitOfWork(engine, NAME), one.held_keys, NAME) for one in both]
    rows(installation.urls["registration"], "DELETE FROM key_check")
    with ThreadPoolExecutor(4) as pool:
        fit = [not faults for faults in pool.map(lambda check: check.faults(), checks)]
    assert fit.count(True) == 1


def test_worker_with_another_key_waits_and_begins_once_it_is_accepted(
    settings: RegistrationSettings, engine: Engine, installation: TestInstallation
) -> None:
    person = next(held for held in settings.held_keys if held.kind.name == "person")
    other = HeldKey(person.kind, [new_key()])
    checks, stop = KeyChecks(UnitOfWork(engine, NAME), [other], NAME), Stop()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait_for_keys, checks.faults, stop)
        assert not waiting.done()
        rows(
            installation.urls["registration"], "UPDATE key_check SET value = %s WHERE name = 'person'", other.values[0]
        )
        poll_until(waiting.done, 10, what="the worker has begun")
        assert not stop

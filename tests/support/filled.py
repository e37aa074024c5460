"""Databases of the three services with the sample's content, without any process."""

import base64
from collections.abc import Callable
from pathlib import Path

from services.events.loading.folder import read_folder
from services.events.loading.rooms import read_rooms
from services.events.loading.service import load_rooms, load_sample
from services.notifications import consumers as notifications
from services.notifications.rules.registrations import NotificationsContext
from services.registration.forms.service import upsert_event
from services.registration.loading import load_forms
from services.registration.sealing.key_folder import KeyFolder
from services.registration.sealing.key_store import FormKeys
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import read
from shared.messaging.inbox import apply_batch
from shared.runtime.clock import system_clock
from shared.security.sealing import Vault, public_key_of, read_keys, seal_to
from tests.contract.samples import sample_message
from tests.support.installation import TestInstallation
from tests.support.processes import PROJECT

SAMPLES = PROJECT / "deploy" / "samples" / "upr2020"

_NEXT_YEAR = {"starts_at": "2099-03-04T19:00:00Z", "ends_at": "2099-03-04T20:00:00Z"}
"""The form stays open, whenever the tests run."""


def fill(installation: TestInstallation) -> None:
    """The programme with its rooms, its forms, an event of next year that registration knows, and one mail."""
    steps: dict[str, Callable[[UnitOfWork, Path], None]] = {
        "events": _fill_events,
        "registration": _fill_forms,
        "notifications": _fill_mails,
    }
    for name, step in steps.items():
        engine = open_engine(installation.urls[name])
        step(UnitOfWork(engine, name), installation.secrets.folder)
        engine.dispose()


def _fill_events(work: UnitOfWork, _secrets: Path) -> None:
    load_sample(work, system_clock, read_folder(SAMPLES))
    load_rooms(work, read_rooms(SAMPLES))


def _fill_forms(work: UnitOfWork, secrets: Path) -> None:
    keys = FormKeys(KeyFolder(secrets / "form-keys", read_keys(secrets / "master.key")))
    load_forms(work, keys, SAMPLES)
    with work.transaction() as connection:
        upsert_event(connection, read(sample_message("event.published.v1", **_NEXT_YEAR)))


def _fill_mails(work: UnitOfWork, secrets: Path) -> None:
    private = read_keys(secrets / "notifications.key")[0]
    vault = Vault(read_keys(secrets / "vault.key"))
    effects = notifications.effects(NotificationsContext(system_clock, (private,), vault, "example.org"))
    person = {"name": "A Participant", "address": "participant@example.org", "time_zone": "UTC"}
    person |= {"token": "t" * 43, "view": "v" * 43, "join": "j" * 43}
    box = base64.b64encode(seal_to(public_key_of(private), person)).decode()
    message = sample_message("registration.confirmed.v1", sealed=box)
    told = type(message)(message.id, message.type, message.source, message.subject, message.time, read(message))
    assert apply_batch(work, notifications.MAIL, [told], effects[notifications.MAIL]) == ["done"]

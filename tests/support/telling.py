"""Messages between the three services of an installation, without a broker: whatever was published is consumed."""

from collections.abc import Mapping
from typing import Any

from services.events import messaging as events
from services.notifications import messaging as notifications
from services.registration import messaging as registration
from shared.contracts.envelope import Message, decode
from shared.contracts.registry import MESSAGE_TYPES, SERVICES, read, service_of
from shared.core.clock import system_clock
from shared.core.sealing import Vault, read_keys
from shared.store.engine import open_engine
from shared.store.inbox import apply_batch
from shared.store.unit_of_work import UnitOfWork
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.proposals import events_keys

CONSUMERS = {entry.key: entry.consumers for entry in MESSAGE_TYPES}
Effects = Mapping[str, Any]


def tell_everybody(installation: TestInstallation) -> None:
    """Let every service consume what the others have published; what it had before changes nothing."""
    told = [_checked(body) for name in SERVICES for body in _published(installation, name)]
    for queue, effect in _effects(installation).items():
        own = [message for message in told if queue in CONSUMERS[message.routing_key]]
        engine = open_engine(installation.url(service_of(queue), "consume"))
        verdicts = apply_batch(UnitOfWork(engine, service_of(queue)), queue, own, effect)
        engine.dispose()
        assert set(verdicts) <= {"done", "duplicate"}, (queue, verdicts)


def _published(installation: TestInstallation, name: str) -> list[bytes]:
    found = rows(installation.urls[name], "SELECT body FROM outbox WHERE body <> '' ORDER BY id")
    return [bytes(body) for (body,) in found]


def _effects(installation: TestInstallation) -> Effects:
    folder = installation.secrets.folder
    private = {name: tuple(read_keys(folder / f"{name}.key")) for name in ("registration", "notifications")}
    vault = Vault(read_keys(folder / "vault.key"))
    intake = notifications.Intake(system_clock, private["notifications"], vault, "example.org")
    return {
        **registration.effects(private["registration"]),
        **events.effects(events_keys(installation)),
        **notifications.effects(intake),
    }


def _checked(body: bytes) -> Message:
    message = decode(body)
    return Message(message.id, message.type, message.source, message.subject, message.time, read(message))

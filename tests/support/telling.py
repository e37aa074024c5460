"""Messages between the three services of an installation without a broker: what is published is consumed."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from services.events import consumers as events
from services.notifications import consumers as notifications
from services.notifications.rules.registrations import NotificationsContext
from services.registration import consumers as registration
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import MESSAGE_TYPES, SERVICES, read, service_of
from shared.messaging.contracts.schemas import Message, decode
from shared.messaging.inbox import apply_batch
from shared.runtime.clock import system_clock
from shared.security.sealing import Vault, read_keys
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.proposals import events_keys

CONSUMERS = {entry.key: entry.consumers for entry in MESSAGE_TYPES}
Effects = Mapping[str, Any]


class Telling:
    """What the services of an installation publish for one another, and have consumed.

    Attributes:
        installation: whose outboxes are read.
    """

    def __init__(self, installation: TestInstallation, opened: ExitStack) -> None:
        self.installation = installation
        self._read = dict.fromkeys(SERVICES, 0)
        self._effects = _effects(installation)
        self._works: dict[str, UnitOfWork] = {}
        self._opened = opened

    def tell(self) -> None:
        """Let every service consume what the others have published since the last time."""
        told = [_checked(body) for name in SERVICES for body in self._published(name)]
        for queue, effect in self._effects.items():
            if own := [message for message in told if queue in CONSUMERS[message.routing_key]]:
                verdicts = apply_batch(self._work(queue), queue, own, effect)
                assert set(verdicts) == {"done"}, (queue, verdicts)
        if told:
            self.tell()

    def _published(self, name: str) -> list[bytes]:
        newer = "SELECT id, body FROM outbox WHERE id > %s AND body <> '' ORDER BY id"
        found = rows(self.installation.urls[name], newer, self._read[name])
        self._read[name] = max([self._read[name], *(row[0] for row in found)])
        return [bytes(row[1]) for row in found]

    def _work(self, queue: str) -> UnitOfWork:
        if queue not in self._works:
            engine = open_engine(self.installation.url(service_of(queue), "consume"))
            self._opened.callback(engine.dispose)
            self._works[queue] = UnitOfWork(engine, service_of(queue))
        return self._works[queue]


def _effects(installation: TestInstallation) -> Effects:
    folder = installation.secrets.folder
    private = {name: tuple(read_keys(folder / f"{name}.key")) for name in ("registration", "notifications")}
    vault = Vault(read_keys(folder / "vault.key"))
    intake = NotificationsContext(system_clock, private["notifications"], vault, "example.org")
    return {
        **registration.effects(private["registration"]),
        **events.effects(events_keys(installation)),
        **notifications.effects(intake),
    }


def _checked(body: bytes) -> Message:
    message = decode(body)
    return Message(message.id, message.type, message.source, message.subject, message.time, read(message))

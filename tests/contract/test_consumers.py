"""Every consumer takes every type that its queue hears: the frozen sample with a field that nobody knows yet."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.events import messaging as events
from services.notifications import messaging as notifications
from services.registration import messaging as registration
from shared.bus.delivery import Delivery
from shared.contracts.envelope import Message, encode
from shared.contracts.registry import MESSAGE_TYPES, SERVICES, service_of
from shared.core.clock import system_clock
from shared.core.sealing import Vault, new_key, public_key_of, seal_to
from shared.store.engine import open_engine
from shared.store.inbox import Effect, apply_batch
from shared.store.unit_of_work import UnitOfWork
from tests.contract.samples import sample_message
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer

PRIVATE_KEY = new_key()
PERSON = {
    "name": "A Participant",
    "address": "participant@example.org",
    "token": "t" * 43,
    "view": "v" * 43,
    "join": "j" * 43,
    "time_zone": "UTC",
}
HEARD = [(entry.key, queue) for entry in MESSAGE_TYPES for queue in entry.consumers]


class Raw:
    """As much of kombu's message as a delivery reads."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.headers: dict[str, Any] = {}
        self.delivery_info: dict[str, Any] = {}


@pytest.fixture(scope="module")
def works(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, UnitOfWork]]:
    """Transactions on the migrated database of each service."""
    installation = make_installation(postgres, Path(tmp_path_factory.mktemp("consumers")))
    engines = {name: open_engine(installation.url(name, "consume")) for name in SERVICES}
    yield {name: UnitOfWork(engine, name) for name, engine in engines.items()}
    for engine in engines.values():
        engine.dispose()


def _effect(queue: str, work: UnitOfWork) -> Effect:
    intake = notifications.Intake(system_clock, (PRIVATE_KEY,), Vault([new_key()]), "example.org")
    effects = {**registration.effects([PRIVATE_KEY]), **events.effects(work), **notifications.effects(intake)}
    return effects[queue]


def _as_read(key: str) -> Message:
    """The sample, sealed to a key of ours, with an unknown field, as a listener hands it over."""
    message = sample_message(key, a_later_field="of a later sender")
    if "sealed" in message.data:
        box = base64.b64encode(seal_to(public_key_of(PRIVATE_KEY), PERSON)).decode()
        message = sample_message(key, a_later_field="of a later sender", sealed=box)
    delivery = Delivery(Raw(encode(message)), "any")
    delivery.read()
    assert delivery.message is not None
    return delivery.message


@pytest.mark.parametrize(("key", "queue"), HEARD)
def test_sample_with_an_unknown_field_has_its_effect(works: dict[str, UnitOfWork], key: str, queue: str) -> None:
    work, message = works[service_of(queue)], _as_read(key)
    assert apply_batch(work, queue, [message], _effect(queue, work)) == ["done"]
    assert apply_batch(work, queue, [message], _effect(queue, work)) == ["duplicate"]
    with work.transaction() as connection:
        kept = text("SELECT count(*) FROM inbox WHERE consumer = :queue AND message_id = CAST(:id AS uuid)")
        assert connection.execute(kept, {"queue": queue, "id": message.id}).scalar() == 1

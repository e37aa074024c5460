"""Every consumer accepts every type of its queue: the frozen sample with an additional unknown field."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.events import consumers as events
from services.events.side_events.reading import ProposalKeys
from services.notifications import consumers as notifications
from services.notifications.rules.registrations import NotificationsContext
from services.registration import consumers as registration
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.acknowledger import Delivery
from shared.messaging.contracts.registry import MESSAGE_TYPES, SERVICES, service_of
from shared.messaging.contracts.schemas import Message, encode
from shared.messaging.inbox import Effect, apply_batch
from shared.runtime.clock import system_clock
from shared.security.sealing import Vault, new_key, public_key_of, seal_to
from tests.contract.samples import sample_message
from tests.support.filled import fill
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.proposals import FORM as PROPOSAL
from tests.support.proposals import proposal_answers
from tests.support.registration_service import open_registration

PRIVATE_KEY = new_key()
PERSON = {
    "name": "A Participant",
    "address": "participant@example.org",
    "token": "t" * 43,
    "view": "v" * 43,
    "join": "j" * 43,
    "time_zone": "UTC",
    "title": "",
}
TEXT = {"title": "Housing as a right", "summary": "What was promised.", "attendance": 30, "speakers": ["A Speaker"]}
NOTE = {"note": "Please say who speaks."}
HEARD = [(entry.key, queue) for entry in MESSAGE_TYPES for queue in entry.consumers]


class Raw:
    """As much of kombu's message as a delivery reads."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.headers: dict[str, Any] = {}
        self.delivery_info: dict[str, Any] = {}


@pytest.fixture(scope="module")
def installation(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """Databases of each service, with the sample's forms."""
    made = make_installation(postgres, Path(tmp_path_factory.mktemp("consumers")))
    fill(made)
    return made


@pytest.fixture(scope="module")
def works(installation: TestInstallation) -> Iterator[dict[str, UnitOfWork]]:
    """Transactions on the database of each service."""
    engines = {name: open_engine(installation.url(name, "consume")) for name in SERVICES}
    yield {name: UnitOfWork(engine, name) for name, engine in engines.items()}
    for engine in engines.values():
        engine.dispose()


@pytest.fixture(scope="module")
def proposal(installation: TestInstallation, works: dict[str, UnitOfWork]) -> str:
    """The id of a proposal that registration and notifications know, and no one has decided on."""
    with open_registration(installation) as service:
        made = service.enrol(proposal_answers("Housing as a right"), PROPOSAL)
    known = _as_read("registration.confirmed.v1", registration_id=made, form=PROPOSAL, form_kind="proposal", event=None)
    assert apply_batch(works["notifications"], notifications.MAIL, [known], _effect(notifications.MAIL)) == ["done"]
    return made


def _effect(queue: str) -> Effect:
    intake = NotificationsContext(system_clock, (PRIVATE_KEY,), Vault([new_key()]), "example.org")
    keys = ProposalKeys([PRIVATE_KEY], [PRIVATE_KEY])
    effects = {**registration.effects([PRIVATE_KEY]), **events.effects(keys), **notifications.effects(intake)}
    return effects[queue]


def _as_read(key: str, **fields: Any) -> Message:
    """The sample with ``fields``, sealed to a key of ours, with an unknown field, as a listener hands it over."""
    entry = next(entry for entry in MESSAGE_TYPES if entry.key == key)
    for name in entry.sealed:
        content = PERSON if key.startswith(("registration.", "confirmation.", "invitation.")) else TEXT
        content = NOTE if entry.producer == "events" else content
        fields[name] = base64.b64encode(seal_to(public_key_of(PRIVATE_KEY), content)).decode()
    message = sample_message(key, a_later_field="of a later sender", **fields)
    delivery = Delivery(Raw(encode(message)), "any")
    delivery.read()
    assert delivery.message is not None
    return delivery.message


@pytest.mark.parametrize(("key", "queue"), HEARD)
def test_sample_with_an_unknown_field_has_its_effect(
    works: dict[str, UnitOfWork], proposal: str, key: str, queue: str
) -> None:
    about = {"proposal_id": proposal} if key.startswith("proposal.") else {}
    work, message = works[service_of(queue)], _as_read(key, **about)
    assert apply_batch(work, queue, [message], _effect(queue)) == ["done"]
    assert apply_batch(work, queue, [message], _effect(queue)) == ["duplicate"]
    with work.transaction() as connection:
        kept = text("SELECT count(*) FROM inbox WHERE consumer = :queue AND message_id = CAST(:id AS uuid)")
        assert connection.execute(kept, {"queue": queue, "id": message.id}).scalar() == 1

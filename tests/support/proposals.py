"""Proposals of side events: their form's answers, and how events gets what registration publishes."""

from collections.abc import Mapping
from typing import Any

import orjson

from services.events import consumers as events
from services.events.side_events.reading import ProposalKeys
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import MESSAGE_TYPES, read
from shared.messaging.contracts.schemas import Message, decode
from shared.messaging.inbox import apply_batch
from shared.security.sealing import public_key_of, read_keys
from tests.support.installation import TestInstallation
from tests.support.registration_service import RegistrationService

FORM = "side-event-proposal"
"""Of the sample."""

CONSUMERS = {entry.key: entry.consumers for entry in MESSAGE_TYPES}


def proposal_answers(title: str, **others: Any) -> dict[str, Any]:
    """A filled form."""
    return {
        "name": "A proposer",
        "email": "proposer@example.org",
        "title": title,
        "summary": "What was promised and what was done.",
        "attendance": 30,
        "consent": True,
        **others,
    }


def tell_events(service: RegistrationService) -> None:
    """Let events consume whatever registration has published; what it had before changes nothing."""
    engine = open_engine(service.installation.url("events", "consume"))
    work = UnitOfWork(engine, "events")
    told = [_checked(one) for one in service.messages()]
    for queue, effect in events.effects(events_keys(service.installation)).items():
        own = [message for message in told if queue in CONSUMERS[message.routing_key]]
        assert set(apply_batch(work, queue, own, effect)) <= {"done", "duplicate"}, queue
    engine.dispose()


def events_keys(installation: TestInstallation) -> ProposalKeys:
    """All keys with which events reads proposals and tells decisions."""
    folder = installation.secrets.folder
    private = {
        name: read_keys(folder / f"{name}.key") for name in ("events", "proposal", "notifications", "registration")
    }
    public = {name: public_key_of(keys[0]) for name, keys in private.items()}
    return ProposalKeys(private["events"], private["proposal"], public["notifications"], public["registration"])


def _checked(one: Mapping[str, Any]) -> Message:
    message = decode(orjson.dumps(one))
    return Message(message.id, message.type, message.source, message.subject, message.time, read(message))

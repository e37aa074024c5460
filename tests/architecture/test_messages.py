"""Every message type is produced and every queue is consumed, as the table states."""

import re
from pathlib import Path

import pytest

from deploy.operations.audit.facts import CONSUMING_QUEUES
from services.events import consumers as events
from services.events.side_events.reading import ProposalKeys
from services.notifications import consumers as notifications
from services.notifications.rules.registrations import NotificationsContext
from services.registration import consumers as registration
from shared.messaging.contracts.registry import MESSAGE_TYPES, QUEUES, SERVICES, service_of
from shared.messaging.contracts.schemas import TYPE_PREFIX
from shared.runtime.clock import system_clock
from shared.security.audit_log import AuditRecord, audit_message
from shared.security.sealing import Vault, new_key
from tests.architecture.sources import python_files, text_of

_MAKES_MESSAGES = re.compile(r"\b(?:Message|make_message|message_of)\(")


def test_every_queue_has_an_effect_in_its_service() -> None:
    intake = NotificationsContext(system_clock, (new_key(),), Vault([new_key()]), "example.org")
    effects = {
        "registration": registration.effects([]),
        "events": events.effects(ProposalKeys()),
        "notifications": notifications.effects(intake),
    }
    assert {name: sorted(each) for name, each in effects.items()} == {
        name: [queue for queue in QUEUES if service_of(queue) == name] for name in SERVICES
    }


def test_the_audit_knows_who_consumes() -> None:
    """The audit imports no service and no contract: its own table is compared here."""
    assert set(CONSUMING_QUEUES) == {(TYPE_PREFIX + one.key, queue) for one in MESSAGE_TYPES for queue in one.consumers}


@pytest.mark.parametrize("service", SERVICES)
def test_service_publishes_exactly_its_types(service: str) -> None:
    translations = [text_of(path) for path in _translations(service)]
    published = set(re.findall(r'"([a-z-]+\.[a-z-]+\.v\d+)"', "".join(translations)))
    if service != "registration":
        published.add(
            audit_message(service, AuditRecord("somebody", "done"), system_clock()).type.removeprefix(TYPE_PREFIX)
        )
    assert published == {entry.key for entry in MESSAGE_TYPES if entry.producer == service}


def _translations(service: str) -> list[Path]:
    """The modules that make messages of a service's facts."""
    return [path for path in python_files(f"services/{service}") if _MAKES_MESSAGES.search(text_of(path))]


@pytest.mark.parametrize("service", SERVICES)
def test_every_translation_is_used(service: str) -> None:
    everything = "".join(text_of(path) for path in python_files(f"services/{service}"))
    translations = "".join(text_of(path) for path in _translations(service))
    functions = re.findall(r"^def ([a-z]\w*)\((?:[^()]|\(\))*\) -> Message:", translations, re.MULTILINE)
    assert functions
    used = [name for name in functions if len(re.findall(rf"\b{name}\(|\bpartial\({name}\b", everything)) > 1]
    assert used == functions


@pytest.mark.parametrize("service", SERVICES)
def test_every_named_type_is_used(service: str) -> None:
    """A constant that names a type is used by code, not only declared."""
    everything = "".join(text_of(path) for path in python_files(f"services/{service}"))
    translations = "".join(text_of(path) for path in _translations(service))
    constants = re.findall(r'^([A-Z_]+) = "[a-z-]+\.[a-z-]+\.v\d+"', translations, re.MULTILINE)
    assert [name for name in constants if len(re.findall(rf"\b{name}\b", everything)) < 2] == []

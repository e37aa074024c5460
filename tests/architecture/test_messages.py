"""No dead type and no deaf queue: what the table says is done by code."""

import re
from pathlib import Path

import pytest

from services.events import messaging as events
from services.notifications import messaging as notifications
from services.registration import messaging as registration
from shared.contracts.registry import MESSAGE_TYPES, QUEUES, SERVICES, service_of
from shared.core.clock import system_clock
from shared.core.sealing import Vault, new_key
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork
from tests.architecture.sources import python_files, text_of

NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nowhere"


def test_every_queue_has_an_effect_in_its_service() -> None:
    intake = notifications.Intake(system_clock, (new_key(),), Vault([new_key()]), "example.org")
    work = UnitOfWork(open_engine(NOWHERE), "events")
    effects = {
        "registration": registration.effects(),
        "events": events.effects(work),
        "notifications": notifications.effects(intake),
    }
    assert {name: sorted(each) for name, each in effects.items()} == {
        name: [queue for queue in QUEUES if service_of(queue) == name] for name in SERVICES
    }


@pytest.mark.parametrize("service", SERVICES)
def test_service_says_exactly_its_types(service: str) -> None:
    translations = [text_of(path) for path in python_files(f"services/{service}") if path.name.startswith("outgoing")]
    said = set(re.findall(r'"([a-z-]+\.[a-z-]+\.v\d+)"', "".join(translations)))
    assert said == {entry.key for entry in MESSAGE_TYPES if entry.speaker == service}


@pytest.mark.parametrize("service", SERVICES)
def test_every_translation_is_used(service: str) -> None:
    outgoing = Path("services") / service / "outgoing.py"
    rest = "".join(text_of(path) for path in python_files(f"services/{service}") if path != outgoing)
    functions = re.findall(r"^def ([a-z]\w*)", text_of(outgoing), re.MULTILINE)
    assert functions
    assert [name for name in functions if not re.search(rf"\b{name}\(", rest)] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_named_type_is_used(service: str) -> None:
    """A constant that names a type is used by code, not only declared."""
    outgoing = Path("services") / service / "outgoing.py"
    everything = "".join(text_of(path) for path in python_files(f"services/{service}"))
    constants = re.findall(r'^([A-Z_]+) = "[a-z-]+\.[a-z-]+\.v\d+"', text_of(outgoing), re.MULTILINE)
    assert [name for name in constants if len(re.findall(rf"\b{name}\b", everything)) < 2] == []

"""The OpenAPI documents tell the truth: what schemathesis makes of them is answered as they say, on a real database.

Examples, coverage of every parameter's edges, and a bounded number of invented requests for each operation; never a
500, never a status, content type or body that the document does not name.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.core.failures import Failure
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import CheckNode

from deploy.specs import build_applications
from services.events.loading.folder import read_folder
from services.events.usecases.load_sample import load_sample
from services.notifications import messaging as notifications
from services.registration.store.copies import keep_event
from services.registration.store.form_keys import FormKeys
from services.registration.usecases.load_forms import load_forms
from shared.contracts.registry import SERVICES, read
from shared.core.clock import system_clock
from shared.core.sealing import Vault, public_key_of, read_keys, seal_to
from shared.store.engine import open_engine
from shared.store.inbox import apply_batch
from shared.store.unit_of_work import UnitOfWork
from tests.contract.samples import sample_message
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT

SAMPLES = PROJECT / "deploy" / "samples" / "upr2020"
EXAMPLES_PER_OPERATION = 30
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
)


@dataclass(frozen=True, slots=True)
class Stack:
    """The three applications on filled databases, and a coordinator's key."""

    apps: dict[str, Flask]
    key: str


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Every service with the sample's content."""
    installation = make_installation(postgres, Path(tmp_path_factory.mktemp("openapi")))
    engines = {name: open_engine(installation.url(name, "web")) for name in SERVICES}
    for name, fill in {"events": _fill_events, "registration": _fill_forms, "notifications": _fill_mails}.items():
        filling = open_engine(installation.urls[name])
        fill(UnitOfWork(filling, name), installation.secrets.folder)
        filling.dispose()
    yield Stack(build_applications(installation.secrets, engines), installation.secrets.coordinator_key)
    for engine in engines.values():
        engine.dispose()


@pytest.mark.parametrize("service", SERVICES)
def test_document_is_kept_by_the_service(stack: Stack, service: str) -> None:
    app = stack.apps[service]
    schema = schemathesis.openapi.from_wsgi(f"/-/{service}/openapi.json", app, config=_configuration(stack.key))
    scenarios, failures = 0, dict[str, str]()
    for event in from_schema(schema).execute():
        assert not isinstance(event, NonFatalError | FatalError), event
        if isinstance(event, ScenarioFinished):
            scenarios += 1
            checks = [check for checks in event.recorder.checks.values() for check in checks]
            failures |= dict(_described(event, check) for check in checks if check.failure_info is not None)
    assert scenarios >= 2 * len(schema)
    assert failures == {}


def _described(event: ScenarioFinished, check: CheckNode) -> tuple[str, str]:
    """What failed, once for each operation and kind, and a request that shows it."""
    assert check.failure_info is not None
    failure: Failure = check.failure_info.failure
    return f"{event.label}: {failure.title}", f"{failure.message}\n{check.failure_info.code_sample}"


def _configuration(key: str) -> schemathesis.Config:
    checks: dict[str, Any] = {"enabled": False} | {name: {"enabled": True} for name in CHECKS}
    generation = {"max-examples": EXAMPLES_PER_OPERATION, "deterministic": True, "database": "none"}
    return schemathesis.Config.from_dict(
        {
            "seed": 10,
            "cache": {"enabled": False},
            "headers": {"Authorization": f"Bearer {key}"},
            "checks": checks,
            "phases": {"stateful": {"enabled": False}},
            "generation": generation,
        }
    )


def _fill_events(work: UnitOfWork, _secrets: Path) -> None:
    load_sample(work, system_clock, read_folder(SAMPLES))


def _fill_forms(work: UnitOfWork, secrets: Path) -> None:
    keys = FormKeys(secrets / "form-keys", tuple(read_keys(secrets / "master.key")))
    load_forms(work, keys, SAMPLES)
    with work.transaction() as connection:
        keep_event(connection, read(sample_message("event.published.v1", **_NEXT_YEAR)))


def _fill_mails(work: UnitOfWork, secrets: Path) -> None:
    private = read_keys(secrets / "notifications.key")[0]
    vault = Vault(read_keys(secrets / "vault.key"))
    effects = notifications.effects(notifications.Intake(system_clock, (private,), vault, "example.org"))
    person = {"name": "A Participant", "address": "participant@example.org", "token": "t" * 43, "time_zone": "UTC"}
    box = base64.b64encode(seal_to(public_key_of(private), person)).decode()
    message = sample_message("registration.confirmed.v1", sealed=box)
    told = type(message)(message.id, message.type, message.source, message.subject, message.time, read(message))
    assert apply_batch(work, notifications.MAIL, [told], effects[notifications.MAIL]) == ["done"]


_NEXT_YEAR = {"starts_at": "2099-03-04T19:00:00Z", "ends_at": "2099-03-04T20:00:00Z"}
"""The form stays open, whenever the tests run."""

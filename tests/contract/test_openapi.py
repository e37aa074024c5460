"""The OpenAPI documents tell the truth: what schemathesis makes of them is answered as they say, on a real database.

Examples, coverage of every parameter's edges, a bounded number of invented requests for each operation, and operations
one after the other by the links between them; never a 500, never a status, content type or body that the document does
not name, no operation that answers without the key it asks for, nothing there that was deleted, nothing refused that
the document allows but where it is said below why. With a key of every role, and in short with one that may only look.
"""

import json
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
from services.registration.intake.queue import publish_key
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import SERVICES
from shared.runtime.clock import system_clock
from shared.runtime.ids import new_token, token_hash
from shared.security.sealing import read_keys
from tests.support.filled import fill
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer

EXAMPLES_PER_OPERATION = 5
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
    "positive_data_acceptance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
)
MAY_BE_REFUSED = ["2xx", "3xx", "401", "403", "404", "409", "412", "428", "429", "5xx"]
"""Of what a document allows: what depends on who asks, on what is there, and on what the sender has seen of it (412,
428: ``If-Match`` is a condition on the state, and which revision is the newest stands in no schema)."""

_CURSOR = "a cursor is what an answer gave; any other text is refused"
_TOGETHER = "answers or fields contradict each other, which stands in no schema"
_TEXT = "text of nothing but spaces, or with control characters, is none"
_ADDRESS = "whether a text is an address is more than a pattern says"
_STANDS_ON = "what it names (an event, a series, a room, a form) has to be there"
_ORIGIN = "an origin has a scheme, a host and nothing after, and a theme the values that it can have"
_NAMES = "a cursor is what an answer gave; `fields` and `group_by` take names of fields"
_SET_UP = ("consultations", "group-contacts", "hotels", "rooms", "series", "working-groups")
REFUSED_ALTHOUGH_VALID = {
    "GET /v1/audit-log": _CURSOR,
    **{f"GET /v1/{part}": _NAMES for part in (*_SET_UP, "slots")},
    **{f"POST /v1/{part}": _TOGETHER for part in (*_SET_UP, "slots")},
    **{f"PATCH /v1/{part}/{{item_id}}": _TOGETHER for part in _SET_UP},
    "POST /v1/side-event-forms": _STANDS_ON,
    "GET /v1/blocked-addresses": _CURSOR,
    **{f"GET /v1/{part}": _NAMES for part in ("clashes", "coverage", "events", "proposals", "speakers")},
    "GET /v1/bulletins": _CURSOR,
    "GET /v1/bulletins/{bulletin_id}/mails": _CURSOR,
    "GET /v1/events/{event_id}/history": _CURSOR,
    "GET /v1/events/{event_id}/notes": _CURSOR,
    "GET /v1/events/{event_id}/roster": _NAMES,
    "GET /v1/mails": _CURSOR,
    "GET /v1/registrations": _CURSOR,
    "GET /v1/resources": _NAMES,
    "GET /v1/sealed-readings": _CURSOR,
    "GET /v1/suppressions": _CURSOR,
    "GET /v1/service-audit/events": _CURSOR,
    "GET /v1/service-audit/notifications": _CURSOR,
    "GET /v1/service-audit/registration": _CURSOR,
    "PATCH /v1/access/{holder_id}": _TOGETHER,
    "POST /v1/access": _TOGETHER,
    "POST /v1/access/{holder_id}/invitation": _ADDRESS,
    "PATCH /v1/bulletins/{bulletin_id}": _TOGETHER,
    "PATCH /v1/events/{event_id}": _TOGETHER,
    "PATCH /v1/forms/{slug}": _TOGETHER,
    "PATCH /v1/partners/{slug}": _ORIGIN,
    "PATCH /v1/proposals/{proposal_id}": _TOGETHER,
    "PATCH /v1/registrations/{registration_id}": _TOGETHER,
    "PATCH /v1/resources/{item_id}": _STANDS_ON,
    "POST /v1/blocked-addresses": _ADDRESS,
    "POST /v1/person-export/events": _ADDRESS,
    "POST /v1/person-export/registration": _ADDRESS,
    "GET /v1/webhooks/{webhook_id}/deliveries": _CURSOR,
    "POST /v1/webhooks": "a partner that is known, and an https address of a public name",
    "POST /v1/bulletins": "an English text is required beside any other",
    "POST /v1/bulletins/{bulletin_id}/preview": _TOGETHER,
    "POST /v1/bulletins/{bulletin_id}/send": "the mark of the text that was seen, and how many people it was for",
    "POST /v1/bulletins/{bulletin_id}/test": _ADDRESS,
    "POST /v1/events": _TOGETHER,
    "POST /v1/events/{event_id}/notes": _TEXT,
    "POST /v1/events/{event_id}/{step_name}": "each step asks for other fields",
    "POST /v1/forms/{slug}/submissions": "each form asks its own questions; its document is the form's own schema",
    "POST /v1/form-drafts/{slug}": _TEXT,
    "GET /v1/imports/{import_id}/rows": _CURSOR,
    "POST /v1/imports": "a file has to be a table of people",
    "POST /v1/imports/{import_id}/confirm": _TEXT,
    "PUT /v1/imports/{import_id}/mapping": "the columns are those of the file, and what they are stands in the form",
    "POST /v1/partners": _ORIGIN,
    "POST /v1/partners/{slug}/origins": _ORIGIN,
    "POST /v1/proposals/{proposal_id}/decline": _TEXT,
    "POST /v1/proposals/{proposal_id}/return": _TEXT,
    "POST /v1/registrations/{registration_id}/sealed": _TEXT,
    "POST /v1/forms/{slug}/registrations": "each form asks its own questions; its document is the form's own schema",
    "POST /v1/registrations/{registration_id}/correction": "each form asks its own questions",
    "POST /v1/registrations/{registration_id}/merge": "answers that are taken have to differ",
    "POST /v1/registrations/views": "filters are those of the list, as its address has them",
    "POST /v1/sealed-approvals": _TEXT,
    "POST /v1/sealed-lists": "a purpose that the form serves, filters that there are, conditions on what is opened",
    "POST /v1/resources": _STANDS_ON,
    "PUT /v1/form-drafts/{slug}": _TEXT,
    "PUT /v1/schedule/placements/{proposal_id}": _STANDS_ON,
}
"""Operations that refuse something their document allows (400 or 422), each with the reason."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The three applications on filled databases, and keys: one of every role (``all``), one that may only look."""

    apps: dict[str, Flask]
    keys: dict[str, str]


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Every service with the sample's content."""
    installation = make_installation(postgres, Path(tmp_path_factory.mktemp("openapi")))
    engines = {name: open_engine(installation.url(name, "web")) for name in SERVICES}
    folder = installation.secrets.folder
    fill(installation)
    migrator = open_engine(installation.urls["registration"])
    publish_key(UnitOfWork(migrator, "registration"), read_keys(folder / "decider.key"), system_clock())
    migrator.dispose()
    keys = {"all": installation.secrets.coordinator_key, "viewer": new_token()}
    holders = json.loads((folder / "access.json").read_text())
    viewer = {"name": "a viewer", "roles": ["viewer"], "key_sha256": token_hash(keys["viewer"]).hex()}
    (folder / "access.json").write_text(json.dumps([*holders, viewer]))
    yield Stack(build_applications(installation.secrets, engines), keys)
    for engine in engines.values():
        engine.dispose()


@pytest.mark.parametrize("who", ["all", "viewer"])
@pytest.mark.parametrize("service", SERVICES)
def test_document_is_kept_by_the_service(stack: Stack, service: str, who: str) -> None:
    app, configuration = stack.apps[service], _configuration(stack.keys[who], short=who != "all")
    schema = schemathesis.openapi.from_wsgi(f"/-/{service}/openapi.json", app, config=configuration)
    scenarios, failures = 0, dict[str, str]()
    for event in from_schema(schema).execute():
        assert not isinstance(event, NonFatalError | FatalError), event
        if isinstance(event, ScenarioFinished):
            scenarios += 1
            checks = [check for checks in event.recorder.checks.values() for check in checks]
            failures |= dict(_described(check) for check in checks if check.failure_info and not _is_known(check))
    assert scenarios >= len(schema)
    assert failures == {}


def _is_known(check: CheckNode) -> bool:
    """Whether it is a refusal that the table above gives a reason for."""
    assert check.failure_info is not None
    failure: Failure = check.failure_info.failure
    return check.name == "positive_data_acceptance" and failure.operation in REFUSED_ALTHOUGH_VALID


def _described(check: CheckNode) -> tuple[str, str]:
    """What failed, once for each operation and kind, and a request that shows it."""
    assert check.failure_info is not None
    failure: Failure = check.failure_info.failure
    return f"{failure.operation}: {failure.title}", f"{failure.message}\n{check.failure_info.code_sample}"


def _configuration(key: str, *, short: bool) -> schemathesis.Config:
    checks: dict[str, Any] = {"enabled": False} | {name: {"enabled": True} for name in CHECKS}
    checks["positive_data_acceptance"]["expected-statuses"] = MAY_BE_REFUSED
    phases = {name: {"enabled": not short} for name in ("coverage", "stateful")}
    generation = {"max-examples": 2 if short else EXAMPLES_PER_OPERATION, "deterministic": True, "database": "none"}
    return schemathesis.Config.from_dict(
        {
            "seed": 10,
            "cache": {"enabled": False},
            "headers": {"Authorization": f"Bearer {key}"},
            "checks": checks,
            "phases": phases,
            "generation": generation,
        }
    )

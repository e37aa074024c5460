"""The events service on a real PostgreSQL: a migrated database for each test, the scenario, the web application."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine

from services.events.loading.folder import read_folder
from services.events.loading.moving import Loaded, LoadedRooms
from services.events.loading.rooms import read_rooms
from services.events.loading.service import load_rooms, load_sample
from services.events.rights import DESK, PUBLIC, WEB
from services.events.settings import read_settings
from services.events.web import build_app
from services.events.wiring import WEB_PARTS
from shared.db.engine import open_engine
from shared.db.roles import login
from shared.db.unit_of_work import UnitOfWork
from shared.http.page_cache import PAGE_CACHE
from shared.runtime.ids import new_token, token_hash
from shared.security.sealing import public_key_of
from tests.integration.events.side_events import (
    EVENTS_KEY,
    NOTIFICATIONS_KEY,
    REFERENCE_KEY,
    REGISTRATION_KEY,
    AsRole,
    Desk,
)
from tests.support.clock import FrozenClock
from tests.support.installation import FreshDatabases, database_of
from tests.support.postgres import PostgresServer
from tests.support.public_part import behind_gateway
from tests.support.signed_in import OWNER_URL, SIGNING_PUBLIC_KEY

SAMPLE = Path(__file__).parents[3] / "deploy" / "samples" / "upr2020"
ROLES = ("viewer", "coordinator", "operator", "partner")


@pytest.fixture(scope="session")
def sample() -> Loaded:
    """The scenario as read from its folder."""
    return read_folder(SAMPLE)


@pytest.fixture(scope="session")
def rooms() -> LoadedRooms:
    """Those of the scenario, as read from its folder."""
    return read_rooms(SAMPLE)


@pytest.fixture(scope="session")
def with_sample(postgres: PostgresServer, sample: Loaded) -> FreshDatabases:
    """The scenario in a database: to be copied."""
    made = FreshDatabases(postgres)
    engine = open_engine(made["events"])
    load_sample(UnitOfWork(engine, "events"), FrozenClock(), sample)
    engine.dispose()
    made.keep()
    return made


@pytest.fixture
def database(request: pytest.FixtureRequest, postgres: PostgresServer) -> str:
    """URL of a new database for its migrator: with the scenario for a test that asks for it, else empty."""
    if "loaded" in request.fixturenames:
        scenario: FreshDatabases = request.getfixturevalue("with_sample")
        return scenario.copies()["events"]
    return FreshDatabases(postgres)["events"]


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """Connections to ``database``."""
    opened = open_engine(database)
    yield opened
    opened.dispose()


@pytest.fixture
def work(engine: Engine) -> UnitOfWork:
    """Transactions on ``database``."""
    return UnitOfWork(engine, "events")


@pytest.fixture
def loaded(work: UnitOfWork) -> UnitOfWork:
    """Transactions on a database that holds the scenario."""
    return work


@pytest.fixture(scope="session")
def keys() -> Mapping[str, str]:
    """One key for each role."""
    return {role: new_token() for role in ROLES}


@pytest.fixture
def environment(database: str, keys: Mapping[str, str], tmp_path: Path) -> dict[str, str]:
    """The settings of a process of the service."""
    holders: list[dict[str, Any]] = [
        {"name": f"a {role}", "roles": [role], "key_sha256": token_hash(key).hex()} for role, key in keys.items()
    ]
    holders[ROLES.index("partner")]["partner"] = "a-partner"
    access = tmp_path / "access.json"
    access.write_text(json.dumps(holders))
    private, references = tmp_path / "events.key", tmp_path / "proposal.key"
    private.write_text(f"{EVENTS_KEY.hex()}\n")
    references.write_text(f"{REFERENCE_KEY.hex()}\n")
    return {
        "EVENTS_DATABASE_URL": database,
        "TROIKA_BROKER_URL": "amqp://unused.example.org",
        "TROIKA_ACCESS_FILE": str(access),
        "TROIKA_SIGNING_PUBLIC_KEY": SIGNING_PUBLIC_KEY,
        "TROIKA_EVENTS_KEY_FILE": str(private),
        "TROIKA_PROPOSAL_KEY_FILE": str(references),
        "TROIKA_NOTIFICATIONS_PUBLIC_KEY": public_key_of(NOTIFICATIONS_KEY).hex(),
        "TROIKA_REGISTRATION_PUBLIC_KEY": public_key_of(REGISTRATION_KEY).hex(),
    }


@pytest.fixture
def app(environment: dict[str, str], database: str, postgres: PostgresServer, clock: FrozenClock) -> Iterator[Flask]:
    """The web application on the login of the desk; behind it, the public process's on its own."""
    engines = {part: open_engine(postgres.url(database_of(database), login("events", part))) for part in WEB_PARTS}
    app, public = (
        build_app(read_settings(process, environment), engines[part], clock, lambda _connection: clock())
        for process, part in ((WEB, DESK), (PUBLIC, PUBLIC))
    )
    app.wsgi_app = behind_gateway("events", app.wsgi_app, public.wsgi_app)  # type: ignore[method-assign,assignment]
    app.extensions[PAGE_CACHE] = public.extensions[PAGE_CACHE]
    app.config[OWNER_URL] = database
    yield app
    for opened in engines.values():
        opened.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A caller without a key."""
    return app.test_client()


@pytest.fixture
def as_role(keys: Mapping[str, str]) -> Callable[[str], dict[str, str]]:
    """The headers of a caller with a role."""
    return lambda role: {"Authorization": f"Bearer {keys[role]}"}


@pytest.fixture
def consumer(database: str, postgres: PostgresServer) -> Iterator[UnitOfWork]:
    """Transactions of a consumer, by its own login."""
    engine = open_engine(postgres.url(database_of(database), login("events", "consume")))
    yield UnitOfWork(engine, "events")
    engine.dispose()


@pytest.fixture
def desk(
    loaded: UnitOfWork,
    client: FlaskClient,
    as_role: AsRole,
    engine: Engine,
    clock: FrozenClock,
    consumer: UnitOfWork,
    rooms: LoadedRooms,
) -> Desk:
    """A coordinator in the scenario, with its rooms."""
    load_rooms(loaded, rooms)
    return Desk(client, as_role("coordinator"), engine, clock, consumer)

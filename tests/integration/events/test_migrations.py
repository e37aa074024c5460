"""Migrations on a database that is in use: what is known is counted anew, and a way back loses only what is new."""

from collections.abc import Iterator

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from services.events.wiring import MIGRATIONS
from shared.store.engine import open_engine
from tests.integration.events.builders import registration_id
from tests.support.postgres import PostgresServer

TALLIES = text("SELECT dimension, name, registrations FROM tally WHERE registrations <> 0 ORDER BY 1, 2")
ROSTER = text("""
    INSERT INTO roster (registration_id, form, form_kind, event_id, status, revision, person_ref, representative,
        language, occurred_at, country)
    VALUES (CAST(:id AS uuid), 'f', 'webinar', :event_id, :status, 2, sha256('x'), false, 'en',
        '2020-03-05T23:30:00Z', 'CH')
""")
OTHER_ID = "11111111-1111-4111-8111-111111111111"
"""A UUID of version 4: nobody knows when it was made."""


@pytest.fixture
def third(postgres: PostgresServer) -> Iterator[Engine]:
    """A database at the third migration, with registrations of 2 March that came to their status on 5 March."""
    engine = open_engine(postgres.fresh_database())
    _to(engine, "0003")
    with engine.begin() as connection:
        for number, status in ((1, "confirmed"), (2, "waitlisted"), (3, "cancelled")):
            values = {"id": registration_id(number), "status": status, "event_id": "canary"}
            connection.execute(ROSTER, values)
        connection.execute(ROSTER, {"id": OTHER_ID, "status": "confirmed", "event_id": "other"})
        connection.execute(text("INSERT INTO tally VALUES ('day', '2020-03-05', 3), ('country', 'CH', 3)"))
    yield engine
    engine.dispose()


def _to(engine: Engine, revision: str) -> None:
    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS / "versions")])
    with engine.begin() as connection:
        known = MigrationContext.configure(connection).get_current_revision()
        step = scripts._downgrade_revs if (known or "") > revision else scripts._upgrade_revs
        context = MigrationContext.configure(connection, opts={"fn": lambda at, _: step(revision, at)})
        with Operations.context(context):
            context.run_migrations()


def test_days_become_those_of_registering_and_go_back(third: Engine) -> None:
    _to(third, "0004")
    with third.begin() as connection:
        days = [tuple(row) for row in connection.execute(TALLIES)]
        assert days == [("country", "CH", 3), ("day", "2020-03-02", 2), ("day", "2020-03-05", 1)]
        connection.execute(
            text("""
            INSERT INTO event (id, kind, title, summary, time_zone, status, mode, asked_groups, revision,
                internal_note, internal)
            VALUES ('canary', 'webinar', 'C', '', 'UTC', 'draft', 'online', '{}', 1, '', true)
        """)
        )
        connection.execute(text("UPDATE tally SET registrations = 1 WHERE dimension = 'country'"))
        connection.execute(text("INSERT INTO tally VALUES ('country', 'CH', 2, true)"))
    _to(third, "0003")
    with third.begin() as connection:
        assert [tuple(row) for row in connection.execute(TALLIES)] == [
            ("country", "CH", 3),
            ("day", "2020-03-05", 3),
            ("form_kind", "webinar", 2),
        ]

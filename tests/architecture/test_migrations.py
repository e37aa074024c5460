"""From 0.1.0 on migrations only add: the previous version runs on the newer schema during and after an upgrade."""

from hashlib import sha256

import pytest
from alembic.script import ScriptDirectory

from deploy.shape import SERVICES
from tests.support.migrations import sql_of, what_is_taken_away
from tests.support.processes import PROJECT

CONTRACTING = {
    "notifications/0008": "the CHECK on the lane by kind goes: the registry of kinds decides, in each version",
}
"""Migrations that remove something, ``events/0007``, with the reason why no version in use needs it any more."""


RELEASED = {
    "events/migrations/versions/0001_first_schema.py": "245593a31a4d849b",
    "notifications/migrations/versions/0001_first_schema.py": "6548f820fcb9e1cc",
    "registration/migrations/versions/0001_first_schema.py": "335a6eee88894f6d",
    "registration/keys_migrations/versions/0001_form_private_keys.py": "2511028ccfcff3a8",
}
"""The first schemas, released with 0.1.0, by the beginning of their SHA-256: a change is a new migration."""


def test_first_schemas_stay_as_they_were_released() -> None:
    found = {name: sha256((PROJECT / "services" / name).read_bytes()).hexdigest()[:16] for name in RELEASED}
    assert found == RELEASED


def _later_migrations() -> dict[str, str]:
    """SQL by service and revision, without the first schemas."""
    found = {}
    for service in SERVICES:
        folder = PROJECT / "services" / service / "migrations"
        scripts = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])
        for script in scripts.walk_revisions():
            if script.down_revision is not None:
                found[f"{service}/{script.revision}"] = sql_of(script)
    return found


def test_later_migrations_only_add() -> None:
    taken = {name: what_is_taken_away(sql) for name, sql in _later_migrations().items() if name not in CONTRACTING}
    assert {name: faults for name, faults in taken.items() if faults} == {}


def test_reasons_are_given_for_migrations_that_there_are() -> None:
    assert CONTRACTING.keys() - _later_migrations().keys() == set()
    assert all(CONTRACTING.values())


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DROP TABLE event", "drops"),
        ("ALTER TABLE event DROP COLUMN city", "drops"),
        ("DROP VIEW seats", "drops"),
        ("ALTER TABLE event RENAME city TO town", "renames"),
        ("ALTER TABLE event ALTER COLUMN city TYPE varchar(80)", "changes a type"),
        ("ALTER TABLE event ALTER city SET DATA TYPE text USING city::text", "changes a type"),
        ("ALTER TABLE event ALTER COLUMN city SET NOT NULL", "requires a value"),
        ("ALTER TABLE event ADD COLUMN venue text NOT NULL", "a new column requires a value"),
        ("ALTER TABLE event ADD CONSTRAINT has_city CHECK (city <> '')", "refuses"),
        ("CREATE UNIQUE INDEX one_city ON event (city)", "refuses"),
        ("DELETE FROM event", "deletes rows"),
        ("TRUNCATE event", "deletes rows"),
    ],
)
def test_what_takes_away_is_recognised(statement: str, what: str) -> None:
    assert [fault.partition(":")[0] for fault in what_is_taken_away(f"-- why\n{statement};")] == [what]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE room_type (id text PRIMARY KEY, city text NOT NULL); CREATE UNIQUE INDEX ON room_type (city)",
        "ALTER TABLE event ADD COLUMN venue text",
        "ALTER TABLE event ADD COLUMN places integer NOT NULL DEFAULT 0",
        "ALTER TABLE event ALTER COLUMN city DROP NOT NULL",
        "DROP INDEX event_city",
        "COMMENT ON TABLE event IS 'nothing may DROP TABLE this; or RENAME it'",
        "CREATE OR REPLACE FUNCTION tidy() RETURNS void LANGUAGE sql AS $$ DELETE FROM event; DROP TABLE x $$",
        "CREATE INDEX event_city ON event (city)",
    ],
)
def test_what_adds_is_free(statement: str) -> None:
    assert what_is_taken_away(statement) == []


def test_sql_of_a_migration_is_read() -> None:
    """Negative control: a reader that finds no statement would accept every migration."""
    folder = PROJECT / "services" / "events" / "migrations"
    scripts = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])
    first = next(script for script in scripts.walk_revisions() if script.down_revision is None)
    assert "CREATE TABLE event (" in sql_of(first)

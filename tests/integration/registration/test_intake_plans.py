"""The write group's statements find rows by a condition on an index, as soon as there are some, counted or not.

Plans are kept. One that goes through a whole index, or a whole table, costs nothing when registration opens, and more
with everybody who comes.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from services.registration.store import intake_statements
from services.registration.web import open_intake_engine
from tests.support.clients import rows
from tests.support.installation import TestInstallation

STATEMENTS = {
    "lock seats": intake_statements.LOCK_SEATS,
    "read facts": intake_statements.FACTS,
    "read used challenges": intake_statements.USED,
    "write": intake_statements.WRITE,
    "note attempts": intake_statements.NOTE_ATTEMPTS,
    "use challenges": intake_statements.USE,
}
SMALL = frozenset({"form", "seat", "event_copy"})
"""Tables that do not grow with the people who come."""

COME = """
    INSERT INTO registration (id, form, status, revision, person_ref, email, language, box, token_hash, consent_at,
        accepted_at, answers, representative, position)
    SELECT gen_random_uuid(), 'upr-webinar-10', 'waitlisted', 1, sha256(n::text::bytea), 'a@example.org', 'en', 'a',
        sha256(n::text::bytea), now(), now(), '{}', false, n FROM generate_series(1, 3000) AS n;
    INSERT INTO idempotency (key_hash, fingerprint, answer, stored_at)
    SELECT sha256(n::text::bytea), sha256('a'), '{}', now() FROM generate_series(1, 3000) AS n;
    INSERT INTO blocked_address (id, person_ref, reason, blocked_at, blocked_by)
    SELECT gen_random_uuid(), sha256(n::text::bytea), 'for this test', now(), 'test' FROM generate_series(1, 3000) AS n;
    INSERT INTO used_challenge (id, form, used_at)
    SELECT sha256(n::text::bytea), 'upr-webinar-10', now() FROM generate_series(1, 3000) AS n;
"""


@pytest.fixture
def connection(installation: TestInstallation) -> Iterator[Connection]:
    """Of the write group's kind, to a database in which nobody has registered yet."""
    engine = open_intake_engine(installation.urls["registration"])
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_table_that_grows_is_read_whole(connection: Connection, installation: TestInstallation, name: str) -> None:
    rows(installation.urls["registration"], COME)
    assert _read_whole(connection, name) == []


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name != "read facts"])
def test_nor_by_a_plan_that_was_made_while_it_was_empty(connection: Connection, name: str) -> None:
    """But for what is read, where all ways are equally good then: that plan goes when plans are made anew."""
    assert _read_whole(connection, name) == []


def _read_whole(connection: Connection, name: str) -> list[dict[str, Any]]:
    asked = text(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {STATEMENTS[name].replace(':', chr(92) + ':')}")
    return [node for node in _nodes(connection.execute(asked).scalar_one()) if _reads_whole(node)]


def _nodes(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, list):
        for part in plan:
            yield from _nodes(part)
        return
    yield {key: value for key, value in plan.items() if key != "Plans"}
    for below in ("Plan", "Plans"):
        yield from _nodes(plan.get(below, []))


def _reads_whole(node: dict[str, Any]) -> bool:
    """Whether it scans a table that grows by no condition on an index; a bitmap's condition stands a node below."""
    scans = node.get("Node Type", "").endswith("Scan") and node.get("Node Type") != "Bitmap Heap Scan"
    table = node.get("Relation Name") or node.get("Index Name", "")
    return scans and bool(table) and table not in SMALL and "Index Cond" not in node

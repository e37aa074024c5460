"""The digest of a plan: it changes with every value that a plan is made of, and with nothing else."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import ProgrammingError

from deploy.operations.recover.databases import SERVICES, ComparedDatabases, open_databases
from deploy.operations.recover.planning import make_plan
from deploy.operations.recover.state_digest import STATES, digest_of
from shared.runtime.clock import system_clock
from tests.support.clients import rows
from tests.support.installation import TestInstallation, database_of
from tests.support.postgres import PostgresServer

LIMITED = "troika_limited_plan"

_OUTBOX = "id, subject, try_at, again_at"
BESIDE = {
    "registration": {
        "registration": "event_id, position, offer_expires_at, offer_passed, cancelled_at",
        "lost_registration": "form, status",
        "form": "revision",
        "seat": "form, capacity, confirmed, waiting, offered, passed, last_position",
        "submission": "id, state",
        "candidate": "id",
        "address_change": "id",
        "outbox": _OUTBOX,
    },
    "events": {
        "roster": "form_kind, event_id",
        "event": "status",
        "series": "id",
        "proposal": "status, event_id",
        "outbox": _OUTBOX,
    },
    "notifications": {
        "recipient": "form_kind, event",
        "event_copy": "content",
        "mail": "revision, fence",
        "outbox": _OUTBOX,
    },
}
"""Columns that no plan is made of: a change of them shows that the databases were in use since."""

BARE = ("CREATE TABLE bare AS SELECT * FROM {0} LIMIT 0", "DROP TABLE {0} CASCADE", "ALTER TABLE bare RENAME TO {0}")
"""The same columns without limits, so that any two values can be written."""

TYPES = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
SWAP = """
    UPDATE {table} SET {column} = CASE WHEN {column} IS NOT DISTINCT FROM low THEN high ELSE low END
    FROM (SELECT (array_agg({column} ORDER BY {column}))[1] AS low, (array_agg({column} ORDER BY {column}))[2] AS high
        FROM {table}) AS pair
"""
PAIRS = {
    "uuid": ("019a0000-0000-7000-8000-000000000001", "019a0000-0000-7000-8000-000000000002"),
    "text": ("one", "two"),
    "integer": (1, 2),
    "smallint": (1, 2),
    "bigint": (1, 2),
    "boolean": (True, False),
    "bytea": (b"one", b"two"),
    "jsonb": ('{"one": 1}', '{"two": 2}'),
    "timestamp with time zone": ("2020-03-04T03:00:00Z", "2020-03-05T03:00:00Z"),
}


@pytest.fixture
def databases(whole: TestInstallation) -> Iterator[ComparedDatabases]:
    """As the program opens them: empty, and in no quarantine."""
    with open_databases(whole.urls, "Op Erator") as opened:
        yield opened


def two_rows(whole: TestInstallation, service: str, table: str) -> list[str]:
    """Put two rows that differ in each value in place of a table; returns the columns that the digest reads."""
    columns = [column.partition(" ")[0] for column in STATES[service][table].split(", ")]
    types = dict(rows(whole.urls[service], TYPES, table))
    for statement in BARE:
        rows(whole.urls[service], statement.format(table))
    for number in range(2):
        values = [PAIRS[types[column]][number] for column in columns]
        if number and (nullable := re.search(r"(\w+) IS NOT NULL", STATES[service][table])):
            values[columns.index(nullable[1])] = None
        named, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
        rows(whole.urls[service], f"INSERT INTO {table} ({named}) VALUES ({places})", *values)
    return columns


@pytest.mark.parametrize("service", SERVICES)
def test_values_of_two_rows_that_change_places_change_the_digest(
    whole: TestInstallation, databases: ComparedDatabases, service: str
) -> None:
    """Every count, sum, minimum and maximum stays the same."""
    read = {table: two_rows(whole, service, table) for table in STATES[service]}
    found, swapped = [digest_of(databases)], ["nothing"]
    for table, columns in read.items():
        for column in columns[1:]:
            rows(whole.urls[service], SWAP.format(table=table, column=column))
            found.append(digest_of(databases))
            swapped.append(f"{table}.{column}")
    unnoticed = [name for number, name in enumerate(swapped) if found.index(found[number]) != number]
    assert unnoticed == []
    assert digest_of(databases) == found[-1], "nothing has changed since"


@pytest.mark.parametrize("column", ["consumer", "message_id"])
def test_order_in_which_rows_were_stored_changes_nothing(
    whole: TestInstallation, databases: ComparedDatabases, column: str
) -> None:
    """Of rows that differ in this column alone, which need not be the first."""
    first = dict(zip(two_rows(whole, "registration", "inbox"), ("one", PAIRS["uuid"][0]), strict=True))
    second = first | {column: {"consumer": "two", "message_id": PAIRS["uuid"][1]}[column]}
    found = []
    for stored in ((first, second), (second, first)):
        rows(whole.urls["registration"], "DELETE FROM inbox")
        for row in stored:
            rows(whole.urls["registration"], "INSERT INTO inbox (consumer, message_id) VALUES (%s, %s)", *row.values())
        found.append(digest_of(databases))
    assert found[0] == found[1]


def test_what_was_given_and_when_each_quarantine_began_change_the_digest(
    whole: TestInstallation, databases: ComparedDatabases
) -> None:
    a, b = "<a@example.org>", "<b@example.org>"
    assert digest_of(databases, [a, b]) == digest_of(databases, [b, a])
    found = [digest_of(databases), digest_of(databases, [a]), digest_of(databases, [b]), digest_of(databases, [a, b])]
    for since in ("2020-03-04T03:00:00Z", "2020-03-04T03:00:01Z"):
        for service in SERVICES:
            rows(whole.urls[service], "DELETE FROM quarantine")
            rows(whole.urls[service], "INSERT INTO quarantine (since, reason) VALUES (%s, 'a test')", since)
            found.append(digest_of(databases))
    assert len(set(found)) == len(found)


def test_time_zone_of_the_session_changes_nothing(
    whole: TestInstallation, databases: ComparedDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_rows(whole, "registration", "mail_log")
    _begin_quarantines(whole)
    before = digest_of(databases)
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")  # which libpq reads
    with open_databases(whole.urls, "Op Erator") as elsewhere:
        assert elsewhere.rows("registration", "SHOW timezone") == [("Asia/Tokyo",)]
        assert digest_of(elsewhere) == before


def test_plan_is_made_of_nothing_that_the_digest_does_not_read(
    whole: TestInstallation, postgres: PostgresServer
) -> None:
    """Its login may read those columns alone, the quarantine, and the halted queues, which a plan only names."""
    postgres.create_role(LIMITED)
    _begin_quarantines(whole)
    for service in SERVICES:
        database = database_of(whole.urls[service])
        whole.urls.break_it(
            service,
            f"GRANT CONNECT ON DATABASE {database} TO {LIMITED}",
            f"GRANT SELECT ON quarantine, halted_queue TO {LIMITED}",
            *(
                f"GRANT SELECT ({columns.replace(' IS NOT NULL', '')}) ON {table} TO {LIMITED}"
                for table, columns in STATES[service].items()
            ),
        )
    with open_databases({one: whole.urls.of(one, LIMITED) for one in SERVICES}, "Op Erator") as limited:
        assert make_plan(limited, system_clock(), frozenset()).digest == digest_of(limited)
        with pytest.raises(ProgrammingError, match="permission denied"):
            limited.rows("registration", "SELECT answers FROM registration")


def test_digest_reads_what_shows_that_the_databases_were_in_use() -> None:
    missing = [
        f"{service}.{table}.{column}"
        for service, tables in BESIDE.items()
        for table, columns in tables.items()
        for column in columns.split(", ")
        if column not in STATES[service].get(table, "").split(", ")
    ]
    assert missing == []


def _begin_quarantines(whole: TestInstallation) -> None:
    """Of databases that were restored, so that a plan looks for mails too."""
    begun = "INSERT INTO quarantine (since, backup_at, reason) VALUES (%s, %s, 'a test')"
    for service in SERVICES:
        rows(whole.urls[service], begun, "2020-03-04T03:00:00Z", "2020-03-03T03:00:00Z")

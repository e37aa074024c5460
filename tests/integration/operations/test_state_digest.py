"""The digest of a plan: it changes with every value that a plan is made of, and with nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.operations.recover.databases import SERVICES, ComparedDatabases, open_databases
from deploy.operations.recover.state_digest import STATES, digest_of
from tests.architecture.sources import text_of
from tests.support.clients import rows
from tests.support.installation import TestInstallation

READING = ("comparing", "decisions", "mails", "programme")
"""Modules that decide the content of a plan."""

BARE = ("CREATE TABLE bare AS SELECT * FROM {0} LIMIT 0", "DROP TABLE {0} CASCADE", "ALTER TABLE bare RENAME TO {0}")
"""The same columns without limits, so that any two values can be written."""

TYPES = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
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
        if number and "IS NOT NULL" in STATES[service][table]:
            values[columns.index("recipient")] = None
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
    found = [digest_of(databases), digest_of(databases, ["<a@example.org>"]), digest_of(databases, ["<b@example.org>"])]
    for since in ("2020-03-04T03:00:00Z", "2020-03-04T03:00:01Z"):
        for service in SERVICES:
            rows(whole.urls[service], "DELETE FROM quarantine")
            rows(whole.urls[service], "INSERT INTO quarantine (since, reason) VALUES (%s, 'a test')", since)
            found.append(digest_of(databases))
    assert len(set(found)) == len(found)


def test_digest_reads_every_table_that_a_plan_is_made_of(whole: TestInstallation) -> None:
    """By the names in the SQL of the modules that compare."""
    known = {str(table) for service in SERVICES for (table,) in rows(whole.urls[service], TABLES)}
    texts = [text_of(Path("deploy/operations/recover") / f"{name}.py") for name in READING]
    named = {table for text in texts for table in re.findall(r"\b(?:FROM|JOIN) (\w+)", text)}
    assert {"registration", "proposal", "proposal_state", "event_copy"} <= named
    assert (named & known) - {table for tables in STATES.values() for table in tables} == set()

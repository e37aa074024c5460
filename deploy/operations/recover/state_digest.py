"""The digest of everything that a plan is made of: `apply` refuses a plan if a row has changed since.

It is computed here and not in the database: PostgreSQL sends the rows of a table in order, by COPY, and holds no value
of the size of a table.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any

from sqlalchemy import Connection, text

from deploy.operations.recover.databases import EVENTS, NOTIFICATIONS, REGISTRATION, SERVICES, ComparedDatabases

_OUTBOX = {
    "outbox": "message_id, id, type, subject, stored_at, published_at, try_at, blanked_at, again_at",
    "inbox": "consumer, message_id",
}
STATES: Mapping[str, Mapping[str, str]] = {
    REGISTRATION: {
        "registration": "id, form, event_id, status, revision, position, offer_expires_at, offer_passed, cancelled_at, "
        "erased_at, person_ref, verified_at",
        "lost_registration": "id, form, status",
        "proposal_state": "registration_id, revision, status, note, event_id, decided_at",
        "event_copy": "id, revision",
        "form": "slug, revision, keep_days",
        "seat": "form, capacity, confirmed, waiting, offered, passed, last_position",
        "submission": "id, state",
        "candidate": "id, address_ref, received_at, mailed_at",
        "address_change": "id, address_ref",
        "confirmation_link": "id, address_ref, minted_at",
        "mail_log": "mail_id, outcome, occurred_at",
        **_OUTBOX,
    },
    EVENTS: {
        "roster": "registration_id, form, form_kind, event_id, status, revision, erased_at",
        "event": "id, status, revision",
        "series": "id",
        "proposal": "id, status, revision, event_id, erased_at",
        "mail_contact": "mail_id, sent_at",
        **_OUTBOX,
    },
    NOTIFICATIONS: {
        "recipient": "subject, about, form, form_kind, event, status, revision, erased_at, closed IS NOT NULL",
        "event_copy": "id, revision, content",
        "mail": "id, kind, subject, revision, message_id, state, fence, lane, due_at, created_at, "
        "recipient IS NOT NULL",
        **_OUTBOX,
    },
}
"""The columns that are read of each table, by database and table; the leading columns identify a row."""


def digest_of(databases: ComparedDatabases, given: Iterable[str] = ()) -> str:
    """Return a SHA-256 of the state of all three databases, and of what was given beside them.

    Args:
        databases: the databases, which are in quarantine.
        given: Message-IDs that the mail relay has taken.

    Raises:
        Unavailable: a database does not answer.
    """
    found = hashlib.sha256("\n".join(sorted(given)).encode())
    for service in SERVICES:
        with databases.work(service).transaction() as connection:
            connection.execute(text("SET LOCAL timezone = 'UTC'"))
            for table, columns in STATES[service].items():
                found.update(f"\f{service} {table}\n".encode())
                for block in _rows_in_order(connection, table, columns):
                    found.update(block)
    for service, quarantine in databases.quarantines().items():
        found.update(f"\f{service} {quarantine.since.astimezone(UTC)}".encode())
    return found.hexdigest()


def _rows_in_order(connection: Connection, table: str, columns: str) -> Iterator[bytes]:
    """Yield all rows, sorted by all columns, as COPY writes them."""
    numbers = ", ".join(str(number) for number in range(1, columns.count(",") + 2))
    rows = f"SELECT {columns} FROM {table} ORDER BY {numbers}"  # noqa: S608 - constants
    driver: Any = connection.connection.driver_connection  # psycopg's
    with driver.cursor() as cursor, cursor.copy(f"COPY ({rows}) TO STDOUT") as blocks:
        yield from blocks

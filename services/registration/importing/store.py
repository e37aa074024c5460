"""SQL of imports. The content of a file is stored encrypted, and deleted a day after the upload at the latest.

Only ``desk`` can read the file itself: it holds sealed answers in clear. The rows that are checked hold them
encrypted to the form's key, and the decider reads those.
"""

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from services.registration.importing.model import (
    SAME_ADDRESS,
    Fate,
    ImportChoice,
    PeopleImport,
    PreparedRow,
    RowFault,
    count_fates,
)
from shared.runtime.ids import keyed_hash
from shared.security.sealing import Vault

_COLUMNS = """id::text, form, state, revision, seen_form, row_count, expected, same_address, counts, choice, mapping,
    created_at, created_by, confirmed_by, finished_at, failure"""
_ADD = text("""
    INSERT INTO people_import (id, form, state, revision, seen_form, row_count, created_at, created_by)
    VALUES (CAST(:id AS uuid), :form, 'uploaded', 1, '', :rows, :now, :by)
""")
_ADD_FILE = text("""
    INSERT INTO import_file (import_id, body, stored_at) VALUES (CAST(:id AS uuid), :body, :now)
""")
_FILE = text("SELECT body FROM import_file WHERE import_id = CAST(:id AS uuid)")
_ONE = text(f"SELECT {_COLUMNS} FROM people_import WHERE id = CAST(:id AS uuid)")  # noqa: S608 - constants
_LOCKED = text(f"SELECT {_COLUMNS} FROM people_import WHERE id = CAST(:id AS uuid) FOR UPDATE")  # noqa: S608 - constants
_LIST = text(f"""
    SELECT {_COLUMNS} FROM people_import WHERE CAST(:forms AS text[]) IS NULL OR form = ANY(:forms)
    ORDER BY created_at DESC, id DESC LIMIT :limit
""")  # noqa: S608 - constants
_RUNNING = text(f"""
    SELECT {_COLUMNS} FROM people_import WHERE state = 'running' ORDER BY confirmed_at, id LIMIT 1 FOR UPDATE
""")  # noqa: S608 - constants
_LAST_MAPPING = text("""
    SELECT mapping FROM people_import WHERE form = :form AND state IN ('running', 'done')
    ORDER BY created_at DESC LIMIT 1
""")
_CHECKED = text("""
    UPDATE people_import SET state = 'checked', revision = revision + 1, mapping = :mapping, seen_form = :seen,
        expected = :expected, row_count = :rows, same_address = :same_address WHERE id = CAST(:id AS uuid)
""")
_CONFIRM = text("""
    UPDATE people_import SET state = 'running', revision = revision + 1, choice = :choice, confirmed_at = :now,
        confirmed_by = :by WHERE id = CAST(:id AS uuid)
""")
_FINISH = text("""
    UPDATE people_import SET state = :state, revision = revision + 1, finished_at = :now, failure = :failure
    WHERE id = CAST(:id AS uuid)
""")
_RESUME = text("""
    UPDATE people_import SET state = 'running', revision = revision + 1, finished_at = NULL, failure = NULL,
        attempts = 0 WHERE id = CAST(:id AS uuid)
""")
_ATTEMPT = text("""
    UPDATE people_import SET attempts = attempts + 1 WHERE id = CAST(:id AS uuid) RETURNING attempts
""")
_TAKE_BACK = text("""
    UPDATE people_import SET attempts = attempts - 1 WHERE id = CAST(:id AS uuid) AND attempts > 0
""")
_COUNT = text("UPDATE people_import SET counts = :counts, attempts = 0 WHERE id = CAST(:id AS uuid)")
_ADD_BATCH = text("""
    INSERT INTO import_batch (import_id, number, fates, body, stored_at)
    VALUES (CAST(:id AS uuid), :number, :fates, :body, :now)
""")
_DELETE_BATCH_WITH = text("DELETE FROM import_batch WHERE import_id = CAST(:id AS uuid)")
_DELETE_FILE = text("DELETE FROM import_file WHERE import_id = CAST(:id AS uuid)")
_NEXT_BATCH = text("""
    SELECT number, body FROM import_batch WHERE import_id = CAST(:id AS uuid) AND NOT done ORDER BY number LIMIT 1
""")
_BATCH_WITH = text("""
    SELECT number, body FROM import_batch WHERE import_id = CAST(:id AS uuid)
        AND (CAST(:fate AS text) = '' OR fates ? :fate) AND number >= :first ORDER BY number LIMIT 1
""")
_BATCH_DONE = text("""
    UPDATE import_batch SET done = true, fates = :fates, body = :body
    WHERE import_id = CAST(:id AS uuid) AND number = :number
""")
_ERASED_SINCE = text("""
    SELECT address_ref FROM erased_address WHERE form IN ('', :form) AND erased_at > :since
""")


def make_vault(person_key: bytes) -> Vault:
    """Return the encryption of rows of files; its key is derived from that of the service's references."""
    return Vault([keyed_hash(person_key, "imported rows", "1")])


def add_import(connection: Connection, identity: str, form: str, rows: int, by: str, now: datetime) -> None:
    """Store a new import."""
    connection.execute(_ADD, {"id": identity, "form": form, "rows": rows, "by": by, "now": now})


def add_file(
    connection: Connection, vault: Vault, identity: str, data: bytes, how: Mapping[str, str], now: datetime
) -> None:
    """Store the file of an import, and how it is read."""
    packed = base64.b64encode(zlib.compress(data, 1)).decode()
    body = vault.close({"data": packed, "how": dict(how)}, row=f"file/{identity}")
    connection.execute(_ADD_FILE, {"id": identity, "body": body, "now": now})


def find_file(connection: Connection, vault: Vault, identity: str) -> tuple[bytes, dict[str, str]] | None:
    """Return the file of an import, and how it is read; None once it is deleted."""
    body = connection.execute(_FILE, {"id": identity}).scalar()
    if body is None:
        return None
    content = vault.open(bytes(body), row=f"file/{identity}")
    return zlib.decompress(base64.b64decode(content["data"])), content["how"]


def find_import(connection: Connection, identity: str) -> PeopleImport | None:
    """Return the import with this id (a UUID), or None."""
    return _import(connection.execute(_ONE, {"id": identity}).fetchone())


def lock_import(connection: Connection, identity: str) -> PeopleImport | None:
    """The same, locked."""
    return _import(connection.execute(_LOCKED, {"id": identity}).fetchone())


def lock_running(connection: Connection) -> PeopleImport | None:
    """Return the import to continue, locked; None if none is running."""
    return _import(connection.execute(_RUNNING).fetchone())


def list_imports(connection: Connection, forms: Sequence[str] | None, limit: int) -> list[PeopleImport]:
    """Imports, newest first; ``forms`` are those that may be seen, None for all."""
    found = connection.execute(_LIST, {"forms": None if forms is None else list(forms), "limit": limit})
    return [one for row in found if (one := _import(row)) is not None]


def last_mapping(connection: Connection, form: str) -> Mapping[str, Any]:
    """The mapping of the newest import of a form that was confirmed; empty if there is none."""
    found: Mapping[str, Any] = connection.execute(_LAST_MAPPING, {"form": form}).scalar() or {}
    return found


def store_checked(
    connection: Connection, identity: str, mapping: Mapping[str, Any], seen: str, rows: Sequence[PreparedRow]
) -> None:
    """Store what the dry run has found."""
    values = {"id": identity, "mapping": Jsonb(mapping), "seen": seen, "expected": Jsonb(count_fates(rows))}
    marked = sum(row.same_address for row in rows)
    connection.execute(_CHECKED, {**values, "rows": len(rows), "same_address": marked})


def store_confirmed(connection: Connection, identity: str, choice: ImportChoice, by: str, now: datetime) -> None:
    """Start an import."""
    connection.execute(_CONFIRM, {"id": identity, "choice": Jsonb(asdict(choice)), "by": by, "now": now})


def store_finished(
    connection: Connection, identity: str, state: str, now: datetime, failure: str | None = None
) -> None:
    """End an import."""
    connection.execute(_FINISH, {"id": identity, "state": state, "now": now, "failure": failure})


def store_resumed(connection: Connection, identity: str) -> None:
    """Resume an import that has failed."""
    connection.execute(_RESUME, {"id": identity})


def begin_attempt(connection: Connection, identity: str) -> int:
    """Count an attempt at the next batch; returns how many there have been."""
    return int(connection.execute(_ATTEMPT, {"id": identity}).scalar_one())


def take_back_attempt(connection: Connection, identity: str) -> None:
    """Undo the count of an attempt in which nothing was tried."""
    connection.execute(_TAKE_BACK, {"id": identity})


def store_counts(connection: Connection, identity: str, counts: Mapping[str, int]) -> None:
    """Store how many rows have had which fate."""
    connection.execute(_COUNT, {"id": identity, "counts": Jsonb(counts)})


def replace_batches(
    connection: Connection, vault: Vault, identity: str, batches: Sequence[Sequence[PreparedRow]], now: datetime
) -> None:
    """Store the rows of an import in place of those before."""
    delete_batches(connection, identity)
    rows = [{"now": now, **_batch_row(vault, identity, number, batch)} for number, batch in enumerate(batches)]
    if rows:
        connection.execute(_ADD_BATCH, rows)


def delete_batches(connection: Connection, identity: str) -> None:
    """Delete the rows of an import."""
    connection.execute(_DELETE_BATCH_WITH, {"id": identity})


def delete_file(connection: Connection, identity: str) -> None:
    """Delete the file of an import."""
    connection.execute(_DELETE_FILE, {"id": identity})


def next_batch(connection: Connection, vault: Vault, identity: str) -> tuple[int, list[PreparedRow]] | None:
    """Return number and rows of the first batch that is not done; None if all are."""
    row = connection.execute(_NEXT_BATCH, {"id": identity}).fetchone()
    return None if row is None else (row[0], _rows(vault, identity, row))


def finish_batch(connection: Connection, vault: Vault, identity: str, number: int, rows: Sequence[PreparedRow]) -> None:
    """Store the outcome of the rows of a batch; what they held is not kept."""
    connection.execute(_BATCH_DONE, _batch_row(vault, identity, number, rows))


def next_rows(
    connection: Connection, vault: Vault, identity: str, fate: str, first: int
) -> tuple[int, list[PreparedRow]] | None:
    """Return number and rows of the first batch from ``first`` on that has any; see ``PreparedRow.is_among``."""
    batch = connection.execute(_BATCH_WITH, {"id": identity, "fate": fate, "first": first}).fetchone()
    if batch is None:
        return None
    return batch[0], [row for row in _rows(vault, identity, batch) if row.is_among(fate)]


def erased_since(connection: Connection, form: str, since: datetime) -> set[bytes]:
    """Return which addresses were erased since then, everywhere or on a form."""
    values = {"form": form, "since": since}
    return {bytes(ref) for ref in connection.execute(_ERASED_SINCE, values).scalars()}


def _batch_row(vault: Vault, identity: str, number: int, rows: Sequence[PreparedRow]) -> dict[str, Any]:
    fates = count_fates(rows)
    if marked := sum(row.same_address for row in rows):
        fates[SAME_ADDRESS] = marked
    packed = zlib.compress(orjson.dumps(rows), 1)
    body = vault.close({"rows": base64.b64encode(packed).decode()}, row=f"{identity}/{number}")
    return {"id": identity, "number": number, "fates": Jsonb(fates), "body": body}


def _rows(vault: Vault, identity: str, row: Any) -> list[PreparedRow]:
    packed = base64.b64decode(vault.open(bytes(row[1]), row=f"{identity}/{row[0]}")["rows"])
    return [_row(row) for row in orjson.loads(zlib.decompress(packed))]


def _row(values: dict[str, Any]) -> PreparedRow:
    texts = {name: tuple(values[name]) for name in ("fields", "cells", "changes")}
    faults = tuple(
        RowFault(**{**fault, "texts": tuple(fault["texts"]), "places": tuple(fault["places"])})
        for fault in values["faults"]
    )
    return PreparedRow(**{**values, **texts, "faults": faults, "fate": Fate(values["fate"])})


def _import(row: Any) -> PeopleImport | None:
    if row is None:
        return None
    values: list[Any] = [*row[:9], ImportChoice(**row[9]), *row[10:]]
    return PeopleImport(*values)

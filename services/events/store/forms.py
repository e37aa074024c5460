"""The table of forms: this service's copy of what registration published."""

from collections.abc import Collection, Mapping
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Row, text

from services.events.domain.form import Form
from services.events.store.texts import texts_read

_COLUMNS = "id, revision, kind, event, title, open, opens_at, closes_at, closes_hours_before"
_KEEP = text(f"""
    INSERT INTO form_copy ({_COLUMNS})
    VALUES (:id, :revision, :kind, :event, :title, :open, :opens_at, :closes_at, :closes_hours_before)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, kind = excluded.kind, event = excluded.event,
        title = excluded.title, open = excluded.open, opens_at = excluded.opens_at, closes_at = excluded.closes_at,
        closes_hours_before = excluded.closes_hours_before
    WHERE form_copy.revision < excluded.revision
""")  # noqa: S608 - a constant
_OF_EVENTS = text(f"""
    SELECT {_COLUMNS} FROM form_copy
    WHERE event = ANY(CAST(:events AS text[])) OR id = ANY(CAST(:named AS text[])) ORDER BY id
""")  # noqa: S608 - a constant
_OF_KIND = text(f"SELECT {_COLUMNS} FROM form_copy WHERE kind = :kind ORDER BY id")  # noqa: S608 - a constant
_ALL = text(f"SELECT {_COLUMNS} FROM form_copy ORDER BY id")  # noqa: S608 - a constant
_IS_KNOWN = text("SELECT EXISTS (SELECT FROM form_copy WHERE id = :id)")


def upsert_form(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store a form as it was published, unless a newer state of it is stored."""
    connection.execute(_KEEP, dict(content) | {"title": Jsonb(content["title"])})


def forms_of(connection: Connection, events: Collection[str], named: Collection[str]) -> list[Form]:
    """Forms that register for one of ``events``, and those with the ids ``named``."""
    found = connection.execute(_OF_EVENTS, {"events": list(events), "named": list(named)})
    return [_form(row) for row in found]


def all_forms(connection: Connection) -> list[Form]:
    """Every form."""
    return [_form(row) for row in connection.execute(_ALL)]


def forms_of_kind(connection: Connection, kind: str) -> list[Form]:
    """Every form of a kind."""
    return [_form(row) for row in connection.execute(_OF_KIND, {"kind": kind})]


def is_known(connection: Connection, form: str) -> bool:
    """Whether there is a form with this id."""
    return bool(connection.execute(_IS_KNOWN, {"id": form}).scalar())


def _form(row: Row[Any]) -> Form:
    return Form(**texts_read(row))

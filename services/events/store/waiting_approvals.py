"""Requests for a second person's approval that wait in registration, for the notice on the console's start pages.

A copy of what registration publishes: whether a request waits, about which form, who asked, and until when. It holds
neither the reason nor whom a list is about; the page of registration that the notice leads to shows those.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_UPSERT = text("""
    INSERT INTO waiting_approval (id, form, asked_by, waiting, expires_at)
    VALUES (CAST(:approval_id AS uuid), :form, :asked_by, :waiting, :expires_at)
    ON CONFLICT (id) DO UPDATE SET waiting = waiting_approval.waiting AND excluded.waiting
""")
_COUNT = text("""
    SELECT count(*) FROM waiting_approval
    WHERE waiting AND expires_at > :now AND asked_by <> :name
        AND (CAST(:forms AS text[]) IS NULL OR form = ANY(:forms))
""")


def upsert_approval(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store what a message says of a request; one that was decided never waits again, in whatever order they come."""
    names = ("approval_id", "form", "asked_by", "waiting", "expires_at")
    connection.execute(_UPSERT, {name: content[name] for name in names})


def count_waiting(connection: Connection, name: str, forms: frozenset[str] | None, now: datetime) -> int:
    """How many requests wait that the holder called ``name`` did not make; of ``forms`` alone unless that is None."""
    values = {"now": now, "name": name, "forms": None if forms is None else sorted(forms)}
    return int(connection.execute(_COUNT, values).scalar_one())

"""The service's own copy of events, as the events service last told them."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_KEEP = text("""
    INSERT INTO event_copy (id, revision, content, noted_at)
    VALUES (:id, :revision, CAST(:content AS jsonb), :now)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, content = excluded.content,
        noted_at = excluded.noted_at
    WHERE event_copy.revision < excluded.revision
""")


def keep_event(connection: Connection, event_id: str, revision: int, content: Mapping[str, Any], now: datetime) -> None:
    """Store ``content`` (JSON values) unless the same or a newer revision is here already."""
    row = {"id": event_id, "revision": revision, "content": json.dumps(content, ensure_ascii=False), "now": now}
    connection.execute(_KEEP, row)

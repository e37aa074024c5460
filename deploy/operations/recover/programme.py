"""Events: the public state comes back from the copies, and events whose copies lag are published again.

Drafts, internal notes, and what no other service has a copy of (rooms, contacts, consultations) do not come back.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text

from deploy.operations.recover.databases import EVENTS, NOTIFICATIONS, ComparedDatabases
from services.events.event.store import read_event
from services.events.network.messages import event_message
from shared.messaging import outbox

_COPY = """
    SELECT id, revision, content FROM event_copy WHERE id = ANY(:ids) ORDER BY id
"""
_NAMES = (
    "kind, title, summary, series, series_number, starts_at, ends_at, time_zone, status, mode, city, place, join_url, "
    "asked_groups, revision"
)
_VALUES = """
    c.content ->> 'kind', c.content -> 'title', c.content -> 'summary',
    (SELECT s.id FROM series s WHERE s.id = c.content ->> 'series'),
    CASE WHEN EXISTS (SELECT FROM series s WHERE s.id = c.content ->> 'series')
        THEN CAST(c.content ->> 'series_number' AS integer) END,
    CAST(c.content ->> 'starts_at' AS timestamptz), CAST(c.content ->> 'ends_at' AS timestamptz),
    c.content ->> 'time_zone', c.content ->> 'status', c.content ->> 'mode', c.content ->> 'city',
    c.content ->> 'place', c.content ->> 'join_url',
    ARRAY(SELECT jsonb_array_elements_text(c.content -> 'asked_groups')), CAST(:revision AS integer)
"""
_PUT_BACK = text(f"""
    INSERT INTO event (id, internal_note, changed_at, {_NAMES})
    SELECT :id, '', :now, {_VALUES} FROM (SELECT CAST(:content AS jsonb) AS content) c
    ON CONFLICT (id) DO UPDATE SET ({_NAMES}) = (SELECT {_VALUES} FROM (SELECT CAST(:content AS jsonb) AS content) c),
        changed_at = :now WHERE event.revision < :revision
""")  # noqa: S608 - names of our own columns
_RAISE = text("UPDATE event SET revision = :revision WHERE id = :id AND revision < :revision")


def put_back_events(databases: ComparedDatabases, behind: Mapping[str, int], now: datetime) -> int:
    """Give events the public state that notifications has a copy of; where it has none, the revision alone.

    A change that is entered again then has a later revision than all copies, and reaches them.
    """
    copies = {row[0]: row[1:] for row in databases.rows(NOTIFICATIONS, _COPY, ids=list(behind))}
    done = 0
    for identity, revision in behind.items():
        copy = copies.get(identity)
        with databases.work(EVENTS).transaction() as connection:
            if copy is not None and copy[0] == revision:
                values = {"id": identity, "revision": revision, "content": _json(copy[1]), "now": now}
                done += connection.execute(_PUT_BACK, values).rowcount
            else:
                done += connection.execute(_RAISE, {"id": identity, "revision": revision}).rowcount
    return done


def publish_events(databases: ComparedDatabases, lagging: tuple[str, ...], now: datetime) -> int:
    """Publish the state of these events again; a consumer that has it ignores the message."""
    done = 0
    for identity in lagging:
        with databases.work(EVENTS).transaction() as connection:
            event = read_event(connection, identity)
            if event is not None:
                outbox.add(connection, [event_message("changed", event, now)])
                done += 1
    return done


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False)

"""Tables beside events: their history, notes on them, and copies of what registration published.

History and notes are only added to; the database refuses changes. The copies are forms, names of partners, and how
many decisions wait in registration for coordinators; the pages of registration show the rest.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Row, text

from services.events.event.model import LOADED, MADE, EventChange, EventNote, Form
from services.events.event.notices import Notice
from services.events.tables import texts_read
from shared.security.audit_log import AuditRecord, publish_entry

_ADD_CHANGE = text("""
    INSERT INTO event_change (id, event_id, revision, action, resource_id, fields, changed_by, changed_at, notice)
    VALUES (CAST(:id AS uuid), :event_id, :revision, :action, :resource_id, :fields, :changed_by, :changed_at,
        CAST(:notice AS uuid))
""")
_CHANGES = text("""
    SELECT id::text AS id, event_id, revision, action, resource_id, fields, changed_by, changed_at,
        notice::text AS notice FROM event_change
    WHERE event_id = :event_id AND (CAST(:before AS uuid) IS NULL
        OR number < (SELECT number FROM event_change WHERE id = CAST(:before AS uuid)))
    ORDER BY number DESC LIMIT :limit
""")
_NOTICE_COLUMNS = "id::text AS id, event_id, revision, began_at, due_at, before, fields, sent"
_LAST_NOTICE = text(f"""
    SELECT {_NOTICE_COLUMNS} FROM event_notice WHERE event_id = :event_id ORDER BY revision DESC LIMIT 1
""")  # noqa: S608 - a constant
_NOTICES = text(f"""
    SELECT {_NOTICE_COLUMNS} FROM event_notice WHERE id = ANY(CAST(:ids AS uuid[]))
""")  # noqa: S608 - a constant
_UPSERT_NOTICE = text("""
    INSERT INTO event_notice (id, event_id, revision, began_at, due_at, before, fields)
    VALUES (CAST(:id AS uuid), :event_id, :revision, :began_at, :due_at, :before, :fields)
    ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at, fields = excluded.fields
""")
_COUNT_SENT = text("""
    UPDATE event_notice SET sent = sent + 1 WHERE id = (
        SELECT id FROM event_notice WHERE event_id = :event_id AND revision <= :revision
        ORDER BY revision DESC LIMIT 1)
""")
_NEWEST_ZONE = text("""
    SELECT e.time_zone FROM event e JOIN event_change c ON c.event_id = e.id
    WHERE c.action = ANY(:actions) AND NOT e.internal AND (CAST(:series AS text) IS NULL OR e.series = :series)
        AND (CAST(:own AS text[]) IS NULL OR e.id = ANY(:own) OR e.status <> 'draft')
    ORDER BY c.number DESC LIMIT 1
""")

_ADD_NOTE = text("""
    INSERT INTO event_note (id, event_id, words, written_by, written_at)
    VALUES (CAST(:id AS uuid), :event_id, :words, :written_by, :written_at) ON CONFLICT (id) DO NOTHING
""")
_NOTES = text("""
    SELECT id::text AS id, event_id, words, written_by, written_at FROM event_note
    WHERE event_id = :event_id AND (CAST(:before AS uuid) IS NULL
        OR number < (SELECT number FROM event_note WHERE id = CAST(:before AS uuid)))
    ORDER BY number DESC LIMIT :limit
""")
_FIND_NOTE = text("""
    SELECT id::text AS id, event_id, words, written_by, written_at FROM event_note WHERE id = CAST(:id AS uuid)
""")

_FORM_COLUMNS = "id, revision, kind, event, title, open, opens_at, closes_at, closes_hours_before, open_until"
_UPSERT_FORM = text(f"""
    INSERT INTO form_copy ({_FORM_COLUMNS})
    VALUES (:id, :revision, :kind, :event, :title, :open, :opens_at, :closes_at, :closes_hours_before, :open_until)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, kind = excluded.kind, event = excluded.event,
        title = excluded.title, open = excluded.open, opens_at = excluded.opens_at, closes_at = excluded.closes_at,
        closes_hours_before = excluded.closes_hours_before, open_until = excluded.open_until
    WHERE form_copy.revision < excluded.revision
""")  # noqa: S608 - a constant
_FORMS_OF_EVENTS = text(f"""
    SELECT {_FORM_COLUMNS} FROM form_copy
    WHERE event = ANY(CAST(:events AS text[])) OR id = ANY(CAST(:named AS text[])) ORDER BY id
""")  # noqa: S608 - a constant
_FORMS_OF_KIND = text(f"SELECT {_FORM_COLUMNS} FROM form_copy WHERE kind = :kind ORDER BY id")  # noqa: S608 - a constant
_ALL_FORMS = text(f"SELECT {_FORM_COLUMNS} FROM form_copy ORDER BY id")  # noqa: S608 - a constant
_FORM_EXISTS = text("SELECT EXISTS (SELECT FROM form_copy WHERE id = :id)")

_UPSERT_PARTNER = text("""
    INSERT INTO partner_copy (slug, revision, name, waiting_origins)
    VALUES (:slug, :revision, :name, :waiting_origins)
    ON CONFLICT (slug) DO UPDATE SET
        revision = excluded.revision, name = excluded.name, waiting_origins = excluded.waiting_origins
    WHERE partner_copy.revision < excluded.revision
""")
_PARTNER_NAMES = text("SELECT slug, name FROM partner_copy ORDER BY slug")
_WAITING_ORIGINS = text("""
    SELECT coalesce(sum(waiting_origins), 0), array_agg(slug ORDER BY slug) FROM partner_copy WHERE waiting_origins > 0
""")

_UPSERT_APPROVAL = text("""
    INSERT INTO waiting_approval (id, form, asked_by, waiting, expires_at)
    VALUES (CAST(:approval_id AS uuid), :form, :asked_by, :waiting, :expires_at)
    ON CONFLICT (id) DO UPDATE SET waiting = waiting_approval.waiting AND excluded.waiting
""")
_COUNT_WAITING = text("""
    SELECT count(*) FROM waiting_approval
    WHERE waiting AND expires_at > :now AND asked_by <> :name
        AND (CAST(:forms AS text[]) IS NULL OR form = ANY(:forms))
""")


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """A page of the changes of one event, older than the one with the id ``before`` (None: from the newest on)."""

    event_id: str
    before: str | None = None
    limit: int = 50


def insert_change(connection: Connection, change: EventChange) -> None:
    """Store a line of the history."""
    connection.execute(_ADD_CHANGE, asdict(change) | {"fields": list(change.fields)})
    detail = {"fields": list(change.fields), "resource": change.resource_id}
    record = AuditRecord(change.changed_by, f"event-{change.action}", "event", change.event_id, detail)
    publish_entry(connection, record, change.changed_at)


def newest_zone(connection: Connection, series: str | None, own: frozenset[str] | None) -> str:
    """The time zone of the event of ``series`` (None: of any) that was made last; empty if there is none.

    Drafts count only where they are in ``own`` (None: all do), so a limited key reveals no other drafts.
    """
    values = {"actions": [MADE, LOADED], "series": series, "own": None if own is None else sorted(own)}
    return connection.execute(_NEWEST_ZONE, values).scalar() or ""


def select_changes(connection: Connection, wanted: ChangeQuery) -> list[EventChange]:
    """At most ``wanted.limit`` changes, the newest first."""
    rows = connection.execute(_CHANGES, asdict(wanted))
    return [EventChange(**{**row._mapping, "fields": tuple(row.fields)}) for row in rows]


def last_notice(connection: Connection, event_id: str) -> Notice | None:
    """The notice of the event's last change that participants were or will be mailed about; None if there is none."""
    row = connection.execute(_LAST_NOTICE, {"event_id": event_id}).fetchone()
    return None if row is None else _notice(row)


def select_notices(connection: Connection, changes: Collection[EventChange]) -> dict[str, Notice]:
    """The notices of these changes, by their ids."""
    found = connection.execute(_NOTICES, {"ids": [change.notice for change in changes if change.notice]})
    return {row.id: _notice(row) for row in found}


def upsert_notice(connection: Connection, notice: Notice) -> None:
    """Store a notice, or when it is due and of what."""
    row = asdict(notice) | {"before": Jsonb(notice.before), "fields": list(notice.fields)}
    connection.execute(_UPSERT_NOTICE, row)


def count_sent(connection: Connection, event_id: str, revision: int) -> None:
    """Count a mail about the change that made ``revision`` of the event, or about an earlier one."""
    connection.execute(_COUNT_SENT, {"event_id": event_id, "revision": revision})


def _notice(row: Row[Any]) -> Notice:
    return Notice(**{**row._mapping, "fields": tuple(row.fields)})


@dataclass(frozen=True, slots=True)
class NoteQuery:
    """A page of the notes on one event, older than the one with the id ``before`` (None: from the newest on)."""

    event_id: str
    before: str | None = None
    limit: int = 50


def insert_note(connection: Connection, note: EventNote) -> bool:
    """Store a note; False if its id exists."""
    added = connection.execute(_ADD_NOTE, asdict(note)).rowcount == 1
    if added:
        publish_entry(connection, AuditRecord(note.written_by, "note-written", "event", note.event_id), note.written_at)
    return added


def read_note(connection: Connection, note_id: str) -> EventNote:
    """The note with this id, which must exist."""
    return EventNote(**connection.execute(_FIND_NOTE, {"id": note_id}).one()._mapping)


def select_notes(connection: Connection, wanted: NoteQuery) -> list[EventNote]:
    """At most ``wanted.limit`` notes, the newest first."""
    rows = connection.execute(_NOTES, asdict(wanted))
    return [EventNote(**row._mapping) for row in rows]


def upsert_form(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store a form as it was published, unless a newer state of it is stored; 0.1.0 published no ``open_until``."""
    connection.execute(_UPSERT_FORM, {"open_until": None, **content, "title": Jsonb(content["title"])})


def forms_of(connection: Connection, events: Collection[str], named: Collection[str]) -> list[Form]:
    """Forms that register for one of ``events``, and those with the ids ``named``."""
    found = connection.execute(_FORMS_OF_EVENTS, {"events": list(events), "named": list(named)})
    return [_form(row) for row in found]


def all_forms(connection: Connection) -> list[Form]:
    """Every form."""
    return [_form(row) for row in connection.execute(_ALL_FORMS)]


def forms_of_kind(connection: Connection, kind: str) -> list[Form]:
    """Every form of a kind."""
    return [_form(row) for row in connection.execute(_FORMS_OF_KIND, {"kind": kind})]


def form_exists(connection: Connection, form: str) -> bool:
    """Whether there is a form with this id."""
    return bool(connection.execute(_FORM_EXISTS, {"id": form}).scalar())


def _form(row: Row[Any]) -> Form:
    return Form(**texts_read(row))


@dataclass(frozen=True, slots=True)
class WaitingOrigins:
    """How many addresses of partners' sites wait for a coordinator's decision, and the slugs of those partners."""

    number: int
    partners: tuple[str, ...]


def upsert_partner(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store a partner as it was published, unless this state of it or a newer one is stored."""
    connection.execute(
        _UPSERT_PARTNER, {name: content[name] for name in ("slug", "revision", "name", "waiting_origins")}
    )


def partner_names(connection: Connection) -> dict[str, str]:
    """Names of the partners by slug."""
    return {row.slug: row.name for row in connection.execute(_PARTNER_NAMES)}


def waiting_origins(connection: Connection) -> WaitingOrigins:
    """What waits for a decision about partners' sites."""
    number, partners = connection.execute(_WAITING_ORIGINS).one()
    return WaitingOrigins(int(number), tuple(partners or ()))


def upsert_approval(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store the state of a request; once decided it never waits again, in any order of messages."""
    names = ("approval_id", "form", "asked_by", "waiting", "expires_at")
    connection.execute(_UPSERT_APPROVAL, {name: content[name] for name in names})


def count_waiting_approvals(connection: Connection, name: str, forms: frozenset[str] | None, now: datetime) -> int:
    """How many requests wait that the holder called ``name`` did not make; only of ``forms``, unless that is None."""
    values = {"now": now, "name": name, "forms": None if forms is None else sorted(forms)}
    return int(connection.execute(_COUNT_WAITING, values).scalar_one())

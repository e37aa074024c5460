"""The tables around events: series, working groups, consultations. Each is short and read whole, in order of ids."""

from dataclasses import asdict

from sqlalchemy import Connection, text

from services.events.domain.network import Consultation, HostKind, Series, WorkingGroup
from services.events.store.texts import row_of, texts_read

_SERIES = text("SELECT id, title, summary, began_in, revision FROM series ORDER BY id")
_SAVE_SERIES = text("""
    INSERT INTO series (id, title, summary, began_in, revision) VALUES (:id, :title, :summary, :began_in, :revision)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, summary = excluded.summary, began_in = excluded.began_in,
        revision = excluded.revision
""")
_GROUPS = text("SELECT id, title, summary, revision FROM working_group ORDER BY id")
_SAVE_GROUP = text("""
    INSERT INTO working_group (id, title, summary, revision) VALUES (:id, :title, :summary, :revision)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, summary = excluded.summary, revision = excluded.revision
""")
_CONSULTATIONS = text("""
    SELECT id, title, summary, city, host_kind, hosts, presentations, within_days FROM consultation ORDER BY id
""")
_SAVE_CONSULTATION = text("""
    INSERT INTO consultation (id, title, summary, city, host_kind, hosts, presentations, within_days)
    VALUES (:id, :title, :summary, :city, :host_kind, :hosts, :presentations, :within_days)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, summary = excluded.summary, city = excluded.city,
        host_kind = excluded.host_kind, hosts = excluded.hosts, presentations = excluded.presentations,
        within_days = excluded.within_days
""")


def all_series(connection: Connection) -> list[Series]:
    """Every series."""
    return [Series(**texts_read(row)) for row in connection.execute(_SERIES)]


def save_series(connection: Connection, series: Series) -> None:
    """Store ``series`` in place of what was stored under its id."""
    connection.execute(_SAVE_SERIES, row_of(series))


def all_working_groups(connection: Connection) -> list[WorkingGroup]:
    """Every working group."""
    return [WorkingGroup(**texts_read(row)) for row in connection.execute(_GROUPS)]


def save_working_group(connection: Connection, group: WorkingGroup) -> None:
    """Store ``group`` in place of what was stored under its id."""
    connection.execute(_SAVE_GROUP, row_of(group))


def all_consultations(connection: Connection) -> list[Consultation]:
    """Every consultation."""
    rows = connection.execute(_CONSULTATIONS)
    return [Consultation(**{**row._mapping, "host_kind": HostKind(row.host_kind)}) for row in rows]


def save_consultation(connection: Connection, consultation: Consultation) -> None:
    """Store ``consultation`` in place of what was stored under its id."""
    connection.execute(_SAVE_CONSULTATION, asdict(consultation))

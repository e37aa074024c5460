"""SQL of lists of sealed answers: each is one reading in the log, with the ids of whom it is about and no answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, text

from services.registration.people.listing_store import PeopleFilter, conditions_of
from shared.i18n.content import Text

_COLUMNS = (
    "list_id::text, form, purpose, fields, filters, people::text[], reader, reason, read_at, expires_at, approved_by"
)
_INSERT = text("""
    INSERT INTO sealed_reading (form, reader, reason, read_at, list_id, purpose, fields, filters, people, expires_at,
        approved_by)
    VALUES (:form, :reader, :reason, :opened_at, CAST(:id AS uuid), :purpose, :fields, CAST(:filters AS jsonb),
        CAST(:people AS uuid[]), :expires_at, :approved_by)
""")
_FIND = text(f"SELECT {_COLUMNS} FROM sealed_reading WHERE list_id = CAST(:id AS uuid)")  # noqa: S608 - constants
_OPEN = text(f"""
    SELECT {_COLUMNS} FROM sealed_reading
    WHERE reader = :reader AND list_id IS NOT NULL AND expires_at > :now ORDER BY id DESC LIMIT 100
""")  # noqa: S608 - constants
_ENTRIES = text("""
    SELECT r.id::text, r.name, o.name, g.title, r.sealed, r.sealed_for
    FROM registration r LEFT JOIN organisation o ON o.id = r.organisation_id
        LEFT JOIN working_group_copy g ON g.id = r.working_group
    WHERE r.id = ANY(CAST(:ids AS uuid[])) AND r.form = :form AND r.erased_at IS NULL AND r.sealed IS NOT NULL
        AND (:status = '' OR r.status = :status)
    ORDER BY r.id
""")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('sealed_reading'))")
_OPENED_ALONE = text("""
    SELECT DISTINCT purpose, fields FROM sealed_reading
    WHERE form = :form AND reader = :reader AND list_id IS NOT NULL AND approved_by IS NULL AND read_at > :since
""")
_SEALED = text("SELECT count(*) FROM registration WHERE form = :form AND sealed IS NOT NULL")
_DESTROYED = text("SELECT destroyed_at IS NOT NULL FROM form_key WHERE form = :form")


@dataclass(frozen=True, slots=True)
class SealedList:
    """A list that somebody has opened.

    Attributes:
        id: UUID text, in its address.
        form: slug.
        purpose: name of one of the registry.
        fields: names of the questions that it opens.
        filters: by which people were chosen, and ``names``: whether names are shown. Never an answer.
        people: ids of the registrations that it is about, whoever registers later.
        reader: who opened it, and alone can open it again.
        approved_by: the second person, where one had to approve.
    """

    id: str
    form: str
    purpose: str
    fields: Sequence[str]
    filters: Mapping[str, Any]
    people: Sequence[str]
    reader: str
    reason: str
    opened_at: datetime
    expires_at: datetime
    approved_by: str | None = None


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """A registration on a list, its answers still sealed; ``bound_to`` are the submissions that they came with."""

    registration_id: str
    name: str | None
    organisation: str | None
    working_group: str | None
    sealed: bytes
    bound_to: tuple[str, ...]


def insert_list(connection: Connection, opened: SealedList) -> None:
    """Write the one entry of a list into the log of readings."""
    values = {name: getattr(opened, name) for name in SealedList.__slots__}
    filters = orjson.dumps(dict(opened.filters)).decode()
    connection.execute(
        _INSERT, {**values, "filters": filters, "fields": list(opened.fields), "people": list(opened.people)}
    )


def find_list(connection: Connection, list_id: str) -> SealedList | None:
    """Return a list, also one that has expired; None if there is none."""
    row = connection.execute(_FIND, {"id": list_id}).fetchone()
    return None if row is None else SealedList(*row)


def open_lists(connection: Connection, reader: str, now: datetime) -> Sequence[SealedList]:
    """Return the lists that ``reader`` can open now, newest first."""
    return [SealedList(*row) for row in connection.execute(_OPEN, {"reader": reader, "now": now})]


def lock_readings(connection: Connection) -> None:
    """Let no other reading be logged before this transaction ends."""
    connection.execute(_LOCK)


def opened_alone(
    connection: Connection, form: str, reader: str, since: datetime
) -> Sequence[tuple[str, Sequence[str]]]:
    """Return purpose and questions of the lists that ``reader`` has opened since then without a second person."""
    values = {"form": form, "reader": reader, "since": since}
    return [(row[0], row[1]) for row in connection.execute(_OPENED_ALONE, values)]


def choose_people(connection: Connection, wanted: PeopleFilter, most: int) -> tuple[Sequence[str], int]:
    """Return the ids of up to ``most`` registrations with sealed answers, and how many of ``wanted`` have none."""
    where = conditions_of(connection, wanted)
    if where.is_nothing:
        return (), 0
    chosen = text(
        f"SELECT r.id::text FROM registration r {where.sql} AND r.sealed IS NOT NULL ORDER BY r.id LIMIT :most"  # noqa: S608 - constants
    )
    without = text(f"SELECT count(*) FROM registration r {where.sql} AND r.sealed IS NULL")  # noqa: S608 - constants
    found = connection.execute(chosen, {**where.values, "most": most})
    return [row[0] for row in found], int(connection.execute(without, where.values).scalar_one())


def count_sealed(connection: Connection, form: str) -> int:
    """Return how many registrations of a form have sealed answers."""
    return int(connection.execute(_SEALED, {"form": form}).scalar_one())


def read_entries(connection: Connection, form: str, ids: Sequence[str], status: str) -> Sequence[SealedEntry]:
    """Return those of ``ids`` that still have sealed answers and this status (empty: any), in order of arrival."""
    found = connection.execute(_ENTRIES, {"ids": list(ids), "form": form, "status": status})
    return [SealedEntry(row[0], row[1], row[2], _in_english(row[3]), bytes(row[4]), tuple(row[5])) for row in found]


def _in_english(title: dict[str, str] | None) -> str | None:
    return None if title is None else str(Text.of(title))


def is_key_destroyed(connection: Connection, form: str) -> bool:
    """Return whether the key of a form was destroyed, as the database knows it."""
    return bool(connection.execute(_DESTROYED, {"form": form}).scalar())

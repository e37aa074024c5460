"""SQL of sealed answers: public keys of forms, what is stored sealed, and the append-only log of readings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from shared.public_forms.addresses import address_beginning

_PUBLIC_KEY = text("SELECT public_key FROM form_key WHERE form = :form")
_PUBLIC_KEYS = text("SELECT form, public_key FROM form_key ORDER BY form")
_PUBLISH = text("""
    INSERT INTO form_key (form, public_key, created_at) VALUES (:form, :public_key, :now) ON CONFLICT (form) DO NOTHING
""")
_REPLACE = text("""
    UPDATE form_key SET public_key = :public_key, created_at = :now
    WHERE form = :form AND destroyed_at IS NULL AND public_key <> :public_key
""")
_DESTROY = text("""
    INSERT INTO form_key (form, created_at, destroyed_at) SELECT slug, :now, :now FROM form WHERE slug = :form
    ON CONFLICT (form) DO UPDATE SET public_key = NULL, destroyed_at = excluded.destroyed_at
        WHERE form_key.destroyed_at IS NULL
""")
_SEALED = text("""
    SELECT r.form, r.sealed, r.sealed_for, k.destroyed_at IS NOT NULL
    FROM registration r LEFT JOIN form_key k ON k.form = r.form WHERE r.id = CAST(:id AS uuid)
""")
SEALED_TABLES = ("candidate", "registration")
"""Tables with sealed answers, in the order in which these move from one to the next."""

_ROWS = {
    table: text(f"""
        SELECT id::text, sealed FROM {table}
        WHERE form = :form AND sealed IS NOT NULL AND (:after = '' OR id > CAST(nullif(:after, '') AS uuid))
        ORDER BY id LIMIT :limit
    """)  # noqa: S608 - constants
    for table in SEALED_TABLES
}
_PUT = {
    table: text(f"UPDATE {table} SET sealed = :resealed WHERE id = CAST(:id AS uuid) AND sealed = :sealed")  # noqa: S608
    for table in SEALED_TABLES
}
_NOTE = text("""
    INSERT INTO sealed_reading (registration_id, form, reader, reason, read_at)
    VALUES (CAST(:registration_id AS uuid), :form, :reader, :reason, :read_at)
""")
_READ_LATELY = text("""
    SELECT count(DISTINCT registration_id) FROM sealed_reading
    WHERE form = :form AND reader = :reader AND registration_id IS NOT NULL AND read_at > :since
""")
_LIST = text("""
    SELECT id, registration_id::text, form, reader, reason, read_at, list_id::text, purpose, fields,
        cardinality(people), expires_at, approved_by
    FROM sealed_reading
    WHERE (CAST(:before AS bigint) IS NULL OR id < :before)
        AND (CAST(:forms AS text[]) IS NULL OR form = ANY(:forms))
        AND (:form = '' OR form = :form) AND (:reader = '' OR reader = :reader)
        AND (:purpose = '' OR coalesce(purpose, 'one-person') = :purpose)
        AND (CAST(:people AS uuid[]) IS NULL OR registration_id = ANY(CAST(:people AS uuid[]))
            OR people && CAST(:people AS uuid[]))
    ORDER BY id DESC LIMIT :limit
""")
_REGISTRATIONS_OF = text("""
    SELECT id::text FROM registration WHERE lower(email) = lower(:email) AND erased_at IS NULL LIMIT 1000
""")
ONE_PERSON = "one-person"
"""Value in place of a purpose: the reading of one registration."""


@dataclass(frozen=True, slots=True)
class SealedAnswers:
    """The sealed answers of one registration, as they are stored.

    Attributes:
        form: the slug of the form.
        sealed: the envelopes, in the format of ``model.py``; None if no answer is sealed.
        bound_to: the references of the submissions that the answers came with.
        is_destroyed: whether the key of the form was destroyed.
    """

    form: str
    sealed: bytes | None
    bound_to: tuple[str, ...]
    is_destroyed: bool


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A row with sealed answers as they were read."""

    id: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """A person has read sealed answers: of one registration, or of many by a list.

    Attributes:
        registration_id: the id of the registration; None for a list.
        list_id: the id of the list; None for one registration.
        purpose: the purpose of the list; None for one registration.
        fields: the names of the questions that the list opens; None for one registration.
        people: the number of people on the list; None for one registration.
        expires_at: the time at which the list expires; None for one registration.
        approved_by: the second person, where one had to approve.
    """

    number: int
    registration_id: str | None
    form: str
    reader: str
    reason: str
    read_at: datetime
    list_id: str | None
    purpose: str | None
    fields: Sequence[str] | None
    people: int | None
    expires_at: datetime | None
    approved_by: str | None


@dataclass(frozen=True, slots=True)
class ReadingFilter:
    """Which readings to return; an empty value matches all.

    Attributes:
        before: the number of the last reading of the page before.
        limit: the maximum number of rows.
        forms: the forms that may be seen; None for all.
        form: the form of the reading.
        reader: the reader.
        purpose: the purpose of a list, or ``ONE_PERSON``.
        people: the ids of registrations, of which one has to be among those that were read; None for any.
    """

    before: int | None = None
    limit: int = 50
    forms: frozenset[str] | None = None
    form: str = ""
    reader: str = ""
    purpose: str = ""
    people: Sequence[str] | None = None


def find_public_key(connection: Connection, form: str) -> bytes | None:
    """Return the key that answers on ``form`` are sealed to; None if it has none, or its key was destroyed."""
    key = connection.execute(_PUBLIC_KEY, {"form": form}).scalar()
    return None if key is None else bytes(key)


def public_keys(connection: Connection) -> Mapping[str, bytes | None]:
    """Return the public keys of all forms that have or had one, by slug; None for one that was destroyed."""
    found = connection.execute(_PUBLIC_KEYS)
    return {form: None if key is None else bytes(key) for form, key in found}


def publish_key(connection: Connection, form: str, public_key: bytes, now: datetime) -> None:
    """Store the public key of a form that never had one; any other form is left as it is."""
    connection.execute(_PUBLISH, {"form": form, "public_key": public_key, "now": now})


def replace_key(connection: Connection, form: str, public_key: bytes, now: datetime) -> None:
    """Store another public key, unless the form's key was destroyed."""
    connection.execute(_REPLACE, {"form": form, "public_key": public_key, "now": now})


def mark_destroyed(connection: Connection, form: str, now: datetime) -> bool:
    """Permanently delete the public key of ``form``; False if there is no such form, or it was already marked."""
    return connection.execute(_DESTROY, {"form": form, "now": now}).rowcount == 1


def find_sealed(connection: Connection, registration_id: str) -> SealedAnswers | None:
    """Return the sealed answers of a registration; None if there is no such registration."""
    row = connection.execute(_SEALED, {"id": registration_id}).fetchone()
    if row is None:
        return None
    return SealedAnswers(row[0], None if row[1] is None else bytes(row[1]), tuple(row[2]), row[3])


def read_sealed_rows(connection: Connection, table: str, form: str, after: str, limit: int) -> Sequence[SealedRow]:
    """Return up to ``limit`` rows of ``table`` with sealed answers on ``form`` whose id follows ``after``, in order."""
    found = connection.execute(_ROWS[table], {"form": form, "after": after, "limit": limit})
    return [SealedRow(row[0], bytes(row[1])) for row in found]


def put_sealed(connection: Connection, table: str, resealed: Sequence[tuple[SealedRow, bytes]]) -> None:
    """Store the same answers sealed to another key, in rows that have not changed since they were read.

    Nothing visible changes, so the revision stays.
    """
    for row, sealed in resealed:
        connection.execute(_PUT[table], {"id": row.id, "sealed": row.sealed, "resealed": sealed})


def record_reading(
    connection: Connection, registration_id: str, form: str, reader: str, reason: str, at: datetime
) -> None:
    """Add a line to the log."""
    values = {"registration_id": registration_id, "form": form, "reader": reader, "reason": reason, "read_at": at}
    connection.execute(_NOTE, values)


def count_read(connection: Connection, form: str, reader: str, since: datetime) -> int:
    """Return whose answers of a form a person has read one by one since then: how many people."""
    values = {"form": form, "reader": reader, "since": since}
    return int(connection.execute(_READ_LATELY, values).scalar_one())


def list_readings(connection: Connection, wanted: ReadingFilter) -> list[Reading]:
    """Return readings, newest first."""
    values = asdict(wanted) | {"forms": None if wanted.forms is None else sorted(wanted.forms)}
    return [Reading(*row) for row in connection.execute(_LIST, values)]


def registrations_of(connection: Connection, email: str) -> list[str]:
    """Return the ids of all registrations of an address, as it was typed."""
    return [row[0] for row in connection.execute(_REGISTRATIONS_OF, {"email": address_beginning(email)})]

"""Sign-in in the database: who has access by which key, and which sessions of the console have ended.

One service owns access (holders of keys); each other has a copy of it, from messages. A console cookie is signed and
would be valid for its eight hours; that its session has begun, and what ends it earlier, is stored in each service's
own database. Workers use this too: no web library is imported.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from shared.db.cleanup import HOURLY_S, Rule
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.schemas import Message
from shared.runtime.clock import Clock
from shared.runtime.errors import Unavailable
from shared.runtime.ids import token_hash
from shared.security.audit_log import AUDIT_LOG_KEPT

SIGN_IN_TABLES = """
CREATE TABLE ended_session (
    session bytea PRIMARY KEY CHECK (length(session) = 32),
    ended_at timestamptz NOT NULL
);
COMMENT ON TABLE ended_session IS 'cookies of the console that are believed no more, by the hash of their session';
CREATE INDEX ended_session_age ON ended_session (ended_at);

CREATE TABLE access_holder (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    roles text[] NOT NULL,
    forms text[],
    partner text,
    until timestamptz,
    key_hashes text[] NOT NULL,
    revoked boolean NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    changed_at timestamptz NOT NULL
);
CREATE INDEX access_holder_key ON access_holder USING gin (key_hashes);
"""
"""Tables of each service, for its first migration; a change needs a migration of each."""

BEGUN_SESSIONS = """
CREATE TABLE begun_session (
    session bytea PRIMARY KEY CHECK (length(session) = 32),
    begun_at timestamptz NOT NULL
);
COMMENT ON TABLE begun_session IS 'sessions of the console that have begun, by their hash';
CREATE INDEX begun_session_age ON begun_session (begun_at);
"""
"""Table of the services in which no one signs in."""

ACCESS_RULE = Rule(
    "access_holder",
    "t.revoked AND t.changed_at < :before",
    AUDIT_LOG_KEPT,
    "a revoked access opens nothing; the audit log of that time still says what its holder was allowed",
    every_s=HOURLY_S,
)

_BY_KEY = text("""
    SELECT id::text, name, roles, forms, partner, until, key_hashes, revision FROM access_holder
    WHERE key_hashes @> ARRAY[CAST(:key_hash AS text)] AND NOT revoked
""")
_BY_ID = text("""
    SELECT id::text, name, roles, forms, partner, until, key_hashes, revision FROM access_holder
    WHERE id = CAST(:id AS uuid) AND NOT revoked
""")
_LOST = text("""
    SELECT bool_and(revoked OR coalesce(until <= :now, false) OR forms IS NOT NULL OR NOT roles @> ARRAY[:role])
    FROM access_holder WHERE name = :name
""")
_UPSERT = text("""
    INSERT INTO access_holder (id, name, roles, forms, partner, until, key_hashes, revoked, revision, changed_at)
    VALUES (CAST(:holder_id AS uuid), :name, :roles, :forms, :partner, :until, :key_hashes, :revoked, :revision,
        :occurred_at)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, roles = excluded.roles, forms = excluded.forms,
        partner = excluded.partner, until = excluded.until, key_hashes = excluded.key_hashes,
        revoked = excluded.revoked, revision = excluded.revision, changed_at = excluded.changed_at
    WHERE access_holder.revision < excluded.revision
""")


@dataclass(frozen=True, slots=True)
class AccessRow:
    """Attributes:
    id: the id of the holder, a UUID.
    forms: the forms that it is limited to; None for all.
    partner: whose numbers it shows, for the role ``partner``.
    until: the instant from which it opens nothing; None for no end.
    key_hashes: SHA-256 of each key, hexadecimal.
    revision: the revision of the row, from 1.
    """

    id: str
    name: str
    roles: list[str]
    forms: list[str] | None
    partner: str | None
    until: datetime | None
    key_hashes: list[str]
    revision: int


def find_by_key(connection: Connection, key_hash: str) -> AccessRow | None:
    """Whose access the key with this hash is, unless it was revoked."""
    row = connection.execute(_BY_KEY, {"key_hash": key_hash}).one_or_none()
    return None if row is None else AccessRow(*row)


def find_by_id(connection: Connection, holder_id: str) -> AccessRow | None:
    """The access with this id (a UUID), unless it was revoked."""
    row = connection.execute(_BY_ID, {"id": holder_id}).one_or_none()
    return None if row is None else AccessRow(*row)


def has_lost(connection: Connection, name: str, role: str, now: datetime) -> bool:
    """Whether the access called ``name`` was ended or changed, so that it has no ``role`` on all forms any more.

    Of an entry of the access file nothing is known here: False.
    """
    return bool(connection.execute(_LOST, {"name": name, "role": role, "now": now}).scalar())


def upsert_access(connection: Connection, data: Mapping[str, Any]) -> None:
    """Store what a message reports about an access, unless the same or a newer revision is known."""
    connection.execute(_UPSERT, dict(data))


MAX_SESSION_AGE = timedelta(hours=8)
"""After that no cookie is believed any more, whether it was ended or not."""

SESSION_RULES = (Rule("ended_session", "t.ended_at < :before", 2 * MAX_SESSION_AGE, "no cookie lives that long"),)

BEGUN_RULE = Rule("begun_session", "t.begun_at < :before", 2 * MAX_SESSION_AGE, "no cookie lives that long")

ARRIVES_WITHIN_S = 60.0
"""How old a session may be whose beginning is still awaited; an older one that is unknown never began."""
ASK_AGAIN_S = 0.1

_BEGIN = text("INSERT INTO begun_session (session, begun_at) VALUES (:session, :at) ON CONFLICT DO NOTHING")
_HAS_BEGUN = text("""
    SELECT EXISTS (SELECT FROM begun_session WHERE session = :session) OR EXISTS (SELECT FROM quarantine)
""")
"""In quarantine no message arrives: the signature of the cookie is enough to read, and no one can change anything."""

_END = text("INSERT INTO ended_session (session, ended_at) VALUES (:session, :now) ON CONFLICT DO NOTHING")
_HAS_ENDED = text("SELECT 1 FROM ended_session WHERE session = :session")


def end_session(connection: Connection, session: bytes, now: datetime) -> bool:
    """Believe the session with this hash no more; False if it had ended before."""
    return connection.execute(_END, {"session": session, "now": now}).rowcount == 1


def is_ended(connection: Connection, session: bytes) -> bool:
    """Whether the session with this hash was ended before its time."""
    return connection.execute(_HAS_ENDED, {"session": session}).scalar() is not None


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions that a service knows, in its database.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        awaited_s: how long a request waits for the message about a new session.
    """

    work: UnitOfWork
    clock: Clock
    awaited_s: float = 3.0

    def end(self, session: str, who: str) -> None:
        """Believe the cookie of ``session`` no more; doing it again changes nothing.

        Raises:
            Unavailable: the database is away; it has not ended.
        """
        with self.work.transaction() as connection:
            end_session(connection, token_hash(session), self.clock())

    def has_ended(self, session: str, age_s: float) -> bool:
        """Whether ``session`` was ended before its time, or never began; waits for a message that is on its way.

        Args:
            session: the session's id in the cookie.
            age_s: seconds since its holder signed in.

        Raises:
            Unavailable: the database is away, or the message has not arrived: every request must be refused then.
        """
        hashed, give_up_at_s = token_hash(session), time.monotonic() + self.awaited_s
        while True:
            with self.work.transaction() as connection:
                if is_ended(connection, hashed):
                    return True
                if connection.execute(_HAS_BEGUN, {"session": hashed}).scalar():
                    return False
            if age_s > ARRIVES_WITHIN_S:
                return True
            if time.monotonic() >= give_up_at_s:
                raise Unavailable("the message about this sign-in has not arrived")
            time.sleep(ASK_AGAIN_S)


ACCESS_CHANGED, SESSION_BEGUN, SESSION_ENDED = "access.changed.v1", "session.begun.v1", "session.ended.v1"


def handle_sign_in_message(connection: Connection, message: Message) -> bool:
    """Store what a message reports about an access or a session; False: it is about neither."""
    if message.routing_key == ACCESS_CHANGED:
        upsert_access(connection, message.data)
    elif message.routing_key == SESSION_BEGUN:
        values = {"session": bytes.fromhex(message.data["session"]), "at": message.data["occurred_at"]}
        connection.execute(_BEGIN, values)
    elif message.routing_key == SESSION_ENDED:
        end_session(connection, bytes.fromhex(message.data["session"]), message.data["occurred_at"])
    else:
        return False
    return True

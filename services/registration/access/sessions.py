"""Sessions of the console as registration keeps them, where people sign in: who, since when, last seen, and their end.

No client address is stored: of a browser its family alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from services.registration.access.store import session_message
from shared.core.clock import Clock
from shared.core.ids import token_hash
from shared.store import outbox
from shared.store.deeds import Deed, note_deed
from shared.store.sessions import LONGEST_SESSION, end_session, is_ended
from shared.store.unit_of_work import UnitOfWork
from shared.web.holders import Holder

SEEN_EVERY = timedelta(minutes=5)
REFUSALS_WITHIN = timedelta(minutes=15)
MAX_REFUSALS = 10
"""Wrong keys of one client network within that time; then it waits, with right ones too."""

_BEGIN = text("""
    INSERT INTO console_session (session, holder_ref, holder_id, name, method, browser, since, last_seen_at)
    VALUES (:session, :ref, CAST(:holder_id AS uuid), :name, :method, :browser, :now, :now)
""")
_SEEN = text("""
    UPDATE console_session SET last_seen_at = :now WHERE session = :session AND last_seen_at < :before
""")
_LIVE = text("""
    SELECT encode(s.session, 'hex'), s.name, s.method, s.browser, s.since, s.last_seen_at
    FROM console_session s
    WHERE s.since > :since AND NOT EXISTS (SELECT FROM ended_session e WHERE e.session = s.session)
        AND (CAST(:name AS text) IS NULL OR s.name = :name)
    ORDER BY s.last_seen_at DESC, s.session
""")
_OF_HOLDER = text("""
    SELECT session FROM console_session WHERE holder_id = CAST(:holder_id AS uuid) AND since > :since
""")
_NAME_OF = text("SELECT name FROM console_session WHERE session = :session")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(encode(:network, 'hex'), 1))")
_REFUSALS = text("""
    SELECT count(*), min(refused_at) FROM refused_sign_in WHERE network = :network AND refused_at > :since
""")
_REFUSE = text("INSERT INTO refused_sign_in (network, refused_at) VALUES (:network, :now)")


@dataclass(frozen=True, slots=True)
class LiveSession:
    """Attributes:
    id: SHA-256 of what the cookie holds, hexadecimal.
    method: ``key`` or ``passkey``.
    browser: its family.
    """

    id: str
    name: str
    method: str
    browser: str
    since: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class ConsoleSessions:
    """Attributes:
    work: on the service's database.
    clock: of the project.
    """

    work: UnitOfWork
    clock: Clock

    def begin(self, session: str, holder: Holder, browser: str, former: str = "") -> None:
        """Store a new session; ``former``, which the same browser had before, ends with it."""
        values = {"ref": holder.ref, "holder_id": holder.id, "name": holder.name, "browser": browser}
        with self.work.transaction() as connection:
            now = self.clock()
            method = "key" if holder.key_hash else "passkey"
            connection.execute(_BEGIN, {**values, "session": token_hash(session), "method": method, "now": now})
            note_deed(connection, Deed(holder.name, "signed-in", detail={"with": method}), now)
            if former:
                end_everywhere(connection, [token_hash(former)], now)

    def end(self, session: str, who: str) -> None:
        """Believe the cookie of ``session`` no more, in any service; doing it again changes nothing.

        Raises:
            Unavailable: the database is away; it has not ended.
        """
        with self.work.transaction() as connection:
            now = self.clock()
            if end_everywhere(connection, [token_hash(session)], now):
                note_deed(connection, Deed(who, "signed-out"), now)

    def has_ended(self, session: str) -> bool:
        """Whether ``session`` was ended before its time; notes now and then that it is in use.

        Raises:
            Unavailable: the database is away: nobody may be let in then.
        """
        with self.work.transaction() as connection:
            now, hashed = self.clock(), token_hash(session)
            if is_ended(connection, hashed):
                return True
            connection.execute(_SEEN, {"session": hashed, "now": now, "before": now - SEEN_EVERY})
            return False

    def live(self, name: str | None = None) -> list[LiveSession]:
        """Sessions that have not ended, last seen first; only those of ``name`` if it is given."""
        with self.work.transaction() as connection:
            values = {"since": self.clock() - LONGEST_SESSION, "name": name}
            return [LiveSession(*row) for row in connection.execute(_LIVE, values)]

    def end_one(self, session_id: str, by: str, *, only_own: bool) -> bool:
        """End the session with this id; False if there is none (of ``by``, where only own ones may be ended)."""
        with self.work.transaction() as connection:
            now, hashed = self.clock(), bytes.fromhex(session_id)
            name = connection.execute(_NAME_OF, {"session": hashed}).scalar()
            if name is None or (only_own and name != by) or not end_everywhere(connection, [hashed], now):
                return False
            note_deed(connection, Deed(by, "session-ended", "holder", detail={"of": name}), now)
            return True

    def admit(self, network: bytes, *, known: bool) -> float:
        """Count a try to sign in.

        Args:
            network: keyed hash of where the try comes from, 32 bytes.
            known: whether the key or passkey is somebody's.

        Returns:
            seconds to wait because there were too many refusals; 0 if it counts. One network's tries wait for each
            other, so the limit is exact however many come at once.
        """
        with self.work.transaction() as connection:
            connection.execute(_LOCK, {"network": network})
            now = self.clock()
            since = now - REFUSALS_WITHIN
            refusals, oldest = connection.execute(_REFUSALS, {"network": network, "since": since}).one()
            if refusals >= MAX_REFUSALS:
                return max(1.0, float((oldest - since).total_seconds()))
            if not known:
                connection.execute(_REFUSE, {"network": network, "now": now})
            return 0.0


def end_everywhere(connection: Connection, sessions: Sequence[bytes], now: datetime) -> int:
    """End sessions here and, by a message, in the other services; returns how many had not ended before."""
    ended = [session for session in sessions if end_session(connection, session, now)]
    outbox.add(connection, [session_message(one, now) for one in ended])
    return len(ended)


def end_of_holder(connection: Connection, holder_id: str, now: datetime) -> int:
    """End every session of a holder, because what they signed in with has ended."""
    values = {"holder_id": holder_id, "since": now - LONGEST_SESSION}
    return end_everywhere(connection, list(connection.execute(_OF_HOLDER, values).scalars()), now)

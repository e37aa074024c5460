"""Sessions of the console that were ended before their time, and sign-ins that were refused a moment ago.

A cookie is signed and would be believed for its eight hours; what ends it earlier stands here, in each service's own
database, since each believes it for itself.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from shared.core.clock import Clock
from shared.core.ids import token_hash
from shared.store.cleanup import Rule
from shared.store.deeds import Deed, note_deed
from shared.store.unit_of_work import UnitOfWork

LONGEST_SESSION = timedelta(hours=8)
"""After that no cookie is believed any more, whether it was ended or not."""

REFUSALS_WITHIN = timedelta(minutes=15)
MOST_REFUSALS = 10
"""Wrong keys of one household within that time; then it waits, with right ones too."""

SESSION_RULES = (
    Rule("ended_session", "t.ended_at < :before", 2 * LONGEST_SESSION, "no cookie lives that long"),
    Rule("refused_sign_in", "t.refused_at <= :before", REFUSALS_WITHIN, "no limit counts it any more"),
)

_END = text("INSERT INTO ended_session (session, ended_at) VALUES (:session, :now) ON CONFLICT DO NOTHING")
_HAS_ENDED = text("SELECT 1 FROM ended_session WHERE session = :session")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(encode(:household, 'hex'), 1))")
_REFUSALS = text("""
    SELECT count(*), min(refused_at) FROM refused_sign_in WHERE household = :household AND refused_at > :since
""")
_REFUSE = text("INSERT INTO refused_sign_in (household, refused_at) VALUES (:household, :now)")


@dataclass(frozen=True, slots=True)
class Sessions:
    """What a service remembers of sessions.

    Attributes:
        work: on the service's database.
        clock: of the project.
    """

    work: UnitOfWork
    clock: Clock

    def end(self, session: str, who: str) -> None:
        """Believe the cookie of ``session`` no more; doing it again changes nothing.

        Raises:
            Unavailable: the database is away; it has not ended.
        """
        with self.work.transaction() as connection:
            now = self.clock()
            if connection.execute(_END, {"session": token_hash(session), "now": now}).rowcount:
                note_deed(connection, Deed(who, "signed-out"), now)

    def has_ended(self, session: str) -> bool:
        """Whether ``session`` was ended before its time.

        Raises:
            Unavailable: the database is away: nobody may be let in then.
        """
        with self.work.transaction() as connection:
            return connection.execute(_HAS_ENDED, {"session": token_hash(session)}).scalar() is not None

    def admit(self, household: bytes, who: str | None) -> float:
        """Count a try to sign in.

        Args:
            household: keyed hash of where the try comes from, 32 bytes.
            who: holds the key; None if it is nobody's.

        Returns:
            seconds to wait because there were too many refusals; 0 if it counts. One household's tries wait for each
            other, so the limit is exact however many come at once.

        Raises:
            Unavailable: the database is away; nobody is let in.
        """
        with self.work.transaction() as connection:
            connection.execute(_LOCK, {"household": household})
            now = self.clock()
            since = now - REFUSALS_WITHIN
            refusals, oldest = connection.execute(_REFUSALS, {"household": household, "since": since}).one()
            if refusals >= MOST_REFUSALS:
                return max(1.0, float((oldest - since).total_seconds()))
            if who is None:
                connection.execute(_REFUSE, {"household": household, "now": now})
            else:
                note_deed(connection, Deed(who, "signed-in"), now)
            return 0.0

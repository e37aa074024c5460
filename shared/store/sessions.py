"""Sessions of the console that were ended before their time.

A cookie is signed and would be believed for its eight hours; what ends it earlier stands here, in each service's own
database, since each believes it for itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from shared.core.clock import Clock
from shared.core.ids import token_hash
from shared.store.cleanup import Rule
from shared.store.unit_of_work import UnitOfWork

LONGEST_SESSION = timedelta(hours=8)
"""After that no cookie is believed any more, whether it was ended or not."""

SESSION_RULES = (Rule("ended_session", "t.ended_at < :before", 2 * LONGEST_SESSION, "no cookie lives that long"),)

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
            end_session(connection, token_hash(session), self.clock())

    def has_ended(self, session: str) -> bool:
        """Whether ``session`` was ended before its time.

        Raises:
            Unavailable: the database is away: nobody may be let in then.
        """
        with self.work.transaction() as connection:
            return is_ended(connection, token_hash(session))

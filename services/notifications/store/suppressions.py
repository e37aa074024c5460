"""People who get no bulletins, and who said so."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_SUPPRESS = text("""
    INSERT INTO suppression (person_ref, said_by, who, bulletin, since)
    VALUES (:person_ref, :said_by, :who, :bulletin, :now) ON CONFLICT DO NOTHING
""")
_SUPPRESS_AS = text("""
    INSERT INTO suppression (person_ref, said_by, who, since)
    SELECT :after, said_by, who, :now FROM suppression WHERE person_ref = :before ON CONFLICT DO NOTHING
""")
_ALLOW = text("DELETE FROM suppression WHERE person_ref = :person_ref")
_SUPPRESSIONS = text("""
    SELECT person_ref, said_by, who, since FROM suppression WHERE person_ref > :after ORDER BY person_ref LIMIT :most
""")
_COUNT_SUPPRESSED = text("SELECT count(*) FROM suppression")


@dataclass(frozen=True, slots=True)
class Suppression:
    """A person who gets no bulletins, and who said so: ``recipient`` or ``coordinator``, and then ``who`` of them."""

    person_ref: str
    said_by: str
    who: str | None
    since: datetime


def suppress(
    connection: Connection, person_ref: str, who: str | None, now: datetime, bulletin: int | None = None
) -> bool:
    """This person gets no bulletins, says the coordinator ``who``, or themselves; returns False if so already.

    ``bulletin`` is the number of the one through whose link they say so.
    """
    said_by = "recipient" if who is None else "coordinator"
    row = {"person_ref": person_ref, "said_by": said_by, "who": who, "bulletin": bulletin, "now": now}
    return connection.execute(_SUPPRESS, row).rowcount == 1


def suppress_as(connection: Connection, before: str, after: str, now: datetime) -> None:
    """Send ``after`` no bulletins from ``now`` on if ``before`` gets none."""
    connection.execute(_SUPPRESS_AS, {"before": before, "after": after, "now": now})


def allow(connection: Connection, person_ref: str) -> bool:
    """This person gets bulletins again; returns False if they did already."""
    return connection.execute(_ALLOW, {"person_ref": person_ref}).rowcount == 1


def list_suppressions(connection: Connection, after: str, most: int) -> list[Suppression]:
    """People who get no bulletins, in the order of their references."""
    return [Suppression(*row) for row in connection.execute(_SUPPRESSIONS, {"after": after, "most": most})]


def count_suppressions(connection: Connection) -> int:
    """How many people get no bulletins."""
    return int(connection.execute(_COUNT_SUPPRESSED).scalar_one())

"""What there is to choose from, and how many mails are in which state."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

_EVENTS = text("SELECT id, content ->> 'title' FROM event_copy ORDER BY 2, 1")
_GROUPS = text("SELECT id, content ->> 'title' FROM working_group_copy ORDER BY 2, 1")
_USED = text("""
    SELECT 'form', form FROM recipient WHERE about = 'registration'
    UNION SELECT 'partner', partner FROM recipient WHERE partner IS NOT NULL
    UNION SELECT 'country', country FROM recipient WHERE country IS NOT NULL
    UNION SELECT 'language', language FROM recipient WHERE about = 'registration' ORDER BY 1, 2
""")
_COUNTS = text("SELECT kind, state, count(*) FROM mail GROUP BY kind, state ORDER BY kind")


@dataclass(frozen=True, slots=True)
class Choices:
    """Ids and titles of events and working groups; forms, partners, countries and languages that somebody has."""

    events: list[tuple[str, str]]
    groups: list[tuple[str, str]]
    used: dict[str, list[str]]


def choices(connection: Connection) -> Choices:
    """What a segment can be made of."""
    used: dict[str, list[str]] = {name: [] for name in ("form", "partner", "country", "language")}
    for name, value in connection.execute(_USED):
        used[name].append(value)
    events, groups = connection.execute(_EVENTS), connection.execute(_GROUPS)
    return Choices([(row[0], row[1]) for row in events], [(row[0], row[1]) for row in groups], used)


def count_mails(connection: Connection) -> list[tuple[str, str, int]]:
    """Kind, state and number of mails."""
    return [(row[0], row[1], row[2]) for row in connection.execute(_COUNTS)]

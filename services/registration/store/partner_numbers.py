"""How many came through a partner's pages: counts by form and status, and nobody's name."""

from sqlalchemy import Connection, text

_COUNTS = text("""
    SELECT form, status, count(*) FROM registration WHERE partner = :partner GROUP BY form, status
""")


def count_through(connection: Connection, partner: str) -> dict[str, dict[str, int]]:
    """Registrations that came through a partner, by form and then by status; statuses that nobody has are left out."""
    counts: dict[str, dict[str, int]] = {}
    for form, status, number in connection.execute(_COUNTS, {"partner": partner}):
        counts.setdefault(form, {})[status] = number
    return counts

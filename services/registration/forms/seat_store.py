"""Reads the seats of a form: the numbers of its row, what is reserved, and who is in line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from services.registration.forms.pools import Pools, Reservation, Traits, read_pools, reservations_to_json
from services.registration.forms.seats import InLine, Seats

SEAT_COLUMNS = """s.offered, s.passed, o.reservations, o.domain_percent,
        pool_counts(o.slug, o.reservations, o.domain_percent), o.promotion_mode, o.offer_hours"""
"""Of ``seat s`` and ``form o``, for :func:`read_seats`."""

SEATS_WIDTH = 12
"""Values of :func:`read_seats`."""

_POOLS = text("SELECT pool_counts(:slug, :reservations, CAST(:percent AS integer))")
_ENDED_POOLS = text("""
    SELECT slug FROM form WHERE reservations <> '[]' AND EXISTS (SELECT FROM jsonb_array_elements(reservations) AS one
        WHERE CAST(one->>'until' AS timestamptz) <= :now) ORDER BY slug
""")
_KEEP = text("UPDATE form SET reservations = :reservations, revision = revision + 1 WHERE slug = :slug")
_IN_LINE = """
    FROM registration WHERE form = :form AND status = 'waitlisted' AND offer_expires_at IS NULL AND NOT offer_passed
    ORDER BY received_at, submission
"""
_LINE = text("SELECT id::text, working_group, partner, representative, domain_ref" + _IN_LINE)
_FIRST = text("SELECT id::text" + _IN_LINE + "LIMIT 1")


def read_seats(row: Sequence[Any]) -> Seats:
    """The seats of a row that has capacity, confirmed, waiting, last position, waiting list and ``SEAT_COLUMNS``."""
    offered, passed, reservations, domain_percent, counts, mode, offer_hours = row[5:]
    pools = read_pools(reservations, domain_percent, counts)
    capacity, confirmed, waiting, last_position, waiting_list = row[:5]
    return Seats(
        *(capacity, confirmed, waiting, last_position, waiting_list),
        offered=offered,
        passed=passed,
        pools=pools,
        mode=mode,
        offer_hours=offer_hours,
    )


def count_pools(
    connection: Connection, slug: str, reservations: Sequence[Reservation], domain_percent: int | None
) -> Pools:
    """How many seats each of these reservations would keep now; the form's seats are locked, or it is a preview."""
    stored = reservations_to_json(reservations)
    values = {"slug": slug, "reservations": Jsonb(stored), "percent": domain_percent}
    return read_pools(stored, domain_percent, connection.execute(_POOLS, values).scalar())


def save_reservations(connection: Connection, slug: str, reservations: Sequence[Reservation]) -> None:
    """Store what is reserved, and raise the revision of the form."""
    connection.execute(_KEEP, {"slug": slug, "reservations": Jsonb(reservations_to_json(reservations))})


def forms_with_ended_reservations(connection: Connection, now: datetime) -> list[str]:
    """Slugs of the forms on which the time of a reservation is over."""
    return list(connection.execute(_ENDED_POOLS, {"now": now}).scalars())


def first_in_line(connection: Connection, form: str) -> str | None:
    """The id of the registration that is next in line on a form; None if nobody is."""
    found = connection.execute(_FIRST, {"form": form}).scalar()
    return None if found is None else str(found)


def whole_line(connection: Connection, form: str) -> list[InLine]:
    """Everybody in line on a form, in order: who has no offer and let none pass."""
    return [
        InLine(row[0], Traits(row[1], row[2], row[3], bytes(row[4])))
        for row in connection.execute(_LINE, {"form": form})
    ]

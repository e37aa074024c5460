"""What became of those who wait each time a seat may have been free: who got one, and why the others did not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_NOTE = text("""
    INSERT INTO promotion (form, decided_at, cause, capacity, free, waiting, promoted, withheld)
    VALUES (:form, :decided_at, :cause, :capacity, :free, :waiting, :promoted, :withheld)
""")
_WHILE_WAITING = text("""
    SELECT p.decided_at, p.cause, p.capacity, p.free, p.waiting, p.promoted, p.withheld
    FROM promotion p
    WHERE p.form = :form AND p.decided_at >= :since AND (CAST(:until AS timestamptz) IS NULL OR p.decided_at < :until)
    ORDER BY p.id DESC LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class PromotionLine:
    """One decision about a form's waiting list.

    Attributes:
        cause: what may have freed a seat.
        capacity: then in force; None for no limit.
        free: seats that were free before anybody was promoted; None for no limit.
        waiting: how many waited before.
        promoted: how many of them got a seat, from the front of the line but for ``out-of-turn``.
        withheld: why the others did not: ``no-free-seat``, ``too-late``, ``not-taking-place`` or ``out-of-turn``;
            empty if nobody was left.
    """

    decided_at: datetime
    cause: str
    capacity: int | None
    free: int | None
    waiting: int
    promoted: int
    withheld: str


def note_promotion(connection: Connection, form: str, line: PromotionLine) -> None:
    """Add a line."""
    values = {name: getattr(line, name) for name in PromotionLine.__slots__}
    connection.execute(_NOTE, {**values, "form": form})


def promotions_between(
    connection: Connection, form: str, since: datetime, until: datetime | None, most: int
) -> Sequence[PromotionLine]:
    """Up to ``most`` decisions about a form's waiting list, from ``since`` on and before ``until``, newest first."""
    values = {"form": form, "since": since, "until": until, "most": most}
    return [PromotionLine(*row) for row in connection.execute(_WHILE_WAITING, values)]

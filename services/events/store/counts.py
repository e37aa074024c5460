"""How many registrations of each status an event has. Kept by difference, so reading never counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Counts:
    """Registrations that are attendance of one event, by status."""

    confirmed: int = 0
    waitlisted: int = 0
    cancelled: int = 0


_MORE = text("""
    INSERT INTO event_count (event_id, status, registrations) VALUES (:event_id, :status, 1)
    ON CONFLICT (event_id, status) DO UPDATE SET registrations = event_count.registrations + 1
""")
_MORE_OF = text("""
    INSERT INTO event_count (event_id, status, registrations)
    SELECT * FROM unnest(CAST(:events AS text[]), CAST(:statuses AS text[]), CAST(:numbers AS integer[]))
    ON CONFLICT (event_id, status) DO UPDATE SET registrations = event_count.registrations + excluded.registrations
""")
_LESS = text("""
    UPDATE event_count SET registrations = registrations - 1 WHERE event_id = :event_id AND status = :status
""")
_READ = text("SELECT event_id, status, registrations FROM event_count WHERE event_id = ANY(CAST(:event_ids AS text[]))")


_SHOWN = tuple(field.name for field in fields(Counts))


def one_more(connection: Connection, event_id: str, status: str) -> None:
    """A registration of the event has come to ``status``."""
    connection.execute(_MORE, {"event_id": event_id, "status": status})


def more(connection: Connection, numbers: Mapping[tuple[str, str], int]) -> None:
    """So many registrations, by event and status, have come."""
    if numbers:
        events, statuses = zip(*sorted(numbers), strict=True)
        counts = [numbers[key] for key in sorted(numbers)]
        connection.execute(_MORE_OF, {"events": list(events), "statuses": list(statuses), "numbers": counts})


def one_less(connection: Connection, event_id: str, status: str) -> None:
    """A registration of the event has left ``status``."""
    connection.execute(_LESS, {"event_id": event_id, "status": status})


def counts_of(connection: Connection, event_ids: Sequence[str]) -> Mapping[str, Counts]:
    """The counts of each of the events, by id; zeros where nobody has registered."""
    by_event: dict[str, dict[str, int]] = {event_id: {} for event_id in event_ids}
    for event_id, status, registrations in connection.execute(_READ, {"event_ids": list(event_ids)}):
        if status in _SHOWN:
            by_event[event_id][status] = registrations
    return {event_id: Counts(**found) for event_id, found in by_event.items()}

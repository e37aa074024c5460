"""Values that the filters of lists may name: forms, events, groups and partners that the caller may see."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from shared.db.known_values import require_known
from shared.db.unit_of_work import UnitOfWork

_FORMS = "SELECT slug FROM form WHERE :all OR slug = ANY(CAST(:own AS text[]))"
_EVENTS = """
    SELECT event_id FROM form WHERE event_id IS NOT NULL AND (:all OR slug = ANY(CAST(:own AS text[])))
    UNION SELECT id FROM public_event
"""
_KNOWN = {
    "form": text(_FORMS),
    "event": text(_EVENTS),
    "not_registered_for": text(f"{_FORMS} UNION {_EVENTS}"),
    "working_group": text("SELECT id FROM working_group_copy"),
    "partner": text("SELECT slug FROM partner"),
}
"""By filter, every value that the caller may see."""


def require_known_values(work: UnitOfWork, asked: Mapping[str, Any], own: frozenset[str] | None) -> None:
    """Refuse a filter that names a form, an event, a group or a partner that does not exist.

    Args:
        work: the unit of work on the service's database.
        asked: the filters by name.
        own: the forms to which the caller's key is limited; None for no limit.

    Raises:
        DomainError: ``unknown-value``.
    """
    with work.transaction() as connection:
        require_known(connection, asked, _KNOWN, {"all": own is None, "own": sorted(own or ())})

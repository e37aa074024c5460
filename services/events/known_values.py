"""Values that the filters of lists may name: events, series, groups, forms and partners that the caller may see."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from shared.db.known_values import require_known
from shared.db.unit_of_work import UnitOfWork

_EVENTS = text("""
    SELECT id FROM public_event UNION SELECT id FROM event WHERE :all OR id = ANY(CAST(:own AS text[]))
""")
_PUBLIC_EVENTS = text("SELECT id FROM public_event")
_FORMS = text("SELECT id FROM form_copy WHERE :all OR id = ANY(CAST(:own AS text[]))")
SOURCES = {
    "event": _EVENTS,
    "attend": _EVENTS,
    "not_in": _EVENTS,
    "series": text("SELECT id FROM series"),
    "working_group": text("SELECT id FROM working_group"),
    "form": _FORMS,
    "partner": text("SELECT slug FROM partner_copy"),
}
"""By filter."""
PUBLIC_SOURCES = SOURCES | {name: _PUBLIC_EVENTS for name, source in SOURCES.items() if source is _EVENTS}
"""The same for anyone, from what the public process may read."""


def require_known_values(
    work: UnitOfWork,
    asked: Mapping[str, Any],
    own: frozenset[str] | None = None,
    *,
    is_public: bool = False,
) -> None:
    """Refuse a filter that names nothing.

    Args:
        work: transactions on the database.
        asked: the filters by name.
        own: the forms to which the caller's key is limited; None for no limit.
        is_public: whether the list is for anyone.

    Raises:
        DomainError: ``unknown-value``.
    """
    if SOURCES.keys().isdisjoint(asked):
        return
    parameters = {"all": own is None and not is_public, "own": sorted(own or ())}
    with work.transaction() as connection:
        require_known(connection, asked, PUBLIC_SOURCES if is_public else SOURCES, parameters)

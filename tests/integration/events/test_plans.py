"""Pages come from an index in its order: no sorting, however many registrations an event has."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text

from services.events.attendance.numbers import _MISSING_TRAVELLERS
from services.events.attendance.store import LATEST, RosterQuery, page_statement, values_of
from shared.db.unit_of_work import UnitOfWork
from tests.integration.events.builders import WEBINAR

EVERYONE = RosterQuery(WEBINAR, after=str(UUID(int=1)))
CONFIRMED = replace(EVERYONE, filters={"status": "confirmed"})
PAGES = {
    "everybody": page_statement(EVERYONE),
    "newest first": page_statement(replace(EVERYONE, sort=LATEST)),
    "one status": page_statement(CONFIRMED),
    "travellers who are missing": _MISSING_TRAVELLERS.text,
}


@pytest.mark.parametrize("name", PAGES)
def test_page_is_not_sorted(work: UnitOfWork, name: str) -> None:
    """``ORDER BY`` with the name of an output column sorts by what is shown (a uuid's text), which no index is of."""
    values = values_of(CONFIRMED) | {"event": WEBINAR, "internal": False}
    statement = text(f"EXPLAIN {PAGES[name]}")
    with work.transaction() as connection:
        for way in ("enable_seqscan", "enable_bitmapscan"):  # what a planner would do with many rows
            connection.execute(text(f"SET LOCAL {way} = off"))
        given = {bind: values[bind] for bind in statement.compile().params}
        plan = "\n".join(connection.execute(statement, given).scalars())
    assert "Index" in plan
    assert "Sort" not in plan

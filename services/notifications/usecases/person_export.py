"""Everything that notifications holds about a person, for a data-subject request."""

from collections.abc import Sequence
from typing import Any

from services.notifications.store.personal_tables import TABLES
from shared.store.personal_tables import export_rows, reasons_of
from shared.store.unit_of_work import UnitOfWork

LEFT_OUT = reasons_of(TABLES)


def export_person(
    work: UnitOfWork, person_refs: Sequence[str], subjects: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows about a person by table.

    Args:
        work: on the service's database.
        person_refs: as registration and events know the person, 64 hex digits each.
        subjects: ids of registrations, confirmation links and former addresses, UUID texts.
    """
    with work.transaction() as connection:
        return export_rows(connection, TABLES, {"refs": list(person_refs), "subjects": list(subjects)})

"""Everything that notifications holds about a person, for a data-subject request."""

from collections.abc import Sequence
from typing import Any

from shared.store.person_export import PersonalTable, export_rows, reasons_of
from shared.store.unit_of_work import UnitOfWork

SOMEBODY_ELSE = "it says something about another person, a coordinator"
CLOSED = "encrypted; name, address, time zone and title stand in the part of registration, the rest is a credential"
CONTENT = "encrypted; the credential that a link of the mail carries, or a note that stands in the part of registration"

_MAILS = """(SELECT id FROM mail WHERE recipient = ANY(:refs) OR subject = ANY(CAST(:subjects AS uuid[])))"""
_MAIL_SUBJECTS = (
    """(SELECT id::text FROM mail WHERE recipient = ANY(:refs) OR subject = ANY(CAST(:subjects AS uuid[])))"""
)

TABLES = (
    PersonalTable(
        "FROM recipient t WHERE t.person_ref = ANY(:refs) OR t.subject = ANY(CAST(:subjects AS uuid[]))",
        {"closed": CLOSED},
    ),
    PersonalTable(
        f"FROM mail t WHERE t.id IN {_MAILS}",
        {"closed": CONTENT},
    ),
    PersonalTable(f"FROM mail_attempt t WHERE t.mail_id IN {_MAILS}"),
    PersonalTable("FROM suppression t WHERE t.person_ref = ANY(:refs)", {"who": SOMEBODY_ELSE}),
    PersonalTable("FROM webhook_delivery t WHERE t.registration_id = ANY(CAST(:subjects AS uuid[]))"),
    PersonalTable(f"FROM trail t WHERE t.subject IN {_MAIL_SUBJECTS}", {"who": SOMEBODY_ELSE}),
)
"""What is exported. A test compares it with the tables that there are."""

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

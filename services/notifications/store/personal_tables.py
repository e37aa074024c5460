"""What notifications holds about people, table by table: for the erasure and for the export of one person's data."""

from shared.store.personal_tables import PersonalTable

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
        ends="upsert_tombstone: before all else, since it decides by which other registration a mail goes",
    ),
    PersonalTable(
        "FROM recipient_tags t WHERE t.subject = ANY(CAST(:subjects AS uuid[]))",
        erase="DELETE FROM recipient_tags WHERE subject = CAST(:subject AS uuid)",
    ),
    PersonalTable(
        f"FROM mail t WHERE t.id IN {_MAILS}",
        {"closed": CONTENT},
        erase="""
            UPDATE mail SET recipient = NULL, detail = NULL, expires_at = NULL, closed = NULL,
                due_at = CASE WHEN state = 'unknown' THEN NULL ELSE due_at END,
                reason = CASE WHEN state = 'unknown' THEN :reason ELSE reason END
            WHERE subject = CAST(:subject AS uuid)
        """,
    ),
    PersonalTable(
        f"FROM mail_attempt t WHERE t.mail_id IN {_MAILS}", ends="with its mail; it says when something went, not where"
    ),
    PersonalTable(
        "FROM bulletin_recipient t WHERE t.subject = ANY(CAST(:subjects AS uuid[]))",
        erase="DELETE FROM bulletin_recipient WHERE subject = CAST(:subject AS uuid)",
    ),
    PersonalTable(
        "FROM suppression t WHERE t.person_ref = ANY(:refs)",
        {"who": SOMEBODY_ELSE},
        ends="the person takes it back: without it their wish would end with their data",
    ),
    PersonalTable(
        "FROM webhook_delivery t WHERE t.registration_id = ANY(CAST(:subjects AS uuid[]))",
        erase="DELETE FROM webhook_delivery WHERE registration_id = CAST(:subject AS uuid)",
    ),
    PersonalTable(
        f"FROM trail t WHERE t.subject IN {_MAIL_SUBJECTS}",
        {"who": SOMEBODY_ELSE},
        ends="kept as long as the audit log; it names nobody",
    ),
)
"""A test compares it with the tables that there are.

Of a mail whose person is erased nothing unknown is decided on any more. One that is being handed over stays in its
sender's hands, and goes no second time (see :func:`services.notifications.store.handovers.settle`).
"""

"""What events holds about people, table by table: for the erasure and for the export of one person's data.

Proposals have an erasure of their own (``usecases/receive_proposal.py``).
"""

from shared.store.personal_tables import PersonalTable

SOMEBODY_ELSE = "it says something about another person, a coordinator"
ENCRYPTED = "encrypted; the names stand opened under speakers"

LOGGED = "kept as long as the audit log; it names nobody"

_REGISTRATIONS = "(SELECT registration_id FROM roster WHERE person_ref = ANY(:refs))"
_PROPOSALS = "(SELECT id FROM proposal WHERE person_ref = ANY(:refs))"
_SUBJECTS = "(SELECT id::text FROM proposal WHERE person_ref = ANY(:refs))"

TABLES = (
    PersonalTable("FROM roster t WHERE t.person_ref = ANY(:refs)", ends="bury: a tombstone, known before or not"),
    PersonalTable(
        "FROM person_contact t WHERE t.person_ref = ANY(:refs)",
        erase="""
            DELETE FROM person_contact WHERE person_ref = decode(:person_ref, 'hex')
                AND NOT EXISTS (SELECT FROM roster WHERE roster.person_ref = decode(:person_ref, 'hex'))
        """,
    ),
    PersonalTable(
        f"FROM mail_contact t WHERE t.registration_id IN {_REGISTRATIONS} OR t.registration_id IN {_PROPOSALS}",
        ends="a year after the mail; it names nobody",
    ),
    PersonalTable(
        "FROM proposal t WHERE t.person_ref = ANY(:refs)",
        {"speaker_names": ENCRYPTED, "suggested_names": ENCRYPTED},
        ends="erase_proposal: a tombstone, known before or not",
    ),
    PersonalTable(
        f"FROM proposal_change t WHERE t.proposal_id IN {_PROPOSALS}",
        {"changed_by": SOMEBODY_ELSE},
        ends="erase_proposal: who did what and when stays, without any words",
    ),
    PersonalTable(
        f"FROM placement t WHERE t.proposal_id IN {_PROPOSALS}", ends="erase_proposal: it is taken off the board"
    ),
    PersonalTable(
        f"FROM version_placement t WHERE t.proposal_id IN {_PROPOSALS}", ends="nothing: the programme as published"
    ),
    PersonalTable(
        f"FROM outbox t WHERE t.subject IN {_SUBJECTS}",
        {"body": "notes, encrypted to registration and notifications; they stand opened in proposal_change"},
        ends="erase_proposal: blanked, published or not",
    ),
    PersonalTable(f"FROM trail t WHERE t.subject IN {_SUBJECTS}", {"who": SOMEBODY_ELSE}, ends=LOGGED),
)
"""A test compares it with the tables that there are."""

"""What events holds about people, table by table: for the erasure and for the export of one person's data.

Proposals have an erasure of their own (``usecases/erase_proposal.py``).
"""

from shared.store.personal_tables import PersonalTable

SOMEBODY_ELSE = "it says something about another person, a coordinator"
CREDENTIAL = "it stands for a credential or a request, and says nothing about the person"
CLOSED = "encrypted; it stands opened under contacts"

PROPOSAL = "erase_proposal"
LOGGED = "kept as long as the audit log; it names nobody"

_REGISTRATIONS = "(SELECT registration_id FROM roster WHERE person_ref = ANY(:refs))"
_PROPOSALS = "(SELECT id FROM proposal WHERE person_ref = :proposer)"
_SUBJECTS = "(SELECT id::text FROM proposal WHERE person_ref = :proposer)"

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
        "FROM proposal t WHERE t.person_ref = :proposer",
        {"contact": CLOSED, "speaker_names": CLOSED, "token_hash": CREDENTIAL},
        ends=PROPOSAL,
    ),
    PersonalTable(
        f"FROM proposal_change t WHERE t.proposal_id IN {_PROPOSALS}", {"changed_by": SOMEBODY_ELSE}, ends=PROPOSAL
    ),
    PersonalTable(
        f"FROM proposal_receipt t WHERE t.proposal_id IN {_PROPOSALS}",
        {"key_hash": CREDENTIAL, "fingerprint": CREDENTIAL},
        ends="forget_receipts: after 48 hours",
    ),
    PersonalTable(f"FROM placement t WHERE t.proposal_id IN {_PROPOSALS}", ends=PROPOSAL),
    PersonalTable(
        f"FROM version_placement t WHERE t.proposal_id IN {_PROPOSALS}", ends="nothing: the programme as published"
    ),
    PersonalTable(
        f"FROM retention_notice t WHERE t.subject IN {_PROPOSALS}",
        ends="retraction: of what is not due any more, at the next look",
    ),
    PersonalTable(
        f"FROM outbox t WHERE t.subject IN {_SUBJECTS}",
        {"body": "for notifications, encrypted to it; what it holds is in its part"},
        ends=PROPOSAL,
    ),
    PersonalTable(f"FROM trail t WHERE t.subject IN {_SUBJECTS}", {"who": SOMEBODY_ELSE}, ends=LOGGED),
)
"""A test compares it with the tables that there are."""

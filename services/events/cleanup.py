"""Deletion in events.

By age, table by table (run by its relay), and the tables about a person who is erased or exported.

Registration decides how long proposers are kept. Events deletes only the names of the speakers, on the day that the
standard form promises. Proposals have a separate erasure (``side_events/service.py``).
"""

from datetime import timedelta

from shared.db.cleanup import DIGEST, HOURLY_S, PersonalTable, Rule
from shared.security.audit_log import AUDIT_LOG_RULE
from shared.security.sessions import ACCESS_RULE, BEGUN_RULE, SESSION_RULES

CONTACT_KEPT = timedelta(days=365)
TOMBSTONE_KEPT = timedelta(days=365)
SPEAKERS_KEPT = timedelta(days=14)

_PROPOSAL_ENDED = """(
    SELECT CASE WHEN t.status IN ('declined', 'withdrawn') THEN max(c.changed_at) ELSE max(e.ends_at) END
    FROM proposal_change c LEFT JOIN event e ON e.id = t.event_id WHERE c.proposal_id = t.id)"""
"""When a proposal was declined or withdrawn, or its side event ends; NULL while none of that is known."""

RULES = (
    *SESSION_RULES,
    BEGUN_RULE,
    ACCESS_RULE,
    AUDIT_LOG_RULE,
    Rule("waiting_approval", "t.expires_at < :before", timedelta(days=1), "it cannot be decided any more"),
    Rule(
        "mail_contact",
        "t.mail_id < CAST(:made_before AS uuid) AND t.sent_at < :before",
        CONTACT_KEPT,
        "the console shows month by month which groups had no contact",
        order="t.mail_id",
        every_s=HOURLY_S,
    ),
    Rule(
        "proposal",
        f"num_nonnulls(t.speaker_names, t.suggested_names) > 0 AND {_PROPOSAL_ENDED} < :before",
        SPEAKERS_KEPT,
        "the form promises it: the names are used for the timetable only",
        change="speaker_names = NULL, suggested_names = NULL",
        every_s=HOURLY_S,
    ),
    Rule(
        "roster",
        "t.erased_at < :before AND t.status <> 'confirmed'",
        TOMBSTONE_KEPT,
        "no message arrives so late; the count of cancellations stays, and so do people with a seat",
        order="t.erased_at",
        every_s=HOURLY_S,
    ),
)

ABOUT_OTHERS = "it is about another person, a coordinator"
ENCRYPTED = "encrypted; the decrypted names are under speakers"
NAMED = "a part of the names under speakers"

LOGGED = "kept as long as the audit log; it contains no name of a participant"

_REGISTRATIONS = "(SELECT registration_id FROM roster WHERE person_ref = ANY(:refs))"
_PROPOSALS = "(SELECT id FROM proposal WHERE person_ref = ANY(:refs))"
_SUBJECTS = "(SELECT id::text FROM proposal WHERE person_ref = ANY(:refs))"

PERSONAL_TABLES = (
    PersonalTable(
        "FROM roster t WHERE t.person_ref = ANY(:refs)",
        {"digest": DIGEST},
        ends="erase_registration: a tombstone, known before or not",
    ),
    PersonalTable(
        "FROM person_contact t WHERE t.person_ref = ANY(:refs)",
        erase="""
            DELETE FROM person_contact WHERE person_ref = decode(:person_ref, 'hex')
                AND NOT EXISTS (SELECT FROM roster WHERE roster.person_ref = decode(:person_ref, 'hex'))
        """,
    ),
    PersonalTable(
        f"FROM mail_contact t WHERE t.registration_id IN {_REGISTRATIONS} OR t.registration_id IN {_PROPOSALS}",
        ends="a year after the mail; it contains no name",
    ),
    PersonalTable(
        "FROM proposal t WHERE t.person_ref = ANY(:refs)",
        {"speaker_names": ENCRYPTED, "suggested_names": ENCRYPTED, "public_names": NAMED, "digest": DIGEST},
        ends="erase_proposal: a tombstone, known before or not",
    ),
    PersonalTable(
        f"FROM proposal_change t WHERE t.proposal_id IN {_PROPOSALS}",
        {"changed_by": ABOUT_OTHERS},
        ends="erase_proposal: who did what and when is kept, without texts",
    ),
    PersonalTable(
        f"FROM placement t WHERE t.proposal_id IN {_PROPOSALS}", ends="erase_proposal: it is taken off the board"
    ),
    PersonalTable(
        f"FROM version_placement t WHERE t.proposal_id IN {_PROPOSALS}", ends="nothing: the programme as published"
    ),
    PersonalTable(
        f"FROM outbox t WHERE t.subject IN {_SUBJECTS}",
        {"body": "notes, encrypted for registration and notifications; proposal_change has them decrypted"},
        ends="erase_proposal: blanked, published or not",
    ),
    PersonalTable(f"FROM own_audit_log t WHERE t.subject IN {_SUBJECTS}", {"who": ABOUT_OTHERS}, ends=LOGGED),
)
"""A test compares it with the existing tables."""

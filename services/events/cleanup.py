"""What events deletes because it was kept long enough, table by table; its relay runs it.

What is not here ends with its person (``store/personal_tables.py``). How long proposers are kept registration decides.
Only the names of the speakers go here, on the day that the standard form promises.
"""

from datetime import timedelta

from shared.store.access_holders import ACCESS_RULE
from shared.store.cleanup import HOURLY_S, Rule
from shared.store.deeds import AUDIT_LOG_RULE
from shared.store.sessions import SESSION_RULES

CONTACT_KEPT = timedelta(days=365)
TOMBSTONE_KEPT = timedelta(days=365)
SPEAKERS_KEPT = timedelta(days=14)

_PROPOSAL_ENDED = """(
    SELECT CASE WHEN t.status IN ('declined', 'withdrawn') THEN max(c.changed_at) ELSE max(e.ends_at) END
    FROM proposal_change c LEFT JOIN event e ON e.id = t.event_id WHERE c.proposal_id = t.id)"""
"""When a proposal was declined or withdrawn, or its side event ends; NULL while none of that is known."""

RULES = (
    *SESSION_RULES,
    ACCESS_RULE,
    AUDIT_LOG_RULE,
    Rule("waiting_approval", "t.expires_at < :before", timedelta(days=1), "it cannot be decided any more"),
    Rule(
        "mail_contact",
        "t.mail_id < CAST(:made_before AS uuid) AND t.sent_at < :before",
        CONTACT_KEPT,
        "whom nobody has written to is asked by the month",
        order="t.mail_id",
        every_s=HOURLY_S,
    ),
    Rule(
        "proposal",
        f"num_nonnulls(t.speaker_names, t.suggested_names) > 0 AND {_PROPOSAL_ENDED} < :before",
        SPEAKERS_KEPT,
        "the form says so: the names serve the timetable alone",
        change="speaker_names = NULL, suggested_names = NULL",
        every_s=HOURLY_S,
    ),
    Rule(
        "roster",
        "t.erased_at < :before AND t.status <> 'confirmed'",
        TOMBSTONE_KEPT,
        "no message can come so late; the number of those who cancelled stays, and so does whoever has a seat",
        order="t.erased_at",
        every_s=HOURLY_S,
    ),
)

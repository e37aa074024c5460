"""What events deletes because it was kept long enough, table by table; its relay runs it.

What is not here ends with its person (``store/personal_tables.py``). How long proposers are kept registration decides.
"""

from datetime import timedelta

from shared.store.cleanup import HOURLY_S, Rule
from shared.store.deeds import AUDIT_LOG_RULE
from shared.store.sessions import SESSION_RULES

CONTACT_KEPT = timedelta(days=365)
TOMBSTONE_KEPT = timedelta(days=365)

RULES = (
    *SESSION_RULES,
    AUDIT_LOG_RULE,
    Rule(
        "mail_contact",
        "t.mail_id < CAST(:made_before AS uuid) AND t.sent_at < :before",
        CONTACT_KEPT,
        "whom nobody has written to is asked by the month",
        order="t.mail_id",
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

"""What notifications deletes because it was kept long enough, table by table; its relay runs it.

What is not here ends with its person (``store/personal_tables.py``).
"""

from datetime import timedelta

from shared.db.cleanup import HOURLY_S, Rule
from shared.security.audit_log import AUDIT_LOG_RULE
from shared.security.sessions import ACCESS_RULE, SESSION_RULES

DELIVERY_KEPT = timedelta(days=7)
MAIL_KEPT = timedelta(days=365)
TESTER_KEPT = timedelta(days=90)
TOMBSTONE_KEPT = timedelta(days=365)

RULES = (
    *SESSION_RULES,
    ACCESS_RULE,
    AUDIT_LOG_RULE,
    Rule(
        "webhook_delivery",
        "t.ended_at < :before",
        DELIVERY_KEPT,
        "a partner's editor looks for what came of a call; it holds the id of a registration",
        order="t.ended_at",
    ),
    Rule(
        "mail",
        """t.id < CAST(:made_before AS uuid) AND t.state NOT IN ('queued', 'claimed', 'deferred')
            AND (t.state <> 'unknown' OR t.due_at IS NULL)
            AND coalesce(t.sent_at, t.ended_at, t.created_at) < :before""",
        MAIL_KEPT,
        "whether people were notified is asked until the next review; its attempts go with it, its text went once it "
        "was sent",
        order="t.id",
        every_s=HOURLY_S,
    ),
    Rule(
        "bulletin_tester",
        "t.since < :before",
        TESTER_KEPT,
        "whoever writes bulletins is offered their own address again",
        order="t.since",
        every_s=HOURLY_S,
    ),
    Rule(
        "recipient",
        "t.erased_at < :before",
        TOMBSTONE_KEPT,
        "no message can come so late",
        order="t.erased_at",
        every_s=HOURLY_S,
    ),
)

"""Deletion in notifications after the retention period, table by table; run by its relay.

Other data is deleted with its person (``recipients/store.py``).
"""

from datetime import timedelta

from shared.db.cleanup import HOURLY_S, Rule
from shared.security.audit_log import AUDIT_LOG_RULE
from shared.security.sessions import ACCESS_RULE, BEGUN_RULE, SESSION_RULES

DELIVERY_KEPT = timedelta(days=7)
MAIL_KEPT = timedelta(days=365)
TESTER_KEPT = timedelta(days=90)
TOMBSTONE_KEPT = timedelta(days=365)

RULES = (
    *SESSION_RULES,
    BEGUN_RULE,
    ACCESS_RULE,
    AUDIT_LOG_RULE,
    Rule(
        "webhook_delivery",
        "t.ended_at < :before",
        DELIVERY_KEPT,
        "partners check the outcome of deliveries; a row contains the id of a registration",
        order="t.ended_at",
    ),
    Rule(
        "mail",
        """t.id < CAST(:made_before AS uuid) AND t.state NOT IN ('queued', 'claimed', 'deferred')
            AND (t.state <> 'unknown' OR t.due_at IS NULL)
            AND coalesce(t.sent_at, t.ended_at, t.created_at) < :before""",
        MAIL_KEPT,
        "needed until the next review to show who was notified; deletes the attempts too; the text was deleted when "
        "the mail was sent",
        order="t.id",
        every_s=HOURLY_S,
    ),
    Rule(
        "bulletin_tester",
        "t.since < :before",
        TESTER_KEPT,
        "the page of a bulletin proposes the author's own address for tests",
        order="t.since",
        every_s=HOURLY_S,
    ),
    Rule(
        "recipient",
        "t.erased_at < :before",
        TOMBSTONE_KEPT,
        "no message arrives so late",
        order="t.erased_at",
        every_s=HOURLY_S,
    ),
)

"""What registration deletes because it was kept long enough, table by table; ``tend`` runs it.

Other data is deleted with its person (``privacy/erasure_store.py``), or after the days that a form states
(``privacy/retention.py``).
"""

from datetime import timedelta

from shared.db.cleanup import HOURLY_S, Rule
from shared.public_forms.proof_of_work import KEPT as CHALLENGE_KEPT
from shared.security.audit_log import AUDIT_LOG_KEPT, AUDIT_LOG_RULE
from shared.security.sessions import ACCESS_RULE, MAX_SESSION_AGE, SESSION_RULES

RECEIPT_KEPT = timedelta(days=8)
CANDIDATE_AFTER_MAIL = timedelta(days=7)
CANDIDATE_AT_MOST = timedelta(days=14)
NETWORK_KEPT = timedelta(days=1)
MAILBOX_QUIET = timedelta(days=1)
COUNTS_KEPT = timedelta(days=1, minutes=20)
MUTE_LASTS = timedelta(days=90)
ERASED_KEPT = timedelta(days=1)

APPROVALS_KEPT = timedelta(days=30)
LIST_WAITS = timedelta(hours=1)
UNDECIDED_AT_MOST = timedelta(days=1)
"""How long something that expires waits for the decider, which may still have a command that was received in time."""
REFUSED_SIGN_IN_KEPT = timedelta(minutes=15)
CHALLENGE_OF_PASSKEY_KEPT = timedelta(minutes=20)
INVITATION_KEPT = timedelta(days=30)
LOST_KEPT = timedelta(days=400)

MAX_WAITING = 5_000
"""Candidates, and as many changes of an address, that one process deletes in an hour: the largest rush that was
measured, if no one in it confirmed. It is 120,000 a day, so that they are kept for hours longer than stated."""

_NOTHING_WAITS = """NOT EXISTS (SELECT FROM candidate c WHERE c.address_ref = t.address_ref)
    AND NOT EXISTS (SELECT FROM address_change a WHERE a.address_ref = t.address_ref)"""
_FILES_GO = "a file of people is deleted after the import, and at the latest after a day"
_OWNER_ANSWERS = "enough time to find the mail and respond; a bounce ends it earlier"
_NETWORK = "daily quotas need the hash of a client network; afterwards it has no use"

IMPORTED_ROWS_KEPT = timedelta(days=1)
IMPORT_KEPT = timedelta(days=90)

RULES = (
    Rule("import_file", "t.stored_at < :before", IMPORTED_ROWS_KEPT, _FILES_GO, order="t.stored_at"),
    Rule("import_batch", "t.stored_at < :before", IMPORTED_ROWS_KEPT, _FILES_GO, order="t.stored_at"),
    Rule(
        "people_import",
        "t.state IN ('uploaded', 'checked', 'running') AND t.created_at < :before",
        IMPORTED_ROWS_KEPT,
        "its rows have been deleted",
        change="state = 'cancelled', finished_at = :now, revision = revision + 1, failure = 'a day has passed'",
    ),
    Rule(
        "people_import",
        "t.created_at < :before",
        IMPORT_KEPT,
        "the next import into the form proposes the same mapping",
    ),
    Rule(
        "submission",
        "t.received_at < :before AND t.state = 'decided'",
        RECEIPT_KEPT,
        "receipts and repeated submissions are answered that long; parked submissions wait for an operator",
        order="t.received_at",
    ),
    *(
        Rule(table, f"t.{since} < :before", kept, _OWNER_ANSWERS, order=order, by_notice=True, max_per_hour=MAX_WAITING)
        for table, since, kept, order in (
            ("candidate", "mailed_at", CANDIDATE_AFTER_MAIL, ""),
            ("candidate", "received_at", CANDIDATE_AT_MOST, "t.received_at"),
            ("address_change", "mailed_at", CANDIDATE_AFTER_MAIL, ""),
            ("address_change", "received_at", CANDIDATE_AT_MOST, ""),
        )
    ),
    Rule(
        "former_address",
        "t.expires_at <= :before",
        UNDECIDED_AT_MOST,
        "a timely undo may wait that long for the decider",
        by_notice=True,
    ),
    *(
        Rule(table, f"t.network IS NOT NULL AND t.{since} < :before", NETWORK_KEPT, _NETWORK, change="network = NULL")
        for table, since in (("submission", "received_at"), ("candidate", "received_at"), ("waiting_address", "since"))
    ),
    Rule(
        "waiting_network",
        "t.since < :before AND t.network NOT IN (decode(repeat('00', 32), 'hex'), decode(repeat('ff', 32), 'hex'))",
        NETWORK_KEPT,
        _NETWORK,
    ),
    Rule("unverified_submission", "t.since < :before", NETWORK_KEPT, "outside the window of its quotas"),
    Rule(
        "confirmation_link",
        "t.expires_at < :now",
        timedelta(),
        "the link has expired",
        order="t.expires_at",
        by_notice=True,
    ),
    Rule(
        "waiting_address",
        f"t.since < :before AND {_NOTHING_WAITS}",
        CANDIDATE_AT_MOST,
        "an address without a candidate waits as long as one with a candidate, for the list of its registrations",
    ),
    Rule(
        "waiting_address",
        f"""t.since < :before AND {_NOTHING_WAITS} AND NOT EXISTS (SELECT FROM registration r
            WHERE r.person_ref = t.address_ref AND r.status <> 'cancelled' AND r.erased_at IS NULL)""",
        LIST_WAITS,
        "an address without registrations gets no mail",
    ),
    Rule(
        "mailbox",
        """t.waiting_since IS NOT NULL
            AND NOT EXISTS (SELECT FROM waiting_address w WHERE w.mailbox_ref = t.mailbox_ref)""",
        timedelta(),
        "nothing is waiting for it",
        change="waiting_since = NULL",
    ),
    Rule(
        "mailbox",
        "t.muted_at < :before",
        MUTE_LASTS,
        "people who no longer find the switch get mails again",
        change="muted_at = NULL",
    ),
    Rule(
        "mailbox",
        """t.waiting_since IS NULL AND t.muted_at IS NULL AND coalesce(t.last_mail_at, t.next_mail_at) < :before
            AND NOT EXISTS (SELECT FROM candidate c WHERE c.mailbox_ref = t.mailbox_ref)
            AND NOT EXISTS (SELECT FROM address_change a WHERE a.mailbox_ref = t.mailbox_ref)
            AND NOT EXISTS (SELECT FROM registration r WHERE r.mailbox_ref = t.mailbox_ref AND r.erased_at IS NULL)""",
        MAILBOX_QUIET,
        "it spaces the mails to an address whose owner has not responded",
    ),
    Rule("mail_count", "t.began_at < :before", COUNTS_KEPT, "the longest quota window"),
    Rule(
        "erased_address",
        """t.erased_at < :before AND NOT EXISTS (SELECT FROM submission s
            WHERE s.state IN ('received', 'parked') AND s.id <= t.before_number)""",
        ERASED_KEPT,
        "submissions received before an erasure are dropped because of this row",
    ),
    Rule("used_challenge", "t.used_at < :before", CHALLENGE_KEPT, "it cannot be used again", order="t.used_at"),
    *SESSION_RULES,
    Rule("console_session", "t.since < :before", 2 * MAX_SESSION_AGE, "no cookie lives that long"),
    Rule("refused_sign_in", "t.refused_at <= :before", REFUSED_SIGN_IN_KEPT, "outside the window of the limit"),
    Rule("used_passkey_challenge", "t.used_at < :before", CHALLENGE_OF_PASSKEY_KEPT, "its cookie has expired"),
    Rule("invitation", "t.expires_at < :before", INVITATION_KEPT, "enough time to explain why its link does not work"),
    ACCESS_RULE,
    Rule(
        "audit_entry",
        "t.at < :before",
        AUDIT_LOG_KEPT,
        "audit log of the other services: the same period as our own",
        order="t.at",
        every_s=HOURLY_S,
    ),
    AUDIT_LOG_RULE,
    Rule(
        "registration_change",
        "EXISTS (SELECT FROM registration r WHERE r.id = t.registration_id AND r.erased_at < :before)",
        AUDIT_LOG_KEPT,
        "the history of an erased registration shows which coordinator did what: the same period as the audit log",
        every_s=HOURLY_S,
    ),
    Rule(
        "promotion",
        "t.decided_at < :before",
        AUDIT_LOG_KEPT,
        "shows why a person on the waiting list got a seat or not: the same period as the audit log",
        every_s=HOURLY_S,
    ),
    Rule(
        "lost_registration",
        "t.found_at < :before",
        LOST_KEPT,
        "longer than the tombstones in other services",
        every_s=HOURLY_S,
    ),
    Rule(
        "sealed_approval",
        "t.expires_at < :before",
        APPROVALS_KEPT,
        "the audit log has the outcome of a request; the request itself is kept for a month",
        every_s=HOURLY_S,
    ),
    Rule(
        "sealed_reading",
        """t.read_at < :before AND t.id < coalesce((SELECT min(r.id) FROM sealed_reading r WHERE r.read_at >= :before),
            (SELECT max(r.id) FROM sealed_reading r))""",
        AUDIT_LOG_KEPT,
        "shows who read sealed answers: the same period as the audit log; the oldest are deleted first, so that the "
        "hash chain has no gap, and the newest is kept",
        order="t.id",
        every_s=HOURLY_S,
    ),
)

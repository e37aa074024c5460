"""Telemetry of the registration service: metrics, spans and fail points.

The reference is generated from these declarations. Labels are bounded and never contain personal data.
"""

from prometheus_client import Counter, Gauge

from shared.runtime.failpoints import Point
from shared.runtime.logs import SecurityEvent
from shared.runtime.tracing import SpanType

intake_requests_total = Counter(
    "troika_intake_requests_total",
    "Submissions by how they were answered: accepted (stored: 202), duplicate (the same with a known idempotency key: "
    "the same 202), invalid (422: the answers, or a known key with other answers), closed (409; also a form's "
    "page that says so), unknown (404: no such form; also its page or its challenge), trapped (the field that no "
    "person sees was filled in: 202, stored without its proof of work), failed (503: the database is away, or a key "
    "is missing). What is refused for its size, its network or a full queue counts elsewhere.",
    ["outcome"],
)
challenges_total = Counter(
    "troika_challenges_total",
    "Challenges for a proof of work given out, by how many times the usual work they ask for: 1, 2, 4, 8.",
    ["service", "work"],
)
proofs_of_work_total = Counter(
    "troika_proofs_of_work_total",
    "Submissions by their proof of work, which none needs: solved (perhaps for the second time), none "
    "(none was sent), unreadable, altered, unsolved, expired, foreign (another form's).",
    ["service", "outcome"],
)
idempotency_replays_total = Counter(
    "troika_idempotency_replays_total",
    "Requests with a known idempotency key, by result: replay, mismatch.",
    ["result"],
)
submissions_decided_total = Counter(
    "troika_submissions_decided_total",
    "Submissions and commands that were decided, by kind: submission, or the name of the command.",
    ["kind"],
)
submissions_undecided = Gauge(
    "troika_submissions_undecided",
    "Submissions and commands by link that are stored and not decided, parked ones not counted.",
    multiprocess_mode="mostrecent",
)
submission_oldest_undecided_age_seconds = Gauge(
    "troika_submission_oldest_undecided_age_seconds",
    "Age of the oldest of them, seconds; 0 if there is none.",
    multiprocess_mode="mostrecent",
)
submissions_parked = Gauge(
    "troika_submissions_parked",
    "Submissions and commands that could not be decided and wait for an operator.",
    multiprocess_mode="mostrecent",
)
forms_with_seats_to_decide = Gauge(
    "troika_forms_with_seats_to_decide",
    "Forms on which coordinators decide about seats, seats are free and people are waiting.",
    multiprocess_mode="mostrecent",
)
confirmation_mails_overdue = Gauge(
    "troika_confirmation_mails_overdue",
    "Mailboxes whose next confirmation mail may go by their spacing and waits for a quota or for the decider; "
    "100,000 at most are counted.",
    multiprocess_mode="mostrecent",
)
confirmation_mail_oldest_overdue_age_seconds = Gauge(
    "troika_confirmation_mail_oldest_overdue_age_seconds",
    "How long the first of them has waited, seconds; 0 if there is none.",
    multiprocess_mode="mostrecent",
)
confirmation_mails_last_hour = Gauge(
    "troika_confirmation_mails_last_hour",
    "Confirmation mails of the last hour, to all domains together.",
    multiprocess_mode="mostrecent",
)
confirmation_mails_budget = Gauge(
    "troika_confirmation_mails_budget",
    "How many may go in an hour: TROIKA_CONFIRMATION_MAILS_AN_HOUR, and up to four times as many if owners confirm.",
    multiprocess_mode="mostrecent",
)
retention_overdue = Gauge(
    "troika_retention_overdue",
    "Records that hold what should have been gone for a day: `sealed` answers, single "
    "`answers`, `people`; `ended` registrations as a whole.",
    ["service", "what"],
    multiprocess_mode="mostrecent",
)
retention_unannounced = Gauge(
    "troika_retention_unannounced",
    "Records that are due unannounced and wait for an operator: `sealed` answers, single `answers`, `people`, `ended` "
    "registrations.",
    ["service", "what"],
    multiprocess_mode="mostrecent",
)
retention_done_total = Counter(
    "troika_retention_done_total",
    "Records from which retention has taken something, by what it was.",
    ["service", "what"],
)
DECIDE = SpanType(
    "batch of the decider",
    "internal",
    {"messaging.batch.message_count": "submissions and commands in it"},
    "each batch; it belongs to the trace of its first recorded submission and links the others",
)
SPAN_TYPES = (DECIDE,)

SEALED_ANSWERS_READ = SecurityEvent("sealed-answers-read", is_permitted=True)
"""A person reads sealed answers: of one registration, or by opening a list."""

SECURITY_EVENTS = (SEALED_ANSWERS_READ,)

FAIL_POINTS = {
    "intake.storing": Point("a submission is sealed and about to be stored", ("web",)),
    "intake.stored": Point("it is stored, no response is sent", ("web",)),
    "decide.claimed": Point("it is committed that a batch is tried, nothing of it is read", ("decide",)),
    "decide.decided": Point("what becomes of a batch is written, nothing is committed", ("decide",)),
    "decide.committed": Point("it is committed, no mail is handed over", ("decide",)),
    "decide.mailed": Point("confirmation mails stand in the outbox", ("decide",)),
}
"""Points at which a test can make a process die, fail or hang."""

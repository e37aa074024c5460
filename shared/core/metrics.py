"""Every metric of the project, with unit and meaning. Labels are bounded and never hold personal data.

Counters and histograms work across gunicorn's workers; every gauge states how workers are combined. Backlogs are
read from a database by single processes only, so they are never added up twice.
"""

from prometheus_client import Counter, Gauge, Histogram

REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""From a bare answer (5 ms) past the objective (300 ms lies between two of them) to the proxy's time limit."""

CONFIRM_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
"""From one broker round trip (1 ms) to the relay's own limit."""

HANDOVER_BUCKETS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Around the objectives: half within 1 s, 99 % within 10 s, everything within a minute."""

AUDIT_BUCKETS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""From a small installation to the time between two rounds."""

build_info = Gauge(
    "troika_build_info",
    "1, with the version that runs.",
    ["service", "version"],
    multiprocess_mode="mostrecent",
)

http_request_duration_seconds = Histogram(
    "troika_http_request_duration_seconds",
    "Time from a request's arrival in the application to its answer, seconds.",
    ["service", "route", "method", "status_class"],
    buckets=REQUEST_BUCKETS,
)
http_inflight_requests = Gauge(
    "troika_http_inflight_requests", "Requests being worked on now.", ["service"], multiprocess_mode="livesum"
)

requests_refused_total = Counter(
    "troika_requests_refused_total",
    "Requests that were not worked on because too much was going on, by class (first: people who register; public: "
    "the programme; later: queries; last: exports and console) and reason: full (no place), queue (the undecided "
    "submissions take all the disk that they may), late (it had waited too long before it came), slow (its body "
    "took too long).",
    ["service", "class", "reason"],
)

public_pages_total = Counter(
    "troika_public_pages_total",
    "Public pages and files sent, by where they came from: memory, made (by the application; these alone are in "
    "troika_http_request_duration_seconds), stale (a moment older, while they were rendered again or could not be).",
    ["service", "source"],
)

requests_limited_total = Counter(
    "troika_requests_limited_total",
    "Requests refused with 429 because of too many of their kind (intake, challenge, link), by what they were too many "
    "for: network (one client address, or the /64, /56 or /48 around an IPv6 address). Nothing else has a limit.",
    ["service", "kind", "scope"],
)

security_events_total = Counter(
    "troika_security_events_total",
    "Security events, by kind: signed-in, sign-in-refused, key-refused (unknown or ended), "
    "role-refused (a key of another role or for other forms), cross-site-refused, "
    "too-many-requests, list-exported, sealed-answers-read.",
    ["event"],
)
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
    "Submissions and commands by link that were decided, by kind: submission, confirm, cancel, erase, send-link, mute, "
    "unmute.",
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
    "Forms on which coordinators give seats by hand, seats are free and people wait.",
    multiprocess_mode="mostrecent",
)
confirmation_mails_overdue = Gauge(
    "troika_confirmation_mails_overdue",
    "Mailboxes whose next confirmation mail may go by their spacing and waits for a quota or for the decider.",
    multiprocess_mode="mostrecent",
)
confirmation_mail_oldest_overdue_age_seconds = Gauge(
    "troika_confirmation_mail_oldest_overdue_age_seconds",
    "How long the first of them has waited, seconds; 0 if there is none.",
    multiprocess_mode="mostrecent",
)

db_errors_total = Counter(
    "troika_db_errors_total",
    "Database errors by kind: timeout, lock, connection, other.",
    ["service", "kind"],
)

db_pool_connections = Gauge(
    "troika_db_pool_connections",
    "Connections that a process's pool may have to its database (size), and those in use (used).",
    ["service", "pool", "state"],
    multiprocess_mode="livesum",
)
db_pool_waiting = Gauge(
    "troika_db_pool_waiting",
    "Threads and requests that wait for a connection of their process's pool now.",
    ["service", "pool"],
    multiprocess_mode="livesum",
)
spans_total = Counter(
    "troika_spans_total",
    "Spans offered to the collector, by what became of them: sent, lost (it did not take them in time).",
    ["outcome"],
)

outbox_published_total = Counter(
    "troika_outbox_published_total",
    "Outbox rows offered to the broker, by outcome: confirmed, unroutable, refused, unknown.",
    ["service", "outcome"],
)
outbox_confirm_seconds = Histogram(
    "troika_outbox_confirm_seconds",
    "Time from the commit of an outbox row to the broker's confirm, seconds.",
    ["service"],
    buckets=CONFIRM_BUCKETS,
)
outbox_unpublished = Gauge(
    "troika_outbox_unpublished",
    "Outbox rows the broker has not confirmed.",
    ["service"],
    multiprocess_mode="mostrecent",
)
outbox_oldest_unpublished_age_seconds = Gauge(
    "troika_outbox_oldest_unpublished_age_seconds",
    "Age of the oldest outbox row the broker has not confirmed, seconds; 0 if there is none.",
    ["service"],
    multiprocess_mode="mostrecent",
)
housekeeping_deleted_total = Counter(
    "troika_housekeeping_deleted_total",
    "Rows that were kept long enough, and deleted or emptied, by table.",
    ["service", "table"],
)
broker_connected = Gauge(
    "troika_broker_connected",
    "1 while this process has a connection to the broker.",
    ["service", "role"],
    multiprocess_mode="livemin",
)
broker_reconnects_total = Counter(
    "troika_broker_reconnects_total", "Connections to the broker lost and opened again.", ["service", "role"]
)

consumed_total = Counter(
    "troika_consumed_total",
    "Messages settled by a consumer, by outcome: done, duplicate, retried, parked.",
    ["queue", "outcome"],
)
consume_batch_seconds = Histogram(
    "troika_consume_batch_seconds",
    "Time to handle one batch of messages in one transaction, seconds.",
    ["queue"],
    buckets=REQUEST_BUCKETS,
)
message_age_seconds = Histogram(
    "troika_message_age_seconds",
    "Time from a message's making to its effect, seconds.",
    ["queue"],
    buckets=HANDOVER_BUCKETS,
)
consumer_last_tick_timestamp_seconds = Gauge(
    "troika_consumer_last_tick_timestamp_seconds",
    "Unix time of the consumer loop's last turn.",
    ["service"],
    multiprocess_mode="mostrecent",
)
consumer_halted = Gauge(
    "troika_consumer_halted",
    "1 while a queue is halted because too many messages in a row were poison: one a minute is tried.",
    ["service", "queue"],
    multiprocess_mode="mostrecent",
)
queue_parked_messages = Gauge(
    "troika_queue_parked_messages",
    "Parked messages waiting for an operator.",
    ["queue"],
    multiprocess_mode="mostrecent",
)

mails_total = Counter(
    "troika_mails_total",
    "Mails by kind and outcome: sent, deferred, failed, unknown, called_off, suppressed.",
    ["kind", "outcome"],
)
mail_unknown_resolved_total = Counter(
    "troika_mail_unknown_resolved_total",
    "Mails whose handover was unknown, by resolution: found (its sender came back and knew), resent, left (unknown "
    "twice: the person may not have it), given_up (outdated by now, or of a kind not worth a second copy).",
    ["resolution"],
)
mails_sent_again_total = Counter(
    "troika_mails_sent_again_total",
    "Mails that had failed, were missed or left unknown and were sent again by a coordinator, by kind.",
    ["kind"],
)
people_not_notified = Gauge(
    "troika_people_not_notified",
    "People with a mail that failed, was missed or was left unknown in the last 3 days and that could be sent again.",
    multiprocess_mode="mostrecent",
)
mail_handover_seconds = Histogram(
    "troika_mail_handover_seconds",
    "Time from the cause (a registration accepted) to the mail's handover, seconds.",
    ["kind"],
    buckets=HANDOVER_BUCKETS,
)
mails_due = Gauge(
    "troika_mails_due",
    "Mails that are due and not sent.",
    ["lane"],
    multiprocess_mode="mostrecent",
)
mail_oldest_pending_age_seconds = Gauge(
    "troika_mail_oldest_pending_age_seconds",
    "Age of the oldest mail that is due and not sent, seconds; 0 if none.",
    ["lane"],
    multiprocess_mode="mostrecent",
)
smtp_phase_seconds = Histogram(
    "troika_smtp_phase_seconds",
    "Duration of one phase of an SMTP dialogue, seconds.",
    ["phase"],
    buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0),
)

webhook_deliveries_total = Counter(
    "troika_webhook_deliveries_total",
    "Calls to addresses of partners, by outcome: delivered, retried, given_up.",
    ["outcome"],
)
webhook_oldest_due_age_seconds = Gauge(
    "troika_webhook_oldest_due_age_seconds",
    "Time since the oldest call to a partner that is due became so, seconds; 0 if there is none.",
    multiprocess_mode="mostrecent",
)
webhooks_dead = Gauge(
    "troika_webhooks_dead",
    "Addresses of partners that are called no more: they said so, or no call has worked for five days.",
    multiprocess_mode="mostrecent",
)

schedule_solve_seconds = Histogram(
    "troika_schedule_solve_seconds",
    "Time from a scheduling job's claim to its end, seconds.",
    buckets=(0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0),
)
schedule_solves_total = Counter(
    "troika_schedule_solves_total",
    "Scheduling jobs by outcome: done, returned (asked to stop), overtaken (the board was changed during the search).",
    ["outcome"],
)
schedule_proposals = Gauge(
    "troika_schedule_proposals",
    "Proposals in the last timetable that was made, by state: placed, unplaced.",
    ["state"],
    multiprocess_mode="mostrecent",
)
schedule_gap_ratio = Gauge(
    "troika_schedule_gap_ratio",
    "Distance of the last timetable to what is proven possible, as a share of it, by goal: places, moves, wishes.",
    ["goal"],
    multiprocess_mode="mostrecent",
)
canary_rounds_total = Counter(
    "troika_canary_rounds_total",
    "Rounds of the canary by outcome: done, refused (no 202), undecided (the receipt shows no registration in time), "
    "unmailed (no mail in time), uncancelled.",
    ["form", "outcome"],
)
canary_handover_seconds = Histogram(
    "troika_canary_handover_seconds",
    "Time from the canary's 202 to the arrival of its mail, seconds.",
    ["form"],
    buckets=HANDOVER_BUCKETS,
)
key_wrong = Gauge(
    "troika_key_wrong",
    "1 if a process holds another key of this name than its database's, and so does nothing; `form`: the private key "
    "of a form is missing, and it works on.",
    ["service", "key"],
    multiprocess_mode="livemax",
)
quarantine = Gauge(
    "troika_quarantine",
    "1 while the service's database is in quarantine: nothing is accepted, published, consumed or sent.",
    ["service"],
    multiprocess_mode="mostrecent",
)
clock_difference_seconds = Gauge(
    "troika_clock_difference_seconds",
    "How far this process's clock is ahead of the database's (negative: behind), seconds; beyond 2 it deletes nothing.",
    ["service"],
    multiprocess_mode="mostrecent",
)
final_work_refused_total = Counter(
    "troika_final_work_refused_total",
    "Times that work was refused because the clock differed from the database's, by work (tending, leases, …).",
    ["service", "work"],
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
audit_differences = Gauge(
    "troika_audit_differences",
    "What the audit's last round found broken, by equation (A1 to A13).",
    ["equation"],
    multiprocess_mode="mostrecent",
)
audit_undecided = Gauge(
    "troika_audit_undecided",
    "What the audit's last round could not decide yet, because it waits for messages on their way, by equation.",
    ["equation"],
    multiprocess_mode="mostrecent",
)
audit_last_success_timestamp_seconds = Gauge(
    "troika_audit_last_success_timestamp_seconds",
    "Unix time of the end of the audit's last round that read everything; 0 before the first.",
    multiprocess_mode="mostrecent",
)
audit_duration_seconds = Histogram(
    "troika_audit_duration_seconds", "Time that a round of the audit took, seconds.", buckets=AUDIT_BUCKETS
)
canary_last_success_timestamp_seconds = Gauge(
    "troika_canary_last_success_timestamp_seconds",
    "Unix time of the end of the canary's last round that was done; 0 before the first.",
    ["form"],
    multiprocess_mode="mostrecent",
)

"""Every metric of the project, with unit and meaning. Labels are bounded and never contain personal data.

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


build_info = Gauge(
    "troika_build_info",
    "1, with the running version.",
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
    "troika_http_inflight_requests", "Requests in progress.", ["service"], multiprocess_mode="livesum"
)

requests_refused_total = Counter(
    "troika_requests_refused_total",
    "Requests refused by load shedding, by class (first: filled forms, and buttons behind people's links; links: pages "
    "behind people's links; signing: signing in and out; public: public pages and callers who are not known; later: "
    "queries; last: exports and console) and reason: full (no capacity left), queue (what the service has stored and "
    "not worked on uses all the disk space that it may use), late (it had waited too long before it arrived), slow "
    "(its body took too long).",
    ["service", "class", "reason"],
)

public_pages_total = Counter(
    "troika_public_pages_total",
    "Public pages and files sent, by source: memory, made (by the application; only these are in "
    "troika_http_request_duration_seconds), stale (an older copy, during rendering or after it failed).",
    ["service", "source"],
)

requests_limited_total = Counter(
    "troika_requests_limited_total",
    "Requests refused with 429 by a rate limit, by kind and scope: network (one client address, or the /64, /56 or /48 "
    "around an IPv6 address). There is no other rate limit.",
    ["service", "kind", "scope"],
)

security_events_total = Counter(
    "troika_security_events_total",
    "Security events, by kind: signed-in, sign-in-refused, key-refused (unknown or ended), "
    "role-refused (a key of another role or for other forms), cross-site-refused, "
    "too-many-requests, list-exported; a service may add its own.",
    ["event"],
)

db_errors_total = Counter(
    "troika_db_errors_total",
    "Database errors by kind: timeout, lock, connection, other.",
    ["service", "kind"],
)

db_pool_connections = Gauge(
    "troika_db_pool_connections",
    "Connections that a process's pool may open to its database (size), and those in use (used).",
    ["service", "pool", "state"],
    multiprocess_mode="livesum",
)
db_pool_waiting = Gauge(
    "troika_db_pool_waiting",
    "Threads and requests that are waiting for a connection of their process's pool.",
    ["service", "pool"],
    multiprocess_mode="livesum",
)
spans_total = Counter(
    "troika_spans_total",
    "Spans offered to the collector, by outcome: sent, lost (it did not accept them in time).",
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
    "Rows deleted or emptied after their retention period, by table.",
    ["service", "table"],
)
housekeeping_held = Gauge(
    "troika_housekeeping_held",
    "1 while due rows of a table, or a kind of data of retention by forms, wait: for a day after a jump of the time "
    "(notice), or for the next hour, because more fell due than is ordinary (limit).",
    ["service", "table", "reason"],
    multiprocess_mode="max",
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
    "Time from the creation of a message to its effect, seconds.",
    ["queue"],
    buckets=HANDOVER_BUCKETS,
)
consumer_last_tick_timestamp_seconds = Gauge(
    "troika_consumer_last_tick_timestamp_seconds",
    "Unix time of the consumer loop's last iteration.",
    ["service"],
    multiprocess_mode="mostrecent",
)
consumer_halted = Gauge(
    "troika_consumer_halted",
    "1 while a queue is halted because too many messages in a row were poison; single messages are tried.",
    ["service", "queue"],
    multiprocess_mode="mostrecent",
)
queue_parked_messages = Gauge(
    "troika_queue_parked_messages",
    "Parked messages waiting for an operator.",
    ["queue"],
    multiprocess_mode="mostrecent",
)


key_wrong = Gauge(
    "troika_key_wrong",
    "1 if a process holds a key of this name that is not its database's, and therefore does no work; `form`: the "
    "private key of a form is missing, and the process keeps working.",
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
    "Seconds by which this process's clock is ahead of the database's (negative: behind); beyond 2 it deletes nothing.",
    ["service"],
    multiprocess_mode="mostrecent",
)
time_jump_seconds = Gauge(
    "troika_time_jump_seconds",
    "Seconds between the time and the highest time seen, while a jump holds what deletes, expires or gives up; else 0.",
    ["service"],
    multiprocess_mode="mostrecent",
)
final_work_refused_total = Counter(
    "troika_final_work_refused_total",
    "Times that work was refused because the clock differed from the database's, or the time had jumped, by work "
    "(tending, leases, …).",
    ["service", "work"],
)

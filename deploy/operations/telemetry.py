"""Metrics of the canary and of the audit.

The reference is generated from these declarations. Labels are bounded and never contain personal data.
"""

from prometheus_client import Counter, Gauge, Histogram

from shared.runtime.metrics import HANDOVER_BUCKETS

AUDIT_BUCKETS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""From a small installation to the time between two runs."""
canary_runs_total = Counter(
    "troika_canary_runs_total",
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
audit_differences = Gauge(
    "troika_audit_differences",
    "What the audit's last run found broken, by equation (A1 to A14).",
    ["equation"],
    multiprocess_mode="mostrecent",
)
audit_undecided = Gauge(
    "troika_audit_undecided",
    "What the audit's last run could not decide yet, because it waits for messages on their way, by equation.",
    ["equation"],
    multiprocess_mode="mostrecent",
)
audit_last_success_timestamp_seconds = Gauge(
    "troika_audit_last_success_timestamp_seconds",
    "Unix time of the end of the audit's last run that read everything; 0 before the first.",
    multiprocess_mode="mostrecent",
)
audit_duration_seconds = Histogram(
    "troika_audit_duration_seconds", "Time that a run of the audit took, seconds.", buckets=AUDIT_BUCKETS
)
canary_last_success_timestamp_seconds = Gauge(
    "troika_canary_last_success_timestamp_seconds",
    "Unix time of the end of the canary's last run that was done; 0 before the first.",
    ["form"],
    multiprocess_mode="mostrecent",
)

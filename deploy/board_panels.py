"""What the Grafana board shows: questions that an operator has, in rows, each with its queries.

Filters of the board's variables and links to runbooks are added by :mod:`deploy.board`.
"""

from dataclasses import dataclass

WORK_QUEUES = 'vhost="troika",queue!~"troika\\\\.retry\\\\..+|.+\\\\.parked"'


@dataclass(frozen=True, slots=True)
class Panel:
    """Attributes:
    title: a question that an operator has, or the name of what is shown.
    unit: Grafana's name of it.
    queries: expression by legend.
    """

    title: str
    unit: str
    queries: dict[str, str]


ROWS: dict[str, tuple[Panel, ...]] = {
    "Can people register?": (
        Panel(
            "Submissions, by outcome",
            "reqps",
            {"{{outcome}}": "sum by (outcome) (rate(troika_intake_requests_total[$__rate_interval]))"},
        ),
        Panel(
            "Response time of POST",
            "s",
            {
                f"{share}": f"histogram_quantile({share}, sum by (le) (rate("
                'troika_http_request_duration_seconds_bucket{service="registration",process!="desk",method="POST"}'
                "[$__rate_interval])))"
                for share in ("0.5", "0.95", "0.99")
            },
        ),
        Panel(
            "Requests refused because of overload",
            "reqps",
            {
                "{{service}} {{class}} {{reason}}": "sum by (service, class, reason) "
                "(rate(troika_requests_refused_total[$__rate_interval]))"
            },
        ),
        Panel(
            "Submissions and commands decided",
            "ops",
            {"{{kind}}": "sum by (kind) (rate(troika_submissions_decided_total[$__rate_interval]))"},
        ),
        Panel(
            "Submissions waiting",
            "short",
            {
                "undecided": "max(troika_submissions_undecided)",
                "parked": "max(troika_submissions_parked)",
                "confirmation mails overdue": "max(troika_confirmation_mails_overdue)",
                "confirmation mails of the last hour": "max(troika_confirmation_mails_last_hour)",
            },
        ),
        Panel(
            "Age of the oldest waiting submission",
            "s",
            {
                "undecided submission": "max(troika_submission_oldest_undecided_age_seconds)",
                "overdue confirmation mail": "max(troika_confirmation_mail_oldest_overdue_age_seconds)",
            },
        ),
    ),
    "Services": (
        Panel(
            "Requests",
            "reqps",
            {"{{service}}": "sum by (service) (rate(troika_http_request_duration_seconds_count[$__rate_interval]))"},
        ),
        Panel(
            "Requests that failed (5xx)",
            "reqps",
            {
                "{{service}}": "sum by (service) "
                '(rate(troika_http_request_duration_seconds_count{status_class="5xx"}[$__rate_interval]))'
            },
        ),
        Panel(
            "Response time, 95th percentile",
            "s",
            {
                "{{service}}": "histogram_quantile(0.95, sum by (service, le) "
                "(rate(troika_http_request_duration_seconds_bucket[$__rate_interval])))"
            },
        ),
        Panel("Requests in progress", "short", {"{{service}}": "sum by (service) (troika_http_inflight_requests)"}),
        Panel(
            "Database errors",
            "ops",
            {"{{service}} {{kind}}": "sum by (service, kind) (rate(troika_db_errors_total[$__rate_interval]))"},
        ),
        Panel("Processes that answer", "short", {"{{service}}": 'sum by (service) (up{job="troika"})'}),
    ),
    "Messages": (
        Panel(
            "Age of the oldest message not yet on the broker",
            "s",
            {"{{service}}": "max by (service) (troika_outbox_oldest_unpublished_age_seconds)"},
        ),
        Panel(
            "Messages offered to the broker",
            "ops",
            {
                "{{service}} {{outcome}}": "sum by (service, outcome) "
                "(rate(troika_outbox_published_total[$__rate_interval]))"
            },
        ),
        Panel(
            "From commit to the broker's confirm, 95th percentile",
            "s",
            {
                "{{service}}": "histogram_quantile(0.95, sum by (service, le) "
                "(rate(troika_outbox_confirm_seconds_bucket[$__rate_interval])))"
            },
        ),
        Panel(
            "Messages in queues",
            "short",
            {"{{queue}}": f"sum by (queue) (rabbitmq_detailed_queue_messages{{{WORK_QUEUES}}})"},
        ),
        Panel(
            "Consumers of queues",
            "short",
            {"{{queue}}": f"sum by (queue) (rabbitmq_detailed_queue_consumers{{{WORK_QUEUES}}})"},
        ),
        Panel("Parked messages", "short", {"{{queue}}": "max by (queue) (troika_queue_parked_messages)"}),
        Panel(
            "Messages handled by consumers",
            "ops",
            {"{{queue}} {{outcome}}": "sum by (queue, outcome) (rate(troika_consumed_total[$__rate_interval]))"},
        ),
        Panel(
            "From creation to effect, 95th percentile",
            "s",
            {
                "{{queue}}": "histogram_quantile(0.95, sum by (queue, le) "
                "(rate(troika_message_age_seconds_bucket[$__rate_interval])))"
            },
        ),
        Panel(
            "Memory and disk of the broker, as a share of its limit",
            "percentunit",
            {
                "memory in use": "max(rabbitmq_process_resident_memory_bytes / rabbitmq_resident_memory_limit_bytes)",
                "disk limit": "max(rabbitmq_disk_space_available_limit_bytes / rabbitmq_disk_space_available_bytes)",
            },
        ),
    ),
    "Mails": (
        Panel(
            "Mails by outcome",
            "ops",
            {"{{outcome}}": "sum by (outcome) (rate(troika_mails_total[$__rate_interval]))"},
        ),
        Panel(
            "Age of the oldest mail that is due",
            "s",
            {"{{lane}}": "max by (lane) (troika_mail_oldest_pending_age_seconds)"},
        ),
        Panel(
            "Calls to partners by outcome",
            "ops",
            {"{{outcome}}": "sum by (outcome) (rate(troika_webhook_deliveries_total[$__rate_interval]))"},
        ),
        Panel(
            "From registration to handover",
            "s",
            {
                f"{share}": f"histogram_quantile({share}, sum by (le) "
                "(rate(troika_mail_handover_seconds_bucket[$__rate_interval])))"
                for share in ("0.5", "0.99")
            },
        ),
        Panel(
            "Phases of the SMTP dialogue, 95th percentile",
            "s",
            {
                "{{phase}}": "histogram_quantile(0.95, sum by (phase, le) "
                "(rate(troika_smtp_phase_seconds_bucket[$__rate_interval])))"
            },
        ),
        Panel(
            "Unknown handovers, how they were resolved",
            "short",
            {"{{resolution}}": "sum by (resolution) (increase(troika_mail_unknown_resolved_total[1h]))"},
        ),
        Panel(
            "Differences that the audit found",
            "short",
            {"{{equation}}": "max by (equation) (troika_audit_differences)"},
        ),
        Panel(
            "Seconds since the canary last completed",
            "s",
            {"{{form}}": "time() - max by (form) (troika_canary_last_success_timestamp_seconds)"},
        ),
    ),
    "Servers and hosts": (
        Panel(
            "Connections of our processes to their databases",
            "short",
            {
                "{{service}} {{pool}} used": 'sum by (service, pool) (troika_db_pool_connections{state="used"})',
                "{{service}} {{pool}} wait": "sum by (service, pool) (troika_db_pool_waiting)",
            },
        ),
        Panel(
            "Connections of PostgreSQL, as a share of its limit",
            "percentunit",
            {
                "{{instance}}": "sum by (instance) (pg_stat_activity_count) "
                "/ on (instance) max by (instance) (pg_settings_max_connections)"
            },
        ),
        Panel(
            "Longest transaction",
            "s",
            {"{{datname}}": 'max by (datname) (pg_stat_activity_max_tx_duration{state!~"idle|disabled"})'},
        ),
        Panel("Replication lag of standbys", "s", {"{{instance}}": "max by (instance) (pg_replication_lag_seconds)"}),
        Panel(
            "Nodes of the broker",
            "short",
            {
                "answer": 'count(up{job="rabbitmq"} == 1)',
                "not reached by another": "max(rabbitmq_unreachable_cluster_peers_count)",
            },
        ),
        Panel(
            "Free space",
            "percentunit",
            {
                "{{instance}} {{mountpoint}}": "min by (instance, mountpoint) (node_filesystem_avail_bytes"
                '{fstype!~"tmpfs|overlay|squashfs"} / node_filesystem_size_bytes{fstype!~"tmpfs|overlay|squashfs"})'
            },
        ),
        Panel(
            "Public page, probed from outside",
            "short",
            {"{{instance}}": 'min by (instance) (probe_success{job="public-page"})'},
        ),
        Panel(
            "Time until the certificate expires",
            "s",
            {"{{instance}}": "min by (instance) (probe_ssl_earliest_cert_expiry) - time()"},
        ),
        Panel(
            "Age of the last backup",
            "s",
            {"{{kind}}": "time() - max by (kind) (troika_backup_last_success_timestamp_seconds)"},
        ),
    ),
}

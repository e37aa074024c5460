"""All metrics: ours with their labels, and those of RabbitMQ and Prometheus that rules and boards use."""

import re
import subprocess
from pathlib import Path

from prometheus_client import Histogram

from deploy.reference_pages import all_metrics, name_of

TARGET_LABELS = {"job", "instance", "service", "process"}
"""What Prometheus attaches to each target: see deploy/prometheus/prometheus.yml."""

BROKERS: dict[str, set[str]] = {
    "rabbitmq_alarms_memory_used_watermark": set(),
    "rabbitmq_alarms_free_disk_space_watermark": set(),
    "rabbitmq_alarms_file_descriptor_limit": set(),
    "rabbitmq_disk_space_available_bytes": set(),
    "rabbitmq_disk_space_available_limit_bytes": set(),
    "rabbitmq_process_resident_memory_bytes": set(),
    "rabbitmq_resident_memory_limit_bytes": set(),
    "rabbitmq_identity_info": {"rabbitmq_cluster", "rabbitmq_cluster_permanent_id", "rabbitmq_node"},
    "rabbitmq_unreachable_cluster_peers_count": set(),
    "rabbitmq_detailed_queue_consumers": {"vhost", "queue"},
    "rabbitmq_detailed_queue_messages": {"vhost", "queue"},
    "rabbitmq_detailed_raft_log_commit_index": {"vhost", "queue"},
}
"""Taken from RabbitMQ 4.0.5; the live test of the installation checks whether a node really has them."""

SERVERS: dict[str, set[str]] = {
    "pg_up": {"cluster"},
    "pg_replication_is_replica": {"cluster"},
    "pg_replication_lag_seconds": {"cluster"},
    "pg_settings_max_connections": {"cluster", "server"},
    "pg_stat_activity_count": {"cluster", "datname", "state"},
    "pg_stat_activity_max_tx_duration": {"cluster", "datname", "state"},
    "pg_stat_archiver_failed_count": {"cluster"},
    "pg_stat_archiver_last_archive_age": {"cluster"},
    "pg_stat_database_tup_deleted": {"cluster", "datid", "datname"},
    "pg_stat_database_tup_inserted": {"cluster", "datid", "datname"},
    "pg_stat_database_tup_updated": {"cluster", "datid", "datname"},
    "pg_stat_replication_pg_wal_lsn_diff": {"cluster", "application_name", "state"},
    "node_filesystem_avail_bytes": {"device", "fstype", "mountpoint"},
    "node_filesystem_size_bytes": {"device", "fstype", "mountpoint"},
    "probe_success": set(),
    "probe_ssl_earliest_cert_expiry": set(),
    "caddy_http_request_duration_seconds_count": {"code", "handler", "method"},
    "nginx_up": set(),
    "troika_backup_awaited_since_timestamp_seconds": {"kind"},
    "troika_backup_last_success_timestamp_seconds": {"kind"},
}
"""Read off postgres_exporter 0.17.1, blackbox exporter 0.26 and Caddy 2.11; of node_exporter 1.9 and
nginx-prometheus-exporter 1.4 as documented; and what `troika backup` writes. ``cluster`` is a label of our targets."""

GENERAL = {name: set[str]() for name in ("process_open_fds", "process_max_fds")} | {"up": {"cluster"}}

RECORDED: dict[str, set[str]] = {"troika_process_seen_up": set()}
"""Made by our own rules."""

_TEXTS = re.compile(r'"[^"]*"')
_SELECTOR = re.compile(r"([a-z][a-z0-9_]+)\s*\{([^}]*)\}")
_BY = re.compile(r"\b(?:by|on|without)\s*\(([^)]*)\)")
_WORD = re.compile(r"\b[a-z][a-z0-9_]*_[a-z0-9_]+\b(?!\s*\()|\bup\b")


def known_series() -> dict[str, set[str]]:
    """Labels by name of every series."""
    found: dict[str, set[str]] = {**BROKERS, **SERVERS, **GENERAL, **RECORDED}
    for metric in all_metrics():
        labels = set(metric._labelnames)
        if isinstance(metric, Histogram):
            found |= {f"{name_of(metric)}_{part}": labels for part in ("sum", "count")}
            found[f"{name_of(metric)}_bucket"] = labels | {"le"}
        else:
            found[name_of(metric)] = labels
    return {name: labels | TARGET_LABELS for name, labels in found.items()}


def faults_of(expression: str) -> list[str]:
    """What an expression names and nothing has: series, and labels of a series; empty when all is well."""
    series = known_series()
    plain = "\n".join(line.partition("#")[0] for line in expression.splitlines())
    bare = _BY.sub("", _SELECTOR.sub(r"\1", _TEXTS.sub('""', plain)))
    used = set(_WORD.findall(bare))
    faults = [f"no series {name}" for name in sorted(used - set(series))]
    allowed = set[str]().union(*(series.get(name, set()) for name in used))
    for name, inside in _SELECTOR.findall(_TEXTS.sub('""', plain)):
        labels = {re.split("[=!~]", part)[0].strip() for part in inside.split(",") if part.strip()}
        faults += [f"{name} has no label {label}" for label in sorted(labels - series.get(name, labels))]
    grouped = {label.strip() for inside in _BY.findall(plain) for label in inside.split(",") if label.strip()}
    return faults + [f"no label {label} to group by" for label in sorted(grouped - allowed)]


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    return subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, timeout=60)

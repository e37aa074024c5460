"""Figures for Prometheus: files that node_exporter's textfile collector reads (``--collector.textfile.directory``)."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.runtime.accounts import Account, acting_in

DEFAULT_FOLDER = "/var/lib/prometheus/node-exporter"
"""Where Debian's node_exporter reads them."""

READABLE = 0o022
"""Mask of files that everyone may read."""

DATABASE, KEYS, FORM_KEYS, DRILL = "database", "keys", "form-keys", "drill"
"""Kinds of backup: label ``kind`` of :data:`LAST_SUCCESS` and :data:`AWAITED_SINCE`."""

KINDS = (DATABASE, KEYS, FORM_KEYS, DRILL)

LAST_SUCCESS = (
    "troika_backup_last_success_timestamp_seconds",
    "When the last backup of a kind succeeded: database, keys, form-keys; drill: when one was last restored.",
)
AWAITED_SINCE = (
    "troika_backup_awaited_since_timestamp_seconds",
    "Since when the first backup of a kind has been awaited; gone once one has succeeded.",
)
RECOVERY_POINT = (
    "troika_drill_recovery_point_seconds",
    "Age of the newest transaction that the last drill restored: later data would have been lost.",
)
RECOVERY_TIME = ("troika_drill_recovery_time_seconds", "How long the last drill took until the databases were checked.")


class _Figures(Collector):
    def __init__(self, kind: str, values: Mapping[tuple[str, str], float]) -> None:
        self._kind, self._values = kind, values

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for (name, about), value in self._values.items():
            labelled = ["kind"] if (name, about) in (LAST_SUCCESS, AWAITED_SINCE) else []
            family = GaugeMetricFamily(name, about, labels=labelled)
            family.add_metric([self._kind] if labelled else [], value)
            yield family


def write_figures(folder: Path, kind: str, values: Mapping[tuple[str, str], float]) -> bool:
    """Replace the file of one kind at once; returns False where there is no such folder.

    Args:
        folder: the folder that node_exporter reads.
        kind: ``database``, ``keys``, ``form-keys`` or ``drill``.
        values: the value of each metric, by its name and meaning.
    """
    if not folder.is_dir():
        return False
    registry = CollectorRegistry()
    registry.register(_Figures(kind, values))
    owner = folder.stat()
    before = os.umask(READABLE)  # a timer's is 077, and node_exporter runs as another user
    try:
        with acting_in(folder, Account("", owner.st_uid, owner.st_gid)):
            write_to_textfile(str(_file(folder, kind)), registry)
    finally:
        os.umask(before)
    return True


def await_backups(folder: Path, now: datetime) -> bool:
    """Write since when each kind without figures is awaited, so that one that never succeeds raises an alert.

    Args:
        folder: the folder that node_exporter reads.
        now: the time.

    Returns:
        False where there is no such folder.
    """
    if not folder.is_dir():
        return False
    for kind in KINDS:
        if not _file(folder, kind).exists():
            write_figures(folder, kind, {AWAITED_SINCE: now.timestamp()})
    return True


def _file(folder: Path, kind: str) -> Path:
    return folder / f"troika_backup_{kind}.prom"

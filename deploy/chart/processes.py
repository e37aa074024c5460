"""The processes of the chart: ``files/processes.yaml``, written by ``make specs`` from the shape."""

from pathlib import Path
from typing import Any

import yaml

from deploy.compose.caddy import caddyfile
from deploy.compose.compose import OUTSIDE
from deploy.compose.containers import CLUSTER, HTTP_PORT, METRICS_PORT
from deploy.compose.settings_files import AUDIT_FOLDER, TOOLS
from deploy.local.secrets import reads_access_file
from deploy.machine.units import OPERATIONS
from deploy.pools import WORKER_CONNECTIONS, web_connections
from deploy.shape import SERVICES, WEB_PROCESSES, WORKERS, worker_name
from deploy.up.services import LOGINS

WRITTEN = "# Written by `make specs` from deploy/shape.py: change deploy/chart/processes.py, not this file.\n"
RULES = Path("deploy/prometheus/rules")
ONE_WORKS = frozenset({("registration", "decide")})
"""One of them works and the others are on standby: two are enough, and more add nothing."""

ALONE = frozenset(
    {("registration", "tend"), ("notifications", "schedule"), ("events", "solve"), (OPERATIONS, AUDIT_FOLDER)}
)
"""They do what is due by time or asked for; one is enough, and a second does no harm."""

BACKLOGS = {
    "relay": ('max(troika_outbox_unpublished{{service="{service}"}})', "1000"),
    "consume": ('sum(rabbitmq_detailed_queue_messages_ready{{queue=~"{service}[.].*",queue!~".*parked"}})', "2000"),
    "send": ('max(troika_mails_due{{lane="transactional"}}) + max(troika_mails_due{{lane="verification"}})', "500"),
    "deliver": ("max(troika_webhook_oldest_due_age_seconds)", "60"),
}
"""By role: the count of what waits, in PromQL, and how much of it one process more is started for."""


def processes() -> list[dict[str, Any]]:
    """Every process as the chart's templates read it."""
    web = [_process(*process, web=True) for process in WEB_PROCESSES]
    return [*web, *(_process(*process, web=False) for process in WORKERS), _audit()]


def _audit() -> dict[str, Any]:
    """Its Secret is the one of the audit among an operator's commands; it counts what waits at the broker."""
    found = _process(OPERATIONS, AUDIT_FOLDER, web=False)
    return found | {"name": AUDIT_FOLDER, "arguments": [AUDIT_FOLDER, "watch"], "broker": True}


def _process(service: str, role: str, *, web: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": worker_name(service, role),
        "service": service,
        "role": role,
        "arguments": [service, role],
        "web": web,
        "solver": (service, role) == ("events", "solve"),
        "access": reads_access_file(service, role),
        "formKeys": (service, role) == ("registration", "desk"),
        "broker": role in LOGINS,
        "outside": (service, role) in OUTSIDE,
        "port": HTTP_PORT if web else METRICS_PORT,
        "ready": f"/-/{service}/readyz" if web else "/readyz",
        "live": f"/-/{service}/livez" if web else "/livez",
        "metrics": f"/-/{service}/metrics" if web else "/metrics",
        "scale": _scale(service, role, web=web),
        "connections": web_connections(service) if web else WORKER_CONNECTIONS,
    }
    if found["scale"] == "backlog":
        query, threshold = BACKLOGS[role]
        found |= {"query": query.format(service=service), "threshold": threshold}
    return found


def _scale(service: str, role: str, *, web: bool) -> str:
    """``cpu``, ``backlog``, ``standby`` (two, one works) or ``one``."""
    if (service, role) == ("registration", "desk"):
        return "one"  # its form keys are files of one volume; the chart scales it where they are in a database
    if web:
        return "cpu"
    if (service, role) in ONE_WORKS:
        return "standby"
    return "one" if (service, role) in ALONE else "backlog"


def files() -> dict[str, str]:
    """Every file that is written, by name below ``deploy/chart``."""
    content = {"services": list(SERVICES), "processes": processes(), "tools": list(TOOLS)}
    text = WRITTEN + str(yaml.safe_dump(content, sort_keys=False, width=120))
    rules = {f"files/rules/{path.name}": path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.yml"))}
    return {"files/processes.yaml": text, "files/Caddyfile": caddyfile(CLUSTER), **rules}

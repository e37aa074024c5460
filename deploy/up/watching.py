"""Prometheus with our rules and its scrape targets; with ``TROIKA_ALERT_PACE`` its times run faster, for tests."""

import json
import re
from pathlib import Path
from typing import Any

from deploy.servers.units import Unit, answers, own_file, own_folder
from deploy.shape import WEB_PROCESSES, WORKERS, worker_name
from deploy.up.ports import InstallationPorts
from deploy.up.services import AUDIT, CANARY, has_canary, pace
from shared.runtime.accounts import service_account

SOURCE = Path("deploy/prometheus")
_DURATION = re.compile(r"(?<=\[)(\d+)([smhd])(?=\])|(?<=: )(\d+)([smhd])$", re.MULTILINE)
_SECONDS = re.compile(r"(\d+)(\s*# seconds\b)")
_LEAST_MS = 800
"""Scraping and evaluating every 0.4 s takes a fifth of two processors."""
_IN_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def prometheus_unit(folder: Path, ports: InstallationPorts, *, audited: bool) -> Unit:
    """Prometheus on its own data, with configuration, rules and targets written."""
    account = service_account("prometheus", "nobody")
    place = own_folder(folder / "prometheus", account).resolve()
    for part in ("rules", "targets"):
        own_folder(place / part, account)
    own_file(place / "prometheus.yml", paced((SOURCE / "prometheus.yml").read_text(), pace()), account)
    for rules in sorted((SOURCE / "rules").glob("*.yml")):
        own_file(place / "rules" / rules.name, paced(rules.read_text(), pace()), account)
    for name, groups in targets(ports, audited=audited).items():
        own_file(place / "targets" / f"{name}.json", json.dumps(groups, indent=2), account)
    command = ["/usr/bin/prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data"]
    command += [f"--web.listen-address=127.0.0.1:{ports['prometheus']}", "--log.level=warn"]
    url = f"http://127.0.0.1:{ports['prometheus']}/-/ready"
    return Unit("prometheus", command, {"HOME": str(place)}, place, lambda: answers(url), account)


def alerts_url(ports: InstallationPorts) -> str:
    """The page of alerts. Debian's Prometheus has only the classic one; its ``/alerts`` reports that it is missing."""
    url = f"http://127.0.0.1:{ports['prometheus']}"
    return f"{url}/classic/alerts" if answers(f"{url}/classic/alerts") else f"{url}/alerts"


def targets(ports: InstallationPorts, *, audited: bool) -> dict[str, list[dict[str, Any]]]:
    """What Prometheus scrapes: content of ``targets/<name>.json`` by name; ``audited``: whether the audit runs."""
    processes = [(service, process, f"/-/{service}/metrics") for service, process in WEB_PROCESSES]
    processes += [(service, role, "/metrics") for service, role in WORKERS]
    ours = [
        _target(ports[worker_name(service, role)], service=service, process=role, __metrics_path__=path)
        for service, role, path in processes
    ]
    if audited:
        ours.append(_target(ports[AUDIT], service="operations", process=AUDIT))
    if has_canary():
        ours.append(_target(ports[CANARY], service="operations", process=CANARY))
    return {
        "troika": ours,
        "rabbitmq": [_target(ports["rabbitmq-metrics"])],
    }


def paced(text: str, pace: int) -> str:
    """``text`` with its times divided by ``pace``: durations, and numbers that are followed by ``# seconds``.

    No duration becomes shorter than ``_LEAST_MS``.
    """
    if pace == 1:
        return text

    def duration(found: re.Match[str]) -> str:
        number, unit = (part for part in found.groups() if part)
        return f"{max(_LEAST_MS, int(number) * _IN_MS[unit] // pace)}ms"

    return _SECONDS.sub(lambda found: f"{int(found[1]) / pace:g}{found[2]}", _DURATION.sub(duration, text))


def _target(port: int, **labels: str) -> dict[str, Any]:
    return {"targets": [f"127.0.0.1:{port}"], "labels": labels}

"""Prometheus, Alertmanager and Grafana in a Compose installation, and what Prometheus scrapes there."""

from pathlib import Path
from typing import Any

import yaml

from deploy.compose import caddy
from deploy.compose.containers import HTTP_PORT, METRICS_PORT, Container, containers

WRITTEN = "# Written by `make specs` from deploy/shape.py: change deploy/compose/*.py, not this file.\n"
PROMETHEUS = Path("deploy/prometheus/prometheus.yml")
PUBLIC_TARGETS = "targets/public.json"
"""Written by ``troika prepare settings``, the only program that knows the public address."""
EXPORTER_FOLDER = "exporter"
"""Of the volume of settings: address, name and password of the monitor's login."""

CONFINED: dict[str, Any] = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}


class _Dumper(yaml.SafeDumper):
    """Writes repeated content in full in each place, without YAML aliases."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def as_yaml(content: Any) -> str:
    """``content`` as a document."""
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True))


def prometheus_container(size: str) -> dict[str, Any]:
    folder = "../prometheus"
    return {
        "image": "${PROMETHEUS_IMAGE:-prom/prometheus:v3.5.0}",
        "profiles": ["monitoring"],
        "volumes": [
            f"./prometheus.{size}.yml:/etc/prometheus/prometheus.yml:ro",
            f"{folder}/rules:/etc/prometheus/rules:ro",
            targets_volume(),
            "prometheus:/prometheus",
        ],
        "networks": ["front", "back"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
        "logging": LOGGING,
    }


def targets_volume() -> dict[str, Any]:
    """What Prometheus reads of ``troika prepare settings``, and nothing else of the volume."""
    part = {"type": "volume", "source": "settings", "target": "/etc/prometheus/targets"}
    return {**part, "volume": {"subpath": "targets"}, "read_only": True}


def blackbox_container() -> dict[str, Any]:
    """Probes the public page by its public address. A second probe belongs on another machine."""
    return {
        "image": "${BLACKBOX_IMAGE:-prom/blackbox-exporter:v0.26.0}",
        "profiles": ["monitoring"],
        "volumes": ["../prometheus/blackbox.yml:/etc/blackbox_exporter/config.yml:ro"],
        "networks": ["back", "outside"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
        "logging": LOGGING,
    }


def postgres_exporter_container() -> dict[str, Any]:
    """Metrics of the database server, by a login that can read them and none of Troika's tables."""
    return {
        "image": "${POSTGRES_EXPORTER_IMAGE:-quay.io/prometheuscommunity/postgres-exporter:v0.17.1}",
        "profiles": ["monitoring"],
        "environment": {
            "DATA_SOURCE_URI_FILE": "/run/exporter/uri",
            "DATA_SOURCE_USER_FILE": "/run/exporter/user",
            "DATA_SOURCE_PASS_FILE": "/run/exporter/password",
        },
        "volumes": [
            {
                "type": "volume",
                "source": "settings",
                "target": "/run/exporter",
                "volume": {"subpath": EXPORTER_FOLDER},
                "read_only": True,
            }
        ],
        "networks": ["back"],
        **CONFINED,
        "restart": "unless-stopped",
        "logging": LOGGING,
    }


def node_exporter_container() -> dict[str, Any]:
    """Metrics of the machine: its disks, and the metrics of `troika backup`. It runs as the system user ``nobody``."""
    return {
        "image": "${NODE_EXPORTER_IMAGE:-prom/node-exporter:v1.9.1}",
        "profiles": ["monitoring"],
        "command": [
            "--path.rootfs=/host",
            "--collector.disable-defaults",
            "--collector.filesystem",
            "--collector.textfile",
            "--collector.textfile.directory=/host${TROIKA_BACKUP_METRICS:-/var/lib/prometheus/node-exporter}",
            "--collector.timex",
        ],
        "volumes": ["/:/host:ro,rslave"],
        "pid": "host",
        "networks": ["back"],
        **CONFINED,
        "restart": "unless-stopped",
        "logging": LOGGING,
    }


def alertmanager_container() -> dict[str, Any]:
    return {
        "image": "${ALERTMANAGER_IMAGE:-prom/alertmanager:v0.28.1}",
        "profiles": ["monitoring"],
        "volumes": [
            "../prometheus/alertmanager.yml:/etc/alertmanager/alertmanager.yml:ro",
            "./receivers:/etc/alertmanager/receivers:ro",
            "alertmanager:/alertmanager",
        ],
        "networks": ["back", "outside"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
        "logging": LOGGING,
    }


def grafana_container() -> dict[str, Any]:
    return {
        "image": "${GRAFANA_IMAGE:-grafana/grafana:12.0.0}",
        "profiles": ["monitoring"],
        "ports": ["127.0.0.1:${TROIKA_GRAFANA_PORT:-3000}:3000"],
        "volumes": [
            "grafana:/var/lib/grafana",
            "./grafana:/etc/grafana/provisioning:ro",
            "../grafana:/var/lib/grafana/dashboards:ro",
        ],
        "networks": ["back", "outside"],
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
        "logging": LOGGING,
    }


def prometheus(size: str) -> str:
    """The text of ``prometheus.yml``: the rules of every installation, with the addresses of this one."""
    ours = [_target(container.name, container) for container in containers(size)]
    ours.append({"targets": [f"audit:{METRICS_PORT}"], "labels": {"service": "operations", "process": "audit"}})
    targets = {
        "targets/troika.json": ours,
        "targets/rabbitmq.json": [{"targets": ["rabbitmq:15692"]}],
        "targets/postgres.json": [{"targets": ["postgres-exporter:9187"], "labels": {"cluster": "main"}}],
        "targets/node.json": [{"targets": ["node-exporter:9100"]}],
        "targets/gateway.json": [{"targets": [f"gateway:{caddy.METRICS_PORT}"]}],
    }
    content = yaml.safe_load(PROMETHEUS.read_text(encoding="utf-8"))
    content["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]}
    for job in content["scrape_configs"]:
        ((file,),) = (source["files"] for source in job["file_sd_configs"])
        if file in targets:
            del job["file_sd_configs"]
            job["static_configs"] = targets[file]
        if file == PUBLIC_TARGETS:
            job["relabel_configs"][-1]["replacement"] = "blackbox:9115"
    return WRITTEN + as_yaml(content)


def _target(host: str, one: Container) -> dict[str, Any]:
    labels = {"service": one.service, "process": one.role}
    if one.web:
        labels["__metrics_path__"] = f"/-/{one.service}/metrics"
    return {"targets": [f"{host}:{HTTP_PORT if one.web else METRICS_PORT}"], "labels": labels}

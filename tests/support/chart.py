"""The chart for tests: sets of values, and the objects that it renders with them."""

from typing import Any

import helm_python as helm
import yaml

from tests.support.processes import PROJECT

CHART = PROJECT / "deploy" / "chart"
NEEDED: dict[str, Any] = {
    "hosts": {"public": "register.example.org", "desk": "desk.example.org"},
    "mailFrom": "upr@example.org",
    "trustedProxies": "10.0.0.0/8",
    "postgresql": {"host": "db.example.org:5432"},
    "networkPolicy": {"serverNetworks": ["192.0.2.0/24"]},
}
OPERATORS: dict[str, Any] = {
    "keda": {"enabled": True},
    "monitoring": {"enabled": True, "labels": {"release": "prometheus"}},
    "externalSecrets": {"enabled": True, "store": "vault"},
    "postgresql": {"enabled": True},
    "rabbitmq": {"enabled": True},
}
SETS: dict[str, dict[str, Any]] = {
    "small": {},
    "medium": yaml.safe_load((CHART / "values-medium.yaml").read_text()),
    "large": yaml.safe_load((CHART / "values-large.yaml").read_text()),
    "operators": OPERATORS,
    "keda": {"keda": {"enabled": True}, "processes": {"notifications-send": {"replicas": 0, "maxReplicas": 9}}},
    "monitored": {"monitoring": {"enabled": True}},
    "one-node": {"postgresql": {"enabled": True, "instances": 1}, "rabbitmq": {"enabled": True, "replicas": 1}},
    "shared-limits": {"limitsUrl": "rediss://redis.example.org"},
    "without-ingress": {"ingress": {"enabled": False}, "networkPolicy": {"enabled": False}},
    "keys-database": {"formKeys": {"database": True}},
    "stopped": {**OPERATORS, "stopped": True},
    "plain": {"insecure": "database,broker", "web": {"replicas": 1}, "gateway": {"replicas": 1}},
}


def complete(values: dict[str, Any]) -> dict[str, Any]:
    """``values`` over those that each installation needs."""
    parts = {name: {**part, **values.get(name, {})} for name, part in NEEDED.items() if isinstance(part, dict)}
    return {**NEEDED, **values, **parts}


def rendered(chart: helm.Chart, values: dict[str, Any], *, is_upgrade: bool = False) -> list[dict[str, Any]]:
    """Every object of a release, and its hooks."""
    texts = chart.render(
        values=complete(values),
        name="troika",
        namespace="troika",
        is_install=not is_upgrade,
        is_upgrade=is_upgrade,
    )
    return [each for text in texts.values() for each in yaml.load_all(text, yaml.CSafeLoader) if each]


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Specifications of pods, by the name of what makes them."""
    found = {}
    for one in objects:
        if one["kind"] in ("Deployment", "Job"):
            found[one["metadata"]["name"]] = one["spec"]["template"]["spec"]
        if one["kind"] == "CronJob":
            found[one["metadata"]["name"]] = one["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


def named(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Objects of a kind by name."""
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}

"""Which alerts a fault raises, and which notifications Alertmanager makes of them with its configuration.

The faults are those that were seen on installations that ran: every alert that their rules raise, also late ones. The
evaluation is the part of Alertmanager's that our configuration uses; ``tests/alerting`` holds it against the real one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.processes import PROJECT

Labels = Mapping[str, str]

RULES = PROJECT / "deploy/prometheus/rules"
CONFIGURATION = PROJECT / "deploy/prometheus/alertmanager.yml"
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')
_PATH = (
    '{{ if and (eq $labels.service "registration") '
    '(match "^(forms|own|decide|web|work)$" $labels.process) }}intake{{ end }}'
)
_OF_QUEUE = '{{ reReplaceAll "[.].*" "" $labels.queue }}'

INTAKE = [("registration", process) for process in ("forms", "own", "desk", "decide", "relay", "consume", "tend")]
OTHERS = [("events", "web"), ("events", "relay"), ("notifications", "web"), ("notifications", "send")]
PAGE = "https://register.example.org/programme"


@cache
def rules() -> dict[str, dict[str, Any]]:
    """Every alerting rule by its name."""
    files = sorted(RULES.glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def raised(alert: str, **labels: str) -> dict[str, str]:
    """The labels with which the rule of ``alert`` raises it for a series with ``labels``."""
    needed = labels.get("process") in ("forms", "own", "decide", "web", "work")
    path = "intake" if labels.get("service") == "registration" and needed else ""
    templates = {_OF_QUEUE: labels.get("queue", "").partition(".")[0], _PATH: path}
    own = {name: templates.get(value, value) for name, value in rules()[alert]["labels"].items()}
    return {name: value for name, value in {"alertname": alert, **labels, **own}.items() if value}


@cache
def faults() -> dict[str, list[dict[str, str]]]:
    """Every alert that a fault raises, by the fault."""
    database = [
        raised("TroikaPostgresDown", cluster="main"),
        raised("TroikaPostgresServerDown", cluster="main", instance="db:9187"),
        *(raised("TroikaDatabaseErrors", service=each) for each in ("registration", "events", "notifications")),
        raised("TroikaIntakeErrors"),
        raised("TroikaRefusing", service="registration", process="forms"),
        raised("TroikaSubmissionsUndecided"),
        raised("TroikaMailPending", lane="transactional"),
        raised("TroikaAuditMissing"),
        raised("TroikaCanaryMissing"),
    ]
    broker = [
        raised("TroikaBrokerDown"),
        raised("TroikaBrokerUnreachable", service="events", role="consumer"),
        raised("TroikaBrokerUnreachable", service="registration", role="relay"),
        *(raised("TroikaConsumerStuck", service=each) for each in ("registration", "events", "notifications")),
        *(raised("TroikaOutboxStalled", service=each) for each in ("registration", "events", "notifications")),
        raised("TroikaQueueWithoutConsumer", queue="notifications.mail"),
        raised("TroikaCanaryMissing"),
    ]
    process = [
        raised("TroikaProcessDown", service="registration", process="decide", instance="a:9103", job="troika"),
        raised("TroikaSubmissionsUndecided"),
        raised("TroikaCanaryMissing"),
    ]
    web = [
        raised("TroikaProcessDown", service="registration", process="forms", instance=f"{host}:8000", job="troika")
        for host in ("a", "b")
    ]
    page = raised("TroikaPublicPageDown", instance=PAGE)
    everything = [
        raised("TroikaProcessDown", service=service, process=name, instance=f"{service}-{name}", job="troika")
        for service, name in (*INTAKE, *OTHERS)
    ]
    gateway = raised("TroikaGatewayDown", job="gateway", instance="gateway:9180")
    return {
        "database": database,
        "database, seen by the services alone": [one for one in database if "Postgres" not in one["alertname"]],
        "broker": broker,
        "one process": process,
        "all processes of the forms": [*web, page, raised("TroikaIntakeErrors"), raised("TroikaCanaryMissing")],
        "gateway": [gateway, page, raised("TroikaCanaryMissing")],
        "total outage": [raised("TroikaOutage"), *broker, *everything, gateway, page],
        "total outage, seen by a standby elsewhere": [raised("TroikaOutage"), *database, *everything, gateway, page],
        "public network": [page, raised("TroikaCanaryMissing")],
        "one node of three": [raised("TroikaBrokerNodeDown", job="rabbitmq", instance="mq-2:15692")],
    }


PAGED = {"one node of three": set[str]()}
"""Layers that page, where it is not exactly one."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What becomes of alerts: the group of each notification as (receiver, labels of the group), and who is in it."""

    groups: Mapping[tuple[str, tuple[tuple[str, str], ...]], list[Labels]]
    inhibited: list[Labels]

    @property
    def pages(self) -> list[tuple[tuple[str, str], ...]]:
        """Labels of each group that is sent to the pager."""
        return [labels for receiver, labels in self.groups if receiver == "page"]


def evaluate(alerts: Iterable[Labels], path: Path = CONFIGURATION) -> Evaluated:
    """Which notifications are made of ``alerts`` that fire together."""
    configuration = _read_configuration(path)
    everything = list(alerts)
    inhibited = [one for one in everything if _is_inhibited(one, everything, configuration["inhibit_rules"])]
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[Labels]] = {}
    for alert in everything:
        if alert not in inhibited:
            receiver, by = _routed(alert, configuration["route"])
            key = tuple((label, alert.get(label, "")) for label in by)
            groups.setdefault((receiver, key), []).append(alert)
    return Evaluated(groups, inhibited)


@cache
def _read_configuration(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _is_inhibited(alert: Labels, alerts: list[Labels], inhibit_rules: list[dict[str, Any]]) -> bool:
    for rule in inhibit_rules:
        if not _matches(alert, rule["target_matchers"]) or _matches(alert, rule["source_matchers"]):
            continue
        equal = rule.get("equal", [])
        for source in alerts:
            same = all(source.get(label, "") == alert.get(label, "") for label in equal)
            if same and _matches(source, rule["source_matchers"]):
                return True
    return False


def _routed(alert: Labels, route: dict[str, Any], inherited: tuple[str, list[str]] = ("", [])) -> tuple[str, list[str]]:
    """Receiver and grouping of the first route that fits, down to the leaves."""
    here = (route.get("receiver", inherited[0]), route.get("group_by", inherited[1]))
    return next(
        (_routed(alert, each, here) for each in route.get("routes", []) if _matches(alert, each["matchers"])), here
    )


def _matches(alert: Labels, matchers: list[str]) -> bool:
    return all(_fits(alert, *found) for found in _read(matchers))


def _read(matchers: list[str]) -> Iterator[tuple[str, str, str]]:
    for text in matchers:
        found = _MATCHER.fullmatch(text)
        assert found is not None, text
        yield found[1], found[2], found[3]


def _fits(alert: Labels, label: str, operator: str, value: str) -> bool:
    actual = alert.get(label, "")
    fits = re.fullmatch(value, actual) is not None if "~" in operator else actual == value
    return fits != operator.startswith("!")

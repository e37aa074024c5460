"""Where alerts go: ``deploy/prometheus/alertmanager.yml``, written by ``make specs``.

Each alert has a layer. What fails in an upper layer explains what is seen in those below it, so the lower ones are not
sent (inhibition), and what is left of one layer is one notification (grouping): one fault raises one page.

That works only if a cause is known before its consequences are sent. Prometheus sees a fault up to 28 s after it
happened (10 s between two scrapes, 8 s until one gives up, twice 5 s between two evaluations of the rules), so each
layer is sent later than the one above can fire::

    layer      rule "for"   group_wait   fires after   sent after
    outage     10 s         5 s          10 to 38 s    15 to 43 s
    database   20 s         20 s         20 to 48 s    40 s, when an outage has fired, to 68 s
    broker     30 s         20 s         30 to 58 s    50 s, when a database's alert has fired, to 78 s
    process    40 s         20 s         40 to 68 s    60 s, when a broker's alert has fired, to 88 s
    symptom    45 s         25 s         45 to 73 s    70 s, when a process's alert has fired, to 98 s

When a fault is over, its consequences last a little longer: the alerts of causes keep firing for six minutes.
"""

from dataclasses import dataclass
from typing import Any

import yaml

HEADER = """\
# Written by `make specs`: change deploy/alerting.py, not this file. Why it is so: its first lines.
# Addresses are files in /etc/alertmanager/receivers, each with the URL of a webhook: page, ticket, watchdog.
# Anything else that Alertmanager can write to goes in their place: docs/how-to/operate.md, "Alerts".
"""
RECEIVERS = "/etc/alertmanager/receivers"
PAGER, TICKETS, WATCHDOG = "page", "ticket", "watchdog"
OUTAGE, DATABASE, BROKER, PROCESS = "outage", "database", "broker", "process"
SYMPTOM, INDEPENDENT = "symptom", "independent"
HEARTBEAT = "30s"
"""How often the watchdog is sent: a dead man's switch that waits 90 s for it pages within two minutes."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Where a fault is.

    Attributes:
        name: value of the label ``layer``.
        group_wait_s: how long the first alert waits for others, and for what explains it, seconds.
        group_by: labels whose alerts are one notification.
    """

    name: str
    group_wait_s: int
    group_by: tuple[str, ...] = ("layer",)


LAYERS = (
    Layer(OUTAGE, 5),
    Layer(DATABASE, 20),
    Layer(BROKER, 20),
    Layer(PROCESS, 20),
    Layer(SYMPTOM, 25),
    Layer(INDEPENDENT, 10, ("alertname",)),
)
"""Layers from the top down. An independent alert neither inhibits others nor is inhibited."""

PATH_INTAKE = "intake"
"""Value of the label ``path`` of what people need to register, which works without a broker."""


def alertmanager() -> str:
    """The text of ``alertmanager.yml``."""
    content = {
        "route": route(),
        "inhibit_rules": inhibit_rules(),
        "receivers": [_receiver(name) for name in (PAGER, TICKETS, WATCHDOG)],
    }
    return HEADER + str(yaml.safe_dump(content, sort_keys=False, width=120))


def route() -> dict[str, Any]:
    """Pages by layer, tickets by alert, the watchdog to the dead man's switch."""
    watchdog = {
        "matchers": ['severity="watchdog"'],
        "receiver": WATCHDOG,
        "group_by": ["alertname"],
        "group_wait": "0s",
        "group_interval": HEARTBEAT,
        "repeat_interval": "25s",
    }
    pages = {
        "matchers": ['severity="page"'],
        "receiver": PAGER,
        "group_interval": "5m",
        "repeat_interval": "4h",
        "routes": [_of_layer(layer) for layer in LAYERS],
    }
    return {
        "receiver": TICKETS,
        "group_by": ["alertname", "service"],
        "group_wait": "2m",
        "group_interval": "30m",
        "repeat_interval": "24h",
        "routes": [watchdog, pages],
    }


def inhibit_rules() -> list[dict[str, Any]]:
    """Alerts that a page of each layer explains. A process explains the symptoms of its service, and of the whole."""
    return [
        _inhibit(OUTAGE, [f'layer=~"{DATABASE}|{BROKER}|{PROCESS}|{SYMPTOM}"']),
        _inhibit(DATABASE, [f'layer=~"{BROKER}|{PROCESS}|{SYMPTOM}"']),
        _inhibit(BROKER, [f'layer=~"{PROCESS}|{SYMPTOM}"', f'path!="{PATH_INTAKE}"']),
        _inhibit(PROCESS, [f'layer="{SYMPTOM}"'], equal=["service"]),
        _inhibit(PROCESS, [f'layer="{SYMPTOM}"', 'service=""']),
        _inhibit(PROCESS, [f'layer="{SYMPTOM}"', f'path="{PATH_INTAKE}"'], source='alertname="TroikaGatewayDown"'),
    ]


def _of_layer(layer: Layer) -> dict[str, Any]:
    return {
        "matchers": [f'layer="{layer.name}"'],
        "group_by": list(layer.group_by),
        "group_wait": f"{layer.group_wait_s}s",
    }


def _inhibit(layer: str, targets: list[str], *, source: str = "", equal: list[str] | None = None) -> dict[str, Any]:
    sources = ['severity="page"', f'layer="{layer}"', *([source] if source else [])]
    rule: dict[str, Any] = {"source_matchers": sources, "target_matchers": targets}
    return rule | ({"equal": equal} if equal else {})


def _receiver(name: str) -> dict[str, Any]:
    webhook = {"url_file": f"{RECEIVERS}/{name}", "send_resolved": name != WATCHDOG}
    return {"name": name, "webhook_configs": [webhook]}

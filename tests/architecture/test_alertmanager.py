"""One fault raises one page, and an alert that another fault does not explain is never suppressed by it."""

import re
from itertools import pairwise

import pytest

from deploy.alerting import INDEPENDENT, LAYERS, PATH_INTAKE
from tests.support.alerting import PAGED, evaluate, faults, raised, rules

RULES = rules()
LATEST_S = 28
"""From a fault to the evaluation that sees it: 10 s to the next scrape, 8 s until it gives up, 5 s to the evaluation
that begins to wait and 5 s to the one that fires."""

CAUSES = {
    "outage": ["TroikaOutage"],
    "database": ["TroikaPostgresDown"],
    "broker": ["TroikaBrokerDown"],
    "process": ["TroikaProcessDown", "TroikaGatewayDown", "TroikaDatabaseErrors"],
    "symptom": ["TroikaPublicPageDown"],
}
"""What is seen at once when a layer fails; everything else of the layer comes later."""


def _for_s(alert: str) -> int:
    found = re.fullmatch(r"(\d+)([sm])", RULES[alert].get("for", "0s"))
    assert found is not None
    return int(found[1]) * {"s": 1, "m": 60}[found[2]]


def _down(service: str, process: str) -> dict[str, str]:
    return raised("TroikaProcessDown", service=service, process=process)


@pytest.mark.parametrize("fault", faults())
def test_one_fault_raises_one_page(fault: str) -> None:
    pages = evaluate(faults()[fault]).pages
    assert len(pages) == (0 if fault in PAGED else 1)


@pytest.mark.parametrize(
    ("alerts", "pages"),
    [
        ([raised("TroikaProcessDown", service="events"), raised("TroikaIntakeErrors")], ["process", "symptom"]),
        ([raised("TroikaBrokerDown"), raised("TroikaIntakeErrors")], ["broker", "symptom"]),
        ([raised("TroikaBrokerDown"), raised("TroikaPublicPageDown", instance="p")], ["broker", "symptom"]),
        ([raised("TroikaBrokerDown"), raised("TroikaDatabaseErrors", service="events")], ["broker", "process"]),
        ([raised("TroikaBrokerDown"), _down("registration", "decide")], ["broker", "process"]),
        ([raised("TroikaBrokerDown"), _down("registration", "web")], ["broker", "process"]),
        ([raised("TroikaBrokerDown"), _down("events", "web")], ["broker"]),
        ([raised("TroikaBrokerDown"), _down("notifications", "send")], ["broker"]),
        ([raised("TroikaBrokerNodeDown", instance="b"), raised("TroikaCanaryMissing")], ["symptom"]),
        ([raised("TroikaPostgresDown"), raised("TroikaAuditDifference", equation="A1")], ["database", "independent"]),
        ([raised("TroikaAuditDifference", equation="A1"), raised("TroikaIntakeErrors")], ["independent", "symptom"]),
        ([raised("TroikaProcessDown", service="events"), raised("TroikaCanaryMissing")], ["process"]),
    ],
    ids=str,
)
def test_what_another_fault_does_not_explain_is_sent(alerts: list[dict[str, str]], pages: list[str]) -> None:
    found = evaluate(alerts)
    layers = {alert["layer"] for (receiver, _), group in found.groups.items() if receiver == "page" for alert in group}
    assert sorted(layers) == pages


@pytest.mark.parametrize("alert", RULES)
def test_every_alert_has_a_layer_and_its_way(alert: str) -> None:
    labels = RULES[alert]["labels"]
    assert labels["layer"] in {layer.name for layer in LAYERS}
    assert raised(alert, queue="events.rollup", process="forms").get("path", PATH_INTAKE) == PATH_INTAKE
    ((receiver, _),) = evaluate([raised(alert, queue="events.rollup")]).groups
    assert receiver == labels["severity"]
    keeps = labels["severity"] == "page" and labels["layer"] not in ("symptom", INDEPENDENT)
    assert not keeps or "keep_firing_for" in RULES[alert]


def test_a_cause_is_known_before_its_consequences_are_sent() -> None:
    """The earliest that a lower layer is sent is later than the latest that an upper layer fires."""
    for upper, lower in pairwise(LAYERS):
        if lower.name == INDEPENDENT:
            continue
        fires_s = max(_for_s(alert) for alert in CAUSES[upper.name]) + LATEST_S
        layer = [name for name, rule in RULES.items() if rule["labels"]["layer"] == lower.name]
        pages = [name for name in layer if RULES[name]["labels"]["severity"] == "page" and _for_s(name)]
        assert min(map(_for_s, pages)) == min(_for_s(alert) for alert in CAUSES[lower.name])
        assert min(map(_for_s, pages)) + lower.group_wait_s >= fires_s


def test_a_total_outage_pages_within_two_minutes() -> None:
    assert _for_s("TroikaPublicPageDown") + LATEST_S + LAYERS[4].group_wait_s <= 100

"""Every alert has a unit test and a runbook, names only what exists, and gives an operator the facts to act on."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.up.watching import paced
from tests.architecture.metric_series import faults_of, promtool
from tests.architecture.sources import text_of
from tests.support.processes import PROJECT

PROMETHEUS = Path("deploy/prometheus")
RULES = sorted(path.relative_to(PROJECT) for path in (PROJECT / PROMETHEUS / "rules").glob("*.yml"))
TESTS = [PROMETHEUS / "tests" / path.name for path in RULES]
HEADINGS = ["What it means", "First look", "What to do", "How to verify"]
PACE = 20


def _alerts(path: Path) -> list[dict[str, Any]]:
    return [rule for rule in _rules(path) if "alert" in rule]


def _rules(path: Path) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(text_of(path))["groups"] for rule in group["rules"]]


ALERTS = [alert for path in RULES for alert in _alerts(path)]
IDS = [alert["alert"] for alert in ALERTS]


def test_there_are_alerts_and_each_name_is_given_once() -> None:
    assert len(IDS) >= 12
    assert len(IDS) == len(set(IDS))


@pytest.mark.parametrize("path", TESTS, ids=str)
def test_unit_tests_of_rules_pass(path: Path) -> None:
    done = promtool("test", "rules", path.name, folder=PROJECT / path.parent)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", TESTS, ids=str)
def test_each_alert_is_tested_both_ways(path: Path) -> None:
    """Its test shows it silent before the fault and firing after it."""
    cases = [case for test in yaml.safe_load(text_of(path))["tests"] for case in test.get("alert_rule_test", ())]
    seen = {(case["alertname"], bool(case["exp_alerts"])) for case in cases}
    names = {alert["alert"] for alert in _alerts(PROMETHEUS / "rules" / path.name)}
    always = {("TroikaWatchdog", False)}
    assert seen == {(name, fires) for name in names for fires in (False, True)} - always


def test_every_series_of_postgresql_that_alerts_use_is_recorded_of_cloudnativepg() -> None:
    recorded = {rule["record"] for rule in _rules(PROMETHEUS / "rules/cloudnativepg.yml") if "record" in rule}
    used = {name for alert in ALERTS for name in re.findall(r"\bpg_\w+", alert["expr"])}
    assert recorded == used | {"troika_backup_last_success_timestamp_seconds"}


@pytest.mark.parametrize("alert", ALERTS, ids=IDS)
def test_alert_has_its_runbook(alert: dict[str, Any]) -> None:
    runbook = Path(alert["annotations"]["runbook"])
    assert runbook == Path("docs/runbooks") / f"{alert['alert']}.md"
    assert re.findall(r"^## (.+)$", text_of(runbook), re.MULTILINE) == HEADINGS


def test_no_runbook_is_left_over() -> None:
    pages = {path.stem for path in (PROJECT / "docs/runbooks").glob("*.md")}
    assert pages == {*IDS, "README"}
    listed = re.findall(r"^- \[(\w+)\]\(\1\.md\) \((\w+)\)$", text_of(Path("docs/runbooks/README.md")), re.MULTILINE)
    assert sorted(listed) == sorted((alert["alert"], alert["labels"]["severity"]) for alert in ALERTS)


@pytest.mark.parametrize("alert", ALERTS, ids=IDS)
def test_alert_names_only_what_exists(alert: dict[str, Any]) -> None:
    assert faults_of(alert["expr"]) == []


@pytest.mark.parametrize(
    ("expression", "faults"),
    [
        ("troika_no_such_total > 0", ["no series troika_no_such_total"]),
        ('troika_outbox_published_total{result="x"} > 0', ["troika_outbox_published_total has no label result"]),
        ("sum by (lane) (troika_broker_connected)", ["no label lane to group by"]),
        ('sum by (queue) (rate(troika_consumed_total{outcome="done"}[5m])) > 1', []),
    ],
)
def test_names_that_do_not_exist_are_found(expression: str, faults: list[str]) -> None:
    assert faults_of(expression) == faults


@pytest.mark.parametrize("alert", ALERTS, ids=IDS)
def test_alert_has_a_severity(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket", "watchdog")
    assert len(alert["annotations"]["summary"]) > 20


@pytest.mark.parametrize("path", RULES, ids=str)
def test_paced_rules_are_valid_and_faster(path: Path, tmp_path: Path) -> None:
    """The rules of the live test differ from ours in their times alone."""
    fast = paced(text_of(path), PACE)
    (tmp_path / "fast.yml").write_text(fast)
    done = promtool("check", "rules", "fast.yml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    left = re.findall(r"\d+[smhd]\b", "\n".join(re.findall(r"\[[^\]]*\]|for: \S+", fast)))
    assert [duration for duration in left if not duration.endswith("ms")] == []


def test_pace_divides_durations_and_marked_seconds() -> None:
    text = "expr: |\n  rate(x_total[5m]) > 60 # seconds\nfor: 2m\nother: 60"
    assert paced(text, 20) == "expr: |\n  rate(x_total[15000ms]) > 3 # seconds\nfor: 6000ms\nother: 60"


def test_pace_leaves_prometheus_enough_time() -> None:
    assert paced("  scrape_interval: 10s\n  scrape_timeout: 8s\n", 25) == (
        "  scrape_interval: 800ms\n  scrape_timeout: 800ms\n"
    )


def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text(paced(text_of(PROMETHEUS / "prometheus.yml"), PACE))
    done = promtool("check", "config", "--syntax-only", "prometheus.yml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

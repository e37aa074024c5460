"""The Grafana board, made from the list of panels; `make specs` writes it to deploy/grafana/troika.json.

What is added here to each panel: the filters of the board's variables, and a link to the runbook of each alert that
watches one of its series.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from deploy.board_panels import ROWS, Panel
from deploy.reference_pages import all_metrics, name_of

COLUMNS, WIDTH, HEIGHT = 3, 8, 8
RULES = Path("deploy/prometheus/rules")
SOURCE = {"type": "prometheus", "uid": "${prometheus}"}
VARIABLES = {
    "service": 'label_values(up{job="troika"}, service)',
    "instance": 'label_values(up{job="troika",service=~"$service"}, instance)',
    "form": "label_values(troika_canary_last_success_timestamp_seconds, form)",
}
"""What can be chosen, by the name of the variable: the label of that name, of our own series."""

DEPLOYMENTS = "count by (version) (troika_build_info) unless count by (version) (troika_build_info offset 2m)"
"""A version that was not there two minutes before."""

PAGES = 'ALERTS{alertstate="firing",severity="page"}'
RUNBOOKS = "https://docs.example.org/runbooks"
"""Where runbooks can be read; each installation sets its own in the board's variable."""

_OURS = re.compile(r"\b(troika_\w+)(?:\{([^}]*)\})?")
_SERIES = re.compile(r"\b(?:troika|rabbitmq|pg|probe|node|caddy)_\w+")


def chosen(query: str) -> str:
    """``query`` for what the variables choose: each of our series has a service and an instance, some a form."""

    def narrowed(found: re.Match[str]) -> str:
        labels = ["service", "instance", *(["form"] if found[1] in _with_form() else [])]
        matchers = found[2].split(",") if found[2] else []
        fixed = {matcher.partition("=")[0] for matcher in matchers}
        matchers += [f'{label}=~"${label}"' for label in labels if label not in fixed]
        return f"{found[1]}{{{','.join(matchers)}}}"

    return _OURS.sub(narrowed, query)


@cache
def _with_form() -> frozenset[str]:
    """Names of series with the label ``form``, of histograms with their parts."""
    names = [name_of(metric) for metric in all_metrics() if "form" in metric._labelnames]
    return frozenset(f"{name}{part}" for name in names for part in ("", "_bucket", "_count", "_sum"))


@cache
def _watched() -> dict[str, list[str]]:
    """Names of alerts by each series that they watch."""
    found: dict[str, list[str]] = {}
    for path in sorted(RULES.glob("*.yml")):
        groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
            for series in sorted(set(_SERIES.findall(rule["expr"]))):
                found.setdefault(series, []).append(rule["alert"])
    return found


def runbooks(panel: Panel) -> list[str]:
    """Alerts that watch a series which ``panel`` shows, sorted."""
    series = {name for query in panel.queries.values() for name in _SERIES.findall(query)}
    return sorted({alert for name in series for alert in _watched().get(name, [])})


def board() -> str:
    """The board as Grafana imports it; it asks for its Prometheus."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        panels.append({"type": "row", "title": title, "id": len(panels) + 1, "gridPos": _place(top, 0, 24, 1)})
        top += 1
        for number, panel in enumerate(row):
            line, column = divmod(number, COLUMNS)
            panels.append(_panel(panel, len(panels) + 1, _place(top + line * HEIGHT, column * WIDTH, WIDTH, HEIGHT)))
        top += -(-len(row) // COLUMNS) * HEIGHT
    content = {
        "title": "Troika",
        "uid": "troika",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "tags": ["troika"],
        "templating": {"list": list(_variables())},
        "annotations": {
            "list": [
                _annotation("Deployments", DEPLOYMENTS, "{{version}}"),
                _annotation("Pages", PAGES, "{{alertname}}"),
            ]
        },
        "panels": panels,
    }
    return json.dumps(content, indent=2) + "\n"


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "prometheus", "type": "datasource", "query": "prometheus"}
    for name, query in VARIABLES.items():
        asked = {"query": query, "refId": name}
        several = {"multi": True, "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}}
        yield {"name": name, "type": "query", "datasource": SOURCE, "query": asked, "refresh": 2, "sort": 1, **several}
    where = {"query": RUNBOOKS, "current": {"text": RUNBOOKS, "value": RUNBOOKS}}
    yield {"name": "runbooks", "label": "runbooks at", "type": "textbox", **where}


def _annotation(name: str, query: str, text: str) -> dict[str, Any]:
    colour = "blue" if name == "Deployments" else "red"
    asked = {"expr": query, "titleFormat": name, "textFormat": text, "step": "60s"}
    return {"name": name, "enable": True, "iconColor": colour, "datasource": SOURCE, **asked}


def _place(y: int, x: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "id": number,
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": place,
        "links": [
            {"title": alert, "url": f"${{runbooks}}/{alert}.md", "targetBlank": True} for alert in runbooks(panel)
        ],
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": chosen(query), "legendFormat": legend}
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }

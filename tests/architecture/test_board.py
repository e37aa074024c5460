"""The Grafana board queries only metrics that exist, in expressions that Prometheus accepts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.metric_series import faults_of, promtool
from tests.architecture.sources import text_of

BOARD: dict[str, Any] = json.loads(text_of(Path("deploy/grafana/troika.json")))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
ANNOTATIONS = [annotation["expr"] for annotation in BOARD["annotations"]["list"]]


def test_board_has_panels() -> None:
    """Every query of the file is checked below."""
    assert len(QUERIES) >= 20


@pytest.mark.parametrize("query", QUERIES)
def test_query_names_only_what_exists(query: str) -> None:
    assert faults_of(query.replace("$__rate_interval", "5m")) == []


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    plain = [query.replace("$__rate_interval", "5m") for query in [*QUERIES, *ANNOTATIONS]]
    rules = [{"record": f"board:panel:{number}", "expr": query} for number, query in enumerate(plain)]
    (tmp_path / "board.yml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    done = promtool("check", "rules", "board.yml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(plain)} rules found" in done.stdout


def test_legends_name_labels_that_are_grouped_by() -> None:
    for target in (target for panel in PANELS for target in panel["targets"]):
        for label in target["legendFormat"].replace("}}", "{{").split("{{")[1::2]:
            assert label in target["expr"].partition("by (")[2].partition(")")[0]


def test_every_series_of_ours_follows_the_variables() -> None:
    """A panel of a chosen service shows nothing of the others."""
    for query in QUERIES:
        for series in re.findall(r"troika_\w+\{[^}]*\}|troika_\w+", query):
            assert re.search(r'service=(~"\$service"|")', series), query
            assert 'instance=~"$instance"' in series
            assert ('form=~"$form"' in series) == series.startswith("troika_canary_")


def test_variables_ask_for_what_exists() -> None:
    variables = {one["name"]: one["query"] for one in BOARD["templating"]["list"]}
    assert list(variables) == ["prometheus", "service", "instance", "form", "runbooks"]
    for label in ("service", "instance", "form"):
        query = variables[label]
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", query["query"] if isinstance(query, dict) else query)
        assert found is not None
        assert (faults_of(f"count by ({label}) ({found[1]})"), found[2]) == ([], label)


def test_annotations_show_deployments_and_pages() -> None:
    deployments, pages = ANNOTATIONS
    assert faults_of(deployments) == []
    assert pages == 'ALERTS{alertstate="firing",severity="page"}'


def test_panels_lead_to_the_runbooks_of_what_watches_them() -> None:
    links = {link["title"] for panel in PANELS for link in panel["links"]}
    assert {"TroikaMailPending", "TroikaOutboxStalled", "TroikaPostgresConnections", "TroikaBackupOld"} <= links
    for name in links:
        assert text_of(Path(f"docs/runbooks/{name}.md"))


def test_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for panel in BOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))

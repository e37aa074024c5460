"""The Grafana board asks only for what there is, in sentences that Prometheus understands."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.board import all_queries
from tests.architecture.observed import faults_of, promtool
from tests.architecture.sources import text_of

BOARD: dict[str, Any] = json.loads(text_of(Path("deploy/grafana/troika.json")))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]


def test_board_is_what_the_list_of_panels_says() -> None:
    """Every query of the file is looked at below."""
    assert all_queries() == QUERIES
    assert len(QUERIES) >= 20


@pytest.mark.parametrize("query", QUERIES)
def test_query_names_only_what_exists(query: str) -> None:
    assert faults_of(query.replace("$__rate_interval", "5m")) == []


def test_prometheus_understands_every_query(tmp_path: Path) -> None:
    plain = [query.replace("$__rate_interval", "5m") for query in QUERIES]
    rules = [{"record": f"board:panel:{number}", "expr": query} for number, query in enumerate(plain)]
    (tmp_path / "board.yml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    done = promtool("check", "rules", "board.yml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(QUERIES)} rules found" in done.stdout


def test_legends_name_labels_that_are_grouped_by() -> None:
    for target in (target for panel in PANELS for target in panel["targets"]):
        for label in target["legendFormat"].replace("}}", "{{").split("{{")[1::2]:
            assert label in target["expr"].partition("by (")[2].partition(")")[0]


def test_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for panel in BOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))

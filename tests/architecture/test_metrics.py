"""Every metric is documented, and the code sets it."""

import re
from pathlib import Path

import pytest
from prometheus_client import Counter, Histogram

from deploy.reference_pages import METRICS, all_metrics, name_of
from tests.architecture.sources import CODE, python_files, text_of

DECLARED_IN = {Path(*module.__name__.split(".")).with_suffix(".py") for module in METRICS}
DECLARED = {name: value for module in METRICS for name, value in vars(module).items() if value in all_metrics()}


@pytest.fixture(scope="module")
def code() -> str:
    """All code but the declarations."""
    return "\n".join(text_of(path) for path in python_files(*CODE) if path not in DECLARED_IN)


@pytest.mark.parametrize("name", DECLARED)
def test_metric_is_used(code: str, name: str) -> None:
    assert re.search(rf"\b{name}\.(labels|inc|dec|set|observe|time)\b", code), f"nothing ever sets {name}"


@pytest.mark.parametrize("name", DECLARED)
def test_metric_has_the_name_of_its_variable(name: str) -> None:
    assert name_of(DECLARED[name]) == f"troika_{name}"


def test_every_metric_is_documented() -> None:
    page = text_of(Path("docs/reference/metrics.md"))
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [name_of(metric) for metric in all_metrics()]


def test_metrics_are_declared_by_their_owners() -> None:
    elsewhere = [
        path
        for path in python_files(*CODE)
        if path not in DECLARED_IN and re.search(r"\b(Counter|Gauge|Histogram|Summary)\(\s*\"", text_of(path))
    ]
    assert elsewhere == []


def test_names_contain_units() -> None:
    for metric in all_metrics():
        kind, name = type(metric), name_of(metric)
        if kind is Counter:
            assert name.endswith("_total")
        if kind is Histogram:
            assert name.endswith(("_seconds", "_size"))

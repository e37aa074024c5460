"""Metrics of requests and outcomes of the intake: labels have few values, for any input."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import Metric

from services.registration.telemetry import intake_requests_total
from tests.support.clients import SUBMISSIONS, WEBINAR, answers, rows
from tests.support.installation import TestInstallation

OUTCOMES = (
    "accepted",
    "duplicate",
    "invalid",
    "closed",
    "unknown",
    "trapped",
    "failed",
)
"""All there are: tests that run before in the same process have counted theirs."""


def counted() -> dict[str, float]:
    """Submissions so far, by outcome."""
    samples = (sample for sample in described().samples if sample.name.endswith("_total"))
    values = {sample.labels["outcome"]: sample.value for sample in samples}
    return {name: values.get(name, 0.0) for name in OUTCOMES}


def described() -> Metric:
    """The metric alone: to read all that the tests of a process have counted so far takes a tenth of a second."""
    [metric] = intake_requests_total.collect()
    return metric


def close(installation: TestInstallation) -> list[tuple[Any, ...]]:
    """Switch the form off."""
    return rows(installation.urls["registration"], "UPDATE form SET open = false")


Act = Callable[[FlaskClient, TestInstallation], Any]

ACTS: list[tuple[str, Act, dict[str, int]]] = [
    ("submission", lambda c, _: c.post(SUBMISSIONS, json=answers(1)), {"accepted": 1}),
    ("faults", lambda c, _: c.post(SUBMISSIONS, json={}), {"invalid": 1}),
    ("trap", lambda c, _: c.post(SUBMISSIONS, json=answers(1, website="x")), {"trapped": 1}),
    ("unknown form", lambda c, _: c.post("/v1/forms/none/submissions", json=answers(1)), {"unknown": 1}),
    ("unknown definition", lambda c, _: c.get("/v1/forms/none"), {"unknown": 1}),
    ("unknown page", lambda c, _: c.get("/embed/none"), {"unknown": 1}),
    ("no name of a form", lambda c, _: c.get("/embed/NO-NAME"), {"unknown": 1}),
    ("known definition", lambda c, _: c.get(f"/v1/forms/{WEBINAR}"), {}),
    ("known page", lambda c, _: c.get(f"/embed/{WEBINAR}"), {}),
    ("closed form", lambda c, i: (close(i), c.post(SUBMISSIONS, json=answers(1))), {"closed": 1}),
    ("page of a closed form", lambda c, i: (close(i), c.get(f"/embed/{WEBINAR}")), {"closed": 1}),
    ("a browser's question", lambda c, _: c.options("/v1/forms/none/submissions"), {}),
]


@pytest.mark.parametrize(("act", "expected"), [act[1:] for act in ACTS], ids=[act[0] for act in ACTS])
def test_outcome_is_counted_once(
    client: FlaskClient, installation: TestInstallation, act: Act, expected: dict[str, int]
) -> None:
    before = counted()
    act(client, installation)
    assert {name: value - before[name] for name, value in counted().items() if value != before[name]} == expected


def test_no_outcome_beside_those_that_are_described(client: FlaskClient) -> None:
    """For any request: a label for each slug would fill the memory."""
    for number in range(3):
        client.get(f"/embed/none-{number}")
    metric = described()
    assert {sample.labels["outcome"] for sample in metric.samples if sample.name.endswith("_total")} <= set(OUTCOMES)
    assert [name for name in OUTCOMES if name not in metric.documentation] == []

"""Metrics and spans of each process, as Prometheus and a collector receive them."""

import subprocess
from collections import Counter

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from deploy.reference_pages import SPAN_TYPES
from deploy.shape import WORKERS
from tests.integration.system.canaries import CANARIES
from tests.support.otlp import ROOT, CollectedSpan, Collector
from tests.support.stack import Stack
from tests.support.waiting import poll_until

CONFIRM = "POST /c/<token>"
MAILED = "send confirmation"
REGISTRATION = {
    ("registration-web", CONFIRM): 1,
    ("registration-decide", "decide"): 1,
    ("registration-relay", "publish registration.confirmed.v1"): 1,
    ("events-consume", "process events.rollup"): 1,
    ("notifications-consume", "process notifications.mail"): 1,
    ("notifications-send", MAILED): 1,
    ("notifications-relay", "publish mail.sent.v1"): 1,
    ("events-consume", "process events.contact"): 1,
    ("registration-consume", "process registration.mail"): 1,
}
"""Every span of one registration by a confirmation link."""

PARENTS = {
    CONFIRM: ROOT,
    "decide": CONFIRM,
    "publish registration.confirmed.v1": "decide",
    "process events.rollup": "decide",
    "process notifications.mail": "decide",
    MAILED: "process notifications.mail",
    "publish mail.sent.v1": "process notifications.mail",
    "process events.contact": "process notifications.mail",
    "process registration.mail": "process notifications.mail",
}
"""Which span each is a child of: the parent in the message counts where it is published and where it is used."""


def pages(whole: Stack) -> dict[str, str]:
    """The metrics page of every process, by its name."""
    assert whole.web is not None
    found = {"registration-web": requests.get(f"{whole.web.url}/-/registration/metrics", timeout=5).text}
    for service, role in WORKERS:
        name = f"{service}-{role}"
        found[name] = requests.get(f"http://127.0.0.1:{whole.ports[name]}/metrics", timeout=5).text
    return found


def figures(page: str, name: str) -> dict[str, float]:
    """Samples of one metric by the values of its labels."""
    return {
        " ".join(sample.labels[label] for label in sorted(sample.labels, reverse=True)): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name
    }


def test_promtool_accepts_every_page(whole: Stack) -> None:
    """``promtool check metrics`` reports nothing about our metrics."""
    for name, page in pages(whole).items():
        checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, ""), name
        assert "troika_" in page


def test_one_registration_is_counted_once(whole: Stack) -> None:
    """Accepted 1, each message done once, handed over 2: the mail that asks for it, and the confirmation."""
    found = pages(whole)
    assert figures(found["registration-web"], "troika_intake_requests_total")["accepted"] == 1.0
    assert figures(found["notifications-send"], "troika_mails_total") == {
        "sent verification": 1.0,
        "sent confirmation": 1.0,
    }
    consumed = figures(found["events-consume"], "troika_consumed_total")
    assert consumed == {"events.rollup done": 1.0, "events.contact done": 2.0}
    published = figures(found["registration-relay"], "troika_outbox_published_total")
    assert published == {"registration confirmed": 2.0}
    for service in ("registration", "events", "notifications"):
        age = figures(found[f"{service}-relay"], "troika_outbox_oldest_unpublished_age_seconds")
        assert age == {service: 0.0}


def test_probes_answer(whole: Stack) -> None:
    """Every worker reports that it is live and ready."""
    for service, role in WORKERS:
        address = f"http://127.0.0.1:{whole.ports[f'{service}-{role}']}"
        assert [requests.get(address + path, timeout=5).status_code for path in ("/livez", "/readyz", "/x")] == [
            200,
            200,
            503,
        ]


@pytest.fixture(scope="module")
def registration(whole: Stack, collector: Collector) -> list[CollectedSpan]:
    """The spans of the trace in which the confirmation was mailed, once all have come."""

    def trace() -> list[CollectedSpan]:
        return collector.trace_of(MAILED)

    poll_until(lambda: len(trace()) >= len(REGISTRATION), 20, what="all spans of the registration have come")
    return trace()


def test_a_registration_is_one_trace(registration: list[CollectedSpan]) -> None:
    assert Counter((span.process, span.name) for span in registration) == REGISTRATION


def test_each_span_is_a_child_of_its_cause(registration: list[CollectedSpan]) -> None:
    names = {span.id: span.name for span in registration} | {ROOT: ROOT}
    assert {span.name: names[span.parent] for span in registration} == PARENTS


def test_a_submission_leads_to_its_decision(whole: Stack, collector: Collector) -> None:
    """In one trace. A mail that asks to confirm is sent when its mailbox may have one: it is a separate trace."""
    name, status = "POST /v1/forms/<slug>/submissions", "http.response.status_code"

    def trace() -> set[str]:
        accepted = {span.trace for span in collector.spans if span.name == name and span.attributes[status] == 202}
        return {span.name for span in collector.spans if span.trace in accepted}

    poll_until(lambda: "decide" in trace(), 20, what="the span of the decision has come")
    assert not trace() & {"send verification", MAILED}


def test_spans_have_the_attributes_of_their_type_and_no_personal_data(whole: Stack, collector: Collector) -> None:
    allowed = {name for kind in SPAN_TYPES for name in kind.attributes}
    assert {name for span in collector.spans for name in span.attributes} <= allowed
    everything = b"".join(collector.bodies).lower()
    assert b"post /c/<token>" in everything
    assert [name for name, value in CANARIES.items() if value.encode() in everything] == []


def test_probes_and_metrics_have_no_span(whole: Stack, collector: Collector) -> None:
    assert [span.name for span in collector.spans if "/-/" in span.name] == []

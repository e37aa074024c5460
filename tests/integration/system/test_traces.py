"""One registration, from the request to the mail, is one trace over all processes, and nobody stands in it."""

from collections import Counter

import pytest

from shared.core.spans import SPAN_TYPES
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
    ("registration-consume", "process registration.mails"): 1,
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
    "process registration.mails": "process notifications.mail",
}
"""Which span each is a child of: what a message says is its parent both where it is published and where it is used."""


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


def test_a_submission_is_in_the_trace_of_its_decision(whole: Stack, collector: Collector) -> None:
    """A mail that asks to confirm goes when its mailbox may have one: it is a trace of its own."""
    spans = collector.trace_of("POST /v1/forms/<slug>/submissions")
    assert {span.name for span in spans} >= {"decide"}
    assert not {span.name for span in spans} & {"send verification", MAILED}


def test_spans_say_what_their_type_may_say_and_nobodys_data(whole: Stack, collector: Collector) -> None:
    allowed = {name for kind in SPAN_TYPES for name in kind.attributes}
    assert {name for span in collector.spans for name in span.attributes} <= allowed
    everything = b"".join(collector.bodies).lower()
    assert b"post /c/<token>" in everything
    assert [name for name, value in CANARIES.items() if value.encode() in everything] == []


def test_probes_and_metrics_have_no_span(whole: Stack, collector: Collector) -> None:
    assert [span.name for span in collector.spans if "/-/" in span.name] == []

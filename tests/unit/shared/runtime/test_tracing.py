"""Spans: their attributes, their parents, and that nothing is loaded or changed without a collector."""

import ast
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.notifications.telemetry import SEND_MAIL
from services.registration.telemetry import DECIDE
from shared.cli.settings import RELAY, read_common
from shared.runtime import tracing
from shared.runtime.errors import SettingsError
from shared.runtime.logs import _Formatter, carried_trace, carrying, traceparent
from shared.runtime.settings import SettingsEnv
from tests.architecture.sources import text_of

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"
OTHER = f"00-{'c' * 32}-{'d' * 16}-01"
NOT_RECORDED = f"00-{'e' * 32}-{'f' * 16}-00"
ONE = {"messaging.batch.message_count": 1}


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    """What this process has recorded."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(tracing.Tracer(provider))
    yield exporter
    tracing.use(None)


def test_without_a_collector_the_trace_context_passes_through() -> None:
    with carrying(PARENT), tracing.span(DECIDE, "decide", ONE, (PARENT,)) as span:
        span.set(ONE)
        assert traceparent() == PARENT
    assert tracing.begin_spans(DECIDE, [("decide", PARENT, ONE)]) == []


def test_without_a_collector_nothing_is_imported() -> None:
    """Every import of the library is inside of what runs with a collector alone."""
    tree = ast.parse(text_of(Path("shared/runtime/tracing.py")))
    imported = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert [name for name in imported if name.startswith("opentelemetry")] == []


def test_what_is_caused_inside_carries_the_span(exported: InMemorySpanExporter) -> None:
    with tracing.span(DECIDE, "decide", ONE, (PARENT,)):
        carried = traceparent()
    (span,) = exported.get_finished_spans()
    assert carried == f"00-{'a' * 32}-{span.context.span_id:016x}-01"
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == "b" * 16


def test_batch_belongs_to_its_first_recorded_cause_and_links_the_others(exported: InMemorySpanExporter) -> None:
    with tracing.span(DECIDE, "decide", ONE, (NOT_RECORDED, "", "no trace", PARENT, OTHER, OTHER)):
        pass
    (span,) = exported.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == "a" * 32
    assert [f"{link.context.trace_id:032x}" for link in span.links] == ["c" * 32]


def test_trace_that_is_not_recorded_stays_so(exported: InMemorySpanExporter) -> None:
    with tracing.span(DECIDE, "decide", ONE, (NOT_RECORDED,)):
        assert traceparent().startswith(f"00-{'e' * 32}-")
        assert traceparent().endswith("-00")
    assert exported.get_finished_spans() == ()


def test_error_is_named_by_its_type_alone(exported: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="canary"), tracing.span(DECIDE, "decide", ONE):
        raise ValueError("canary@example.org")
    (span,) = exported.get_finished_spans()
    assert (span.status.description, span.events) == ("ValueError", ())
    assert "canary" not in span.to_json()


def test_span_has_no_unlisted_attribute(exported: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="does not say"), tracing.span(SEND_MAIL, "send", {"mail.address": "x"}):
        pass
    with pytest.raises(ValueError, match="does not say"), tracing.span(SEND_MAIL, "send", {}) as span:
        span.set({"subject": "x"})


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "http://127.0.0.1:4318"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "TROIKA_INSECURE": "otlp"}, "http://collector:4318"),
    ],
)
def test_address_of_the_collector(given: dict[str, str], url: str) -> None:
    env = SettingsEnv(RELAY, given)
    assert read_common(env, "events", RELAY).otlp_url == url
    env.seal()


def test_plain_address_of_another_machine_is_refused() -> None:
    env = SettingsEnv(RELAY, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"})
    read_common(env, "events", RELAY)
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_ENDPOINT: http:// to another machine"):
        env.seal()


def test_log_lines_name_their_trace() -> None:
    line = logging.LogRecord("troika", logging.INFO, "x.py", 1, "done", None, None)
    formatter = _Formatter("events", "web")
    with carrying(PARENT):
        assert json.loads(formatter.format(line))["trace_id"] == "a" * 32
    assert "trace_id" not in json.loads(formatter.format(line))


@pytest.mark.parametrize("given", ["", "canary@example.org", PARENT.upper(), PARENT + "-00", "01" + PARENT[2:]])
def test_trace_context_of_another_form_is_not_carried(given: str) -> None:
    assert (carried_trace(given), carried_trace(PARENT)) == ("", PARENT)

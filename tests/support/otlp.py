"""A collector of spans on loopback: accepts OTLP over HTTP as any collector does, and stores it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ROOT = ""


@dataclass(frozen=True, slots=True)
class CollectedSpan:
    """A span that arrived; ids as hexadecimal digits, ``parent`` empty for the root of a trace."""

    process: str
    name: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]
    attributes: dict[str, str | int]
    error: str


@dataclass
class Collector:
    """Attributes:
    url: for ``OTEL_EXPORTER_OTLP_ENDPOINT``.
    bodies: of all requests, as they came.
    """

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)

    @property
    def spans(self) -> list[CollectedSpan]:
        """All spans so far, in the order of their arrival."""
        return [span for body in list(self.bodies) for span in _spans_in(body)]

    def trace_of(self, name: str) -> list[CollectedSpan]:
        """Every span of the trace of the first span called ``name``; none if that has not come."""
        spans = self.spans
        trace = next((span.trace for span in spans if span.name == name), None)
        return [span for span in spans if span.trace == trace]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that answers until the end."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _spans_in(body: bytes) -> Iterator[CollectedSpan]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        of = {one.key: one.value.string_value for one in resource.resource.attributes}
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            yield CollectedSpan(
                process=of["service.name"],
                name=span.name,
                trace=span.trace_id.hex(),
                id=span.span_id.hex(),
                parent=span.parent_span_id.hex(),
                links=tuple(link.trace_id.hex() for link in span.links),
                attributes={one.key: one.value.string_value or one.value.int_value for one in span.attributes},
                error=span.status.message,
            )

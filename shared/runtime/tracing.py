"""Tracing: spans of what this process does, sent by OTLP to the address in the settings.

Without an address nothing of OpenTelemetry is imported. The parent of a span is the trace context that its request,
message or mail carries, and what is caused inside of it carries the span's own. Whether a trace is recorded is decided
where it begins; everything after that follows its parent (W3C Trace Context, ``sampled``).

Kinds of spans and their attributes are a closed list, from which the reference is generated; a service declares its
own. Values are from bounded sets, never an id, a name, an address, a token or a typed answer.
"""

import atexit
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from shared.runtime.errors import SettingsError
from shared.runtime.logs import LogInterval, carrying
from shared.runtime.metrics import spans_total

Attributes = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class SpanType:
    """A kind of work that has spans.

    Attributes:
        key: name in the documentation.
        kind: OpenTelemetry's: ``server``, ``producer``, ``consumer``, ``client`` or ``internal``.
        attributes: names of all attributes that its spans may have, with their meaning. Values are from bounded sets.
        about: what has such a span.
    """

    key: str
    kind: str
    attributes: Mapping[str, str]
    about: str


HTTP_REQUEST = SpanType(
    "HTTP request",
    "server",
    {
        "http.request.method": "the method, `other` for an unknown one",
        "http.route": "the route as a pattern, never the path",
        "http.response.status_code": "the answer",
    },
    "each request that reaches a service; not what its page cache answers, what is refused before it is read, probes",
)
PUBLISH = SpanType(
    "published message",
    "producer",
    {
        "messaging.destination.name": "the exchange",
        "messaging.rabbitmq.destination.routing_key": "the type of the message",
        "troika.outcome": "`confirmed`, `unroutable`, `refused` or `unknown`",
    },
    "each message that a relay offers to the broker, until it is confirmed",
)
CONSUME = SpanType(
    "consumed message",
    "consumer",
    {
        "messaging.destination.name": "the queue",
        "messaging.rabbitmq.destination.routing_key": "the type of the message",
        "troika.outcome": "`done`, `duplicate` or `failed`",
    },
    "each message in a consumer's transaction",
)
SPAN_TYPES = (HTTP_REQUEST, PUBLISH, CONSUME)


log = logging.getLogger(__name__)

OTLP_URL = "OTEL_EXPORTER_OTLP_ENDPOINT"
PATH = "/v1/traces"
EXPORT_WITHIN_S = 3.0
"""A collector that does not answer keeps no process from ending for longer than about twice this."""
QUEUE_SPANS = 4096
"""Spans that wait for the collector; beyond that they are dropped, and the work continues."""


class NoSpan:
    """Where nothing is recorded: takes what a span takes, and does nothing."""

    __slots__ = ()

    def set(self, attributes: Attributes) -> None:
        """Nothing."""

    def fail(self, kind: str) -> None:
        """Nothing."""


class LiveSpan(NoSpan):
    """A span that is recorded, or at least carried.

    Args:
        of: its type.
        span: the library's.
    """

    __slots__ = ("_of", "_span")

    def __init__(self, of: SpanType, span: Any) -> None:
        self._of, self._span = of, span

    def set(self, attributes: Attributes) -> None:
        """Add attributes.

        Raises:
            ValueError: an attribute is not in the list of its type.
        """
        self._span.set_attributes(_checked(self._of, attributes))

    def fail(self, kind: str) -> None:
        """Mark it as an error of a ``kind`` from a bounded set, such as the name of a class."""
        from opentelemetry.trace import StatusCode

        self._span.set_status(StatusCode.ERROR, kind)


NO_SPAN = NoSpan()
_NOTHING = nullcontext(NO_SPAN)


class Tracer:
    """Makes spans by OpenTelemetry. There is one a process, or none.

    Args:
        provider: the library's ``TracerProvider``.
    """

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace  # here alone, as below: without an address nothing is imported

        self._trace, self._tracer = trace, provider.get_tracer("troika")
        self.provider = provider

    def span(
        self, of: SpanType, name: str, attributes: Attributes, parents: Sequence[str], start_ns: int | None
    ) -> "_Scope":
        """See :func:`span`."""
        return _Scope(of, self.begin(of, name, attributes, parents, start_ns))

    def begin(
        self, of: SpanType, name: str, attributes: Attributes, parents: Sequence[str], start_ns: int | None = None
    ) -> Any:
        """Return a begun span of the library: in the trace of the first recorded parent, linked to the others."""
        contexts = [context for parent in dict.fromkeys(parents) if (context := self._context(parent)) is not None]
        recorded = [context for context in contexts if context.trace_flags.sampled]
        first = next(iter(recorded or contexts), None)
        around = None if first is None else self._trace.set_span_in_context(self._trace.NonRecordingSpan(first))
        return self._tracer.start_span(
            name,
            context=around or self._root(),
            kind=self._trace.SpanKind[of.kind.upper()],
            attributes=_checked(of, attributes),
            links=[self._trace.Link(context) for context in recorded if context is not first],
            start_time=start_ns,
            record_exception=False,
            set_status_on_exception=False,
        )

    def _root(self) -> Any:
        from opentelemetry.context import Context

        return Context()

    def _context(self, traceparent: str) -> Any:
        """The context that a ``traceparent`` names; None if it names none."""
        parts = traceparent.split("-")
        if len(parts) != 4:
            return None
        try:
            trace_id, span_id, flags = (int(part, 16) for part in parts[1:])
        except ValueError:
            return None
        context = self._trace.SpanContext(trace_id, span_id, True, self._trace.TraceFlags(flags))
        return context if context.is_valid else None


class _Scope(AbstractContextManager[NoSpan]):
    """What happens while a span lasts; an error ends it as one, by the name of its class."""

    def __init__(self, of: SpanType, span: Any) -> None:
        self._span, self._live = span, LiveSpan(of, span)
        self._carrying = carrying(_as_traceparent(span.get_span_context()))

    def __enter__(self) -> NoSpan:
        self._carrying.__enter__()
        return self._live

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._carrying.__exit__(None, None, None)
        if kind is not None:
            self._live.fail(kind.__name__)  # never its text: that may quote what people typed
        self._span.end()


_tracer: Tracer | None = None


def is_tracing() -> bool:
    """Whether spans are made, so that the work of preparing them can be saved."""
    return _tracer is not None


def span(
    of: SpanType, name: str, attributes: Attributes, parents: Sequence[str] = (), start_ns: int | None = None
) -> AbstractContextManager[NoSpan]:
    """Record what happens inside as a span; what is caused there carries it as its trace context.

    Args:
        of: its type.
        name: the name, one of a bounded number, as OpenTelemetry's conventions name such work.
        attributes: its attributes, of the list of its type.
        parents: trace contexts (``traceparent``) of its causes; none or invalid ones begin a trace.
        start_ns: when it began, nanoseconds since 1970; None for now.

    Returns:
        a context manager with the span; where nothing is recorded it does nothing.
    """
    return _NOTHING if _tracer is None else _tracer.span(of, name, attributes, parents, start_ns)


class BegunSpan:
    """A span that ends by a call, for work on several things in one transaction.

    Args:
        of: its type.
        begun: the library's span.
    """

    def __init__(self, of: SpanType, begun: Any) -> None:
        self._of, self._begun = of, begun
        self.traceparent = _as_traceparent(begun.get_span_context())

    def end(self, last: Attributes, at_ns: int | None = None) -> None:
        """End it with its last attributes, now or at ``at_ns`` (nanoseconds since 1970)."""
        self._begun.set_attributes(_checked(self._of, last))
        self._begun.end(at_ns)


def begin_spans(
    of: SpanType, causes: Iterable[tuple[str, str, Attributes]], start_ns: int | None = None
) -> list[BegunSpan]:
    """Begin a span for each of ``causes``: its name, its parent's trace context and its attributes.

    Returns:
        the spans in that order; none where nothing is recorded.
    """
    tracer = _tracer
    if tracer is None:
        return []
    return [
        BegunSpan(of, tracer.begin(of, name, attributes, (parent,), start_ns)) for name, parent, attributes in causes
    ]


def start_tracing(service: str, process: str, url: str) -> None:
    """Make spans from now on, if ``url`` names a collector; once a process, after its fork.

    Args:
        service: whose process it is.
        process: its kind.
        url: the address of the collector's OTLP/HTTP receiver, without its path; empty for no spans.

    Raises:
        SettingsError: the packages for it are not installed.
    """
    global _tracer
    if not url or _tracer is not None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError([f"{OTLP_URL}: the packages for spans are missing: install troika[tracing]"]) from error
    exporter: Any = _Counted(OTLPSpanExporter(endpoint=url.rstrip("/") + PATH, timeout=EXPORT_WITHIN_S))
    resource = Resource.create({"service.namespace": "troika", "service.name": f"{service}-{process}"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE_SPANS))
    use(Tracer(provider))
    atexit.register(provider.shutdown)


def use(tracer: Tracer | None) -> None:
    """Make spans by ``tracer`` from now on; None for none."""
    global _tracer
    _tracer = tracer


class _Counted:
    """Counts what the collector took, and logs once a minute if it takes nothing; spans are then lost.

    Args:
        exporter: the library's.
    """

    def __init__(self, exporter: Any) -> None:
        self._exporter, self._interval = exporter, LogInterval()

    def export(self, spans: Sequence[Any]) -> Any:
        """Send them; never raises."""
        result = self._exporter.export(spans)
        taken = result.name == "SUCCESS"
        spans_total.labels("sent" if taken else "lost").inc(len(spans))
        if not taken and (left_out := self._interval.due()) is not None:
            log.warning("the collector takes no spans", extra={"left_out": left_out})
        return result

    def shutdown(self) -> None:
        """Close the connection."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits here."""
        return bool(self._exporter.force_flush(timeout_millis))


def _checked(of: SpanType, attributes: Attributes) -> dict[str, str | int]:
    if unknown := set(attributes) - set(of.attributes):
        raise ValueError(f"a span of {of.key} does not say {sorted(unknown)}")
    return dict(attributes)


def _as_traceparent(context: Any) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags) & 1:02x}"

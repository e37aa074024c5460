"""The generated pages of the reference in Markdown: messages, metrics, spans, and the checks of `troika doctor`."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from deploy.operations import telemetry as operations
from deploy.operations.doctor.broker import MANAGEMENT_URL, METRICS_URLS
from deploy.operations.doctor.registry import CHECKS, SETTINGS, Need
from services.events import telemetry as events
from services.notifications import telemetry as notifications
from services.registration import telemetry as registration
from shared.messaging.broker import DELIVERY_LIMIT, RETRY_TIERS, parked
from shared.messaging.contracts.registry import MESSAGE_TYPES, QUEUES, SERVICES, MessageType, service_of
from shared.runtime import metrics, tracing

Metric = Counter | Gauge | Histogram

METRICS = (metrics, registration, events, notifications, operations)
"""Modules that declare metrics."""

SPAN_TYPES = (*tracing.SPAN_TYPES, *registration.SPAN_TYPES, *notifications.SPAN_TYPES)
"""Every kind of span."""

GENERATED = "<!-- Written by `make specs` from the code. Do not edit. -->\n\n"

_METRICS_INTRODUCTION = """\
# Metrics

Each web process answers at `/-/<service>/metrics` to requests from this machine and from `TROIKA_METRICS_FROM`, each
worker at `/metrics` of its own metrics port. No label and no value holds anything personal. Histograms have the series
`_bucket`, `_sum` and `_count`. Where several processes of one kind run, the last column says how a gauge of several web
workers is combined into one.

"""

_SPANS_INTRODUCTION = """\
# Spans

Where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector, each process sends it these spans by OTLP
([why so](../adr/0039-spans.md)). A span belongs to the trace of its cause, over all processes. It contains the
attributes listed here and no others; all values are from bounded sets, and none is about a person. `service.name` is
`<service>-<process>`.

"""

_MESSAGES_INTRODUCTION = """\
# Messages

Messages between the services, from the one closed table in
`shared/messaging/contracts/registry.py`. The same as a machine reads it:
[asyncapi.json](asyncapi.json). One frozen sample of each version: `shared/messaging/contracts/samples/`.

Each message is a CloudEvent 1.0 in structured JSON. Its type is `org.troika.` followed by the routing key. It is
delivered at least once and in any order; a consumer ignores fields that it does not know.

"""

_DOCTOR_INTRODUCTION = """\
# Checks of `troika doctor`

`troika doctor` prints one line for each result: its grade, the check, what was found, and what to do. It changes
nothing and prints no secret and nothing about a person. Exit code 0: all is well; 1: warnings; 2: faults. `--json`
prints a document; `--only SUBJECT` or `--only CHECK` selects checks.
[How to use it](../how-to/operate.md#check-a-host).

A check is *not asked* if its settings are not on this host, or if the server does not answer. A database, broker,
public address or mail relay that does not answer is one fault, of the first check that needs it.

"""

_NEEDS = {
    Need.NOTHING: "",
    Need.DATABASES: "settings of the databases",
    Need.BROKER: "settings of the broker",
    Need.BROKER_MEMBERS: f"`{MANAGEMENT_URL}` or `{METRICS_URLS}`",
    Need.KEYS: "files of keys",
    **{need: f"`{setting}`" for need, setting in SETTINGS.items()},
}


def metrics_page() -> str:
    """Every metric: those of ``shared`` and those that a service or the operations declare."""
    rows = [(f"`{name_of(metric)}`", *_facts(metric)) for metric in all_metrics()]
    table = _table(("metric", "kind", "labels", "meaning", "workers"), rows)
    events = _codes(event.name for event in registration.SECURITY_EVENTS)
    own = f"\n`{name_of(metrics.security_events_total)}` also has the events of a service; registration: {events}.\n"
    return GENERATED + _METRICS_INTRODUCTION + table + own


def spans_page() -> str:
    """Every kind of span with its attributes."""
    kinds = [(kind.key, kind.kind, kind.about) for kind in SPAN_TYPES]
    listed = [(kind.key, f"`{name}`", meaning) for kind in SPAN_TYPES for name, meaning in kind.attributes.items()]
    return "".join(
        (
            GENERATED,
            _SPANS_INTRODUCTION,
            _table(("span", "kind", "created for"), kinds),
            "\n## Attributes\n\n",
            _table(("span", "attribute", "value"), listed),
        )
    )


def messages_page() -> str:
    """Every message type with its producer and consumers, the fields of each content, and the queues."""
    types = [
        (f"`{entry.key}`", entry.producer, _codes(entry.consumers), entry.meaning, _codes(entry.sealed))
        for entry in MESSAGE_TYPES
    ]
    queues = [(f"`{queue}`", service_of(queue), _codes(_messages_on(queue)), f"`{parked(queue)}`") for queue in QUEUES]
    tiers = ", ".join(f"{tier} ({delay_s:g} s)" for tier, delay_s in RETRY_TIERS.items())
    return "".join(
        (
            GENERATED,
            _MESSAGES_INTRODUCTION,
            _table(("routing key", "producer", "queues", "meaning", "sealed"), types),
            "\n## Content\n\nFields in clear: anyone who can read the broker's disk can read these.\n\n",
            _table(("routing key", "fields in clear"), [(f"`{e.key}`", _codes(e.clear)) for e in MESSAGE_TYPES]),
            "\n## Queues\n\n",
            _table(("queue", "consumed by", "holds", "parked in"), queues),
            f"\nA message that must wait passes through one of the retry tiers {tiers}. One that has killed its "
            f"consumer more than {DELIVERY_LIMIT} times, or cannot be handled, is parked: it waits for an operator.\n",
        )
    )


def doctor_page() -> str:
    """Every check of `troika doctor`, in the order in which it is made."""
    rows = [(f"`{check.name}`", check.meaning, _NEEDS[check.need]) for check in CHECKS]
    return GENERATED + _DOCTOR_INTRODUCTION + _table(("check", "what it requires", "needs"), rows)


def all_metrics() -> list[Metric]:
    """The project's metrics in the order in which they are declared."""
    declared = (value for module in METRICS for value in vars(module).values())
    return [value for value in declared if isinstance(value, Counter | Gauge | Histogram)]


def name_of(metric: Metric) -> str:
    """The name under which Prometheus stores it; a counter's ends in ``_total``."""
    name = next(iter(metric.describe())).name
    return f"{name}_total" if isinstance(metric, Counter) else name


def _facts(metric: Metric) -> tuple[str, ...]:
    family = next(iter(metric.describe()))
    # prometheus-client shows labels and mode of an unused metric nowhere else
    labels = _codes(metric._labelnames)
    workers = metric._multiprocess_mode if isinstance(metric, Gauge) else ""
    return family.type, labels, family.documentation, workers


def _messages_on(queue: str) -> list[str]:
    consumed: list[MessageType] = [entry for entry in MESSAGE_TYPES if queue in entry.consumers]
    return [entry.key for service in SERVICES for entry in consumed if entry.producer == service]


def _codes(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)

"""What has a span, and what each may say: a closed list, from which the reference is written.

Values are from bounded sets. Never an id, a name, an address, a token or any other typed answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Attributes = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class SpanType:
    """A kind of work that has spans.

    Attributes:
        key: name in the documentation.
        kind: OpenTelemetry's: ``server``, ``producer``, ``consumer``, ``client`` or ``internal``.
        attributes: names of all that a span of it may say, with their meaning. Values are from bounded sets.
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

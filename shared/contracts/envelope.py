"""The envelope of every message: CloudEvents 1.0 in structured JSON mode.

A subject's ``revision`` stands in ``data``; correlation id and W3C trace context travel as extension attributes, so
that a log line in one service can be tied to the request in another that caused it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from shared.core.clock import parse_rfc3339, rfc3339
from shared.core.context import carried_trace
from shared.core.errors import Poison

CONTENT_TYPE = "application/cloudevents+json"
TYPE_PREFIX = "org.troika."
SPEC_VERSION = "1.0"
MAX_BODY_BYTES = 64 * 1024
"""No message of ours comes near it; the broker refuses at 256 KiB."""


@dataclass(frozen=True, slots=True)
class Message:
    """One fact on its way.

    Attributes:
        id: UUID text, fixed when the fact is stored; the same for each delivery.
        type: ``org.troika.<noun>.<past-tense verb>.v<n>``.
        source: ``/troika/<service>``.
        subject: id of what the fact is about.
        time: when it became true, aware UTC.
        data: the subject's public state.
    """

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: Mapping[str, Any]
    correlation_id: str = ""
    traceparent: str = ""

    @property
    def routing_key(self) -> str:
        """``<noun>.<past-tense verb>.v<n>``."""
        return self.type.removeprefix(TYPE_PREFIX)


def encode(message: Message) -> bytes:
    """The message as UTF-8 JSON."""
    body: dict[str, Any] = {
        "specversion": SPEC_VERSION,
        "id": message.id,
        "type": message.type,
        "source": message.source,
        "subject": message.subject,
        "time": rfc3339(message.time),
        "datacontenttype": "application/json",
        "data": dict(message.data),
    }
    if message.correlation_id:
        body["correlationid"] = message.correlation_id
    if message.traceparent:
        body["traceparent"] = message.traceparent
    return orjson.dumps(body)


def decode(body: bytes) -> Message:
    """The message in ``body``. Unknown attributes are ignored.

    Raises:
        Poison: too large, not JSON, or not a CloudEvent; the reason names the fault, never the content.
    """
    if len(body) > MAX_BODY_BYTES:
        raise Poison("body too large")
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        raise Poison("body is not JSON") from None
    if not isinstance(raw, dict) or raw.get("specversion") != SPEC_VERSION:
        raise Poison("body is not a CloudEvent 1.0")
    return _checked(raw)


def trace_of(body: bytes) -> str:
    """The trace context of the encoded message ``body``, one of ours; empty if it has none."""
    return str(orjson.loads(body).get("traceparent", ""))


def _checked(raw: dict[str, Any]) -> Message:
    for name in ("id", "type", "source", "subject", "time"):
        if not isinstance(raw.get(name), str) or not raw[name]:
            raise Poison(f"envelope: {name} is missing")
    if not isinstance(raw.get("data"), dict):
        raise Poison("envelope: data is not an object")
    try:
        moment = parse_rfc3339(raw["time"])
    except ValueError:
        raise Poison("envelope: time is not RFC 3339") from None
    try:
        identity = str(UUID(raw["id"]))  # as the inbox will spell it
    except ValueError:
        raise Poison("envelope: id is not a UUID") from None
    return Message(
        id=identity,
        type=raw["type"],
        source=raw["source"],
        subject=raw["subject"],
        time=moment,
        data=raw["data"],
        correlation_id=str(raw.get("correlationid", "")),
        traceparent=carried_trace(str(raw.get("traceparent", ""))),
    )

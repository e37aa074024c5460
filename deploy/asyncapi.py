"""The AsyncAPI 3.0 document of the bus, generated from the table of message types."""

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from shared.messaging.contracts.registry import MESSAGE_TYPES, QUEUES, SERVICES, MessageType, service_of, source_of
from shared.messaging.contracts.schemas import CONTENT_TYPE, SPEC_VERSION

AMQP_BINDING = "0.3.0"
"""Version of the AMQP bindings of AsyncAPI that is followed."""


def document(*, vhost: str, exchange: str) -> dict[str, Any]:
    """The whole document, the same for the same table.

    Args:
        vhost: the virtual host at the broker.
        exchange: the exchange to which messages of all types are sent.
    """
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Troika: messages between the services",
            "version": "1",
            "description": (
                "CloudEvents 1.0 in structured JSON. Delivered at least once and in any order: a consumer keeps the "
                "ids that it has seen and ignores revisions older than the one it knows. Fields that a consumer does "
                "not know are ignored."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": _key_channels(vhost, exchange) | _queue_channels(vhost),
        "operations": _sends() | _receives(),
        "components": {
            "messages": {entry.key: _message(entry) for entry in MESSAGE_TYPES},
            "schemas": _data_schemas(),
        },
    }


def _key_channels(vhost: str, exchange: str) -> dict[str, Any]:
    place = {"name": exchange, "type": "topic", "durable": True, "autoDelete": False, "vhost": vhost}
    return {
        entry.key: {
            "address": entry.key,
            "title": entry.type,
            "description": entry.meaning,
            "messages": {entry.key: _ref("components", "messages", entry.key)},
            "bindings": _amqp({"is": "routingKey", "exchange": place}),
        }
        for entry in MESSAGE_TYPES
    }


def _queue_channels(vhost: str) -> dict[str, Any]:
    return {
        queue: {
            "address": queue,
            "title": f"Queue {queue}",
            "description": f"Consumed by the {service_of(queue)} service.",
            "messages": {entry.key: _ref("components", "messages", entry.key) for entry in _messages_on(queue)},
            "bindings": _amqp({"is": "queue", "queue": _queue(queue, vhost)}),
        }
        for queue in QUEUES
    }


def _queue(name: str, vhost: str) -> dict[str, Any]:
    return {"name": name, "durable": True, "exclusive": False, "autoDelete": False, "vhost": vhost}


def _sends() -> dict[str, Any]:
    return {
        f"{entry.producer}.sends.{entry.key}": {
            "action": "send",
            "title": f"The {entry.producer} service sends {entry.key}",
            "channel": _ref("channels", entry.key),
            "messages": [_ref("channels", entry.key, "messages", entry.key)],
            "tags": [{"name": entry.producer}],
            "bindings": _amqp({"deliveryMode": 2, "mandatory": True}),
        }
        for service in SERVICES
        for entry in MESSAGE_TYPES
        if entry.producer == service
    }


def _receives() -> dict[str, Any]:
    return {
        f"{service_of(queue)}.receives.{queue}": {
            "action": "receive",
            "title": f"The {service_of(queue)} service receives from {queue}",
            "channel": _ref("channels", queue),
            "messages": [_ref("channels", queue, "messages", entry.key) for entry in _messages_on(queue)],
            "tags": [{"name": service_of(queue)}],
            "bindings": _amqp({"ack": True}),
        }
        for queue in QUEUES
    }


def _messages_on(queue: str) -> list[MessageType]:
    return [entry for entry in MESSAGE_TYPES if queue in entry.consumers]


def _message(entry: MessageType) -> dict[str, Any]:
    boxes = ", ".join(f"`{name}` (only the {service} service can open it)" for name, service in entry.sealed_to)
    sealed = f" Sealed: {boxes}." if boxes else ""
    return {
        "name": entry.type,
        "title": entry.key,
        "summary": entry.meaning,
        "description": f"In clear: {', '.join(f'`{name}`' for name in entry.clear)}.{sealed}",
        "contentType": CONTENT_TYPE,
        "tags": [{"name": entry.producer}],
        "payload": _envelope(entry),
        "bindings": _amqp({"contentEncoding": "binary", "messageType": entry.type}),
    }


def _envelope(entry: MessageType) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "required": ["specversion", "id", "type", "source", "subject", "time", "data"],
        "properties": {
            "specversion": {"const": SPEC_VERSION},
            "id": text | {"description": "UUID, the same for each delivery"},
            "type": {"const": entry.type},
            "source": {"const": source_of(entry.producer)},
            "subject": text | {"description": "Id of what the message is about"},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "data": _ref("components", "schemas", entry.schema.__name__),
            "correlationid": {"type": "string", "description": "Ties it to the request that caused it"},
            "traceparent": {"type": "string", "description": "W3C trace context"},
        },
    }


def _data_schemas() -> dict[str, Any]:
    """JSON Schema of each content, made from the marshmallow schema; those of OpenAPI 3.1 are plain JSON Schema."""
    spec = APISpec("", "", openapi_version="3.1.0", plugins=[MarshmallowPlugin()])
    for schema in dict.fromkeys(entry.schema for entry in MESSAGE_TYPES):
        spec.components.schema(schema.__name__, schema=schema)
    schemas: dict[str, Any] = spec.to_dict()["components"]["schemas"]
    return schemas


def _ref(*steps: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(steps)}


def _amqp(content: dict[str, Any]) -> dict[str, Any]:
    return {"amqp": {**content, "bindingVersion": AMQP_BINDING}}

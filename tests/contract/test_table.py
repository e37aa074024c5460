"""The table of message types and the files generated from it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields

from deploy import asyncapi
from shared.messaging import topology
from shared.messaging.broker import DEAD, FACTS, VHOST, bindings, parked, route
from shared.messaging.contracts.registry import BY_KEY, MESSAGE_TYPES, QUEUES, SERVICES, read, service_of, source_of
from shared.runtime.errors import Poison
from tests.contract.samples import sample_message

KEYS = [entry.key for entry in MESSAGE_TYPES]


def test_keys_are_unique() -> None:
    assert len(BY_KEY) == len(MESSAGE_TYPES)


@pytest.mark.parametrize("key", KEYS)
def test_type_has_a_producer_and_consumers(key: str) -> None:
    entry = BY_KEY[key]
    assert entry.producer in SERVICES
    assert entry.consumers
    assert {service_of(queue) for queue in entry.consumers} <= set(SERVICES) - {entry.producer}


def test_queue_has_an_owner() -> None:
    assert {queue: service_of(queue) for queue in QUEUES if service_of(queue) not in SERVICES} == {}


@pytest.mark.parametrize("key", KEYS)
def test_type_published_by_another_service_is_refused(key: str) -> None:
    message = sample_message(key)
    for service in set(SERVICES) - {BY_KEY[key].producer}:
        forged = type(message)(
            message.id, message.type, source_of(service), message.subject, message.time, message.data
        )
        with pytest.raises(Poison, match=r"^wrong producer for this message type$"):
            read(forged)


@pytest.mark.parametrize("key", KEYS)
def test_optional_field_left_out_reads_as_null(key: str) -> None:
    message = sample_message(key)
    fields = BY_KEY[key].schema().fields
    nullable = [name for name, field in fields.items() if not field.required and field.allow_none]
    short = {name: value for name, value in message.data.items() if name not in nullable}
    content = read(type(message)(message.id, message.type, message.source, message.subject, message.time, short))
    assert {name: content[name] for name in nullable} == dict.fromkeys(nullable)


def _integers(schema: Schema, path: str = "") -> Iterator[tuple[str, fields.Integer]]:
    """Every integer of a schema, also in lists and in objects, by its path."""
    for name, field in schema.fields.items():
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            yield from _integers(inner.schema, f"{path}{name}.")
        if isinstance(inner, fields.Integer):
            yield path + name, inner


def test_integers_of_messages_fit_into_their_columns() -> None:
    """A larger one would be an error of the database, tried again and again, in place of a message that is refused."""
    found = {f"{entry.key} {path}": field for entry in MESSAGE_TYPES for path, field in _integers(entry.schema())}
    assert len(found) > len(MESSAGE_TYPES) / 2
    values = (10**30, 2**31, -(10**30), 1.5, "7")
    taken = [(name, value) for name, field in found.items() for value in values if _is_taken(field, value)]
    assert taken == []


def _is_taken(field: fields.Integer, value: object) -> bool:
    try:
        field.deserialize(value)
    except ValidationError:
        return False
    return True


def test_definitions_bind_each_consumer_to_its_types() -> None:
    facts = {
        (row["routing_key"], row["destination"]) for row in topology.definitions()["bindings"] if row["source"] == FACTS
    }
    assert facts == {(entry.key, queue) for entry in MESSAGE_TYPES for queue in entry.consumers}


def test_definitions_let_each_type_be_written_by_its_producer_alone() -> None:
    rows = [row for row in topology.topic_permissions() if row["exchange"] == FACTS]
    for entry in MESSAGE_TYPES:
        writers = [row["user"] for row in rows if re.search(row["write"], entry.key)]
        assert writers == [f"troika-{entry.producer}-relay"]


def test_only_the_login_that_declares_is_an_administrator() -> None:
    """No running process has this tag; adding members of queues requires it."""
    assert {user: tags for user in topology.user_names() if (tags := topology.user_tags(user))} == {
        topology.TOPOLOGY: ["administrator"]
    }


def test_embedded_routes_are_the_bindings() -> None:
    """The embedded bus computes its routes; a broker is configured with them. Both must reach the same queues."""
    for exchange, key, queue in bindings():
        if exchange in (FACTS, DEAD):
            assert queue in [reached for reached, _delay in route(exchange, key)]
    for entry in MESSAGE_TYPES:
        assert [queue for queue, _delay in route(FACTS, entry.key)] == list(entry.consumers)
    for queue in QUEUES:
        assert route(DEAD, queue) == ((parked(queue), 0.0),)


def test_asyncapi_references_lead_somewhere() -> None:
    document = asyncapi.document(vhost=VHOST, exchange=FACTS)
    references = list(_references(document))
    assert len(references) > len(MESSAGE_TYPES)
    for reference in references:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_asyncapi_names_producers_and_consumers() -> None:
    operations = asyncapi.document(vhost=VHOST, exchange=FACTS)["operations"]
    sends = {name for name, operation in operations.items() if operation["action"] == "send"}
    receives = {name for name, operation in operations.items() if operation["action"] == "receive"}
    assert sends == {f"{entry.producer}.sends.{entry.key}" for entry in MESSAGE_TYPES}
    assert receives == {f"{service_of(queue)}.receives.{queue}" for queue in QUEUES}


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _references(each)

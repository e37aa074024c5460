"""The frozen samples: each type has one, every consumer can read it, and it matches the table exactly."""

import base64
import json

import jsonschema_rs
import pytest
from cloudevents.core.formats.json import JSONFormat

from deploy import asyncapi
from shared.messaging.broker import FACTS, VHOST
from shared.messaging.contracts.registry import BY_KEY, MESSAGE_TYPES, read
from shared.messaging.contracts.schemas import decode
from tests.contract.samples import sample, sample_body, sample_files

KEYS = [entry.key for entry in MESSAGE_TYPES]
SEALED_BOX_OVERHEAD_BYTES = 48
"""crypto_box_seal: the sender's passing public key and the tag."""


def test_samples_are_those_of_the_table() -> None:
    assert sorted(sample_files()) == sorted(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_sample_read_by_us(key: str) -> None:
    message = decode(sample_body(key))
    assert message.routing_key == key
    assert set(read(message)) == set(sample(key)["data"])


@pytest.mark.parametrize("key", KEYS)
def test_sample_with_unknown_fields_read_as_without(key: str) -> None:
    later = sample(key) | {"unheardof": "a later extension"}
    later["data"] |= {"a_later_field": {"any": ["thing"]}}
    plain, extended = decode(sample_body(key)), decode(json.dumps(later).encode())
    assert read(extended) == read(plain)


@pytest.mark.parametrize("key", [key for key in KEYS if "lapses_at" in BY_KEY[key].schema().fields])
def test_message_without_the_fields_about_lapsing_is_read(key: str) -> None:
    """As versions before them published it: it states no date, and nothing has lapsed."""
    earlier = sample(key)
    del earlier["data"]["lapses_at"], earlier["data"]["lapsed"]
    found = read(decode(json.dumps(earlier).encode()))
    assert (found["lapses_at"], found["lapsed"]) == (None, False)


@pytest.mark.parametrize("key", KEYS)
def test_sample_accepted_by_the_cloudevents_library(key: str) -> None:
    event = JSONFormat().read(None, sample_body(key))
    message = decode(sample_body(key))
    assert (event.get_id(), event.get_type(), event.get_source(), event.get_subject(), event.get_time()) == (
        message.id,
        message.type,
        message.source,
        message.subject,
        message.time,
    )
    assert event.get_data() == message.data


@pytest.mark.parametrize("key", KEYS)
def test_sample_holds_the_fields_of_the_table(key: str) -> None:
    entry = BY_KEY[key]
    fields = set(sample(key)["data"])
    assert fields == set(entry.schema().fields)
    assert fields - set(entry.sealed) == set(entry.clear)
    assert fields - set(entry.clear) == set(entry.sealed)


@pytest.mark.parametrize("key", [entry.key for entry in MESSAGE_TYPES if entry.sealed])
def test_sealed_part_of_sample_is_a_box(key: str) -> None:
    for name in BY_KEY[key].sealed:
        assert len(base64.b64decode(sample(key)["data"][name], validate=True)) > SEALED_BOX_OVERHEAD_BYTES


@pytest.mark.parametrize("key", KEYS)
def test_sample_valid_against_asyncapi(key: str) -> None:
    document = asyncapi.document(vhost=VHOST, exchange=FACTS)
    schema = document["components"]["messages"][key]["payload"] | {"components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    validator.validate(sample(key))
    assert not validator.is_valid(sample(key) | {"source": "/troika/somebody-else"})
    broken = sample(key)
    del broken["data"][next(name for name, field in BY_KEY[key].schema().fields.items() if field.required)]
    assert not validator.is_valid(broken)

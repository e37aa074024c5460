"""Reads messages: what a consumer is given was checked against the one table of message types."""

from functools import cache

from marshmallow import Schema, ValidationError

from shared.contracts.envelope import Message
from shared.contracts.message_type import MessageType
from shared.contracts.registry import BY_TYPE, source_of
from shared.core.errors import Poison, Unauthentic


@cache
def _schema(entry: MessageType) -> Schema:
    return entry.schema()


def read(message: Message) -> dict[str, object]:
    """The checked content of a message, with moments as aware datetimes.

    Raises:
        Poison: unknown type, wrong producer, or content that breaks the schema (fields are named, not values).
    """
    entry = BY_TYPE.get(message.type)
    if entry is None:
        raise Poison("unknown message type")
    if message.source != source_of(entry.producer):
        raise Unauthentic("wrong producer for this message type")
    try:
        content: dict[str, object] = _schema(entry).load(dict(message.data))
    except ValidationError as error:
        raise Poison(f"content breaks the schema: {', '.join(sorted(map(str, error.messages_dict)))}") from None
    return content

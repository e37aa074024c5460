"""Message schemas: the CloudEvents 1.0 envelope, and base and fields of every payload.

A subject's ``revision`` is in ``data``; correlation id and W3C trace context are extension attributes, so that a log
line in one service can be tied to the request in another that caused it. A consumer ignores fields that it does not
know.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from shared.i18n.languages import DEFAULT, LANGUAGES, Text, text_reader
from shared.runtime.clock import parse_rfc3339, rfc3339
from shared.runtime.errors import Poison
from shared.runtime.logs import carried_trace

CONTENT_TYPE = "application/cloudevents+json"
TYPE_PREFIX = "org.troika."
SPEC_VERSION = "1.0"
MAX_BODY_BYTES = 64 * 1024
"""None of our messages comes near it; the broker refuses at 256 KiB."""


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
    """The trace context of the encoded message ``body``, one of our messages; empty if it has none."""
    return str(orjson.loads(body).get("traceparent", ""))


def _checked(raw: dict[str, Any]) -> Message:
    for name in ("id", "type", "source", "subject", "time"):
        if not isinstance(raw.get(name), str) or not raw[name]:
            raise Poison(f"envelope: {name} is missing")
    if not isinstance(raw.get("data"), dict):
        raise Poison("envelope: data is not an object")
    try:
        sent_at = parse_rfc3339(raw["time"])
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
        time=sent_at,
        data=raw["data"],
        correlation_id=str(raw.get("correlationid", "")),
        traceparent=carried_trace(str(raw.get("traceparent", ""))),
    )


SLUG = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"


class MessageSchema(Schema):
    """Unknown fields are ignored, so a sender may add optional ones without a new version."""

    class Meta:
        unknown = EXCLUDE


def slug(*, required: bool = True) -> fields.String:
    """A lower-case name with hyphens, at most 80 characters; may be null or absent where it is not required."""
    return fields.String(validate=[validate.Length(max=80), validate.Regexp(SLUG)], **_presence(required))


class StrictBoolean(fields.Boolean):
    """``true`` or ``false`` of a JSON document, and no number or word in its place."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **words: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class _Identity(fields.UUID):
    """A UUID, which a handler sees as text in the one spelling that the database has."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **words: Any) -> Any:
        return str(super()._deserialize(value, attr, data, **words))


def identity() -> fields.UUID:
    """A UUID as text, in lower case with hyphens, however the sender wrote it."""
    return _Identity(required=True)


MAX_WHOLE = 2**31 - 1
"""The largest number that a column of type ``integer`` stores."""


def whole(least: int, most: int = MAX_WHOLE, *, required: bool = True) -> fields.Integer:
    """A whole number from ``least`` to ``most``; may be null or absent where it is not required."""
    return fields.Integer(strict=True, validate=validate.Range(min=least, max=most), **_presence(required))


def revision() -> fields.Integer:
    """Counts the changes of a subject from 1."""
    return whole(1)


def instant(*, required: bool = True) -> fields.AwareDateTime:
    """RFC 3339 with an offset; may be null or absent where it is not required."""
    return fields.AwareDateTime(format="iso", **_presence(required))


def text(most: int, *, required: bool = True) -> fields.String:
    """Text of at most ``most`` characters; may be null or absent where it is not required."""
    return fields.String(validate=validate.Length(max=most), **_presence(required))


def one_of(*values: str, required: bool = True) -> fields.String:
    """One of ``values``; may be null or absent where it is not required."""
    return fields.String(validate=validate.OneOf(values), **_presence(required))


def _presence(required: bool) -> dict[str, Any]:
    """Options of a field: an optional one that the sender left out is null."""
    return {"required": True} if required else {"allow_none": True, "load_default": None}


class TextByLanguage(fields.Field[Text]):
    """A text as an object by language (``{"en": "Housing", "fr": "Logement"}``).

    A plain string is taken as the text in the default language; what is answered is always the object.
    """

    def __init__(self, most: int, description: str = "", *, least: int = 1, written: bool = True, **more: Any) -> None:
        """Make the field.

        Args:
            most: characters in each language.
            description: the description in the generated documents.
            least: 1 if it must have a text, 0 if it may be empty.
            written: whether a person writes it here, in the default language at least and perhaps as a plain string.
                In answers and messages it is the object, and some texts of others lack that language.
            more: the other arguments of a marshmallow field.
        """
        self._read = text_reader(most, required=least > 0, in_default=written)
        one = {"type": "string", "maxLength": most, "pattern": r"^[^\x00]*$"}
        needed = one | {"minLength": least}
        by_language = {
            "type": "object",
            "properties": dict.fromkeys(LANGUAGES, one) | ({DEFAULT: needed} if written else {}),
            "additionalProperties": False,
            **({} if not least else {"required": [DEFAULT]} if written else {"minProperties": 1}),
        }
        schema = {"anyOf": [by_language, needed]} if written else by_language
        described = {"description": description} if description else {}
        super().__init__(metadata={**schema, **described}, **more)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **more: Any) -> dict[str, str]:
        return Text.of(value).as_mapping

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> Text:
        try:
            return self._read(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None

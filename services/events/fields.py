"""Fields that requests and files have in common. Without HTTP: workers and commands load it, too."""

from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from services.events.rules import SLUG, SLUG_LENGTH, SLUG_WANTED
from shared.messaging.contracts.schemas import TextByLanguage

Fields = Mapping[str, ma.fields.Field[Any]]


def fields_of(**fields: Any) -> Fields:
    """Fields by name."""
    return fields


def slug_field(description: str, **more: Any) -> ma.fields.String:
    """A name in lower case with hyphens."""
    rules = [
        ma.validate.Length(max=SLUG_LENGTH, error=SLUG_WANTED),
        ma.validate.Regexp(f"^{SLUG.pattern}$", error=SLUG_WANTED),
    ]
    return ma.fields.String(validate=rules, metadata={"description": description}, **more)


def id_field(**more: Any) -> ma.fields.String:
    """The id of a new record, which is part of addresses."""
    return slug_field("A lower-case name with hyphens; it never changes", **more)


def wanted_text(most: int, *, least: int = 1, **more: Any) -> TextByLanguage:
    """A title or a summary in requests."""
    return TextByLanguage(most, "By language; a plain string is English", least=least, **more)

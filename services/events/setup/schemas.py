"""Shapes of requests and answers of one kind, made from its fields."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import marshmallow as ma

from services.events.http import (
    counted_list,
    group_fields,
    one_of_field,
    slug_field,
    sort_field,
    text_field,
    total_field,
)
from services.events.setup.kinds import Fields, Listed, SetupKind
from shared.http.lists import MAX_PAGE_SIZE, PageArguments
from shared.i18n.languages import LANGUAGES
from shared.messaging.contracts.schemas import TextByLanguage

Schema = type[ma.Schema]
BOOLEANS = ("true", "false")


class StepQuery(ma.Schema):
    """Query of everything that changes something."""

    dry_run = ma.fields.Boolean(
        load_default=False, metadata={"description": "Change nothing and notify no one; return what it would do"}
    )


def item_schema(kind: Listed) -> Schema:
    """One of the kind, as it is answered; a list with ``fields`` leaves some out."""
    fields: dict[str, Any] = {"id": ma.fields.String(), **deepcopy(dict(kind.shown))}
    if "revision" not in fields and kind.editable:
        fields["revision"] = ma.fields.Integer(metadata={"description": "Value for `If-Match` in a change"})
    return ma.Schema.from_dict(fields, name=f"{_name(kind)}Schema")


def new_schema(kind: SetupKind[Any]) -> Schema:
    """What makes one or several of the kind."""
    return ma.Schema.from_dict(deepcopy(dict(kind.wanted)), name=f"New{_name(kind)}Schema")


def edit_schema(kind: SetupKind[Any]) -> Schema:
    """What changes one of the kind: each field may be left out."""
    fields = {name: _optional(field) for name, field in kind.wanted.items() if name in kind.editable}
    return ma.Schema.from_dict(fields, name=f"Edit{_name(kind)}Schema")


def outcome_schema(kind: SetupKind[Any], item: Schema) -> Schema:
    """What a step did or would do."""
    return ma.Schema.from_dict(
        {
            "dry_run": ma.fields.Boolean(required=True),
            "differs": ma.fields.List(
                ma.fields.String(), required=True, metadata={"description": "Fields that change"}
            ),
            "effects": ma.fields.List(
                ma.fields.String(),
                required=True,
                metadata={"description": "Effects of the change, as English sentences"},
            ),
            "items": ma.fields.List(
                ma.fields.Nested(item),
                required=True,
                metadata={"description": "State after the change; empty if withdrawn"},
            ),
        },
        name=f"{_name(kind)}OutcomeSchema",
    )


def list_schema(kind: Listed, item: Schema, more: Mapping[str, Any]) -> Schema:
    """A page of the kind; with ``group_by``, ``groups`` in place of ``items`` and ``next``."""
    return counted_list(item, f"{_name(kind)}ListSchema", more)


def list_arguments(kind: Listed) -> Schema:
    """The query of a list of the kind."""
    listing, shown = kind.listing, kind.shown
    fields: dict[str, Any] = {
        "limit": ma.fields.Integer(load_default=MAX_PAGE_SIZE, validate=ma.validate.Range(min=1, max=MAX_PAGE_SIZE)),
        "sort": sort_field([name for one in listing.sorts for name in (one, f"-{one}")], listing.usual_order),
        "total": total_field(),
        "chosen": text_field(
            500, "Names of the fields to return, separated by commas; `id` is always included", data_key="fields"
        ),
        **{name: _filter(name, shown[name]) for name in listing.filters},
    }
    if listing.searched:
        fields["q"] = text_field(500, f"A text in {' or '.join(f'`{name}`' for name in listing.searched)}")
    if texts := texts_of(kind):
        lacking = f"Only those whose {' or '.join(texts)} lacks a text in this language"
        fields["missing_language"] = one_of_field(LANGUAGES, metadata={"description": lacking})
    if listing.groups:
        fields |= group_fields(listing.groups)
    if listing.day:
        fields["day_from"] = ma.fields.Date(data_key="from", metadata={"description": f"`{listing.day}` on or after"})
        fields["day_to"] = ma.fields.Date(data_key="to", metadata={"description": f"`{listing.day}` on or before"})
    return PageArguments.from_dict(fields, name=f"{_name(kind)}Arguments")


def _filter(name: str, field: Any) -> ma.fields.Field[Any]:
    description = {"description": f"Only those with this `{name}`"}
    if isinstance(field, ma.fields.Boolean):
        return ma.fields.Boolean(metadata=description)
    if isinstance(field, ma.fields.Integer):
        return ma.fields.Integer(metadata=description)
    one_of = next((rule for rule in field.validators if isinstance(rule, ma.validate.OneOf)), None)
    if one_of is not None:
        return one_of_field(one_of.choices, metadata=description)
    return text_field(500, description["description"])


def _optional(field: Any) -> Any:
    copied = deepcopy(field)
    copied.required, copied.load_default = False, ma.missing
    return copied


def _name(kind: Listed) -> str:
    return "".join(word.capitalize() for word in kind.name.split("-"))


def id_field(**more: Any) -> ma.fields.String:
    """The name of something new in addresses."""
    return slug_field("A lower-case name with hyphens; it never changes", **more)


def shown_text(most: int, *, least: int = 1) -> TextByLanguage:
    """A title or a summary in answers."""
    return TextByLanguage(most, "By language", least=least, written=False)


def wanted_text(most: int, *, least: int = 1, **more: Any) -> TextByLanguage:
    """A title or a summary in requests."""
    return TextByLanguage(most, "By language; a plain string is English", least=least, **more)


def texts_of(kind: Listed) -> tuple[str, ...]:
    """The fields of a kind that are texts by language."""
    return tuple(name for name, field in kind.shown.items() if isinstance(field, TextByLanguage))


def fields_of(**fields: Any) -> Fields:
    """Fields by name."""
    return fields

"""What every list can be asked, and how its counts are answered: ``sort``, ``total``, ``group_by``, ``at_least``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.events.store.grouping import MAX_GROUPS, CountedGroup, group_names
from shared.core.errors import DomainError
from shared.web.csv_lines import csv_answer, wants_csv

MAX_LEAST = 1_000_000
NO_MORE: Mapping[str, Any] = MappingProxyType({})


class CountedGroupSchema(ma.Schema):
    """How many have the same values."""

    by = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Raw(allow_none=True),
        required=True,
        metadata={"description": "The value of each name in `group_by`; null: they have none"},
    )
    count = ma.fields.Integer(required=True)
    sums = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "Sums of their numbers"},
    )


def total_field() -> ma.fields.Boolean:
    """Whether all are counted."""
    return ma.fields.Boolean(load_default=False, metadata={"description": "Whether to return the total number"})


def sort_field(sorts: Sequence[str], usual: str, more: str = "") -> ma.fields.String:
    """The order: one of ``sorts``, in which each field stands with and without ``-``; ``more``: what else to know."""
    about = {"description": "`-` before a name: descending" + (f". {more}" if more else "")}
    return ma.fields.String(load_default=usual, validate=ma.validate.OneOf(list(sorts)), metadata=about)


def group_fields(groups: Sequence[str]) -> dict[str, Any]:
    """The arguments that ask for counts by one or two of ``groups``."""
    names = ", ".join(f"`{name}`" for name in groups)
    by = f"Return counts instead of a list, by one or two of {names}, separated by a comma; the largest first"
    least = "With `group_by`: leave out smaller groups"
    rules = [ma.validate.Length(min=1, max=200), ma.validate.Regexp(r"^[^\x00]*$")]
    return {
        "group_by": ma.fields.String(validate=rules, metadata={"description": by}),
        "at_least": ma.fields.Integer(
            load_default=1, validate=ma.validate.Range(min=1, max=MAX_LEAST), metadata={"description": least}
        ),
    }


def counted_list(item: type[ma.Schema], name: str, more: Mapping[str, Any] = NO_MORE) -> type[ma.Schema]:
    """A page of ``item`` with ``more``; with ``group_by``, ``groups`` in place of ``items`` and ``next``."""
    fields: dict[str, Any] = {
        "items": ma.fields.List(ma.fields.Nested(item)),
        "next": ma.fields.String(metadata={"description": "Cursor of the next page; empty at the end"}),
        "total": ma.fields.Integer(metadata={"description": "With `total=true`: the total number"}),
        "groups": ma.fields.List(ma.fields.Nested(CountedGroupSchema)),
        "more": ma.fields.Boolean(
            metadata={"description": f"With `group_by`: whether there are more than these {MAX_GROUPS}"}
        ),
        **more,
    }
    return ma.Schema.from_dict(fields, name=name)


def groups_asked(query: Mapping[str, Any], allowed: Sequence[str]) -> list[str]:
    """What is counted by; nothing where a list is asked for.

    Raises:
        DomainError: ``unknown-parameter``: it is none of ``allowed``, or stands beside what belongs to a list.
    """
    if "group_by" not in query:
        return []
    if query["cursor"] or "fields" in query or "chosen" in query:
        raise DomainError("unknown-parameter", "cursor and fields belong to a list, and `group_by` answers none")
    return group_names(query["group_by"], allowed)


def groups_answer(
    name: str,
    names: Sequence[str],
    found: Sequence[CountedGroup],
    total: Callable[[], int] | None,
    sums: Sequence[str] = (),
) -> Response:
    """What is answered of counts: as CSV if `Accept` asks for it.

    Args:
        name: of the list.
        names: what is counted by.
        found: groups, the largest first; one more than are shown tells that there are more.
        total: counts all rows; None if nobody asked.
        sums: names of the numbers that are added up.
    """
    shown = found[:MAX_GROUPS]
    if wants_csv():
        rows = ([*one.by.values(), one.count, *one.sums.values()] for one in shown)
        return csv_answer(f"{name}-counts", [*names, "count", *sums], rows)
    content: dict[str, Any] = {"groups": [asdict(one) for one in shown], "more": len(found) > MAX_GROUPS}
    return jsonify(content if total is None else content | {"total": total()})


def parted(names: str) -> list[str]:
    """Names of fields, parted by commas."""
    return [name.strip() for name in names.split(",")]

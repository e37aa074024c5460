"""What the routes of all features share: who sees what, fields of requests, refusals, and lists that can be counted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from types import MappingProxyType
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify
from flask_smorest import abort
from werkzeug.exceptions import Unauthorized

from services.events.event.model import Readers
from services.events.rules import RulesBroken
from services.events.tables import MAX_GROUPS, CountedGroup, group_names
from shared.http.access import holder, holder_if_any, refuse
from shared.http.lists import csv_answer, wants_csv
from shared.http.problems import MEDIA_TYPE as PROBLEM
from shared.http.problems import ProblemSchema
from shared.messaging.contracts.payloads import ROLES
from shared.runtime.errors import DomainError

READERS = ("viewer", "coordinator")
"""Roles that see drafts, meeting links, counts and rosters."""

INTERNAL_READERS = ("coordinator", "operator")
"""Roles that may ask for the system's own events, such as the canary's."""

MAX_LEAST = 1_000_000
NO_MORE: Mapping[str, Any] = MappingProxyType({})


def audience() -> Readers:
    """For whom a public route answers: coordinators when one of the ``READERS`` calls.

    Raises:
        Unauthorized: the key that was sent is unknown.
    """
    return Readers.COORDINATORS if holder_if_any(*READERS) else Readers.PUBLIC


def own_forms(readers: Readers) -> frozenset[str] | None:
    """The forms to which the caller's key is limited (an event counts as the form of its name); None: no limit.

    The public has no key, so there is no limit: it sees only what is public.
    """
    return None if readers is Readers.PUBLIC else holder().forms


def require_internal() -> None:
    """Refuse a caller of a public route who asks for what is internal and is no coordinator or operator.

    Raises:
        Unauthorized: the key that was sent is unknown, or there was none.
        Forbidden: the holder has another role.
    """
    if holder_if_any(*ROLES) is None:
        raise Unauthorized
    require_one_of(*INTERNAL_READERS)


def require_counts() -> None:
    """Refuse a caller of a public route who asks for an order by numbers of registrations and does not see them all.

    Raises:
        Unauthorized: the key that was sent is unknown, or there was none.
        Forbidden: the holder has another role, or a key that is limited to some forms.
    """
    if holder_if_any(*ROLES) is None:
        raise Unauthorized
    require_one_of(*READERS)
    if holder().forms is not None:
        refuse(holder())


def require_one_of(*roles: str) -> None:
    """Refuse a holder without any of ``roles``, where the needed roles depend on the query.

    Raises:
        Forbidden: the holder has none of them.
    """
    if holder().roles.isdisjoint(roles):
        refuse(holder())


def instant_field(description: str, **more: Any) -> ma.fields.AwareDateTime:
    """A datetime with an offset."""
    return ma.fields.AwareDateTime(format="iso", metadata={"description": description}, **more)


class CountedGroupSchema(ma.Schema):
    """How many have the same values."""

    by = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Raw(allow_none=True),
        required=True,
        metadata={"description": "The value of each name in `group_by`; null: no value"},
    )
    count = ma.fields.Integer(required=True)
    sums = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "Sums of their numbers"},
    )


def number_by_name(description: str) -> ma.fields.Dict:
    """Numbers by name, such as registrations by status."""
    return ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Integer(), required=True, metadata={"description": description}
    )


def total_field() -> ma.fields.Boolean:
    """Whether all are counted."""
    return ma.fields.Boolean(load_default=False, metadata={"description": "Whether to return the total number"})


def sort_field(sorts: Sequence[str], usual: str, more: str = "") -> ma.fields.String:
    """The order: one of ``sorts``, each field with and without ``-``; ``more`` is added to the description."""
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
            metadata={"description": f"With `group_by`: whether there are more than {MAX_GROUPS} groups"}
        ),
        **more,
    }
    return ma.Schema.from_dict(fields, name=name)


def requested_groups(query: Mapping[str, Any], allowed: Sequence[str]) -> list[str]:
    """The fields to count by; empty if the request is for a list.

    Raises:
        DomainError: ``unknown-parameter``: it is none of ``allowed``, or is combined with arguments of a list.
    """
    if "group_by" not in query:
        return []
    if query["cursor"] or "fields" in query or "chosen" in query:
        raise DomainError("unknown-parameter", "`group_by` cannot be combined with cursor or fields")
    return group_names(query["group_by"], allowed)


def groups_answer(
    name: str,
    names: Sequence[str],
    found: Sequence[CountedGroup],
    total: Callable[[], int] | None,
    sums: Sequence[str] = (),
) -> Response:
    """The response with counts: as CSV if `Accept` asks for it.

    Args:
        name: the name of the list, for the name of the file.
        names: what is counted by.
        found: groups, the largest first; one more than are shown means that there are more.
        total: counts all rows; None if that was not asked for.
        sums: names of the numbers that are added up.
    """
    shown = found[:MAX_GROUPS]
    if wants_csv():
        rows = ([*group.by.values(), group.count, *group.sums.values()] for group in shown)
        return csv_answer(f"{name}-counts", [*names, "count", *sums], rows)
    content: dict[str, Any] = {"groups": [asdict(group) for group in shown], "more": len(found) > MAX_GROUPS}
    return jsonify(content if total is None else content | {"total": total()})


def split_names(names: str) -> list[str]:
    """The names of fields in a list separated by commas."""
    return [name.strip() for name in names.split(",")]


REFUSED = {"s401": "No key", "s403": "The key's roles or forms do not allow it"}
"""Refusals of every route that needs a role, for :func:`with_refusals`."""

CHANGED = {"s412": "It was changed since it was read", "s428": "`If-Match` is missing"}
"""Further refusals of a route that changes a record."""


def with_refusals(blueprint: Any, **descriptions: str) -> Any:
    """Document the refusals of a route; names are ``s404`` and the like."""

    def decorate(view: Any) -> Any:
        for name, description in descriptions.items():
            view = blueprint.alt_response(
                int(name[1:]), schema=ProblemSchema, content_type=PROBLEM, description=description
            )(view)
        return view

    return decorate


@contextmanager
def broken_rules_as_faults() -> Iterator[None]:
    """Rules about fields of the request become 422 with a pointer to each."""
    try:
        yield
    except RulesBroken as error:
        faults: dict[str, list[str]] = {}
        for rule in error.broken:
            faults.setdefault(rule.field, []).append(rule.detail)
        abort(422, messages={"json": faults})


def read_id_position(parts: Sequence[str]) -> str:
    """The one part of a registration's position, for ``RosterQuery.after``.

    Raises:
        ValueError: it is not.
    """
    (registration_id,) = parts
    return str(UUID(registration_id))

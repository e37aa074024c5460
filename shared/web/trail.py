"""Who did what in a service, over HTTP: the same shape for each, since each keeps its own."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import marshmallow as ma

from shared.core.clock import parse_rfc3339, rfc3339
from shared.store.deeds import TrailFilter, TrailLine, read_trail
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import LONGEST_NAME, needs_all_forms
from shared.web.operations import Blueprint
from shared.web.paging import Page, PageArguments, page_of, position_in

WATCHERS = ("coordinator", "operator")
"""Roles that may see who did what."""

LONGEST_WORD = 100
PLAIN = ma.validate.Regexp(r"^[^\x00-\x1f\x7f]*$")


class TrailQuery(PageArguments):
    """Filters of the trail."""

    who = ma.fields.String(load_default="", validate=[ma.validate.Length(max=LONGEST_NAME), PLAIN])
    deed = ma.fields.String(load_default="", validate=[ma.validate.Length(max=LONGEST_WORD), PLAIN])


class TrailLineSchema(ma.Schema):
    """One deed of a holder of a key."""

    at = ma.fields.AwareDateTime(format="iso", required=True)
    who = ma.fields.String(required=True, metadata={"description": "Name of the key's holder"})
    deed = ma.fields.String(required=True, metadata={"description": "In the past tense: `bulletin-sent`"})
    kind = ma.fields.String(required=True, metadata={"description": "Of what it was done to; may be empty"})
    subject = ma.fields.String(required=True, metadata={"description": "Its id or slug; may be empty"})
    detail = ma.fields.Dict(keys=ma.fields.String(), required=True)


class TrailSchema(ma.Schema):
    """One page of the trail."""

    items = ma.fields.List(ma.fields.Nested(TrailLineSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


def trail_blueprint(service: str, work: UnitOfWork) -> Any:
    """``GET /v1/trail/{service}``."""
    blueprint = Blueprint("trail", __name__, url_prefix="/v1/trail", description="Who did what")

    @blueprint.get(f"/{service}")
    @blueprint.arguments(TrailQuery, location="query")
    @blueprint.response(200, TrailSchema)
    @needs_all_forms(*WATCHERS)
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """What people with a key did in this service, newest first."""
        page = trail_page(work, query["who"], query["deed"], query["cursor"], query["limit"])
        return {"items": [asdict(line) for line in page.items], "next": page.next}

    return blueprint


def trail_page(work: UnitOfWork, who: str, deed: str, cursor: str, limit: int) -> Page[TrailLine]:
    """Lines of the trail, newest first.

    Args:
        work: on the service's database.
        who: only of this holder; empty: of all.
        deed: only this one; empty: any.
        cursor: of the page before; empty: the first.
        limit: lines.

    Raises:
        BadRequest: not a cursor of ours.
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        lines = read_trail(connection, TrailFilter(who, deed, position_in(cursor, 2, _position), limit + 1))
    return page_of(lines, limit, lambda line: [rfc3339(line.at), line.key])


def _position(key: Sequence[str]) -> tuple[datetime, str]:
    if "\x00" in key[1]:
        raise ValueError("not the key of a line")
    return parse_rfc3339(key[0]), key[1]

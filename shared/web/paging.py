"""Keyset paging: a cursor is the sort key of the last row, so no page skips or repeats a row while others come in."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import marshmallow as ma
from werkzeug.exceptions import BadRequest

Row = TypeVar("Row")
Position = TypeVar("Position")

DEFAULT_LIMIT = 50
MOST = 200


class PageArguments(ma.Schema):
    """Query arguments of a listing."""

    cursor = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=500),
        metadata={"description": "`next` of the last page"},
    )
    limit = ma.fields.Integer(load_default=DEFAULT_LIMIT, validate=ma.validate.Range(min=1, max=MOST))


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows and the cursor of the next page; an empty cursor says there is none."""

    items: Sequence[Row]
    next: str


def page_of(rows: Sequence[Row], limit: int, key: Callable[[Row], Sequence[str]]) -> Page[Row]:
    """A page from ``limit + 1`` rows asked for: the extra one only tells that there is more."""
    shown = rows[:limit]
    return Page(shown, to_cursor(key(shown[-1])) if len(rows) > limit else "")


def to_cursor(key: Sequence[str]) -> str:
    """An opaque cursor for a sort key."""
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode().rstrip("=")


def from_cursor(cursor: str, parts: int) -> list[str] | None:
    """The sort key in ``cursor``; None for the first page.

    Raises:
        BadRequest: not a cursor of ours.
    """
    if not cursor:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise BadRequest("unknown cursor") from None
    if not isinstance(key, list) or len(key) != parts or not all(isinstance(part, str) for part in key):
        raise BadRequest("unknown cursor")
    return key


def position_in(cursor: str, parts: int, read: Callable[[Sequence[str]], Position]) -> Position | None:
    """Where the last page ended, as ``read`` makes it from the sort key in ``cursor``; None for the first page.

    Args:
        cursor: as it came from the caller.
        parts: of the sort key.
        read: checks the key; raises ValueError if it is none of its listing.

    Raises:
        BadRequest: not a cursor of this listing.
    """
    key = from_cursor(cursor, parts)
    if key is None:
        return None
    try:
        return read(key)
    except ValueError:
        raise BadRequest("unknown cursor") from None

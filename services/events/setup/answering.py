"""Answers what is asked of a list that is read whole: a page, all of it as a file, or counts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Response, jsonify

from services.events.api.grouping import groups_answer, groups_asked, parted
from services.events.setup.kinds import Listed, Listing
from services.events.setup.querying import Item, ListQuery, grouped, in_english, matching, page_from
from shared.core.errors import DomainError
from shared.web.browser_session import require_recent_sign_in
from shared.web.csv_lines import csv_answer, wants_csv

More = Callable[[Sequence[Item]], Mapping[str, Any]]


def nothing_more(_items: Sequence[Item]) -> Mapping[str, Any]:
    """For a list that answers its items alone."""
    return {}


def list_answer(
    kind: Listed, names: Sequence[str], items: Sequence[Item], query: Mapping[str, Any], more: More = nothing_more
) -> Response:
    """What is answered.

    Args:
        kind: whose list.
        names: the fields that the caller may see, in order.
        items: all of them as the caller may see them.
        query: checked arguments of ``schemas.list_arguments``.
        more: further content of a list, of all that fit.

    Raises:
        DomainError: ``unknown-parameter``.
        BadRequest: the cursor is not one of this list.
    """
    wanted = query_of(kind, query)
    found = matching(items, kind.listing, wanted)
    if groups := groups_asked(query, kind.listing.groups):
        counted = [one for one in grouped(found, groups, kind.listing.sums) if one.count >= query["at_least"]]
        total = (lambda: len(found)) if query["total"] else None
        return varying(groups_answer(kind.part, groups, counted, total, kind.listing.sums))
    chosen = _chosen(names, query.get("chosen"))
    if wants_csv():
        if not kind.listing.public:
            require_recent_sign_in()
        return varying(csv_answer(kind.part, chosen, ([_cell(item[name]) for name in chosen] for item in found)))
    shown, further = page_from(found, wanted)
    content = {"items": [{name: item[name] for name in chosen} for item in shown], "next": further, **more(found)}
    return varying(jsonify(content | ({"total": len(found)} if query["total"] else {})))


def query_of(kind: Listed, query: Mapping[str, Any]) -> ListQuery:
    """The checked arguments of a list."""
    listing: Listing = kind.listing
    bounds = {name: query[name].isoformat() if name in query else "" for name in ("day_from", "day_to")}
    return ListQuery(
        given={name: query[name] for name in listing.filters if name in query},
        words=query.get("q", ""),
        missing_language=query.get("missing_language", ""),
        sort=query["sort"],
        limit=query["limit"],
        cursor=query["cursor"],
        **bounds,
    )


def varying(answer: Response) -> Response:
    """An answer that depends on who asks, and for what."""
    answer.vary.update(["Accept", "Authorization", "Cookie"])
    return answer


def _chosen(names: Sequence[str], asked: str | None) -> list[str]:
    if asked is None:
        return list(names)
    wanted = set(parted(asked))
    if unknown := sorted(wanted - set(names)):
        raise DomainError("unknown-parameter", f"no such field: {', '.join(unknown)[:200]}")
    return [name for name in names if name in wanted or name == "id"]


def _cell(value: Any) -> Any:
    return "; ".join(map(str, value)) if isinstance(value, list) else in_english(value)

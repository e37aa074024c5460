"""A list that is short enough to be read whole: filter, search, sort, page and count it, and answer requests for it.

It works on what the interface shows, so that no one can query a field they may not see.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, jsonify

from services.events.http import groups_answer, requested_groups, split_names
from services.events.setup.kinds import Listed, Listing
from services.events.tables import CountedGroup
from shared.http.access import require_recent_beyond_a_page, require_recent_sign_in
from shared.http.lists import csv_answer, position_in, to_cursor, wants_csv
from shared.i18n.languages import Text
from shared.runtime.errors import DomainError

Item = Mapping[str, Any]

Position = tuple[tuple[int, bool, Any], str]

More = Callable[[Sequence[Item]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """A query for a page of a list.

    Attributes:
        given: wanted values by field, as the interface shows them.
        words: a text to be found in one of the searched fields, in any language.
        missing_language: a language that one of the texts by language lacks.
        day_from: the first day, as ``2020-03-04``; empty for none.
        day_to: the last day, in the same format; empty for none.
        sort: a field, with ``-`` before it for the other direction.
        limit: the maximum number of rows on a page.
        cursor: the cursor that the previous page returned; empty for the first page.
    """

    given: Mapping[str, Any]
    words: str = ""
    missing_language: str = ""
    day_from: str = ""
    day_to: str = ""
    sort: str
    limit: int
    cursor: str = ""


def matching(items: Sequence[Item], listing: Listing, query: ListQuery) -> list[Item]:
    """All that fit the query, in its order."""
    found = [item for item in items if _fits(item, listing, query)]
    return sorted(found, key=lambda item: _key(item, query.sort), reverse=query.sort.startswith("-"))


def page_from(items: Sequence[Item], query: ListQuery) -> tuple[Sequence[Item], str]:
    """A page of ``items``, which are sorted, and the cursor of the next one; empty at the end.

    Raises:
        BadRequest: the cursor is not one of this list.
    """
    after = position_in(query.cursor, 2, _read_position)
    if after is not None:
        descending = query.sort.startswith("-")
        keys = [_key(item, query.sort) for item in items]
        beyond = [key < after if descending else key > after for key in keys]
        items = [item for item, is_beyond in zip(items, beyond, strict=True) if is_beyond]
    shown = items[: query.limit]
    if len(items) <= query.limit:
        return shown, ""
    key, item_id = _key(shown[-1], query.sort)
    return shown, to_cursor([json.dumps(key), item_id])


def grouped(items: Sequence[Item], names: Sequence[str], sums: Sequence[str]) -> list[CountedGroup]:
    """How many of ``items`` there are for each combination of the fields ``names``, the largest first."""
    parts: defaultdict[tuple[Any, ...], list[Item]] = defaultdict(list)
    for item in items:
        parts[tuple(item.get(name) for name in names)].append(item)
    found = [
        CountedGroup(
            dict(zip(names, key, strict=True)), len(part), {name: sum(item[name] for item in part) for name in sums}
        )
        for key, part in parts.items()
    ]
    return sorted(found, key=lambda group: (-group.count, [str(value) for value in group.by.values()]))


def _fits(item: Item, listing: Listing, query: ListQuery) -> bool:
    if any(_folded(item.get(name)) != _folded(value) for name, value in query.given.items()):
        return False
    words = query.words.casefold()
    if words and not any(words in text.casefold() for name in listing.searched for text in _texts(item.get(name))):
        return False
    if query.missing_language and not _lacks(item, query.missing_language):
        return False
    if not (query.day_from or query.day_to):
        return True
    day = str(item.get(listing.day) or "")[:10]
    return bool(day) and query.day_from <= day <= (query.day_to or day)


def _texts(value: Any) -> Iterable[str]:
    return value.values() if isinstance(value, Mapping) else [str(value or "")]


def _lacks(item: Item, language: str) -> bool:
    return any(language in Text.of(value).missing for value in item.values() if isinstance(value, Mapping))


def in_english(value: Any) -> Any:
    """A text by language in English, or in any language it has; any other value as it is."""
    return str(Text.of(value)) if isinstance(value, Mapping) else value


def _folded(value: Any) -> Any:
    """Case is ignored."""
    return value.casefold() if isinstance(value, str) else value


def _key(item: Item, sort: str) -> Position:
    """Sort key: empty values last, texts without regard to case, then the id."""
    value = in_english(item.get(sort.removeprefix("-")))
    if value is None:
        return (-1 if sort.startswith("-") else 1, False, 0), item["id"]
    is_text = isinstance(value, str)
    return (0, is_text, value.casefold() if is_text else value), item["id"]


def _read_position(parts: Sequence[str]) -> Position:
    key = json.loads(parts[0])
    if not isinstance(key, list) or len(key) != 3 or key[0] not in (-1, 0, 1):
        raise ValueError("not a position in this list")
    if not isinstance(key[2], str if key[1] is True else int):
        raise ValueError("not a position in this list")
    return (key[0], key[1] is True, key[2]), parts[1]


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
        query: checked arguments of ``list_arguments``.
        more: further content of a list, of all that fit.

    Raises:
        DomainError: ``unknown-parameter``.
        BadRequest: the cursor is not one of this list.
    """
    wanted = query_of(kind, query)
    found = matching(items, kind.listing, wanted)
    if groups := requested_groups(query, kind.listing.groups):
        counted = [group for group in grouped(found, groups, kind.listing.sums) if group.count >= query["at_least"]]
        total = (lambda: len(found)) if query["total"] else None
        return varying(groups_answer(kind.part, groups, counted, total, kind.listing.sums))
    chosen = _chosen(names, query.get("chosen"))
    if wants_csv():
        if not kind.listing.public:
            require_recent_sign_in()
        return varying(csv_answer(kind.part, chosen, ([_cell(item[name]) for name in chosen] for item in found)))
    if not kind.listing.public:
        require_recent_beyond_a_page(wanted.cursor, min(wanted.limit, len(found)))
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
    wanted = set(split_names(asked))
    if unknown := sorted(wanted - set(names)):
        raise DomainError("unknown-parameter", f"no such field: {', '.join(unknown)[:200]}")
    return [name for name in names if name in wanted or name == "id"]


def _cell(value: Any) -> Any:
    return "; ".join(map(str, value)) if isinstance(value, list) else in_english(value)

"""The console's list of one kind: filter, sort, page; or count by one or two fields; on the page or as a file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

import marshmallow as ma
from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import BadRequest

from services.events.console import Section
from services.events.http import READERS
from services.events.known_values import require_known_values
from services.events.setup.console import DONE, HOME, SetupPages
from services.events.setup.kinds import SetupKind, list_arguments, texts_of
from services.events.setup.listing import Item, grouped, in_english, matching, page_from, query_of
from services.events.tables import MAX_GROUPS, group_names
from shared.http.access import holder, needs_all_forms, require_recent_beyond_a_page, require_recent_sign_in
from shared.http.headers import personal
from shared.http.lists import csv_answer
from shared.i18n.languages import LANGUAGE_NAMES
from shared.i18n.when import compact_day

PAGE = 50
_COUNTED = re.compile(r"^([a-z]+) (\d+) ", re.MULTILINE)
_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


@dataclass(frozen=True, slots=True)
class Filter:
    """A field by which the list is filtered: what can be chosen, and what is."""

    name: str
    label: str
    choices: Sequence[tuple[str, str]]
    chosen: str


def add_lists(blueprint: Blueprint, pages: SetupPages) -> None:
    """``/console/set-up/<part>`` and its file ``…/<part>.csv``."""

    @blueprint.get("/set-up/<part>")
    @needs_all_forms(*READERS)
    def list_page(part: str) -> Response:
        kind = pages.kind(part)
        sections, items = pages.sections(kind, None), pages.items(kind)
        query = _query(kind)
        require_known_values(pages.context.work, query)
        found = matching(items, kind.listing, query_of(kind, query))
        words = words_of(kind, sections)
        names = group_names(query["group_by"], kind.listing.groups) if query.get("group_by") else []
        if request.args.get("file") == "csv":
            return _file(kind, found, names)
        wanted = query_of(kind, query)
        if not kind.listing.public:
            require_recent_beyond_a_page(wanted.cursor, min(wanted.limit, len(found)))
        shown, further = page_from(found, wanted)
        page = render_template(
            "setup/list.html",
            kind=kind,
            items=shown,
            total=len(found),
            groups=grouped(found, names, kind.listing.sums)[:MAX_GROUPS] if names else [],
            names=names,
            filters=_filters(kind, items, words),
            languages=LANGUAGE_NAMES if texts_of(kind) else {},
            given=_given(),
            words=words,
            labels=labels_of(kind, sections),
            next=f"{HOME}/{part}?{urlencode({**_given(), 'cursor': further})}" if further else "",
            csv=f"{HOME}/{part}?{urlencode({**_given(), 'file': 'csv'})}",
            done=DONE.get(request.args.get("done", ""), ""),
            may_change="coordinator" in holder().roles and bool(kind.wanted),
        )
        return personal(make_response(page))


class ValueWords:
    """Values of a kind as people read them.

    Args:
        kind: whose values.
        choices: words by code, by field.
    """

    def __init__(self, kind: SetupKind[Any], choices: Mapping[str, Mapping[str, str]]) -> None:
        self._kind, self._choices = kind, choices

    def of(self, name: str, item: Item) -> str:
        """The value of a field of ``item``."""
        value = item.get(name)
        if name in self._kind.lines:
            return "\n".join(self._kind.lines[name].write(entry, item) for entry in value or ())
        return self.value(name, value)

    def cell(self, name: str, item: Item) -> str:
        """The value of a field of ``item`` in a table, with days as people read them."""
        text = self.of(name, item)
        if name not in self._kind.lines:
            return text
        return _COUNTED.sub(r"\2 \1, ", _DAY.sub(_read_day, text))

    def value(self, name: str, value: Any) -> str:
        """One value of a field; of a text by language, the English one."""
        value = in_english(value)
        if isinstance(value, bool):
            return "Yes" if value else "No"
        if value is None or value == "":
            return ""
        text = self._choices.get(name, {}).get(str(value))
        if text is None and isinstance(self._kind.shown.get(name), ma.fields.Date):
            return compact_day(date.fromisoformat(value))
        return str(value) if text is None else text


def _read_day(found: re.Match[str]) -> str:
    return compact_day(date.fromisoformat(found[0]))


def words_of(kind: SetupKind[Any], sections: Sequence[Section]) -> ValueWords:
    """Words for the values of a kind."""
    fields = [field for section in sections for field in section.fields]
    return ValueWords(kind, {field.name: {str(code): text for code, text in field.choices} for field in fields})


def labels_of(kind: SetupKind[Any], sections: Sequence[Section]) -> dict[str, str]:
    """Labels of the fields of a kind."""
    named = {field.name: field.label for section in sections for field in section.fields}
    return {**{name: name.replace("_", " ").capitalize() for name in kind.shown}, **named, **dict(kind.words.columns)}


def _query(kind: SetupKind[Any]) -> dict[str, Any]:
    schema = list_arguments(kind)(unknown=ma.EXCLUDE)
    try:
        found: dict[str, Any] = schema.load({"limit": str(PAGE), **_given(), "cursor": request.args.get("cursor", "")})
    except ma.ValidationError as error:
        raise BadRequest(f"unknown parameter: {', '.join(map(str, error.messages_dict))}") from None
    return found


def _given() -> dict[str, str]:
    """Return the query of the address, without the cursor."""
    given = {
        name: value for name, value in request.args.items() if value and name not in ("cursor", "done", "file", "by")
    }
    by = request.args.get("by", "")
    if "group_by" in given and by and by != given["group_by"]:
        given["group_by"] = f"{given['group_by']},{by}"
    return given


def _filters(kind: SetupKind[Any], items: Sequence[Item], words: ValueWords) -> list[Filter]:
    """Return the filters, each with its possible values."""
    labels = labels_of(kind, ())
    found = []
    for name in kind.listing.filters:
        values = {
            str(item[name]) if not isinstance(item[name], bool) else str(item[name]).lower(): item[name]
            for item in items
            if item[name] is not None
        }
        choices = sorted(((code, words.value(name, value)) for code, value in values.items()), key=lambda one: one[1])
        found.append(Filter(name, labels[name], choices, request.args.get(name, "")))
    return found


def _file(kind: SetupKind[Any], found: Sequence[Item], names: Sequence[str]) -> Response:
    if names:
        groups = grouped(found, names, kind.listing.sums)
        rows = ([*group.by.values(), group.count, *group.sums.values()] for group in groups)
        return csv_answer(f"{kind.part}-counts", [*names, "count", *kind.listing.sums], rows)
    if not kind.listing.public:
        require_recent_sign_in()
    columns = ["id", *kind.shown]
    lines = words_of(kind, ())
    cells = (
        [lines.of(name, item) if name in kind.lines else in_english(item[name]) for name in columns] for item in found
    )
    return csv_answer(kind.part, columns, cells)

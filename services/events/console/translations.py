"""The page of what is not translated yet: how much by language and kind, and the texts that lack one language."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.exceptions import BadRequest

from services.events.domain.rules import slug_rule
from services.events.store.translations import KINDS
from services.events.usecases.list_network import list_missing, show_missing
from shared.i18n.content import DEFAULT
from shared.i18n.languages import LANGUAGE_NAMES
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import needs_all_forms
from shared.web.paging import page_of, position_in

READERS = ("viewer", "coordinator")
PAGE = 50
KIND_NAMES: Mapping[str, str] = {
    "event": "Events",
    "series": "Series",
    "working_group": "Working groups",
    "room": "Rooms",
    "resource": "Recordings, slides and briefs",
}
ADDRESSES: Mapping[str, str] = {
    "event": "/console/events/{id}/edit",
    "series": "/console/set-up/series/{id}",
    "working_group": "/console/set-up/working-groups/{id}",
    "room": "/console/set-up/rooms/{id}",
    "resource": "/console/set-up/resources/{id}",
}
"""Where the texts of each kind are written."""


def add_translations(blueprint: Blueprint, work: UnitOfWork) -> None:
    """``/console/translations``."""

    @blueprint.get("/translations")
    @needs_all_forms(*READERS)
    def translations() -> str:
        counts = show_missing(work)
        language = request.args.get("language") or _most_wanted(counts)
        if language not in LANGUAGE_NAMES:
            raise BadRequest("unknown language")
        after = position_in(request.args.get("cursor", ""), 2, _read_position) or ("", "")
        return render_template(
            "events/translations.html",
            counts=counts,
            kinds=KIND_NAMES,
            language=language,
            page=page_of(list_missing(work, language, after, PAGE + 1), PAGE, lambda one: (one.kind, one.id)),
            addresses=ADDRESSES,
        )


def _most_wanted(counts: Mapping[str, Mapping[str, int]]) -> str:
    """The language that lacks most; the first after English if none lacks anything."""
    others = [code for code in LANGUAGE_NAMES if code != DEFAULT]
    return max(others, key=lambda code: sum(counts.get(code, {}).values()))


def _read_position(parts: Sequence[Any]) -> tuple[str, str]:
    kind, name = parts
    if kind not in KINDS or not isinstance(name, str) or slug_rule("id", name):
        raise ValueError("not a place in this list")
    return kind, name

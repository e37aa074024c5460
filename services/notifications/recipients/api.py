"""HTTP of recipients: suppressions by reference (never by address), the unsubscribe page, one person's data."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import marshmallow as ma
from flask import Blueprint as PageBlueprint
from flask import Response, make_response, render_template, request
from werkzeug.exceptions import NotFound

from services.notifications.composing.texts import FALLBACK, wording
from services.notifications.recipients.model import PERSON_REF
from services.notifications.recipients.service import (
    LEFT_OUT,
    UnsubscribeLink,
    export_person,
    may_be_former,
    read_unsubscribe_token,
    request_unsubscribing,
    resubscribe,
    suppressions,
    takes_former_links,
    unsubscribe,
)
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import (
    by_link,
    holder,
    needs_all_forms,
    needs_recent_sign_in,
    public,
    require_recent_beyond_a_page,
)
from shared.http.audit_log import (
    MAX_REFERENCES,
    MAX_SUBJECTS,
    PATH,
    REFERENCE,
    ExportRequestSchema,
    ExportSchema,
    export_content,
    record_export,
)
from shared.http.headers import personal
from shared.http.lists import PageArguments, page_of, position_in
from shared.http.request_data import Blueprint
from shared.i18n.languages import LANGUAGE_NAMES, LANGUAGES, chosen_language, named_language
from shared.public_forms.fields import engine_texts
from shared.runtime.clock import Clock
from shared.security.sealing import Vault


class SuppressSchema(ma.Schema):
    """A person who gets no bulletins."""

    person_ref = ma.fields.String(required=True, validate=ma.validate.Regexp(PERSON_REF))


class SuppressionSchema(SuppressSchema):
    """A person who gets no bulletins."""

    said_by = ma.fields.String(required=True, validate=ma.validate.OneOf(("recipient", "coordinator")))
    who = ma.fields.String(required=True, allow_none=True, metadata={"description": "Which coordinator"})
    since = ma.fields.AwareDateTime(format="iso", required=True)


class SuppressionListSchema(ma.Schema):
    """One page of suppressions, in the order of the references."""

    items = ma.fields.List(ma.fields.Nested(SuppressionSchema), required=True)
    next = ma.fields.String(required=True, metadata={"description": "Cursor of the next page; empty at the end"})


class SuppressionQuery(PageArguments):
    """Which page."""


def suppressions_blueprint(work: UnitOfWork, clock: Clock) -> Any:
    """Routes below ``/v1/suppressions``."""
    blueprint = Blueprint("suppressions", __name__, url_prefix="/v1/suppressions", description="Who gets no bulletins")

    @blueprint.get("")
    @blueprint.arguments(SuppressionQuery, location="query")
    @blueprint.response(200, SuppressionListSchema)
    @needs_all_forms("coordinator")
    def list_them(query: dict[str, Any]) -> dict[str, Any]:
        """People who get no bulletins."""
        require_recent_beyond_a_page(query["cursor"], query["limit"])
        after = position_in(query["cursor"], 1, _person)
        found = suppressions(work, after or "", query["limit"])
        page = page_of(found, query["limit"], lambda entry: [entry.person_ref])
        return {"items": [asdict(entry) for entry in page.items], "next": page.next}

    @blueprint.post("")
    @blueprint.arguments(SuppressSchema)
    @blueprint.response(204)
    @needs_all_forms("coordinator")
    def add(content: dict[str, Any]) -> None:
        """Send this person no bulletins. Repeating it changes nothing."""
        unsubscribe(work, clock, content["person_ref"], holder().name)

    @blueprint.delete("/<string:person_ref>")
    @blueprint.response(204)
    @needs_all_forms("coordinator")
    def remove(person_ref: str) -> None:
        """Send this person bulletins again."""
        if not re.fullmatch(PERSON_REF, person_ref):
            raise NotFound
        resubscribe(work, clock, person_ref, holder().name)

    return blueprint


def _person(key: Sequence[str]) -> str:
    if not re.fullmatch(PERSON_REF, key[0]):
        raise ValueError("no reference of a person")
    return key[0]


STYLE = Path(__file__).parent / "static" / "unsubscribe.css"


def unsubscribe_blueprint(work: UnitOfWork, clock: Clock, links: Vault) -> PageBlueprint:
    """Routes below ``/u``.

    Links of bulletins from before links had a key cannot be read here: whether they are genuine, senders find out.

    Args:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        links: opens the links' tokens.
    """

    def is_taken(token: str) -> bool:
        return may_be_former(token) and takes_former_links(work, clock)

    blueprint = PageBlueprint("unsubscribe", __name__, url_prefix="/u", template_folder="templates")

    @blueprint.get("/-/page.css")
    @public
    def style() -> Response:
        response = Response(_style(), mimetype="text/css")
        response.cache_control.public, response.cache_control.max_age = True, 3600
        return response

    @blueprint.get("/<token>")
    @by_link
    def show(token: str) -> Response:
        who = read_unsubscribe_token(links, token, clock())
        if who is not None or is_taken(token):
            return _page("ask", who)
        return _gone()

    @blueprint.post("/<token>")
    @by_link
    def leave(token: str) -> Response:
        who = read_unsubscribe_token(links, token, clock())
        if who is None and not is_taken(token):
            return _gone()
        request_unsubscribing(work, clock, token)
        return _page("recorded" if who is None else "done", who)

    return blueprint


def _page(state: str, who: UnsubscribeLink | None) -> Response:
    if who is None:
        return _answer(state, _chosen_language(), 200)
    own = who.language if who.language in LANGUAGES else FALLBACK
    return _answer(state, named_language(request.args.get("lang")) or own, 200)


def _gone() -> Response:
    return _answer("gone", _chosen_language(), 404)


def _chosen_language() -> str:
    return chosen_language(request.args.get("lang"), request.accept_languages)


def _answer(state: str, language: str, status: int) -> Response:
    """The page, with links to itself in the other languages: reading it changes nothing."""
    page = render_template(
        "unsubscribe/page.html",
        state=state,
        words=wording(language),
        choose=engine_texts().text("language.choose", language),
        languages=[(code, name, f"?lang={code}") for code, name in LANGUAGE_NAMES.items()],
    )
    return personal(make_response(page, status))


@cache
def _style() -> str:
    return STYLE.read_text()


class NotificationsExportSchema(ExportRequestSchema):
    """Whose data, by what registration and events have answered."""

    person_refs = ma.fields.List(
        ma.fields.String(validate=REFERENCE), required=True, validate=ma.validate.Length(max=MAX_REFERENCES)
    )
    subjects = ma.fields.List(ma.fields.UUID(), required=True, validate=ma.validate.Length(max=MAX_SUBJECTS))


def person_export_blueprint(work: UnitOfWork, clock: Clock) -> Any:
    """``/v1/person-export/notifications``."""
    blueprint = Blueprint("person_export", __name__, url_prefix=PATH, description="One person's data, on request")

    @blueprint.post("/notifications")
    @blueprint.arguments(NotificationsExportSchema)
    @blueprint.response(200, ExportSchema)
    @needs_recent_sign_in
    @needs_all_forms("coordinator")
    def export(asked: dict[str, Any]) -> dict[str, Any]:
        """Everything that the notifications service stores about a person: mails with outcomes, and suppressions."""
        export_id = record_export(work, clock, asked)
        found = export_person(work, asked["person_refs"], [str(subject) for subject in asked["subjects"]])
        return export_content("notifications", export_id, clock, tables=found, left_out=LEFT_OUT)

    return blueprint

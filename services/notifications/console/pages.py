"""Mail in the console: where mails stand, and bulletins from draft to sent."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest, Forbidden
from werkzeug.wrappers import Response as AnyResponse

from services.notifications.console import wording
from services.notifications.domain.bulletin import LANGUAGES, LONGEST_SUBJECT, LONGEST_TEXT, SEGMENT
from services.notifications.mail.linking import pieces_of
from services.notifications.usecases.oversee import mail_overview, segment_choices
from services.notifications.usecases.send_bulletin import send_bulletin
from services.notifications.usecases.write_bulletin import (
    Letterhead,
    draft_bulletin,
    preview_bulletin,
    show_bulletins,
)
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs
from shared.web.console import words
from shared.web.console.frame import pages_blueprint
from shared.web.headers import personal

PATH = "/console/mail"
SHOWN = 20
"""Bulletins on the page; older ones are found by the API."""


def console_blueprint(work: UnitOfWork, clock: Clock, letterhead: Letterhead) -> Blueprint:
    """``/console/mail``."""
    blueprint = pages_blueprint("mail_console", __name__)
    blueprint.context_processor(lambda: {"words": words, "wording": wording, "pieces_of": pieces_of})
    _add_overview(blueprint, work)
    _add_writing(blueprint, work, clock)
    _add_bulletin(blueprint, work, clock, letterhead)
    return blueprint


def _add_overview(blueprint: Blueprint, work: UnitOfWork) -> None:
    @blueprint.get("/mail")
    @needs("viewer", "coordinator", "operator")
    def overview_page() -> str:
        _require_all_forms()
        bulletins = show_bulletins(work, None, SHOWN)[:SHOWN]
        may_write = "coordinator" in holder().roles
        return render_template(
            "mail/overview.html", overview=mail_overview(work), bulletins=bulletins, may_write=may_write
        )


def _add_writing(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/mail/bulletins/new")
    @needs("coordinator")
    def new_page() -> Response:
        _require_all_forms()
        return _form(work, {}, None)

    @blueprint.post("/mail/bulletins")
    @needs("coordinator")
    def draft() -> AnyResponse:
        _require_all_forms()
        segment = {name: value for name in SEGMENT if (value := request.form.get(name, "").strip())}
        try:
            bulletin = draft_bulletin(work, clock, segment, _texts())
        except DomainError as error:
            return _form(work, request.form.to_dict(), error.detail)
        return redirect(f"{PATH}/bulletins/{bulletin.id}", 303)


def _add_bulletin(blueprint: Blueprint, work: UnitOfWork, clock: Clock, letterhead: Letterhead) -> None:
    @blueprint.get("/mail/bulletins/<uuid:bulletin_id>")
    @needs("coordinator")
    def bulletin_page(bulletin_id: UUID) -> Response:
        _require_all_forms()
        return _bulletin(work, clock, letterhead, str(bulletin_id), None)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/send")
    @needs("coordinator")
    def send(bulletin_id: UUID) -> AnyResponse:
        _require_all_forms()
        expected = request.form.get("expected", "")
        if not expected.isascii() or not expected.isdigit() or len(expected) > 9:
            raise BadRequest("unknown number of people")
        try:
            send_bulletin(work, clock, str(bulletin_id), int(expected))
        except DomainError as error:
            if error.code == "not-found":
                raise
            return _bulletin(work, clock, letterhead, str(bulletin_id), error.detail)
        return redirect(f"{PATH}/bulletins/{bulletin_id}", 303)


def _texts() -> dict[str, dict[str, str]]:
    """The languages that somebody wrote something in; English in any case."""
    texts = {}
    for language in LANGUAGES:
        subject = request.form.get(f"subject-{language}", "").strip()
        content = request.form.get(f"text-{language}", "").replace("\r\n", "\n").strip()
        if subject or content or language == "en":
            texts[language] = {"subject": subject, "text": content}
    return texts


def _form(work: UnitOfWork, given: dict[str, Any], fault: str | None) -> Response:
    page = render_template(
        "mail/new.html",
        choices=segment_choices(work),
        given=given,
        fault=fault,
        languages=LANGUAGES,
        longest=(LONGEST_SUBJECT, LONGEST_TEXT),
        named=_named,
    )
    response = personal(make_response(page))
    response.status_code = 422 if fault else 200
    return response


def _named(values: Sequence[str], name: Callable[[str], str] = str) -> list[tuple[str, str]]:
    """Values with what they are called, in that order."""
    return sorted(((value, name(value)) for value in values), key=lambda pair: pair[1])


def _bulletin(work: UnitOfWork, clock: Clock, letterhead: Letterhead, bulletin_id: str, fault: str | None) -> Response:
    preview = preview_bulletin(work, clock, bulletin_id, letterhead)
    response = personal(make_response(render_template("mail/bulletin.html", preview=preview, fault=fault)))
    response.status_code = 409 if fault else 200
    return response


def _require_all_forms() -> None:
    """Mails reach across all forms, so a key that is limited to some is refused."""
    if holder().forms is not None:
        raise Forbidden

"""Mail in the console: where mails stand, and bulletins from draft to sent."""

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.notifications.console import wording
from services.notifications.console.not_notified import add_not_notified
from services.notifications.console.writing import form_page, segment_given, texts_given, values_of
from services.notifications.mail.linking import pieces_of
from services.notifications.usecases.change_draft import Writer, change_draft, discard_draft
from services.notifications.usecases.oversee import mail_overview, segment_names
from services.notifications.usecases.send_bulletin import Sending, send_bulletin
from services.notifications.usecases.write_bulletin import (
    Letterhead,
    draft_bulletin,
    preview_bulletin,
    show_bulletin,
    show_bulletins,
)
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs_all_forms
from shared.web.console import words
from shared.web.console.frame import pages_blueprint
from shared.web.headers import personal

PATH = "/console/mail"
SHOWN = 20
"""Bulletins on the page; older ones are found by the API."""


@dataclass(frozen=True, slots=True)
class ConsoleTools:
    """What pages of bulletins work with; ``letterhead`` is of samples."""

    work: UnitOfWork
    clock: Clock
    letterhead: Letterhead


def console_blueprint(work: UnitOfWork, clock: Clock, letterhead: Letterhead) -> Blueprint:
    """``/console/mail``."""
    blueprint = pages_blueprint("mail_console", __name__)
    blueprint.context_processor(lambda: {"words": words, "wording": wording, "pieces_of": pieces_of})
    _add_overview(blueprint, work)
    add_not_notified(blueprint, work, clock)
    _add_writing(blueprint, work, clock)
    tools = ConsoleTools(work, clock, letterhead)
    _add_changing(blueprint, tools)
    _add_bulletin(blueprint, tools)
    return blueprint


def _add_overview(blueprint: Blueprint, work: UnitOfWork) -> None:
    @blueprint.get("/mail")
    @needs_all_forms("viewer", "coordinator", "operator")
    def overview_page() -> str:
        bulletins = show_bulletins(work, None, SHOWN)[:SHOWN]
        may_write = "coordinator" in holder().roles
        return render_template(
            "mail/overview.html", overview=mail_overview(work), bulletins=bulletins, may_write=may_write
        )


def _add_writing(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    @blueprint.get("/mail/bulletins/new")
    @needs_all_forms("coordinator")
    def new_page() -> Response:
        return form_page(work, {})

    @blueprint.post("/mail/bulletins")
    @needs_all_forms("coordinator")
    def draft() -> AnyResponse:
        try:
            bulletin = draft_bulletin(work, clock, holder().name, segment_given(), texts_given())
        except DomainError as error:
            return form_page(work, request.form.to_dict(), fault=error.detail)
        return redirect(f"{PATH}/bulletins/{bulletin.id}", 303)


def _add_changing(blueprint: Blueprint, tools: ConsoleTools) -> None:
    @blueprint.get("/mail/bulletins/<uuid:bulletin_id>/change")
    @needs_all_forms("coordinator")
    def change_page(bulletin_id: UUID) -> AnyResponse:
        bulletin = show_bulletin(tools.work, str(bulletin_id))
        if bulletin.sent_at is not None:
            return redirect(f"{PATH}/bulletins/{bulletin_id}", 303)
        return form_page(tools.work, values_of(bulletin), draft=bulletin)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>")
    @needs_all_forms("coordinator")
    def change(bulletin_id: UUID) -> AnyResponse:
        seen = {request.form.get("revision", "")}
        try:
            writer = Writer(holder().name, str(bulletin_id), seen)
            change_draft(tools.work, tools.clock, writer, segment_given(), texts_given())
        except DomainError as error:
            return _refused_change(tools, str(bulletin_id), error)
        return redirect(f"{PATH}/bulletins/{bulletin_id}", 303)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/discard")
    @needs_all_forms("coordinator")
    def discard(bulletin_id: UUID) -> AnyResponse:
        try:
            seen = {request.form.get("revision", "")}
            discard_draft(tools.work, tools.clock, Writer(holder().name, str(bulletin_id), seen))
        except DomainError as error:
            if error.code == "not-found":
                raise
            return _bulletin(tools, str(bulletin_id), f"Not discarded: {error.detail}")
        return redirect(PATH, 303)


def _add_bulletin(blueprint: Blueprint, tools: ConsoleTools) -> None:
    @blueprint.get("/mail/bulletins/<uuid:bulletin_id>")
    @needs_all_forms("coordinator")
    def bulletin_page(bulletin_id: UUID) -> Response:
        return _bulletin(tools, str(bulletin_id), None)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/send")
    @needs_all_forms("coordinator")
    def send(bulletin_id: UUID) -> AnyResponse:
        expected, mark = request.form.get("expected", ""), request.form.get("mark", "")
        if not expected.isascii() or not expected.isdigit() or len(expected) > 9:
            raise BadRequest("unknown number of people")
        try:
            send_bulletin(tools.work, tools.clock, Sending(holder().name, str(bulletin_id), int(expected), mark))
        except DomainError as error:
            if error.code == "not-found":
                raise
            return _bulletin(tools, str(bulletin_id), f"Not sent: {error.detail}")
        return redirect(f"{PATH}/bulletins/{bulletin_id}", 303)


def _refused_change(tools: ConsoleTools, bulletin_id: str, error: DomainError) -> AnyResponse:
    """What somebody wrote is shown again, and may be saved in place of what somebody else wrote meanwhile."""
    if error.code == "not-found":
        raise error
    if error.code == "already-sent":
        return _bulletin(tools, bulletin_id, f"Not changed: {error.detail}")
    draft = show_bulletin(tools.work, bulletin_id)
    status = 409 if error.code == "changed-meanwhile" else 422
    return form_page(tools.work, request.form.to_dict(), draft=draft, fault=error.detail, status=status)


def _bulletin(tools: ConsoleTools, bulletin_id: str, fault: str | None) -> Response:
    preview = preview_bulletin(tools.work, tools.clock, bulletin_id, tools.letterhead)
    names = segment_names(tools.work, preview.bulletin.segment)
    response = personal(make_response(render_template("mail/bulletin.html", preview=preview, names=names, fault=fault)))
    response.status_code = 409 if fault else 200
    return response

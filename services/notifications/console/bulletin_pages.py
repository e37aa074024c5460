"""Pages on which a bulletin is written, changed and discarded; lists of other services lead here with a segment."""

from uuid import UUID

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from services.notifications.console.bulletin_sending_pages import PATH, BulletinPages, bulletin_response
from services.notifications.console.writing import (
    ABOUT,
    form_page,
    given_by_link,
    given_by_list,
    given_in,
    given_of,
    texts_of,
    with_subject,
)
from services.notifications.usecases.change_draft import Writer, change_draft, discard_draft
from services.notifications.usecases.write_bulletin import draft_bulletin, show_bulletin
from shared.core.errors import DomainError
from shared.web.access import holder, needs_all_forms

OVERVIEW = "/console/mail"


def add_writing(blueprint: Blueprint, pages: BulletinPages) -> None:
    """``/console/mail/bulletins``: new ones."""

    @blueprint.get("/mail/bulletins/new")
    @needs_all_forms("coordinator")
    def new_page() -> Response:
        about = request.args.get(ABOUT, "")
        return form_page(pages.work, with_subject(pages.work, given_by_link(), about))

    @blueprint.post("/mail/bulletins/new")
    @needs_all_forms("coordinator")
    def new_page_for_list() -> Response:
        return form_page(pages.work, given_by_list())

    @blueprint.post("/mail/bulletins")
    @needs_all_forms("coordinator")
    def draft() -> AnyResponse:
        given = given_in(request.form)
        try:
            bulletin = draft_bulletin(pages.work, pages.clock, holder().name, given.segment, texts_of(given))
        except DomainError as error:
            return form_page(pages.work, given, fault=error.detail)
        return redirect(f"{PATH}/{bulletin.id}", 303)


def add_changing(blueprint: Blueprint, pages: BulletinPages) -> None:
    """``/console/mail/bulletins/<id>``: drafts."""

    @blueprint.get("/mail/bulletins/<uuid:bulletin_id>/change")
    @needs_all_forms("coordinator")
    def change_page(bulletin_id: UUID) -> AnyResponse:
        bulletin = show_bulletin(pages.work, str(bulletin_id))
        if bulletin.state != "draft":
            return redirect(f"{PATH}/{bulletin_id}", 303)
        return form_page(pages.work, given_of(bulletin), draft=bulletin)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>")
    @needs_all_forms("coordinator")
    def change(bulletin_id: UUID) -> AnyResponse:
        given = given_in(request.form)
        try:
            writer = Writer(holder().name, str(bulletin_id), {given.revision})
            change_draft(pages.work, pages.clock, writer, given.segment, texts_of(given))
        except DomainError as error:
            return _refused_change(pages, str(bulletin_id), error)
        return redirect(f"{PATH}/{bulletin_id}", 303)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/discard")
    @needs_all_forms("coordinator")
    def discard(bulletin_id: UUID) -> AnyResponse:
        try:
            seen = {request.form.get("revision", "")}
            discard_draft(pages.work, pages.clock, Writer(holder().name, str(bulletin_id), seen))
        except DomainError as error:
            if error.code == "not-found":
                raise
            return bulletin_response(pages, str(bulletin_id), f"Not discarded: {error.detail}")
        return redirect(OVERVIEW, 303)


def _refused_change(pages: BulletinPages, bulletin_id: str, error: DomainError) -> AnyResponse:
    """What somebody wrote is shown again, and may be saved in place of what somebody else wrote in between."""
    if error.code == "not-found":
        raise error
    if error.code in ("already-sent", "scheduled"):
        return bulletin_response(pages, bulletin_id, f"Not changed: {error.detail}")
    draft = show_bulletin(pages.work, bulletin_id)
    status = 409 if error.code == "changed-meanwhile" else 422
    return form_page(pages.work, given_in(request.form), draft=draft, fault=error.detail, status=status)

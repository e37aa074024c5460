"""Console pages of tracking: mails by state, people who were not notified, and sending again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.notifications.bulletins.drafts import read_bulletin_position, show_bulletins
from services.notifications.mails.kinds import KINDS
from services.notifications.tracking.service import (
    ResendOrder,
    mail_overview,
    preview_resend,
    reasons_not_notified,
    send_again,
)
from services.notifications.tracking.store import MailSelection
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs_all_forms
from shared.http.headers import personal
from shared.http.lists import page_of, position_in
from shared.runtime.clock import Clock, lower_bound, upper_bound
from shared.runtime.errors import DomainError

PATH = "/console/mail/not-notified"
READERS = ("viewer", "coordinator", "operator")
SENDERS = ("coordinator", "operator")
SHOWN = 100
"""Mails on the page; a period or a reason finds the others."""

SHOWN_BULLETINS = 20
"""Bulletins on a page of the overview."""

MAX_REASON_LENGTH = 200
FIELDS = ("id", "since", "until", "reason", "kind")


@dataclass(frozen=True, slots=True)
class ChosenMails:
    """The selection of a request, and its fields as given."""

    selection: MailSelection
    given: Mapping[str, str]

    @property
    def query(self) -> str:
        """The fields as a query string, without the question mark."""
        return urlencode(self.given)


def add_overview(blueprint: Blueprint, work: UnitOfWork) -> None:
    """``/console/mail``: mails by state, and bulletins, newest first."""

    @blueprint.get("/mail")
    @needs_all_forms("viewer", "coordinator", "operator")
    def overview_page() -> str:
        before = position_in(request.args.get("cursor", ""), 1, read_bulletin_position)
        found = show_bulletins(work, {} if before is None else {"before": before}, SHOWN_BULLETINS)
        return render_template(
            "mail/overview.html",
            overview=mail_overview(work),
            page=page_of(found, SHOWN_BULLETINS, lambda bulletin: [str(bulletin.number)]),
            paged=before is not None,
            may_write="coordinator" in holder().roles,
        )


def add_not_notified(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/mail/not-notified``: the list, the preview, and sending again."""

    @blueprint.get("/mail/not-notified")
    @needs_all_forms(*READERS)
    def not_notified_page() -> Response:
        chosen = _chosen(request.args)
        preview = preview_resend(work, clock, chosen.selection)
        return _page(
            "mail/not_notified.html",
            200,
            chosen=chosen,
            preview=preview,
            reasons=reasons_not_notified(work),
            shown=SHOWN,
            may_send=bool(set(SENDERS) & set(holder().roles)),
            opens_registrations="coordinator" in holder().roles,
            sent=_number(request.args.get("sent", "")),
        )

    @blueprint.get("/mail/not-notified/send-again")
    @needs_all_forms(*SENDERS)
    def send_again_page() -> Response:
        return _preview_page(work, clock, _chosen(request.args))

    @blueprint.post("/mail/not-notified/send-again")
    @needs_all_forms(*SENDERS)
    def send_mails_again() -> AnyResponse:
        chosen = _chosen(request.form)
        try:
            sent = send_again(work, clock, ResendOrder(holder().name, chosen.selection, request.form.get("mark", "")))
        except DomainError as error:
            return _preview_page(work, clock, chosen, fault=f"Not sent: {error.detail}", status=409)
        return redirect(f"{PATH}?sent={sent}", 303)


def _preview_page(
    work: UnitOfWork, clock: Clock, chosen: ChosenMails, *, fault: str = "", status: int = 200
) -> Response:
    preview = preview_resend(work, clock, chosen.selection)
    return _page("mail/send_again.html", status, chosen=chosen, preview=preview, fault=fault)


def _page(template: str, status: int, **values: Any) -> Response:
    response = personal(make_response(render_template(template, **values)))
    response.status_code = status
    return response


def _chosen(fields: Mapping[str, str]) -> ChosenMails:
    given = {name: value for name in FIELDS if (value := fields.get(name, "").strip())}
    kind, reason = given.get("kind", ""), given.get("reason", "")
    if (kind and kind not in KINDS) or len(reason) > MAX_REASON_LENGTH or not reason.isprintable():
        raise BadRequest("no such kind or reason")
    since, until = _day(given.get("since", "")), _day(given.get("until", ""))
    selection = MailSelection(
        ids=[_id(given["id"])] if "id" in given else None,
        since=lower_bound(since),
        until=upper_bound(until),
        reason=reason,
        kind=kind,
    )
    return ChosenMails(selection, given)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest("give a day such as 2020-03-04") from None


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise BadRequest("not the id of a mail") from None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

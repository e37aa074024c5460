"""Console pages of bulletins: write, change, discard, test, send, follow. Lists of other services link to the form."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.console_words import MAIL_KINDS
from services.notifications.bulletins.dispatch import (
    SendOrder,
    cancel_sending,
    list_outcome,
    outcome_of,
    remembered_address,
    send_bulletin,
    send_test,
    stop_bulletin,
)
from services.notifications.bulletins.draft_form import (
    ABOUT,
    draft_form_from_link,
    draft_form_from_list,
    draft_form_of,
    form_page,
    read_draft_form,
    segment_lines,
    texts_of,
    with_event_title,
)
from services.notifications.bulletins.drafts import (
    BulletinContext,
    Writer,
    change_draft,
    discard_draft,
    draft_bulletin,
    preview_bulletin,
    show_bulletin,
)
from services.notifications.bulletins.model import DRAFT
from services.notifications.bulletins.segments import default_zone, segment_names
from shared.http.access import holder, needs_all_forms, require_recent_beyond_a_page
from shared.http.headers import personal
from shared.http.lists import page_of, position_in
from shared.i18n.languages import LANGUAGES, direction
from shared.public_forms.kinds.choices import zone_options
from shared.runtime.clock import unique_instant
from shared.runtime.errors import DomainError

KIND_WORDS = MAIL_KINDS

STATE_WORDS: Mapping[str, str] = {
    "queued": "Queued",
    "claimed": "Being sent",
    "sent": "Sent",
    "deferred": "Trying again",
    "unknown": "Unknown",
    "failed": "Failed",
    "suppressed": "Suppressed",
    "cancelled": "Cancelled",
    "missed": "Missed",
    "bounced": "Bounced",
}

BULLETIN_STATE_WORDS: Mapping[str, tuple[str, str]] = {
    "draft": ("Draft", "mind"),
    "scheduled": ("Scheduled", "mind"),
    "sending": ("Being sent", "mind"),
    "sent": ("Sent", "good"),
    "stopped": ("Stopped", ""),
}
"""Word and style of each state of a bulletin."""

OUTCOME_WORDS: Mapping[str, str] = {
    "waiting": "Waiting",
    "sent": "Sent",
    "deferred": "Trying again",
    "failed": "Failed",
    "unknown": "Unknown",
    "bounced": "Bounced",
    "suppressed": "Unsubscribed before",
    "cancelled": "Cancelled",
    "unsubscribed": "Unsubscribed through this bulletin",
}

NOT_SENT_WORDS: Mapping[str, str] = {
    "no-recipients": "It was not sent at the scheduled time: no one matched any more.",
    "access-ended": "It was not sent: the access of the person who scheduled it has changed. Check it before sending.",
    "late": "It was not sent: the scheduled time was more than a day ago.",
}


PATH = "/console/mail/bulletins"
PAGE = 50
LOCAL = "%Y-%m-%dT%H:%M"
SCRIPT = Path(__file__).parent / "static" / "outcome.js"


def add_sending(blueprint: Blueprint, context: BulletinContext) -> None:
    """``/console/mail/bulletins/<id>``: one bulletin."""

    @blueprint.get("/mail/bulletins/<uuid:bulletin_id>")
    @needs_all_forms("coordinator")
    def bulletin_page(bulletin_id: UUID) -> Response:
        tested = request.args.get("tested", "")
        return bulletin_response(context, str(bulletin_id), tested=tested if tested in set("123456") else "")

    _add_acts(blueprint, context)
    _add_outcome(blueprint, context)


def _add_acts(blueprint: Blueprint, context: BulletinContext) -> None:
    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/send")
    @needs_all_forms("coordinator")
    def send(bulletin_id: UUID) -> AnyResponse:
        try:
            send_bulletin(context.work, context.clock, _sending(str(bulletin_id)))
        except DomainError as error:
            return _refused(context, bulletin_id, error, "Not sent")
        return redirect(f"{PATH}/{bulletin_id}", 303)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/cancel")
    @needs_all_forms("coordinator")
    def cancel(bulletin_id: UUID) -> AnyResponse:
        try:
            cancel_sending(context.work, context.clock, holder().name, str(bulletin_id))
        except DomainError as error:
            return _refused(context, bulletin_id, error, "Not cancelled")
        return redirect(f"{PATH}/{bulletin_id}", 303)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/stop")
    @needs_all_forms("coordinator")
    def stop(bulletin_id: UUID) -> AnyResponse:
        try:
            stop_bulletin(context.work, context.clock, holder().name, str(bulletin_id))
        except DomainError as error:
            return _refused(context, bulletin_id, error, "Not stopped")
        return redirect(f"{PATH}/{bulletin_id}", 303)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/test")
    @needs_all_forms("coordinator")
    def try_it(bulletin_id: UUID) -> AnyResponse:
        try:
            mails = send_test(context, holder().name, str(bulletin_id), request.form.get("address", ""))
        except DomainError as error:
            return _refused(context, bulletin_id, error, "No test was sent")
        return redirect(f"{PATH}/{bulletin_id}?tested={mails}", 303)


def _add_outcome(blueprint: Blueprint, context: BulletinContext) -> None:
    @blueprint.get("/mail/bulletins/<uuid:bulletin_id>/outcome")
    @needs_all_forms("coordinator")
    def outcome_page(bulletin_id: UUID) -> Response:
        chosen = request.args.get("outcome", "")
        if chosen and chosen not in OUTCOME_WORDS:
            raise BadRequest("no such outcome")
        cursor = request.args.get("cursor", "")
        require_recent_beyond_a_page(cursor, PAGE)
        before = position_in(cursor, 1, lambda key: str(UUID(key[0]))) or ""
        found, mails = list_outcome(context.work, str(bulletin_id), chosen, before, PAGE)
        page = page_of(mails, PAGE, lambda mail: [mail.id])
        return personal(make_response(render_template("mail/outcome.html", bulletin=found, page=page, chosen=chosen)))

    @blueprint.get("/mail/bulletins/outcome.js")
    @needs_all_forms("coordinator")
    def script() -> Response:
        return personal(Response(_script(), mimetype="text/javascript"))


def bulletin_response(context: BulletinContext, bulletin_id: str, fault: str = "", *, tested: str = "") -> Response:
    """The page of one bulletin; with a ``fault`` its status is 409."""
    preview = preview_bulletin(context.work, context.clock, bulletin_id, context.letterhead)
    bulletin = preview.bulletin
    names = segment_names(context.work, bulletin.segment)
    typed = request.form.get("zone", "")
    chosen = typed if typed in _zones() else default_zone(context.work, holder().name, bulletin.segment)
    page = render_template(
        "mail/bulletin.html",
        preview=preview,
        bulletin=bulletin,
        segment=segment_lines(bulletin.segment, names),
        outcome=None if bulletin.sent_at is None else outcome_of(context.work, bulletin),
        missing=[language for language in LANGUAGES if language not in bulletin.texts],
        direction=direction,
        fault=fault,
        tested=tested,
        typed=request.form,
        address=remembered_address(context, holder().name) if bulletin.state == DRAFT else "",
        zones=_offered_zones(chosen),
        zone=chosen,
        local=_local(bulletin.send_at, bulletin.send_zone),
    )
    return personal(make_response(page, 409 if fault else 200))


def _offered_zones(chosen: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return regions with (zone, city); UTC first, and ``chosen`` if it is an old name of no region."""
    parts = [(part, [(zone, city) for zone, _, city in zones]) for part, zones in zone_options("en") if part != "UTC"]
    known = {zone for _, zones in parts for zone, _ in zones}
    first = ["UTC", *([] if chosen in known | {"UTC"} else [chosen])]
    return [("", [(zone, zone.replace("_", " ")) for zone in first]), *parts]


def _refused(context: BulletinContext, bulletin_id: UUID, error: DomainError, what: str) -> Response:
    if error.code == "not-found":
        raise error
    return bulletin_response(context, str(bulletin_id), f"{what}: {error.detail}")


def _sending(bulletin_id: str) -> SendOrder:
    """Return the order in the request; ``when=later`` needs a local time and its zone."""
    form = request.form
    expected = form.get("expected", "")
    if not expected.isascii() or not expected.isdigit() or len(expected) > 9:
        raise BadRequest("unknown number of people")
    zone = form.get("zone", "UTC")
    at = _instant(form, zone) if form.get("when") == "later" else None
    return SendOrder(
        holder().name, bulletin_id, int(expected), form.get("mark", ""), form.getlist("confirmed"), at, zone
    )


def _instant(form: Mapping[str, str], zone: str) -> datetime:
    """Return the instant of a local time; a time that clocks skip or repeat is refused."""
    if zone not in _zones():
        raise DomainError("time-not-usable", "the time zone is not known")
    try:
        local = datetime.strptime(form.get("at", ""), LOCAL)  # noqa: DTZ007 - local, its zone is beside it
        instant = unique_instant(local, ZoneInfo(zone))
    except (ValueError, OverflowError):
        raise DomainError("time-not-usable", "give a day and a time") from None
    if instant is None:
        raise DomainError("time-not-usable", "clocks change at that time: choose a time that occurs exactly once")
    return instant


def _local(at: datetime | None, zone: str | None) -> str:
    """Return the local time of ``at`` in the zone in which it was chosen, with its name; empty without a time."""
    if at is None or zone is None or zone not in _zones():
        return ""
    return f"{at.astimezone(ZoneInfo(zone)):%-d %b %Y, %H:%M} {zone.replace('_', ' ')}"


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _script() -> str:
    return SCRIPT.read_text()


OVERVIEW = "/console/mail"


def add_writing(blueprint: Blueprint, context: BulletinContext) -> None:
    """``/console/mail/bulletins``: new ones."""

    @blueprint.get("/mail/bulletins/new")
    @needs_all_forms("coordinator")
    def new_page() -> Response:
        about = request.args.get(ABOUT, "")
        return form_page(context.work, with_event_title(context.work, draft_form_from_link(), about))

    @blueprint.post("/mail/bulletins/new")
    @needs_all_forms("coordinator")
    def new_page_for_list() -> Response:
        return form_page(context.work, draft_form_from_list())

    @blueprint.post("/mail/bulletins")
    @needs_all_forms("coordinator")
    def draft() -> AnyResponse:
        content = read_draft_form(request.form)
        try:
            bulletin = draft_bulletin(context.work, context.clock, holder().name, content.segment, texts_of(content))
        except DomainError as error:
            return form_page(context.work, content, fault=error.detail)
        return redirect(f"{PATH}/{bulletin.id}", 303)


def add_changing(blueprint: Blueprint, context: BulletinContext) -> None:
    """``/console/mail/bulletins/<id>``: drafts."""

    @blueprint.get("/mail/bulletins/<uuid:bulletin_id>/change")
    @needs_all_forms("coordinator")
    def change_page(bulletin_id: UUID) -> AnyResponse:
        bulletin = show_bulletin(context.work, str(bulletin_id))
        if bulletin.state != "draft":
            return redirect(f"{PATH}/{bulletin_id}", 303)
        return form_page(context.work, draft_form_of(bulletin), draft=bulletin)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>")
    @needs_all_forms("coordinator")
    def change(bulletin_id: UUID) -> AnyResponse:
        content = read_draft_form(request.form)
        try:
            writer = Writer(holder().name, str(bulletin_id), {content.revision})
            change_draft(context.work, context.clock, writer, content.segment, texts_of(content))
        except DomainError as error:
            return _refused_change(context, str(bulletin_id), error)
        return redirect(f"{PATH}/{bulletin_id}", 303)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/discard")
    @needs_all_forms("coordinator")
    def discard(bulletin_id: UUID) -> AnyResponse:
        try:
            seen = {request.form.get("revision", "")}
            discard_draft(context.work, context.clock, Writer(holder().name, str(bulletin_id), seen))
        except DomainError as error:
            if error.code == "not-found":
                raise
            return bulletin_response(context, str(bulletin_id), f"Not discarded: {error.detail}")
        return redirect(OVERVIEW, 303)


def _refused_change(context: BulletinContext, bulletin_id: str, error: DomainError) -> AnyResponse:
    """Show the submitted draft again. It can be saved over the version that another person has saved since."""
    if error.code == "not-found":
        raise error
    if error.code in ("already-sent", "scheduled"):
        return bulletin_response(context, bulletin_id, f"Not changed: {error.detail}")
    draft = show_bulletin(context.work, bulletin_id)
    status = 409 if error.code == "edit-conflict" else 422
    return form_page(context.work, read_draft_form(request.form), draft=draft, fault=error.detail, status=status)

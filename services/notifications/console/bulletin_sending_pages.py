"""The page of one bulletin: what it does, a test copy, sending it now or later, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from services.notifications.console import wording
from services.notifications.console.writing import segment_lines
from services.notifications.domain.bulletin import DRAFT
from services.notifications.mail.wording import LANGUAGES
from services.notifications.usecases.follow_bulletin import list_outcome, outcome_of, stop_bulletin
from services.notifications.usecases.oversee import segment_names, usual_zone
from services.notifications.usecases.send_bulletin import Sending, cancel_sending, send_bulletin
from services.notifications.usecases.try_bulletin import TrialDesk, remembered_address, send_test
from services.notifications.usecases.write_bulletin import Letterhead, preview_bulletin
from shared.core.clock import Clock
from shared.core.errors import DomainError
from shared.i18n.languages import direction
from shared.public_forms.kinds.places import zone_options
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs_all_forms
from shared.web.headers import personal
from shared.web.paging import from_cursor, page_of

PATH = "/console/mail/bulletins"
PAGE = 100
LOCAL = "%Y-%m-%dT%H:%M"
SCRIPT = Path(__file__).parent / "static" / "outcome.js"


@dataclass(frozen=True, slots=True)
class BulletinPages:
    """What pages of bulletins work with; ``letterhead`` is of samples, ``trial`` sends test copies."""

    work: UnitOfWork
    clock: Clock
    letterhead: Letterhead
    trial: TrialDesk


def add_sending(blueprint: Blueprint, pages: BulletinPages) -> None:
    """``/console/mail/bulletins/<id>``: one bulletin."""

    @blueprint.get("/mail/bulletins/<uuid:bulletin_id>")
    @needs_all_forms("coordinator")
    def bulletin_page(bulletin_id: UUID) -> Response:
        tested = request.args.get("tested", "")
        return bulletin_response(pages, str(bulletin_id), tested=tested if tested in set("123456") else "")

    _add_acts(blueprint, pages)
    _add_outcome(blueprint, pages)


def _add_acts(blueprint: Blueprint, pages: BulletinPages) -> None:
    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/send")
    @needs_all_forms("coordinator")
    def send(bulletin_id: UUID) -> AnyResponse:
        try:
            send_bulletin(pages.work, pages.clock, _sending(str(bulletin_id)))
        except DomainError as error:
            return _refused(pages, bulletin_id, error, "Not sent")
        return redirect(f"{PATH}/{bulletin_id}", 303)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/cancel")
    @needs_all_forms("coordinator")
    def cancel(bulletin_id: UUID) -> AnyResponse:
        try:
            cancel_sending(pages.work, pages.clock, holder().name, str(bulletin_id))
        except DomainError as error:
            return _refused(pages, bulletin_id, error, "Not cancelled")
        return redirect(f"{PATH}/{bulletin_id}", 303)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/stop")
    @needs_all_forms("coordinator")
    def stop(bulletin_id: UUID) -> AnyResponse:
        try:
            stop_bulletin(pages.work, pages.clock, holder().name, str(bulletin_id))
        except DomainError as error:
            return _refused(pages, bulletin_id, error, "Not stopped")
        return redirect(f"{PATH}/{bulletin_id}", 303)

    @blueprint.post("/mail/bulletins/<uuid:bulletin_id>/test")
    @needs_all_forms("coordinator")
    def try_it(bulletin_id: UUID) -> AnyResponse:
        try:
            mails = send_test(pages.trial, holder().name, str(bulletin_id), request.form.get("address", ""))
        except DomainError as error:
            return _refused(pages, bulletin_id, error, "No test was sent")
        return redirect(f"{PATH}/{bulletin_id}?tested={mails}", 303)


def _add_outcome(blueprint: Blueprint, pages: BulletinPages) -> None:
    @blueprint.get("/mail/bulletins/<uuid:bulletin_id>/outcome")
    @needs_all_forms("coordinator")
    def outcome_page(bulletin_id: UUID) -> Response:
        chosen = request.args.get("outcome", "")
        if chosen and chosen not in wording.OUTCOMES:
            raise BadRequest("no such outcome")
        found, mails = list_outcome(
            pages.work, str(bulletin_id), chosen, _position(request.args.get("cursor", "")), PAGE
        )
        page = page_of(mails, PAGE, lambda mail: [mail.id])
        return personal(make_response(render_template("mail/outcome.html", bulletin=found, page=page, chosen=chosen)))

    @blueprint.get("/mail/bulletins/outcome.js")
    @needs_all_forms("coordinator")
    def script() -> Response:
        return personal(Response(_script(), mimetype="text/javascript"))


def bulletin_response(pages: BulletinPages, bulletin_id: str, fault: str = "", *, tested: str = "") -> Response:
    """The page of one bulletin; with a ``fault`` its status is 409."""
    preview = preview_bulletin(pages.work, pages.clock, bulletin_id, pages.letterhead)
    bulletin = preview.bulletin
    names = segment_names(pages.work, bulletin.segment)
    typed = request.form.get("zone", "")
    chosen = typed if typed in _zones() else usual_zone(pages.work, holder().name, bulletin.segment)
    page = render_template(
        "mail/bulletin.html",
        preview=preview,
        bulletin=bulletin,
        segment=segment_lines(bulletin.segment, names),
        outcome=None if bulletin.sent_at is None else outcome_of(pages.work, bulletin),
        missing=[language for language in LANGUAGES if language not in bulletin.texts],
        direction=direction,
        fault=fault,
        tested=tested,
        typed=request.form,
        address=remembered_address(pages.trial, holder().name) if bulletin.state == DRAFT else "",
        zones=_offered_zones(chosen),
        zone=chosen,
        local=_local(bulletin.send_at, bulletin.send_zone),
    )
    return personal(make_response(page, 409 if fault else 200))


def _offered_zones(chosen: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Parts of the world with (zone, city); UTC first, and ``chosen`` if it is an old name that no part has."""
    parts = [(part, [(zone, city) for zone, _, city in zones]) for part, zones in zone_options("en") if part != "UTC"]
    known = {zone for _, zones in parts for zone, _ in zones}
    first = ["UTC", *([] if chosen in known | {"UTC"} else [chosen])]
    return [("", [(zone, zone.replace("_", " ")) for zone in first]), *parts]


def _refused(pages: BulletinPages, bulletin_id: UUID, error: DomainError, what: str) -> Response:
    if error.code == "not-found":
        raise error
    return bulletin_response(pages, str(bulletin_id), f"{what}: {error.detail}")


def _sending(bulletin_id: str) -> Sending:
    """The order in the request; ``when=later`` needs a local time and its zone."""
    form = request.form
    expected = form.get("expected", "")
    if not expected.isascii() or not expected.isdigit() or len(expected) > 9:
        raise BadRequest("unknown number of people")
    zone = form.get("zone", "UTC")
    at = _instant(form, zone) if form.get("when") == "later" else None
    return Sending(holder().name, bulletin_id, int(expected), form.get("mark", ""), form.getlist("confirmed"), at, zone)


def _instant(form: Mapping[str, str], zone: str) -> datetime:
    """The instant of a local time; one that clocks skip or show twice is refused: a guess is an hour off."""
    if zone not in _zones():
        raise DomainError("time-not-usable", "the time zone is not known")
    try:
        local = datetime.strptime(form.get("at", ""), LOCAL)  # noqa: DTZ007 - local, its zone is beside it
        early, late = (local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    except (ValueError, OverflowError):
        raise DomainError("time-not-usable", "give a day and a time") from None
    if early != late:
        raise DomainError("time-not-usable", "clocks change at that time: choose a time that occurs exactly once")
    return early


def _local(at: datetime | None, zone: str | None) -> str:
    """What clocks show at ``at`` in the zone in which it was chosen, with its name; empty without a time."""
    if at is None or zone is None or zone not in _zones():
        return ""
    return f"{at.astimezone(ZoneInfo(zone)):%-d %b %Y, %H:%M} {zone.replace('_', ' ')}"


def _position(cursor: str) -> str:
    key = from_cursor(cursor, 1)
    try:
        return "" if key is None else str(UUID(key[0]))
    except ValueError:
        raise BadRequest("unknown cursor") from None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _script() -> str:
    return SCRIPT.read_text()

"""What a coordinator has filled in about a form, as its settings or as faults at the fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from services.console_words import changed_since_opened, changed_since_typed
from services.registration.forms import wording as form_words
from services.registration.forms.changes import FormChange, FormChangeLine, FormsContext, preview_form_change, show_form
from services.registration.forms.designer import drafts_for
from services.registration.forms.designer_fields import words_of
from services.registration.forms.drafts import DraftsContext
from services.registration.forms.limited_keys import refuse_other_partners
from services.registration.forms.model import MAX_ALARM_MINUTES, MAX_JOIN_MINUTES_BEFORE, FormSettings, check_settings
from services.registration.forms.opening import closed_reason, set_reason
from services.registration.forms.service import list_forms, list_partners
from services.registration.forms.store import StoredForm, settings_of
from shared.console.frame import seen_revision
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, may_touch, needs, require_touch
from shared.http.headers import personal
from shared.i18n.when import UTC_NAMES, zone_place
from shared.public_forms.definition import parse_definition
from shared.runtime.clock import FIRST_YEAR, LAST_YEAR, unique_instant
from shared.runtime.errors import DomainError

MAX_SEATS = 1_000_000
LOCAL = "%Y-%m-%dT%H:%M"
FIELDS = ("capacity", "opens", "closes", "changes", "alarm", "join", "switch")
PARTNERS = "partners"
FIELD_TITLES = {
    "capacity": "Number of seats",
    "opens": "Opens",
    "closes": "Closes",
    "changes": "Answers can be changed until",
    "alarm": "Calendar alarm",
    "join": "Joining online opens",
    PARTNERS: "Partners",
}
SWITCH = "switch"
"""Value of the button that opens or closes a form at once; the form has no other fields then."""


@dataclass(frozen=True, slots=True)
class FilledSettings:
    """The settings of a form as a coordinator has filled them in.

    Attributes:
        values: the values as they were typed, to be shown again.
        faults: the sentences about faults by the name of the field; then there are no settings.
        wanted: the settings; None if there is a fault.
    """

    values: Mapping[str, str]
    faults: Mapping[str, str]
    wanted: FormSettings | None


def zone_of(form: StoredForm) -> str:
    """The zone in which a form's hours are written: its event's, else UTC."""
    return form.time_zone or "UTC"


def local_words(zone: str, now: datetime) -> str:
    """Return in which zone hours are written: ``Local time in Geneva``, or ``In UTC``. ``zone`` is an IANA name."""
    return "In UTC" if zone in UTC_NAMES else f"Local time in {zone_place(now, zone, 'en')}"


def first_values(form: StoredForm, settings: FormSettings | None = None) -> dict[str, str]:
    """Values of the fields for ``settings``, by default the current ones."""
    shown = settings or settings_of(form)
    return {
        "capacity": "" if shown.capacity is None else str(shown.capacity),
        "opens": _typed(shown.opens_at, form),
        "closes": _typed(shown.closes_at, form),
        "changes": _typed(shown.changes_until, form),
        "alarm": "" if shown.alarm_minutes is None else str(shown.alarm_minutes),
        "join": str(shown.join_minutes_before),
        "switch": "on" if shown.open else "off",
        PARTNERS: " ".join(shown.partners),
    }


def read_filled(form: StoredForm, given: MultiDict[str, str]) -> FilledSettings:
    """Return ``given`` read as settings; a datetime that was not edited keeps its stored value, with its seconds."""
    values = {name: given.get(name, "").strip() for name in FIELDS}
    ticked = tuple(dict.fromkeys(" ".join(given.getlist(PARTNERS)).split()))
    partners = ticked if PARTNERS in given else form.partners
    values[PARTNERS] = " ".join(partners)
    faults: dict[str, str] = {}
    capacity = _whole("capacity", values, MAX_SEATS, "no limit", faults)
    alarm = _whole("alarm", values, MAX_ALARM_MINUTES, "no alarm", faults)
    opens_at = _read_instant("opens", values, form, form.opens_at, faults)
    closes_at = _read_instant("closes", values, form, form.closes_at, faults)
    changes_until = _read_instant("changes", values, form, form.changes_until, faults)
    if opens_at and closes_at and closes_at <= opens_at:
        faults["closes"] = "The form must close later than it opens."
    join = _whole("join", values, MAX_JOIN_MINUTES_BEFORE, "the start", faults) or 0
    wanted = replace(
        settings_of(form),
        capacity=capacity,
        open=values["switch"] == "on",
        opens_at=opens_at,
        closes_at=closes_at,
        changes_until=changes_until,
        alarm_minutes=alarm,
        join_minutes_before=join,
        partners=partners,
    )
    if not faults:
        faults |= _refused(wanted)
    return FilledSettings(values, faults, None if faults else wanted)


def _refused(wanted: FormSettings) -> dict[str, str]:
    """What the form is refused for as a whole, at the field that was changed."""
    try:
        check_settings(wanted)
    except DomainError as refusal:
        return {"capacity": f"These settings do not fit together: {refusal.detail}."}
    return {}


def _whole(name: str, values: Mapping[str, str], maximum: int, without: str, faults: dict[str, str]) -> int | None:
    """A number from 0 to ``maximum``; None for an empty field, which means ``without``."""
    text = values[name]
    if not text:
        return None
    if is_whole(text, maximum):
        return int(text)
    faults[name] = f"Enter a whole number from 0 to {maximum:,}, or leave it empty for {without}."
    return None


def is_whole(text: str, maximum: int) -> bool:
    """Whether ``text`` is a whole number from 0 to ``maximum``."""
    return text.isascii() and text.isdecimal() and len(text) <= len(str(maximum)) and int(text) <= maximum


def _read_instant(
    name: str, values: Mapping[str, str], form: StoredForm, before: datetime | None, faults: dict[str, str]
) -> datetime | None:
    """Return the instant of a local time; a time that does not exist or is ambiguous (DST change) is a fault."""
    if values[name] == _typed(before, form):
        return before
    instant, fault = read_local(values[name], form)
    if fault:
        faults[name] = fault
    return instant


def read_local(text: str, form: StoredForm) -> tuple[datetime | None, str]:
    """A local time in the zone of the form, None for an empty text; and what is wrong with it, empty for nothing."""
    if not text:
        return None, ""
    try:
        local = datetime.strptime(text, LOCAL)  # noqa: DTZ007 - local, the zone is the event's
        if not FIRST_YEAR <= local.year <= LAST_YEAR:
            raise ValueError("the year is out of range")
        instant = unique_instant(local, ZoneInfo(zone_of(form)))
        return instant, "" if instant else "Clocks change at that time. Enter a time that occurs exactly once."
    except ValueError:
        return None, "Enter a day and a time, or leave it empty."


def _typed(instant: datetime | None, form: StoredForm) -> str:
    return "" if instant is None else f"{instant.astimezone(ZoneInfo(zone_of(form))):{LOCAL}}"


def add_forms(blueprint: Blueprint, context: FormsContext, drafts: DraftsContext) -> None:
    """``/console/registrations/forms`` and ``/console/registrations/forms/<slug>``."""

    @blueprint.get("/registrations/forms")
    @needs("coordinator", "viewer")
    def forms_page() -> Response:
        now = context.clock()
        forms = [form for form in list_forms(context.work) if may_touch(form.slug)]
        rows = [(form, _title(form), form_words.state_of(closed_reason(form.opening, now))) for form in forms]
        shown = render_template(
            "registrations/forms.html",
            rows=rows,
            drafts=drafts_for(drafts) if "coordinator" in holder().roles else {},
            draft_title=lambda draft: words_of(draft.content.get("title")).get("en") or draft.slug,
            form_words=form_words,
            may_make="coordinator" in holder().roles and holder().forms is None,
            may_see_partners="coordinator" in holder().roles,
        )
        return personal(make_response(shown))

    @blueprint.get("/registrations/forms/<slug>")
    @needs("coordinator", "viewer")
    def form_page(slug: str) -> Response:
        form, history = _form(context.work, slug)
        filled = FilledSettings(first_values(form), {}, None)
        done = bool(history) and request.args.get("done") == str(history[0].revision) == str(form.revision)
        published = request.args.get("published") == str(form.revision)
        return _page(context, form, history, filled, done=done, published=published)

    _add_change(blueprint, context)


def _add_change(blueprint: Blueprint, context: FormsContext) -> None:
    @blueprint.post("/registrations/forms/<slug>")
    @needs("coordinator")
    def change(slug: str) -> AnyResponse:
        form, history = _form(context.work, slug)
        filled, seen = read_filled(form, request.form), seen_revision()
        if seen != form.revision:
            return _conflict(context, form, history, seen)
        if filled.wanted is None:
            return _page(context, form, history, filled, status=422)
        if request.form.get("go") == "back":
            return _page(context, form, history, filled)
        refuse_other_partners(context.work, filled.wanted.partners, holder().forms, form.partners)
        if request.form.get("go") != "do":
            return _effect(context, form, history, filled)
        return _do(context, slug, FormChange(slug, seen, holder().name, filled.wanted))


def _form(work: UnitOfWork, slug: str) -> tuple[StoredForm, list[FormChangeLine]]:
    require_touch(slug)
    return show_form(work, slug)


def _effect(
    context: FormsContext, form: StoredForm, history: Sequence[FormChangeLine], filled: FilledSettings
) -> Response:
    assert filled.wanted is not None
    effect = preview_form_change(context.work, context.clock, form.slug, filled.wanted)
    names = {partner.slug: partner.name for partner in list_partners(context.work, holder().forms)}
    sentences = form_words.effect_sentences(effect, filled.wanted, names)
    planned = form_words.planned_sentences(settings_of(form), filled.wanted, names)
    return _page(context, form, history, filled, effect=effect, sentences=sentences, planned=planned)


def _do(context: FormsContext, slug: str, change: FormChange) -> AnyResponse:
    try:
        changed = context.change(change)
    except DomainError as refusal:
        if refusal.code != "edit-conflict":
            raise
        form, history = show_form(context.work, slug)
        return _conflict(context, form, history, change.revision)
    return redirect(f"/console/registrations/forms/{slug}?done={changed.revision}", 303)


def _conflict(context: FormsContext, form: StoredForm, history: Sequence[FormChangeLine], seen: int) -> Response:
    """The page as it is now, with what another person has done, and with what was typed."""
    stored, notice = first_values(form), changed_since_opened("form")
    shown = stored
    if request.form.get("go") != SWITCH:
        hidden = ("switch",) if form.event_id else ("switch", "alarm", "join")
        shown = {**read_filled(form, request.form).values, **{name: stored[name] for name in hidden}}
        notice = changed_since_typed("form", _by_field(shown), _by_field(stored), FIELD_TITLES)
    others = [line for line in history if line.revision > seen]
    return _page(context, form, history, FilledSettings(shown, {}, None), status=412, notice=notice, newer=others)


def _by_field(values: Mapping[str, str]) -> dict[str, object]:
    """Values to compare: partners may be in any order."""
    return {**values, PARTNERS: sorted(values[PARTNERS].split())}


def _page(
    context: FormsContext,
    form: StoredForm,
    history: Sequence[FormChangeLine],
    filled: FilledSettings,
    status: int = 200,
    **more: Any,
) -> Response:
    now = context.clock()
    partners = [(partner.slug, partner.name) for partner in list_partners(context.work, holder().forms)]
    partners += [(slug, slug) for slug in form.partners if slug not in dict(partners)]
    page = render_template(
        "registrations/form.html",
        form=form,
        title=_title(form),
        state=form_words.state_of(closed_reason(form.opening, now)),
        local=local_words(zone_of(form), now),
        filled=filled,
        switched=first_values(form, _switched(form, now)),
        history=history,
        form_words=form_words,
        partners=partners,
        partner_names=dict(partners),
        may_change="coordinator" in holder().roles,
        **more,
    )
    return personal(make_response(page, status))


def _switched(form: StoredForm, now: datetime) -> FormSettings:
    """Closed at once; or open at once, without hours that would keep it closed."""
    if not set_reason(form.opening, now):
        return replace(settings_of(form), open=False)
    opens_at = None if form.opens_at and form.opens_at > now else form.opens_at
    closes_at = None if form.closes_at and form.closes_at <= now else form.closes_at
    return replace(settings_of(form), open=True, opens_at=opens_at, closes_at=closes_at)


def _title(form: StoredForm) -> str:
    return parse_definition(form.definition).title.in_language("en")
